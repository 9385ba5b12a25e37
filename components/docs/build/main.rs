//! Makes what the component serves: the OpenAPI document, from the types that serve the routes, the
//! docs page with every kind of problem and with what the project's own documents say, and the viewer,
//! from its package.

mod markdown;

use std::fmt::Write as _;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::{env, fs};

use anyhow::Context as _;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Where the project's own documents are.
const DOCUMENTS: &str = "../../docs";
/// What is taken from the viewer's package.
const VIEWER_FILES: [&str; 2] = ["swagger-ui.css", "swagger-ui-bundle.js"];

fn main() -> anyhow::Result<()> {
    for file in ["build", "page.html", DOCUMENTS] {
        println!("cargo::rerun-if-changed={file}");
    }
    let folder = env::var("OUT_DIR")?;
    let folder = Path::new(&folder);
    fs::write(folder.join("openapi.json"), serde_json::to_vec(&routes::openapi())?)?;
    let read = |name: &str| fs::read_to_string(Path::new(DOCUMENTS).join(name));
    let (api, operations) = (read("api.md")?, read("operations.md")?);
    let (cookbook, settings, migration) =
        (read("cookbook.md")?, read("settings.md")?, read("migration.md")?);
    let of_api = |title| anyhow::Ok(markdown::render(markdown::section(&api, title)?));
    let mut page = fs::read_to_string("page.html")?;
    for (mark, html) in [
        ("problems", problems()),
        ("states", of_api("States and phases")?),
        ("events", of_api("History events")?),
        ("limits", of_api("Limits")?),
        ("repeating", of_api("Repeating a request")?),
        ("callbacks", of_api("Callbacks")?),
        ("cookbook", markdown::render(markdown::untitled(&cookbook))),
        ("operations", markdown::render(markdown::untitled(&operations))),
        ("settings", markdown::render(markdown::untitled(&settings))),
        ("migration", markdown::render(markdown::untitled(&migration))),
    ] {
        page = page.replace(&format!("<!-- {mark} -->"), &html);
    }
    fs::write(folder.join("page.html"), page)?;
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    for file in VIEWER_FILES {
        let suffix = format!("/dist/{file}");
        let name = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|name| name.ends_with(&suffix))
            .with_context(|| format!("the viewer's package has no {file}"))?
            .into_owned();
        let mut content = Vec::new();
        archive.by_name(&name)?.read_to_end(&mut content)?;
        fs::write(folder.join(file), content)?;
    }
    Ok(())
}

/// Every kind of problem as a section of its own, where its type URI points.
fn problems() -> String {
    let mut html = String::new();
    for kind in routes::KINDS {
        // Writing to a string never fails.
        let _ = writeln!(
            html,
            "<section id=\"problem-{slug}\">\n<h3><code>{status}</code> {title}</h3>\n\
             <p><code>/docs#problem-{slug}</code></p>\n<dl>\n\
             <dt>What happened</dt><dd>{about}</dd>\n<dt>What to do</dt><dd>{next}</dd>\n\
             <dt>Does a retry make sense?</dt><dd>{retry}</dd>\n</dl>\n</section>",
            slug = kind.slug,
            status = kind.status.as_u16(),
            title = escape(kind.title),
            about = escape(kind.about),
            next = escape(kind.next),
            retry = escape(kind.retry.about()),
        );
    }
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
