//! Pages of long lists.

use store::Cursor;

use crate::problem::Problem;
use crate::query::{Param, ParamKind, Query};

const LIMIT_DEFAULT: u64 = 50;
const LIMIT_MAX: u64 = 200;

pub(crate) static LIMIT: Param = Param {
    name: "limit",
    kind: ParamKind::Number { min: 1, max: LIMIT_MAX },
    about: "The most entries on the page; 50 unless told.",
};

pub(crate) static CURSOR: Param = Param {
    name: "cursor",
    kind: ParamKind::Cursor,
    about: "Where the page begins: the `next_cursor` of the page before.",
};

pub(crate) fn limit(query: &Query) -> Result<u64, Problem> {
    Ok(query.number(&LIMIT)?.unwrap_or(LIMIT_DEFAULT))
}

pub(crate) fn cursor(query: &Query) -> Result<Option<Cursor>, Problem> {
    query.cursor(&CURSOR)
}
