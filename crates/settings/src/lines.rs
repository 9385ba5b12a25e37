//! All settings of a component in one text, a line `name=value` each, as `spin.toml` puts them.

use crate::table::SECTIONS;

/// Name and value of each setting in `text`. A value may have line breaks of its own: a line that
/// begins with no setting's name, or with one that was there before, belongs to the value above it,
/// and is for that setting's reader to take or to refuse.
#[must_use]
pub fn lines(text: &str) -> Vec<(&'static str, &str)> {
    let rows = SECTIONS.iter().flat_map(|section| section.rows);
    let names: Vec<&'static str> = rows.map(|row| row.facts().name).collect();
    // Of each value that was found: which name, and where it begins and ends.
    let mut found: Vec<(usize, usize, usize)> = Vec::with_capacity(names.len());
    let mut line_start = 0;
    for line in text.as_bytes().split(|byte| *byte == b'\n') {
        let line_end = line_start + line.len();
        let next = found.last().map_or(0, |(last, _, _)| last + 1);
        match name_of(line, &names, next) {
            Some(name) if found.iter().all(|(other, _, _)| *other != name.0) => {
                found.push((name.0, line_start + name.1, line_end));
            }
            _ => {
                if let Some((_, _, end)) = found.last_mut() {
                    *end = line_end;
                }
            }
        }
        line_start = line_end + 1;
    }
    let setting = |(name, start, end): (usize, usize, usize)| {
        Some((*names.get(name)?, text.get(start..end)?))
    };
    found.into_iter().filter_map(setting).collect()
}

/// Which of `names` a line begins with, and where its value does. Most often it is number `next`, or
/// the name of a setting that comes a little later.
fn name_of(line: &[u8], names: &[&str], next: usize) -> Option<(usize, usize)> {
    let length = line.iter().position(|byte| *byte == b'=')?;
    let name = line.get(..length)?;
    let (before, after) = names.split_at_checked(next)?;
    let is_it = |other: &&str| other.as_bytes() == name;
    let later = after.iter().position(is_it).map(|index| next + index);
    Some((later.or_else(|| before.iter().position(is_it))?, length + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_setting() {
        let text = "nodes=n1:80,n2:80\nredis_port=6379\n\ncallback_secret=YWJj=\n";
        let expected =
            [("nodes", "n1:80,n2:80"), ("redis_port", "6379\n"), ("callback_secret", "YWJj=\n")];
        assert_eq!(lines(text), expected);
        assert_eq!(lines("redis_db=1\nnodes=x"), [("redis_db", "1"), ("nodes", "x")]);
    }

    #[test]
    fn a_value_with_line_breaks_is_whole() {
        let text = "nodes=n1:80,\nn2:80\nredis_password=ab\ncd\nnodes=evil:1\nlease=\n30";
        let expected = [
            ("nodes", "n1:80,\nn2:80"),
            ("redis_password", "ab\ncd\nnodes=evil:1"),
            ("lease", "\n30"),
        ];
        assert_eq!(lines(text), expected);
    }

    #[test]
    fn what_is_no_setting_is_nothing() {
        assert_eq!(lines(""), []);
        assert_eq!(lines("\n\nno_such=1\n=\n"), []);
    }
}
