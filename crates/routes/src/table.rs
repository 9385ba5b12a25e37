//! The table of routes, the one place where a route is registered. Finding a request's route, its
//! endpoint, the role it takes, the Allow header and the OpenAPI document all follow from it.

use clock::Clock;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Document;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::route::Route;

/// The route of an endpoint.
const fn route_to<E: Endpoint>(name: Name) -> Route<Name> {
    Route { name, method: E::METHOD, path: E::PATH, role: E::ROLE }
}

macro_rules! routes {
    ($($file:ident::$endpoint:ident,)*) => {
        /// A route's name in the table.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Name {
            $($endpoint,)*
        }

        /// Every route.
        pub(crate) static ROUTES: &[Route<Name>] =
            &[$(route_to::<crate::$file::$endpoint>(Name::$endpoint),)*];

        /// Has a route's endpoint answer a call.
        pub(crate) async fn answer<R, C, N>(
            name: Name,
            api: Api<R, C, N>,
            call: &Call<'_>,
        ) -> Result<Reply, Problem>
        where
            R: Redis + 'static,
            C: Clock + 'static,
            N: Nodes,
        {
            match name {
                $(Name::$endpoint => crate::$file::$endpoint::answer(api, call).await,)*
            }
        }

        /// The OpenAPI document of every route, as JSON.
        #[cfg(feature = "openapi")]
        #[must_use]
        pub fn openapi() -> serde_json::Value {
            let mut document = Document::new();
            $(
                let route = route_to::<crate::$file::$endpoint>(Name::$endpoint);
                document.add(&route, crate::$file::$endpoint::describe);
            )*
            document.finish()
        }
    };
}

// Each line is the file of an endpoint and its type.
routes! {
    submit::CreateGroup,
    submit::DeleteGroup,
    bulk::SubmitMany,
    task::ShowTask,
    task::CancelTask,
    events::StreamEvents,
    tasks::ListTasks,
    groups::ListGroups,
    groups::ShowGroup,
    repair::RepairGroup,
    dead_letters::ListDeadLetters,
    dead_letter_retries::RetryDeadLetters,
    dead_letters::ShowDeadLetter,
    dead_letters::DiscardDeadLetter,
    dead_letter_retries::RetryDeadLetter,
    callbacks::ListCallbacks,
    callbacks::RetryCallback,
    callbacks::DiscardCallback,
    health::ShowHealth,
    health::ShowReadiness,
    maintenance::PauseQueue,
    maintenance::ResumeQueue,
    maintenance::Sweep,
    metrics::ShowMetrics,
}

#[cfg(test)]
mod tests {
    use http::Method;
    use settings::Role;

    use super::*;
    use crate::route::{Found, find};

    #[test]
    fn every_route_is_found_by_its_own_method_and_path() {
        for route in ROUTES {
            // The parameter's name in its braces is a text that no other route's path has.
            let path = route.path.replace('{', "%7B").replace('}', "%7D");
            let Ok(Found::Here(found, parameter)) =
                find(ROUTES, &route.method, &path.parse().unwrap())
            else {
                unreachable!("{path} is not found")
            };
            assert_eq!((&found.method, found.path), (&route.method, route.path));
            assert_eq!(parameter.is_empty(), !route.path.contains('{'));
        }
    }

    #[test]
    fn only_health_needs_no_token_and_no_reader_changes_anything() {
        let open: Vec<&str> =
            ROUTES.iter().filter(|route| route.role.is_none()).map(|route| route.path).collect();
        assert_eq!(open, ["/healthz", "/readyz"]);
        for route in ROUTES.iter().filter(|route| route.method != Method::GET) {
            assert!(route.role.is_some_and(|role| role > Role::Read), "{}", route.path);
        }
    }

    #[cfg(feature = "openapi")]
    #[test]
    fn every_route_is_documented_and_nothing_else() {
        let document = openapi();
        let paths = document.get("paths").and_then(serde_json::Value::as_object).unwrap();
        let mut documented: Vec<String> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods.keys().map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let mut served: Vec<String> =
            ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        documented.sort();
        served.sort();
        assert_eq!(documented, served);
    }
}
