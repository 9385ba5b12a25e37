//! What the host itself says. Nobody listening is no reason to fail.

use std::fmt::Arguments;
use std::io::Write as _;

/// Writes a line to the standard output: what `spin up` says when it is ready.
pub(crate) fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes a line to the standard error: what went wrong.
pub(crate) fn complain(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
