//! The way of every request: headers, origin, route, access, body, endpoint. What holds for every
//! route is checked here, before anything but who may call is known of the service.

use clock::Clock;
use http::header::{HeaderValue, LOCATION};
use http::{Method, Request, Response, StatusCode};
use settings::Access;
use store::Redis;

use crate::api::Api;
use crate::auth::Caller;
use crate::call::Call;
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::route::{self, Found};
use crate::table::Name;
use crate::{cors, headers, health, table};

/// A request as it came in.
#[derive(Debug)]
pub struct Incoming {
    /// The request; its body is empty when it could not be read.
    pub request: Request<Vec<u8>>,
    /// Why the body could not be read.
    pub unread: Option<Problem>,
}

/// Answers one request. Never fails: what goes wrong is in the response. `open` makes the API once
/// it is known that the request gets that far. The answer to HEAD has the body that GET would get,
/// for the sake of its length; the host sends none of it.
pub async fn answer<R, C, N>(
    incoming: Incoming,
    access: &Access,
    open: impl FnOnce() -> Result<Api<R, C, N>, Problem>,
) -> Reply
where
    R: Redis + 'static,
    C: Clock + 'static,
    N: Nodes,
{
    let origins = access.origins.as_deref().unwrap_or_default();
    let request = &incoming.request;
    let routed = match cors::preflight(request, origins) {
        Some(reply) => reply,
        None => routed(&incoming, origins, access, open).await,
    };
    let mut reply = routed.unwrap_or_else(Problem::into_reply);
    cors::allow(request, origins, reply.headers_mut());
    if request.method() == Method::HEAD && matches!(reply.body(), Body::Stream(_)) {
        *reply.body_mut() = Body::Whole(Vec::new());
    }
    reply
}

async fn routed<R, C, N>(
    incoming: &Incoming,
    origins: &[String],
    access: &Access,
    open: impl FnOnce() -> Result<Api<R, C, N>, Problem>,
) -> Result<Reply, Problem>
where
    R: Redis + 'static,
    C: Clock + 'static,
    N: Nodes,
{
    let Incoming { request, unread } = incoming;
    headers::check_once(request.headers())?;
    cors::check(request, origins)?;
    let (route, parameter) = match route::find(table::ROUTES, request.method(), request.uri())? {
        Found::Here(route, parameter) => (route, parameter),
        Found::Elsewhere(location) => return moved(&location),
    };
    // Answered whatever the settings are; what else is wrong with the request shows all the same.
    let is_health = matches!(route.name, Name::ShowHealth);
    let caller = match &access.tokens {
        Ok(tokens) => Caller::of(request, tokens),
        Err(_) if is_health => Caller::stranger(),
        Err(error) => return Err(error.clone().into()),
    };
    if let Some(role) = route.role {
        caller.check(role)?;
    }
    if let Some(problem) = unread {
        return Err(problem.clone());
    }
    headers::check_body(request.headers())?;
    let call = Call { request, caller, parameter };
    if is_health {
        return health::reply(&call);
    }
    if let Err(error) = &access.origins {
        return Err(error.clone().into());
    }
    table::answer(route.name, open()?, &call).await
}

/// The same request is to be sent to another path.
fn moved(location: &str) -> Result<Reply, Problem> {
    let location =
        HeaderValue::from_str(location).map_err(|error| Problem::internal(&error.to_string()))?;
    let mut reply = Response::new(Body::Whole(Vec::new()));
    *reply.status_mut() = StatusCode::PERMANENT_REDIRECT;
    reply.headers_mut().insert(LOCATION, location);
    Ok(reply)
}
