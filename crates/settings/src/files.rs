//! The files of the repository that list settings, written from the table: `cargo xtask settings`.

use std::fmt::Write as _;

use crate::setting::{Component, Row};
use crate::table::SECTIONS;

/// The command that writes the files.
pub const COMMAND: &str = "cargo xtask settings";
/// How long a line of a comment may get.
const LINE_CHARS: usize = 100;

/// A file that is written from the table, as a whole or in part.
pub struct GeneratedFile {
    /// From the repository's root.
    pub path: &'static str,
    contents: Contents,
}

enum Contents {
    /// A manifest, which has these components: the variables, and each component's list of them.
    Manifest(&'static [Component]),
    /// Every setting for Spin's `.env`, commented out.
    Dotenv,
    /// Every setting for Spin's `--variable @FILE`.
    Toml,
    /// A page with a table for people.
    Page,
}

/// All of them.
pub static FILES: &[GeneratedFile] = &[
    GeneratedFile {
        path: "spin.toml",
        contents: Contents::Manifest(&[Component::Api, Component::Worker, Component::Maintenance]),
    },
    GeneratedFile { path: ".env.example", contents: Contents::Dotenv },
    GeneratedFile { path: "settings.example.toml", contents: Contents::Toml },
    GeneratedFile { path: "docs/settings.md", contents: Contents::Page },
];

impl GeneratedFile {
    /// What the file should hold, given what it holds. Of a manifest and of a page only what is
    /// between the lines that say so is written; the rest stays.
    ///
    /// # Errors
    /// When such a line is missing.
    pub fn render(&self, current: &str) -> Result<String, String> {
        match self.contents {
            Contents::Manifest(components) => manifest(current, components),
            Contents::Dotenv => Ok(example(
                "Settings for `spin up` in this folder: copy this to .env and change what you need. \
                 SPIN_VARIABLE_<NAME> in the environment wins.",
                |name, value| format!("#SPIN_VARIABLE_{}={value}", name.to_uppercase()),
            )),
            Contents::Toml => Ok(example(
                "Every setting and its default, for `spin up --variable @settings.toml`: copy this and \
                 change what you need. Spin looks up each variable of an app at every request, and \
                 finds one that stands here far quicker than one in the environment or in .env; so \
                 leave none out.",
                |name, value| format!("{name} = {value:?}"),
            )),
            Contents::Page => {
                let table = format!("\n{}\n", page_table());
                between(current, "<!-- settings", " -->", &table)
            }
        }
    }
}

fn rows() -> impl Iterator<Item = &'static dyn Row> {
    SECTIONS.iter().flat_map(|section| section.rows.iter().copied())
}

fn manifest(current: &str, components: &[Component]) -> Result<String, String> {
    let mut variables = "[variables]\n".to_owned();
    for facts in rows().map(Row::facts) {
        let secret = if facts.secret { ", secret = true" } else { "" };
        let _ = writeln!(variables, "{} = {{ default = {:?}{secret} }}", facts.name, facts.default);
    }
    let mut text = between(current, "# settings", "", &variables)?;
    for component in components {
        let name = component.name();
        let mut list = format!("[component.{name}.variables]\nsettings = \"\"\"\n");
        for facts in rows().map(Row::facts).filter(|facts| facts.needed_by.contains(component)) {
            let _ = writeln!(list, "{0}={{{{ {0} }}}}", facts.name);
        }
        list.push_str("\"\"\"\n");
        text = between(&text, &format!("# settings of {name}"), "", &list)?;
    }
    Ok(text)
}

/// `text` with `contents` in place of what is between the lines that open and close it.
fn between(text: &str, open: &str, close: &str, contents: &str) -> Result<String, String> {
    let begin = format!("{open}: begin; written by {COMMAND}{close}\n");
    let end = format!("{open}: end{close}\n");
    let missing = |line: &str| format!("there is no line `{}`", line.trim_end());
    let (before, rest) = text.split_once(&begin).ok_or_else(|| missing(&begin))?;
    let (_, after) = rest.split_once(&end).ok_or_else(|| missing(&end))?;
    Ok([before, &begin, contents, &end, after].concat())
}

/// A file of all settings, each with its default, as `assignment` writes it.
fn example(head: &str, assignment: fn(&str, &str) -> String) -> String {
    let mut text = comment(head);
    text.push_str(&comment(&format!("Written by `{COMMAND}`; docs/settings.md explains more.")));
    for section in SECTIONS {
        let _ = write!(text, "\n# --- {}\n", section.title);
        for row in section.rows {
            let facts = row.facts();
            let example = facts.example.map(|value| format!(" For example `{value}`."));
            let example = example.unwrap_or_default();
            text.push('\n');
            text.push_str(&comment(&format!("{}{example}", explanation(*row))));
            text.push_str(&assignment(facts.name, facts.default));
            text.push('\n');
        }
    }
    text
}

fn page_table() -> String {
    let mut table = "| setting | in the FastAPI/Celery service | default | meaning |\n\
                     | --- | --- | --- | --- |\n"
        .to_owned();
    for row in rows() {
        let facts = row.facts();
        let names: Vec<_> = facts.celery_names.iter().map(|name| format!("`{name}`")).collect();
        let names = if names.is_empty() { "–".to_owned() } else { names.join(", ") };
        let meaning = explanation(row);
        let _ = writeln!(table, "| `{}` | {names} | `{}` | {meaning} |", facts.name, facts.default);
    }
    table
}

/// Meaning, unit and bounds, in sentences.
fn explanation(row: &dyn Row) -> String {
    let facts = row.facts();
    let secret = if facts.secret { " Secret." } else { "" };
    format!("{} Allowed: {}.{secret}", facts.meaning, row.allowed())
}

/// Text as lines of a comment.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = "#".to_owned();
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > LINE_CHARS {
            lines.push_str(&line);
            lines.push('\n');
            line = "#".to_owned();
        }
        line.push(' ');
        line.push_str(word);
    }
    lines + &line + "\n"
}
