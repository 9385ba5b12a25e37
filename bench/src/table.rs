//! The figures as tables, for the terminal and for Markdown.

use std::fmt::Write as _;

use crate::report::{Figure, Report};

/// For the terminal.
pub(crate) fn text(report: &Report) -> String {
    let width = report.figures.iter().map(|figure| figure.name.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for section in report.sections() {
        let _ = writeln!(text, "{section}");
        for figure in report.of(section) {
            let padding = " ".repeat(width - figure.name.chars().count());
            let _ = writeln!(
                text,
                "  {}{padding}  {:>10} {:<8} {}",
                figure.name,
                number(figure.median()),
                figure.unit,
                spread(figure)
            );
        }
    }
    text
}

/// For a document: one table a section.
pub(crate) fn markdown(report: &Report, section: &str) -> String {
    let mut text = String::from("| what | median | min – max |\n| --- | ---: | ---: |\n");
    for figure in report.of(section) {
        let _ = writeln!(
            text,
            "| {} | {} {} | {} |",
            figure.name,
            number(figure.median()),
            figure.unit,
            spread(figure)
        );
    }
    text
}

fn spread(figure: &Figure) -> String {
    format!("{} – {}", number(figure.min()), number(figure.max()))
}

/// Three significant places and thousands apart: more would be noise.
pub(crate) fn number(value: f64) -> String {
    if value.abs() >= 1_000.0 {
        let whole = format!("{value:.0}");
        let split = whole.len() - 3;
        return format!("{},{}", &whole[..split], &whole[split..]);
    }
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        medium if medium >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
