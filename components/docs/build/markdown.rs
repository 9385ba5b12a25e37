//! Parts of the project's own documents, as HTML for the page.

use anyhow::Context as _;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// The part of `document` under the heading `title`, up to the next one of the same level.
pub(crate) fn section<'a>(document: &'a str, title: &str) -> anyhow::Result<&'a str> {
    let heading = format!("\n## {title}\n");
    let (_, rest) = document.split_once(&heading).with_context(|| format!("no {title}"))?;
    Ok(rest.split_once("\n## ").map_or(rest, |(section, _)| section))
}

/// A whole document without its own title.
pub(crate) fn untitled(document: &str) -> &str {
    document.split_once('\n').map_or("", |(_, rest)| rest)
}

/// As HTML, one level of headings down, each heading with the id that its title makes. Links to
/// files of the repository lead to the part of the page that shows them, or become plain text.
pub(crate) fn render(markdown: &str) -> String {
    let parsed: Vec<Event<'_>> = Parser::new_ext(markdown, Options::ENABLE_TABLES).collect();
    let mut events = Vec::with_capacity(parsed.len());
    let mut dropped_link = false;
    for (index, event) in parsed.iter().enumerate() {
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                events.push(Event::Start(Tag::Heading {
                    level: below(*level),
                    id: Some(CowStr::from(slug(parsed.get(index + 1..).unwrap_or_default()))),
                    classes: classes.clone(),
                    attrs: attrs.clone(),
                }));
            }
            Event::End(TagEnd::Heading(level)) => {
                events.push(Event::End(TagEnd::Heading(below(*level))));
            }
            Event::Start(Tag::Link { link_type, dest_url, title, .. }) if is_file(dest_url) => {
                match on_page(dest_url) {
                    Some(dest_url) => events.push(Event::Start(Tag::Link {
                        link_type: *link_type,
                        dest_url,
                        title: title.clone(),
                        id: CowStr::from(""),
                    })),
                    None => dropped_link = true,
                }
            }
            Event::End(TagEnd::Link) if dropped_link => dropped_link = false,
            other => events.push(other.clone()),
        }
    }
    let mut text = String::new();
    html::push_html(&mut text, events.into_iter());
    text
}

/// Where the page shows what a link to one of the documents leads to.
fn on_page(url: &str) -> Option<CowStr<'static>> {
    let (file, anchor) = url.split_once('#').unwrap_or((url, ""));
    let own = match file.rsplit('/').next().unwrap_or(file) {
        // Of this one the page shows some parts, and it has routes and statuses of its own.
        "api.md" => match anchor {
            "" | "routes" | "statuses" => "routes",
            _ => anchor,
        },
        "cookbook.md" => "cookbook",
        "operations.md" => "operations",
        "settings.md" => "settings",
        "migration.md" => "migration",
        _ => return None,
    };
    let anchor = if anchor.is_empty() || file.ends_with("api.md") { own } else { anchor };
    Some(CowStr::from(format!("#{anchor}")))
}

fn is_file(url: &str) -> bool {
    !url.contains("://") && !url.starts_with('#')
}

fn below(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        _ => HeadingLevel::H4,
    }
}

/// The id of the heading whose inner events these begin with, as GitHub makes it.
fn slug(events: &[Event<'_>]) -> String {
    let mut slug = String::new();
    for event in events {
        match event {
            Event::End(TagEnd::Heading(_)) => break,
            Event::Text(text) | Event::Code(text) => {
                for character in text.chars() {
                    match character {
                        ' ' => slug.push('-'),
                        character if character.is_alphanumeric() || character == '-' => {
                            slug.extend(character.to_lowercase());
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    slug
}
