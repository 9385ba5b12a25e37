//! Query parameters: one description of each serves to read it and to document it.

use clock::parse_rfc3339;
use percent_encoding::percent_decode;
use store::Cursor;

use crate::problem::{Problem, shown};
use crate::problem_kinds;

/// A query parameter.
#[derive(Debug)]
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) kind: ParamKind,
    #[cfg_attr(not(feature = "openapi"), allow(dead_code, reason = "it is for the document"))]
    pub(crate) about: &'static str,
}

/// What a parameter's value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ParamKind {
    Number {
        min: u64,
        max: u64,
    },
    Flag,
    /// Text without control characters: see [`TEXT_PATTERN`].
    Text {
        chars_max: usize,
    },
    Choice(&'static [&'static str]),
    /// One or more of these, separated by commas.
    Choices(&'static [&'static str]),
    /// Where a page begins.
    Cursor,
    /// RFC 3339, with any offset.
    Time,
}

/// A request's query.
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Reads a query that may have `params`, each once. Another is refused, because a misspelt filter
    /// would otherwise show everything; a second one, because it would be overlooked.
    pub(crate) fn read(query: Option<&str>, params: &[&Param]) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        let given = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        for pair in given {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !params.iter().any(|param| param.name == name) {
                let names: Vec<&str> = params.iter().map(|param| param.name).collect();
                let known = match names.as_slice() {
                    [] => "it takes none".to_owned(),
                    names => format!("it takes {}", names.join(", ")),
                };
                let name = shown(&name);
                return Err(bad(&format!("This route has no parameter {name}; {known}.")));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(bad(&format!("The parameter {name} is there more than once.")));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    fn value(&self, param: &Param) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == param.name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn number(&self, param: &Param) -> Result<Option<u64>, Problem> {
        let Some(value) = self.value(param) else { return Ok(None) };
        let ParamKind::Number { min, max } = param.kind else { return Ok(None) };
        let is_whole = value.bytes().all(|byte| byte.is_ascii_digit());
        let number = value.parse().ok().filter(|number| is_whole && (min..=max).contains(number));
        number.map(Some).ok_or_else(|| {
            bad(&format!("{} must be a whole number from {min} to {max}.", param.name))
        })
    }

    /// Whether a flag is set; absent means no. One without a value could be either.
    pub(crate) fn flag(&self, param: &Param) -> Result<bool, Problem> {
        match self.value(param) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(_) => Err(bad(&format!("{} must be true or false.", param.name))),
        }
    }

    pub(crate) fn text(&self, param: &Param) -> Result<Option<&str>, Problem> {
        let Some(value) = self.value(param) else { return Ok(None) };
        let ParamKind::Text { chars_max } = param.kind else { return Ok(None) };
        if is_text(value, chars_max) {
            return Ok(Some(value));
        }
        Err(bad(&format!(
            "{} must have 1 to {chars_max} characters, none of them a control character.",
            param.name
        )))
    }

    pub(crate) fn choice(&self, param: &Param) -> Result<Option<&str>, Problem> {
        Ok(self.choices(param)?.into_iter().next())
    }

    pub(crate) fn choices(&self, param: &Param) -> Result<Vec<&str>, Problem> {
        let Some(value) = self.value(param) else { return Ok(Vec::new()) };
        let (choices, chosen): (_, Vec<&str>) = match param.kind {
            ParamKind::Choice(choices) => (choices, vec![value]),
            ParamKind::Choices(choices) => (choices, value.split(',').map(str::trim).collect()),
            _ => return Ok(Vec::new()),
        };
        if chosen.iter().all(|choice| choices.contains(choice)) {
            return Ok(chosen);
        }
        Err(bad(&format!("{} must be one of {}.", param.name, choices.join(", "))))
    }

    /// Where a page begins, if the query says so.
    pub(crate) fn cursor(&self, param: &Param) -> Result<Option<Cursor>, Problem> {
        let cursor = self.value(param).map(str::parse).transpose();
        cursor.map_err(|_| bad(&format!("{} must be the next_cursor of a page.", param.name)))
    }

    /// A time, in milliseconds since the epoch.
    pub(crate) fn time(&self, param: &Param) -> Result<Option<u64>, Problem> {
        let Some(value) = self.value(param) else { return Ok(None) };
        // A plus sign that is not encoded arrives as a space, and nothing else is one before `hh:mm`.
        let offset = value.len().checked_sub("+hh:mm".len());
        let parts = offset.and_then(|at| value.split_at_checked(at));
        let restored =
            parts.and_then(|(time, offset)| Some([time, "+", offset.strip_prefix(' ')?].concat()));
        parse_rfc3339(restored.as_deref().unwrap_or(value)).map(Some).ok_or_else(|| {
            bad(&format!(
                "{} must be a time with its offset, such as 2026-01-31T12:00:00Z or \
                 2026-01-31T14:00:00+02:00.",
                param.name
            ))
        })
    }
}

