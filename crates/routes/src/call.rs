//! A request on its way to its endpoint.

use http::{HeaderMap, Request};

use crate::auth::Caller;
use crate::problem::Problem;
use crate::query::{Param, Query};

/// A request that has passed authentication, with what its path holds.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request<Vec<u8>>,
    pub(crate) caller: Caller,
    /// The path's parameter, decoded; empty when it has none.
    pub(crate) parameter: String,
}

impl<'a> Call<'a> {
    /// The query, which may have these parameters and no others.
    pub(crate) fn query(&self, params: &[&Param]) -> Result<Query, Problem> {
        Query::read(self.request.uri().query(), params)
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        self.request.headers()
    }

    pub(crate) fn body(&self) -> &'a [u8] {
        self.request.body()
    }
}
