//! The way of every request: origin, route, role, endpoint.

use clock::Clock;
use http::Request;
use settings::{SettingError, Token};
use store::Redis;

use crate::api::Api;
use crate::auth::{self, Caller};
use crate::call::Call;
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::{cors, route, table};

/// What to answer a request that cannot be carried out, before which nobody has looked who sends it:
/// that its sender may not do that, or else `problem`. `tokens` are those of the settings.
#[must_use]
pub fn denied_or<B>(
    request: &Request<B>,
    tokens: Result<Vec<Token>, SettingError>,
    problem: Problem,
) -> Problem {
    let access = || {
        let (route, _) = route::find(table::ROUTES, request.method(), request.uri().path())?;
        let Some(role) = route.role else { return Ok(()) };
        auth::authorize(request, role, &tokens?).map(drop)
    };
    access().err().unwrap_or(problem)
}

impl<R: Redis + 'static, C: Clock + 'static, N: Nodes> Api<R, C, N> {
    /// Answers one request. Never fails: what goes wrong is in the response.
    pub async fn handle(self, request: &Request<Vec<u8>>) -> Reply {
        let origins = self.settings.cors_origins.clone();
        if let Some(reply) = cors::preflight(request, &origins) {
            return reply;
        }
        let mut reply = self.answer(request).await.unwrap_or_else(Problem::into_reply);
        cors::allow(request, &origins, reply.headers_mut());
        reply
    }

    async fn answer(self, request: &Request<Vec<u8>>) -> Result<Reply, Problem> {
        let (route, parameter) =
            route::find(table::ROUTES, request.method(), request.uri().path())?;
        let caller = match route.role {
            Some(role) => auth::authorize(request, role, &self.settings.api_tokens)?,
            None => Caller::anybody(),
        };
        let call = Call { request, caller, parameter };
        table::answer(route.name, self, &call).await
    }
}

#[cfg(test)]
mod tests {
    use settings::Role;

    use super::*;
    use crate::log_line::LogLine;

    /// A host that gives no setting at all.
    struct NoSettings;

    impl settings::Source for NoSettings {
        fn get(&self, _: &str) -> Result<&str, String> {
            Err("hunter2 is not known".to_owned())
        }
    }

    #[test]
    fn whoever_may_not_use_a_route_is_told_nothing_else() {
        let bad_setting = || Problem::from(settings::access(&NoSettings).unwrap_err());
        let secret = "0123456789abcdef";
        let token = Token { name: "t".to_owned(), role: Role::Operate, secret: secret.to_owned() };
        for route in table::ROUTES {
            let path = route.path.replace(['{', '}'], "x");
            let request = |authorization: &str| {
                let request = Request::builder().method(route.method.clone()).uri(&path);
                request.header("authorization", authorization).body(()).unwrap()
            };
            let status =
                |request, tokens| denied_or(&request, tokens, bad_setting()).answer().status;
            let tokens = || Ok(vec![token.clone()]);
            let expected = if route.role.is_some() { 401 } else { 500 };
            assert_eq!(status(request("Bearer x"), tokens()), expected, "{path}");
            assert_eq!(status(request(&format!("Bearer {secret}")), tokens()), 500, "{path}");
            assert_eq!(status(request(""), Ok(Vec::new())), 500, "{path}");
            assert_eq!(status(request(""), settings::access(&NoSettings)), 500, "{path}");
        }
        let answer = bad_setting().answer();
        assert!(answer.detail.contains("api_tokens") && !answer.detail.contains("hunter2"));
        let reply = bad_setting().into_reply();
        let line = reply.extensions().get::<LogLine>().unwrap();
        assert!(line.fields[0].1.contains("hunter2"), "the log has what the host says");
    }
}
