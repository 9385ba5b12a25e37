//! Puts each script together from its own file and what it needs of the `lib/` files that its
//! `-- uses:` lines name, and writes them out as constants with their SHA-1, by which Redis finds a
//! script it has seen.
//!
//! Redis runs the whole text at every call, so what a script does not use would cost it time. And
//! a text is kept as parts, because a host sets up a component's whole memory at every request and
//! scripts have most of their parts in common.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=scripts");
    let folder = Path::new("scripts");
    let mut names: Vec<String> = fs::read_dir(folder)?
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            name.strip_suffix(".lua").map(str::to_owned)
        })
        .collect();
    names.sort();
    let mut code = String::new();
    for name in names {
        let parts = assemble(folder, &name)?;
        let sha = sha1_smol::Sha1::from(parts.concat()).digest();
        let constant = name.to_uppercase();
        writeln!(
            code,
            "pub(crate) const {constant}: Script = \
             Script {{ name: {name:?}, sha: \"{sha}\", parts: &{parts:?} }};"
        )?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("scripts.rs"), code)?;
    Ok(())
}

/// A script's text: what it needs of its libraries, in the order named, then its own.
fn assemble(folder: &Path, name: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let own = fs::read_to_string(folder.join(format!("{name}.lua")))?;
    let uses = own.lines().filter_map(|line| line.strip_prefix("-- uses: "));
    let mut declarations = Vec::new();
    for library in uses.flat_map(str::split_whitespace) {
        let text = fs::read_to_string(folder.join(format!("lib/{library}.lua")))?;
        declarations.extend(split(&without_comments(&text)));
    }
    let own = without_comments(&own);
    let mut used: HashSet<String> = words(&own).map(str::to_owned).collect();
    let mut parts = vec![own];
    // What a declaration uses stands before it, as Lua demands.
    for declaration in declarations.into_iter().rev() {
        if names(&declaration).any(|name| used.contains(name)) {
            used.extend(words(&declaration).map(str::to_owned));
            parts.push(declaration);
        }
    }
    parts.reverse();
    Ok(parts)
}

fn without_comments(text: &str) -> String {
    let code = text.lines().map(str::trim_end).filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("--")
    });
    code.fold(String::new(), |text, line| text + line + "\n")
}

/// The declarations of a library: each begins on a line that is not indented with `local`.
fn split(text: &str) -> Vec<String> {
    let mut declarations = Vec::<String>::new();
    for line in text.split_inclusive('\n') {
        match declarations.last_mut() {
            Some(last) if !line.starts_with("local ") => last.push_str(line),
            _ => declarations.push(line.to_owned()),
        }
    }
    declarations
}

/// The names that a declaration declares.
fn names(declaration: &str) -> impl Iterator<Item = &str> {
    let declared = declaration.trim_start_matches("local ").trim_start_matches("function ");
    words(declared.split(['=', '(', '\n']).next().unwrap_or_default())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
