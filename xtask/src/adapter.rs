//! Whether the node adapters that `spin.toml` names are built for this Muster's interface.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context as _, ensure};
use toml::Table;

/// What stands before the version in the interface's name.
const INTERFACE: &str = "muster:node/adapter@";
/// What stands before it in the interface's own file.
const PACKAGE: &str = "package muster:node@";

/// # Errors
/// When an adapter, or the manifest's name for it, is of another version; the error names both.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let wit = std::fs::read_to_string(root.join("wit/world.wit"))?;
    let version = wit.lines().find_map(|line| line.strip_prefix(PACKAGE)?.strip_suffix(';'));
    let version = version.context("wit/world.wit names no version")?;
    let manifest: Table = std::fs::read_to_string(root.join("spin.toml"))?.parse()?;
    for (name, path) in adapters(&manifest) {
        ensure!(
            name == format!("{INTERFACE}{version}"),
            "spin.toml names {name}, and this Muster speaks {INTERFACE}{version}: correct it, and \
             name an adapter that is built for {version} (docs/operations.md#another-kind-of-node)"
        );
        let file = root.join(&path);
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {path}"))?;
        check_component(&path, &bytes, version)?;
    }
    Ok(())
}

/// The manifest's names for adapters, each with its file.
fn adapters(manifest: &Table) -> Vec<(String, String)> {
    let components = manifest.get("component").and_then(toml::Value::as_table);
    let components = components.into_iter().flat_map(Table::values);
    let dependencies = components.filter_map(|component| component.get("dependencies")?.as_table());
    let adapter = |(name, dependency): (&String, &toml::Value)| {
        let path = dependency.get("path")?.as_str()?.to_owned();
        name.starts_with(INTERFACE).then(|| (name.clone(), path))
    };
    dependencies.flat_map(|table| table.iter().filter_map(adapter)).collect()
}

/// An export's name stands in a component as it is.
fn check_component(path: &str, bytes: &[u8], version: &str) -> anyhow::Result<()> {
    let versions = versions(bytes);
    let found: Vec<&str> = versions.iter().map(String::as_str).collect();
    ensure!(!found.is_empty(), "{path} is no node adapter: it does not know {INTERFACE}{version}");
    ensure!(
        found.contains(&version),
        "{path} is built for {INTERFACE}{}, and this Muster speaks {INTERFACE}{version}: build the \
         adapter anew for {version} (docs/operations.md#another-kind-of-node)",
        found.join(", ")
    );
    Ok(())
}

/// The versions of the interface that a component names.
fn versions(bytes: &[u8]) -> BTreeSet<String> {
    let name = INTERFACE.as_bytes();
    let places = bytes.windows(name.len()).enumerate().filter(|(_, window)| *window == name);
    let version = |(at, _): (usize, &[u8])| {
        let rest = bytes.get(at + name.len()..)?;
        let is_sign = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
        let text: String = rest.iter().take_while(is_sign).map(|byte| char::from(*byte)).collect();
        Some(text).filter(|text| !text.is_empty())
    };
    places.filter_map(version).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_of_another_version_is_refused_and_both_are_named() {
        let built = |version: &str| format!("\0asm\x01{INTERFACE}{version}\x05rest").into_bytes();
        assert!(check_component("a.wasm", &built("0.2.0"), "0.2.0").is_ok());
        let error = check_component("a.wasm", &built("0.1.0"), "0.2.0").unwrap_err().to_string();
        assert!(error.contains("@0.1.0") && error.contains("@0.2.0"), "{error}");
        let error = check_component("a.wasm", b"\0asm", "0.2.0").unwrap_err().to_string();
        assert!(error.contains("no node adapter"), "{error}");
    }

    #[test]
    fn every_adapter_that_the_manifest_names_is_found() {
        let manifest = std::fs::read_to_string(crate::paths::root().join("spin.toml")).unwrap();
        let found = adapters(&manifest.parse().unwrap());
        assert_eq!(found.len(), 3, "of api, worker and maintenance: {found:?}");
    }
}
