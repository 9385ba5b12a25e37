//! Breakdowns as tables, for the terminal and for `docs/performance.md`.

use std::fmt::Write as _;

use crate::profile::breakdown::{Breakdown, Part, total};
use crate::profile::kind;
use crate::table::number;

type Parts = fn(&Breakdown) -> &[Part];

/// Less than this a task is not worth a line.
const LEAST_US: f64 = 0.5;

/// A table with a column for each breakdown under its heading.
pub(crate) fn table(columns: &[(&str, &Breakdown)]) -> String {
    let mut text = String::from("| processor time of a task |");
    for (heading, _) in columns {
        let _ = write!(text, " {heading} |");
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(columns.len()));
    text.push('\n');
    let groups: [(&str, Parts); 2] = [("the host", |it| &it.host), ("Redis", |it| &it.redis)];
    for (name, parts) in groups {
        let columns: Vec<&[Part]> = columns.iter().map(|(_, breakdown)| parts(breakdown)).collect();
        let totals = columns.iter().map(|parts| format!("**{} µs**", number(total(parts))));
        row(&mut text, &format!("**{name}**"), totals);
        if columns.iter().any(|parts| in_guest(parts) > 0.0) {
            let guests = columns.iter().map(|parts| share(in_guest(parts), parts));
            row(&mut text, "*all that begins with “guest”*", guests);
        }
        rows(&mut text, &columns, share);
    }
    let commands: Vec<&[Part]> =
        columns.iter().map(|(_, breakdown)| breakdown.commands.as_slice()).collect();
    let nothing = commands.iter().map(|_| String::new());
    row(&mut text, "**commands, as Redis counts them**", nothing);
    rows(&mut text, &commands, |us, _| format!("{} µs", number(us)));
    text
}

/// A line for each part, in the order first seen.
fn rows(text: &mut String, columns: &[&[Part]], cell: impl Fn(f64, &[Part]) -> String) {
    let mut names: Vec<&str> = Vec::new();
    for part in columns.iter().copied().flatten() {
        if part.us >= LEAST_US && !names.contains(&part.name.as_str()) {
            names.push(&part.name);
        }
    }
    for name in names {
        let us = |parts: &[Part]| {
            parts.iter().find(|part| part.name == name).map_or(0.0, |part| part.us)
        };
        row(text, name, columns.iter().map(|parts| cell(us(parts), parts)));
    }
}

fn row(text: &mut String, name: &str, cells: impl Iterator<Item = String>) {
    let _ = write!(text, "| {name} |");
    for cell in cells {
        let _ = write!(text, " {cell} |");
    }
    text.push('\n');
}

/// What components' own code took.
fn in_guest(parts: &[Part]) -> f64 {
    parts.iter().filter(|part| part.name.starts_with(kind::GUEST)).map(|part| part.us).sum()
}

fn share(us: f64, parts: &[Part]) -> String {
    format!("{} µs, {:.0} %", number(us), us / total(parts) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::table;
    use crate::lab::Commands;
    use crate::profile::breakdown::Breakdown;
    use crate::profile::frame::{Frame, Place};
    use crate::profile::perf::Sample;

    #[test]
    fn two_profiles_stand_side_by_side() {
        let sample = |name: &str, ns| Sample {
            ns,
            stack: vec![Frame { place: Place::Component, name: name.to_owned() }],
        };
        let (routes, settings) = (sample("routes::a", 30_000), sample("settings::b", 10_000));
        let commands = [Commands { name: "hset".to_owned(), calls: 2.0, us: 8.0 }];
        let before = Breakdown::new(2, &[routes, settings], &[], &commands);
        let now = Breakdown::new(1, &[sample("settings::b", 10_000)], &[], &[]);
        let table = table(&[("before", &before), ("now", &now)]);
        for line in [
            "| **the host** | **20.0 µs** | **10.0 µs** |",
            "| guest: routes | 15.0 µs, 75 % | 0.00 µs, 0 % |",
            "| guest: settings | 5.00 µs, 25 % | 10.0 µs, 100 % |",
            "| HSET | 4.00 µs | 0.00 µs |",
        ] {
            assert!(table.contains(line), "{line}\n{table}");
        }
    }
}
