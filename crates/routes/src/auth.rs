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
    /// The token's name; `anybody` for somebody without one.
    pub(crate) name: String,
    /// What the caller may do; `None` = only what needs no token.
    pub(crate) role: Option<Role>,
    /// Whether tokens are set, so that not everybody may do everything.
    pub(crate) tokens_set: bool,
}

impl Caller {
    /// Somebody who bears no token, where tokens are set.
    pub(crate) fn stranger() -> Self {
        Self { name: "anybody".to_owned(), role: None, tokens_set: true }
    }

    /// Who sends a request that may bear one of `tokens`. When there are none, anybody may do
    /// anything.
    pub(crate) fn of<B>(request: &Request<B>, tokens: &[Token]) -> Self {
        if tokens.is_empty() {
            let role = Some(Role::Operate);
            return Self { role, tokens_set: false, ..Self::stranger() };
        }
        let header = request.headers().get(AUTHORIZATION).map(http::HeaderValue::as_bytes);
        let given = header.and_then(bearer).unwrap_or_default();
        // Every token is compared to its end, so that time tells nothing about them.
        let matching = tokens.iter().fold(None, |matching, token| {
            if same(given, &token.secret) { Some(token) } else { matching }
        });
        match matching {
            Some(token) => {
                let role = Some(token.role);
                Self { name: token.name.clone(), role, tokens_set: true }
            }
            None => Self::stranger(),
        }
    }

    pub(crate) fn may(&self, role: Role) -> bool {
        self.role.is_some_and(|own| own >= role)
    }

    /// That the caller's role reaches as far as `role`.
    pub(crate) fn check(&self, role: Role) -> Result<(), Problem> {
        match self.role {
            None => Err(Problem::plain(&problem_kinds::UNAUTHORIZED)),
            Some(own) if own < role => {
                let detail = format!(
                    "The token {} has the role {}; this route wants {}.",
                    self.name,
                    own.name(),
                    role.name()
                );
                Err(Problem::new(&problem_kinds::FORBIDDEN, detail))
            }
            Some(_) => Ok(()),
        }
    }
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
    fn a_caller_is_who_bears_the_token() {
        let token = |name: &str, role, secret: &str| Token {
            name: name.to_owned(),
            role,
            secret: secret.to_owned(),
        };
        let tokens = [
            token("a", Role::Read, "0123456789abcdef"),
            token("b", Role::Operate, "fedcba9876543210"),
        ];
        let caller = |header: &str| {
            let request = Request::builder().header(AUTHORIZATION, header).body(()).unwrap();
            let caller = Caller::of(&request, &tokens);
            (caller.name.clone(), caller.may(Role::Read), caller.check(Role::Submit).is_ok())
        };
        let named = |name: &str, reads, submits| (name.to_owned(), reads, submits);
        assert_eq!(caller("Bearer 0123456789abcdef"), named("a", true, false));
        assert_eq!(caller("bearer  fedcba9876543210 "), named("b", true, true));
        for header in ["", "Bearer", "Bearer 0123", "Bearer 0123456789abcdef, Bearer x"] {
            assert_eq!(caller(header), named("anybody", false, false), "{header}");
        }
        let anybody = Caller::of(&Request::new(()), &[]);
        assert!(anybody.may(Role::Operate) && !anybody.tokens_set);
    }
}
