//! Bearer tokens and their roles: who may call what. Anybody may call anything unless tokens are
//! set.

use http::Request;
use http::header::AUTHORIZATION;
use settings::{Role, Token};

use crate::problem::Problem;
use crate::problem_kinds;

/// Who calls, for the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The token's name; `anybody` when no tokens are set.
    pub(crate) name: String,
}

impl Caller {
    /// Somebody who needs no token.
    pub(crate) fn anybody() -> Self {
        Self { name: "anybody".to_owned() }
    }
}

/// Lets a request pass that bears one of `tokens` with at least `role`, or any request when there
/// are no tokens.
pub(crate) fn authorize<B>(
    request: &Request<B>,
    role: Role,
    tokens: &[Token],
) -> Result<Caller, Problem> {
    if tokens.is_empty() {
        return Ok(Caller::anybody());
    }
    let mut headers = request.headers().get_all(AUTHORIZATION).iter();
    let header = headers.next().map(http::HeaderValue::as_bytes);
    // Of two, somebody on the way may have checked the one that is not read here.
    let header = header.filter(|_| headers.next().is_none());
    let given = header.and_then(bearer).unwrap_or_default();
    // Every token is compared to its end, so that time tells nothing about them.
    let matching =
        tokens.iter().fold(
            None,
            |matching, token| {
                if same(given, &token.secret) { Some(token) } else { matching }
            },
        );
    let Some(token) = matching else { return Err(Problem::plain(&problem_kinds::UNAUTHORIZED)) };
    if token.role < role {
        let detail = format!(
            "The token {} has the role {}; this route wants {}.",
            token.name,
            token.role.name(),
            role.name()
        );
        return Err(Problem::new(&problem_kinds::FORBIDDEN, detail));
    }
    Ok(Caller { name: token.name.clone() })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_header_bears_the_token() {
        let token = |name: &str, secret: &str| Token {
            name: name.to_owned(),
            role: Role::Submit,
            secret: secret.to_owned(),
        };
        let tokens = [token("a", "0123456789abcdef"), token("b", "fedcba9876543210")];
        let caller = |headers: &[&str]| {
            let mut request = Request::builder();
            for header in headers {
                request = request.header(AUTHORIZATION, *header);
            }
            authorize(&request.body(()).unwrap(), Role::Submit, &tokens).ok()
        };
        let (a, b) = ("Bearer 0123456789abcdef", "bearer  fedcba9876543210 ");
        assert_eq!(caller(&[b]), Some(Caller { name: "b".to_owned() }));
        for headers in [&[][..], &["Bearer 0123"], &[a, b], &[b, b], &["Bearer x", a]] {
            assert_eq!(caller(headers), None, "{headers:?}");
        }
    }
}
