//! Pages of long lists: where one ends and the next begins.

use std::fmt;
use std::str::FromStr;

use crate::StoreError;
use crate::script::{Answer, Arguments};

/// The most entries that are visited for one page, however few of them match.
pub(crate) const SCAN_MAX: u64 = 1_000;

/// What the text form of a [`Cursor`] looks like: milliseconds, and an id.
pub const CURSOR_PATTERN: &str = "^[0-9]{1,15}\\.[!-~]{1,100}$";

/// The entry that a page ended with. Its text form is for clients to hand back, not to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    score: u64,
    member: String,
}

impl Cursor {
    pub(crate) fn push(cursor: Option<&Self>, arguments: Arguments) -> Arguments {
        match cursor {
            Some(Self { score, member }) => arguments.number(*score).text(member),
            None => arguments.text("").text(""),
        }
    }

    pub(crate) fn read(answer: &mut Answer) -> Result<Option<Self>, StoreError> {
        let (score, member) = (answer.optional_count()?, answer.text()?);
        Ok(score.map(|score| Self { score, member }))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.score, self.member)
    }
}

/// The text is not one that a page gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotACursor;

impl FromStr for Cursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let (score, member) = text.split_once('.').ok_or(NotACursor)?;
        let is_score = (1..=15).contains(&score.len()) && score.bytes().all(|b| b.is_ascii_digit());
        let is_member = (1..=100).contains(&member.len());
        if !is_score || !is_member || !member.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(NotACursor);
        }
        let score = score.parse().map_err(|_| NotACursor)?;
        Ok(Self { score, member: member.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_as_it_was_written() {
        let cursor = Cursor { score: 1_700_000_000_000, member: "a-1.b".to_owned() };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in
            ["", "1", "x.y", "1.", "-1.x", "+1.x", ".x", "1.a b", "1.é", "1234567890123456.x"]
        {
            assert_eq!(wrong.parse::<Cursor>(), Err(NotACursor), "{wrong}");
        }
    }
}
