//! Query parameters: one description of each serves to read it and to document it.

use std::borrow::Cow;

use clock::parse_rfc3339;

use crate::problem::Problem;
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
    Text {
        bytes_max: usize,
    },
    Choice(&'static [&'static str]),
    /// One or more of these, separated by commas.
    Choices(&'static [&'static str]),
    /// RFC 3339, with any offset.
    Time,
}

/// A request's query.
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads a query that may have `params`; another is refused, because a misspelt filter would
    /// otherwise show everything.
    pub(crate) fn read(query: Option<&'a str>, params: &[&Param]) -> Result<Self, Problem> {
        let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
        for (name, _) in &pairs {
            if !params.iter().any(|param| param.name == name) {
                let names: Vec<&str> = params.iter().map(|param| param.name).collect();
                let known = match names.as_slice() {
                    [] => "it takes none".to_owned(),
                    names => format!("it takes {}", names.join(", ")),
                };
                let name: String = name.chars().take(50).collect();
                return Err(bad(&format!("This route has no parameter {name}; {known}.")));
            }
        }
        Ok(Self { pairs })
    }

    fn value(&self, param: &Param) -> Option<&str> {
        self.pairs.iter().find(|(name, _)| name == param.name).map(|(_, value)| value.as_ref())
    }

    pub(crate) fn number(&self, param: &Param) -> Result<Option<u64>, Problem> {
        let Some(value) = self.value(param) else { return Ok(None) };
        let ParamKind::Number { min, max } = param.kind else { return Ok(None) };
        let number = value.parse().ok().filter(|number| (min..=max).contains(number));
        number.map(Some).ok_or_else(|| {
            bad(&format!("{} must be a whole number from {min} to {max}.", param.name))
        })
    }

    /// Whether a flag is set; absent means no.
    pub(crate) fn flag(&self, param: &Param) -> Result<bool, Problem> {
        match self.value(param) {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1" | "") => Ok(true),
            Some(_) => Err(bad(&format!("{} must be true or false.", param.name))),
        }
    }

    pub(crate) fn text(&self, param: &Param) -> Result<Option<&str>, Problem> {
        let Some(value) = self.value(param) else { return Ok(None) };
        let ParamKind::Text { bytes_max } = param.kind else { return Ok(None) };
        if value.is_empty() || value.len() > bytes_max || value.chars().any(char::is_control) {
            return Err(bad(&format!(
                "{} must have 1 to {bytes_max} bytes and no control characters.",
                param.name
            )));
        }
        Ok(Some(value))
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

pub(crate) fn bad(detail: &str) -> Problem {
    Problem::new(&problem_kinds::BAD_QUERY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

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
