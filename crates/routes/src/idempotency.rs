//! The header `Idempotency-Key`, as the IETF's draft of that name has it: which request it names, and
//! whether another request with the same key asks for the same.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::call::Call;
#[cfg(feature = "openapi")]
use crate::headers::HeaderParam;
use crate::headers::IDEMPOTENCY_KEY;
use crate::limits::IDEMPOTENCY_KEY_CHARS_MAX;
use crate::problem::Problem;
use crate::problem_kinds;
use crate::submission::SubmittedTask;

/// The header, for the document.
#[cfg(feature = "openapi")]
pub(crate) static PARAM: HeaderParam = HeaderParam {
    name: IDEMPOTENCY_KEY,
    pattern: Some(r#"^([!#-~]{1,255}|"([!#-\[\]-~]|\\["\\]){1,255}")$"#),
    about: "1 to 255 visible ASCII characters that name this request, in quotes or without: `\"k\"` \
            and `k` are the same key.",
    example: "7d3c1f0a-1c55-4e43-9a9b-0f2c8f5d2b61",
};

/// A key that a client gave a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey {
    text: String,
    /// The place of the task in a request for many.
    place: Option<usize>,
}

impl IdempotencyKey {
    /// The key of a request, if it has one.
    pub(crate) fn read(call: &Call<'_>) -> Result<Option<Self>, Problem> {
        let Some(header) = call.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
        let key = header.to_str().ok().and_then(|header| unquoted(header.trim()));
        let is_usable = |key: &String| {
            (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&key.len())
                && key.bytes().all(|byte| byte.is_ascii_graphic())
        };
        match key.filter(is_usable) {
            Some(text) => Ok(Some(Self { text, place: None })),
            None => Err(Problem::plain(&problem_kinds::BAD_KEY)),
        }
    }

    /// The key of one task of a request for many.
    pub(crate) fn at(&self, place: usize) -> Self {
        Self { place: Some(place), ..self.clone() }
    }

    /// The key as it is stored: no other caller's, and that of no other place. A caller's name has
    /// neither slash nor colon.
    pub(crate) fn of_caller(&self, caller: &str) -> String {
        match self.place {
            Some(place) => format!("{caller}/{place}:{}", self.text),
            None => format!("{caller}:{}", self.text),
        }
    }
}

/// A key without the quotes that it has as a string of RFC 8941, or as it is when it has none; `None`
/// when it is neither.
fn unquoted(header: &str) -> Option<String> {
    let Some(quoted) = header.strip_prefix('"') else {
        return Some(header.to_owned()).filter(|key| !key.contains('"'));
    };
    let mut key = String::new();
    let mut rest = quoted.strip_suffix('"')?.chars();
    while let Some(next) = rest.next() {
        match next {
            '"' => return None,
            '\\' => key.push(rest.next().filter(|escaped| matches!(escaped, '"' | '\\'))?),
            other => key.push(other),
        }
    }
    Some(key)
}

/// What a request asks for, in a form that tells it from another's, however either is written.
pub(crate) fn digest(submitted: &SubmittedTask) -> String {
    let SubmittedTask { operation, group_id, own_settings, callback_url, .. } = submitted;
    let meaning = json!([operation.name(), group_id, own_settings, callback_url]).to_string();
    Sha256::digest(meaning).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;
    use crate::auth::Caller;

    /// What the header's lines are read as; the status of the answer when they cannot be used.
    fn read(lines: &[&str]) -> Result<Option<String>, u16> {
        let mut request = Request::builder();
        for line in lines {
            request = request.header("idempotency-key", *line);
        }
        let request = request.body(Vec::new()).unwrap();
        let call =
            Call { request: &request, caller: Caller::of(&request, &[]), parameter: String::new() };
        let key = IdempotencyKey::read(&call).map_err(|problem| problem.answer().status);
        key.map(|key| key.map(|key| key.text))
    }

    #[test]
    fn a_key_has_one_meaning_in_quotes_or_without() {
        for (header, key) in [
            ("abc", "abc"),
            ("\"abc\"", "abc"),
            (" \"abc\" ", "abc"),
            ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
            ("\"a\\\"b\\\\c\"", "a\"b\\c"),
            ("a\\b,c;d=e", "a\\b,c;d=e"),
        ] {
            assert_eq!(read(&[header]), Ok(Some(key.to_owned())), "{header}");
        }
        assert_eq!(read(&[]), Ok(None));
        let long = "k".repeat(255);
        assert!(read(&[&long]).is_ok() && read(&[&format!("\"{long}\"")]).is_ok());
    }

    #[test]
    fn what_is_no_key_or_more_than_one_is_refused() {
        let long = "k".repeat(256);
        for lines in [
            &[""][..],
            &["\"\""],
            &["\""],
            &["\"abc"],
            &["abc\""],
            &["a\"b"],
            &["\"a\\bc\""],
            &["\"abc\\\""],
            &["\"a\";x=1"],
            &["\"a\", \"b\""],
            &["\"a\",\"b\""],
            &["a b"],
            &["\"a b\""],
            &["a\tb"],
            &["\u{e4}"],
            &[long.as_str()],
        ] {
            assert_eq!(read(lines), Err(422), "{lines:?}");
        }
    }

    #[test]
    fn no_two_requests_have_the_same_stored_key() {
        let key = |text: &str, place| IdempotencyKey { text: text.to_owned(), place };
        let keys = [
            key("k", None).of_caller("a"),
            key("k", Some(0)).of_caller("a"),
            key("k", Some(1)).of_caller("a"),
            key("k/0", None).of_caller("a"),
            key("0:k", None).of_caller("a"),
            key("0:k", Some(0)).of_caller("a"),
            key("a:k", None).of_caller("a"),
            key("k", None).of_caller("b"),
        ];
        let distinct: std::collections::BTreeSet<&String> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len(), "{keys:?}");
        assert_eq!(key("k", None).at(3), key("k", Some(3)));
    }
}
