//! `POST /maintenance/sweep`: picks up whatever was left lying, for a cron job to call.

use drain::Report;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use store::StoreError;

use crate::answer::json;
use crate::problem::Problem;
use crate::{access, only};

/// What a sweep did.
#[derive(Serialize)]
struct SweepAnswer {
    /// Tasks taken up.
    claimed: u64,
    /// Tasks that ended.
    ended: u64,
    /// Calls made to nodes.
    calls: u64,
}

/// Answers one request, for which `drain` drains the queue for a bounded time.
///
/// # Errors
/// When the request may not sweep, or the sweep failed.
pub async fn sweep(
    request: &Request<Vec<u8>>,
    api_tokens: &[String],
    drain: impl AsyncFnOnce() -> Result<Report, StoreError>,
) -> Result<Response<Vec<u8>>, Problem> {
    access::check(request, api_tokens)?;
    only(request.method(), &[Method::POST])?;
    let Report { claimed, ended, calls, .. } = drain().await?;
    json(StatusCode::OK, &SweepAnswer { claimed, ended, calls }, &[])
}