/// What [`is_text`] takes, whatever its length.
#[cfg(feature = "openapi")]
pub(crate) const TEXT_PATTERN: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";

/// Whether a text has at least one character and at most so many, none of them a control character.
pub(crate) fn is_text(text: &str, chars_max: usize) -> bool {
    !text.is_empty() && text.chars().count() <= chars_max && !text.chars().any(char::is_control)
}

/// A name or a value as a form writes it.
fn decoded(text: &str) -> Result<String, Problem> {
    let spaced: Vec<u8> = text.bytes().map(|byte| if byte == b'+' { b' ' } else { byte }).collect();
    let text = percent_decode(&spaced).decode_utf8();
    Ok(text.map_err(|_| bad("The query is not in UTF-8."))?.into_owned())
}

pub(crate) fn bad(detail: &str) -> Problem {
    Problem::new(&problem_kinds::BAD_QUERY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    static LIMIT: Param =
        Param { name: "limit", kind: ParamKind::Number { min: 1, max: 200 }, about: "" };
    static NAME: Param = Param { name: "name", kind: ParamKind::Text { chars_max: 3 }, about: "" };
    static FLAG: Param = Param { name: "flag", kind: ParamKind::Flag, about: "" };
    static PICK: Param = Param { name: "pick", kind: ParamKind::Choices(&["A", "B"]), about: "" };
    static SINCE: Param = Param { name: "since", kind: ParamKind::Time, about: "" };

    /// Whether a query can be read in full.
    fn is_taken(text: &str) -> bool {
        let read = || {
            let query = Query::read(Some(text), &[&LIMIT, &NAME, &FLAG, &PICK, &SINCE])?;
            query.number(&LIMIT)?;
            query.text(&NAME)?;
            query.flag(&FLAG)?;
            query.choices(&PICK)?;
            query.time(&SINCE)
        };
        let read: Result<_, Problem> = read();
        read.is_ok()
    }

    #[test]
    fn what_means_one_thing_is_taken() {
        for text in [
            "",
            "&",
            "limit=1&name=a+b",
            "name=%E2%82%AC%E2%82%AC%E2%82%AC",
            "flag=true&pick=A,B",
            "since=2026-01-31T12:00:00.5%2B02:00",
            "since=2026-01-31T12:00:00+02:00",
        ] {
            assert!(is_taken(text), "{text}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for text in [
            "limit=1&limit=1",
            "flag=false&flag=true",
            "pick=A&pick=B",
            "flag&%66lag",
            "limit=%2B1",
            "limit=",
            "limit=0",
            "limit=99999999999999999999",
            "name=",
            "name=abcd",
            "name=%00",
            "name=%ff",
            "%ff=1",
            "flag",
            "flag=",
            "flag=yes",
            "pick=A,",
            "pick=a",
            "since=2026-01-31T12:00:00",
            "other=1",
            "limit[]=1",
        ] {
            assert!(!is_taken(text), "{text}");
        }
    }

    #[test]
    fn a_time_has_an_offset_and_it_counts() {
        static SINCE: Param = Param { name: "since", kind: ParamKind::Time, about: "" };
        let read = |query: &str| {
            let query = format!("since={query}");
            let query = Query::read(Some(&query), &[&SINCE]).unwrap_or_else(|_| panic!("{query}"));
            query.time(&SINCE).map_err(|problem| problem.answer().status)
        };
        for text in [
            "2026-01-31T12:00:00.5Z",
            "2026-01-31T14:00:00.5%2B02:00",
            "2026-01-31T14:00:00.5+02:00",
            "2026-01-31+14:00:00.5+02:00",
            "2026-01-31T10:00:00.5-02:00",
        ] {
            assert_eq!(read(text), Ok(Some(1_769_860_800_500)), "{text}");
        }
        for text in ["2026-01-31T12:00:00", "2026-01-31", "12:00", "+02:00", "%c3%a4+02:00", ""] {
            assert_eq!(read(text), Err(422), "{text}");
        }
    }
}
