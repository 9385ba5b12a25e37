//! What is generated in `docs/performance.md`, each part between two marks; what people wrote around
//! them stays.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::plot::{self, Bar};
use crate::report::{Figure, Report};
use crate::table;

const BEGIN: &str = "<!-- figures: made by `cargo xtask bench --write-docs`, not by hand -->";
const END: &str = "<!-- figures end -->";

/// Writes the figures and their charts.
pub(crate) fn write(report: &Report) -> anyhow::Result<()> {
    let mut text = String::new();
    for (name, value) in &report.circumstances {
        let _ = writeln!(text, "- {name}: {value}");
    }
    let _ = writeln!(text, "- runs: {}", report.runs());
    for section in report.sections() {
        let _ = writeln!(text, "\n### {section}\n");
        if let Some(svg) = chart(report, section) {
            let file = format!("{}.svg", file_name(section));
            fs::write(folder().join(&file), svg)?;
            let _ = writeln!(text, "![{section}](performance/{file})\n");
        }
        text.push_str(&table::markdown(report, section));
    }
    replace(BEGIN, END, &text)
}

/// Where the document's pictures are.
pub(crate) fn folder() -> PathBuf {
    testkit_app::root().join("docs/performance")
}

/// Puts `text` between two marks of the document.
pub(crate) fn replace(begin: &str, end: &str, text: &str) -> anyhow::Result<()> {
    let path = folder().with_extension("md");
    let old = fs::read_to_string(&path)?;
    let lost = || format!("{} has lost a mark: {begin} … {end}", path.display());
    let (before, rest) = old.split_once(begin).with_context(lost)?;
    let (_, after) = rest.split_once(end).with_context(lost)?;
    fs::write(&path, format!("{before}{begin}\n\n{text}\n{end}{after}"))?;
    println!("written: {}", path.display());
    Ok(())
}

/// A chart of the section's rates, or of its ratios; none for a section without.
fn chart(report: &Report, section: &str) -> Option<String> {
    let is_drawn = |figure: &&Figure| matches!(figure.unit, "/s" | "tasks/s" | "×");
    let drawn: Vec<&Figure> = report.of(section).filter(is_drawn).collect();
    let unit = drawn.first()?.unit;
    let bars: Vec<Bar<'_>> = drawn
        .into_iter()
        .filter(|figure| figure.unit == unit)
        .map(|figure| Bar { figure, colour: colour(&figure.name) })
        .collect();
    Some(plot::bars(&format!("{section} ({unit})"), &bars))
}

/// Ours in one colour, what it is compared with in another.
fn colour(name: &str) -> usize {
    let compared = name.contains("native loop") && !name.contains('÷');
    let probe = name.starts_with("bare") || name.starts_with('…');
    usize::from(compared || probe)
}

fn file_name(section: &str) -> String {
    let words = section.split(|character: char| !character.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").to_lowercase()
}
