//! Puts each script together from its own file and the `lib/` files its `-- uses:` line names, and
//! writes them out as constants with their SHA-1, by which Redis finds a script it has seen.

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
        let source = assemble(folder, &name)?;
        let sha = sha1_smol::Sha1::from(&source).digest();
        let constant = name.to_uppercase();
        writeln!(
            code,
            "pub(crate) const {constant}: Script = \
             Script {{ name: {name:?}, sha: \"{sha}\", source: {source:?} }};"
        )?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("scripts.rs"), code)?;
    Ok(())
}

/// The whole text of a script: its libraries in the order named, then itself, without comments.
fn assemble(folder: &Path, name: &str) -> Result<String, Box<dyn Error>> {
    let own = fs::read_to_string(folder.join(format!("{name}.lua")))?;
    let uses = own
        .lines()
        .find_map(|line| line.strip_prefix("-- uses: "))
        .ok_or(format!("scripts/{name}.lua has no `-- uses:` line"))?;
    let mut source = String::new();
    for library in uses.split_whitespace() {
        source.push_str(&fs::read_to_string(folder.join(format!("lib/{library}.lua")))?);
    }
    source.push_str(&own);
    let code = source.lines().map(str::trim_end).filter(|line| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("--")
    });
    Ok(code.collect::<Vec<_>>().join("\n"))
}
