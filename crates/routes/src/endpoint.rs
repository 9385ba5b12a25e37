//! What an endpoint is. To add a route, implement [`Endpoint`] in its resource's file and add a
//! line to `table.rs`.

use clock::Clock;
use http::Method;
use settings::Role;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::problem::Problem;
use crate::reply::Reply;

/// One route: when it is taken, by whom, what it does, and how it is documented.
pub(crate) trait Endpoint {
    const METHOD: Method;
    /// One segment may be a name in braces: it stands for any text, percent-encoded, which the call
    /// has as its parameter.
    const PATH: &'static str;
    /// The least role of a caller; `None` = everybody, token or not.
    const ROLE: Option<Role>;

    /// Answers a call. The API comes by value, because an answer may be a stream that goes on using
    /// it.
    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes;

    /// Completes the route's description in the OpenAPI document.
    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_>;
}
