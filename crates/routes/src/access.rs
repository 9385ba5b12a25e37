//! Who may call: anybody, unless tokens are set.

use http::Request;
use http::header::AUTHORIZATION;

use crate::problem::{Problem, catalogue};

/// Lets a request pass that bears one of `tokens`, or any request when there are none.
pub(crate) fn check(request: &Request<Vec<u8>>, tokens: &[String]) -> Result<(), Problem> {
    if tokens.is_empty() {
        return Ok(());
    }
    let header = request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
    let given = header.and_then(bearer).unwrap_or_default();
    // Every token is compared to its end, so that time tells nothing about them.
    let matches = tokens.iter().fold(false, |matches, token| matches | same(given, token));
    if matches { Ok(()) } else { Err(catalogue::unauthorized()) }
}

fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

/// Compares without stopping at the first difference.
fn same(given: &[u8], token: &str) -> bool {
    let differences =
        given.iter().zip(token.bytes()).fold(0, |sum: u8, (given, token)| sum | (given ^ token));
    given.len() == token.len() && std::hint::black_box(differences) == 0
}
