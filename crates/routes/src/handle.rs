//! The way of every request: origin, route, role, endpoint.

use clock::Clock;
use http::Request;
use store::Redis;

use crate::api::Api;
use crate::auth::{self, Caller};
use crate::call::Call;
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::{cors, route, table};

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
