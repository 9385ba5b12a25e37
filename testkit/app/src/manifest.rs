//! The manifest that ships, as tests and measurements change it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use toml::{Table, Value};

use crate::root;

/// Where the shipped manifest looks for components, from the repository's root.
const BUILT: &str = "target/wasm";
/// The file of the node adapter that ships.
const ADAPTER: &str = "cluster_manager.wasm";

/// The manifest that ships.
#[must_use]
pub fn shipped_manifest() -> PathBuf {
    root().join("spin.toml")
}

/// Where `cargo xtask build` puts components.
#[must_use]
pub fn built() -> PathBuf {
    root().join(BUILT)
}

/// A manifest that can be written anywhere.
#[derive(Clone, Debug)]
pub struct Manifest(Table);

impl Manifest {
    /// The one that ships.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn shipped() -> anyhow::Result<Self> {
        Ok(Self(fs::read_to_string(shipped_manifest())?.parse()?))
    }

    /// Adds what another one has: its variables, triggers and components.
    ///
    /// # Errors
    /// When that is no TOML, or when both have something under one name.
    pub fn add(&mut self, other: &str) -> anyhow::Result<()> {
        merge(&mut self.0, other.parse()?)
    }

    /// Puts another node adapter in the place of the one that ships: a file beside it.
    ///
    /// # Errors
    /// When no component has the one that ships.
    pub fn set_adapter(&mut self, file: &str) -> anyhow::Result<()> {
        let mut adapters = 0;
        for path in self.dependencies().filter_map(|dependency| dependency.get_mut("path")) {
            let shipped = Path::new(path.as_str().context("a dependency's path is no text")?);
            if shipped.ends_with(ADAPTER) {
                *path = path_value(&shipped.with_file_name(file))?;
                adapters += 1;
            }
        }
        if adapters == 0 {
            bail!("no component has {ADAPTER}");
        }
        Ok(())
    }

    /// Writes it to a file, for components in the folder `wasm` (see [`built`]).
    ///
    /// # Errors
    /// When it names a component elsewhere, or cannot be written.
    pub fn write(self, file: &Path, wasm: &Path) -> anyhow::Result<()> {
        fs::write(file, self.text(wasm)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    fn text(mut self, wasm: &Path) -> anyhow::Result<String> {
        for component in self.components() {
            move_to(component.get_mut("source").context("a component has no source")?, wasm)?;
        }
        for path in self.dependencies().filter_map(|dependency| dependency.get_mut("path")) {
            move_to(path, wasm)?;
        }
        Ok(self.0.to_string())
    }

    fn components(&mut self) -> impl Iterator<Item = &mut Table> {
        tables(self.0.get_mut("component"))
    }

    fn dependencies(&mut self) -> impl Iterator<Item = &mut Table> {
        self.components().flat_map(|component| tables(component.get_mut("dependencies")))
    }
}

/// The tables within a table.
fn tables(value: Option<&mut Value>) -> impl Iterator<Item = &mut Table> {
    let outer = value.and_then(Value::as_table_mut).into_iter();
    outer.flat_map(|table| table.iter_mut()).filter_map(|(_, value)| value.as_table_mut())
}

fn move_to(path: &mut Value, wasm: &Path) -> anyhow::Result<()> {
    let shipped = path.as_str().context("a component's path is no text")?;
    let below = Path::new(shipped)
        .strip_prefix(BUILT)
        .with_context(|| format!("{shipped} is not below {BUILT}"))?;
    *path = path_value(&wasm.join(below))?;
    Ok(())
}

fn path_value(path: &Path) -> anyhow::Result<Value> {
    let text = path.to_str().with_context(|| format!("{} is no text", path.display()))?;
    Ok(Value::String(text.to_owned()))
}

/// Adds one table's entries to another's: lists end to end, tables entry by entry.
fn merge(into: &mut Table, from: Table) -> anyhow::Result<()> {
    for (name, value) in from {
        match (into.get_mut(&name), value) {
            (None, value) => {
                into.insert(name, value);
            }
            (Some(Value::Table(into)), Value::Table(from)) => merge(into, from)?,
            (Some(Value::Array(into)), Value::Array(from)) => into.extend(from),
            _ => bail!("{name} is there already"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths that a written manifest names.
    fn paths(manifest: Manifest) -> Vec<String> {
        let mut written = Manifest(manifest.text(Path::new("/wasm")).unwrap().parse().unwrap());
        let mut paths: Vec<Value> =
            written.components().map(|component| component["source"].clone()).collect();
        paths.extend(written.dependencies().map(|dependency| dependency["path"].clone()));
        paths.into_iter().map(|path| path.as_str().unwrap().to_owned()).collect()
    }

    fn manifest(text: &str) -> Manifest {
        Manifest(text.parse().unwrap())
    }

    #[test]
    fn every_component_is_looked_for_where_it_is_said_to_be() {
        let paths = paths(Manifest::shipped().unwrap());
        assert!(paths.iter().all(|path| path.starts_with("/wasm/")), "{paths:?}");
        assert!(paths.iter().any(|path| path.ends_with("/cluster_manager.wasm")), "{paths:?}");
    }

    #[test]
    fn the_adapter_alone_becomes_another() {
        let mut manifest = Manifest::shipped().unwrap();
        let shipped = paths(manifest.clone());
        manifest.set_adapter("other.wasm").unwrap();
        let is_adapter = |path: &String| path.ends_with("/cluster_manager.wasm");
        let other = |path: &String| path.replace("cluster_manager.wasm", "other.wasm");
        let expected: Vec<String> = shipped.iter().map(other).collect();
        assert_eq!(paths(manifest), expected);
        assert!(shipped.iter().any(is_adapter));
    }

    #[test]
    fn what_is_added_stands_beside_what_ships() {
        let mut both = manifest("[[trigger.http]]\ncomponent = \"a\"\n[component.a]\nx = 1\n");
        both.add("[[trigger.http]]\ncomponent = \"b\"\n[component.b]\nx = 2\n").unwrap();
        let expected = manifest(
            "[[trigger.http]]\ncomponent = \"a\"\n[[trigger.http]]\ncomponent = \"b\"\n\
             [component.a]\nx = 1\n[component.b]\nx = 2\n",
        );
        assert_eq!(both.0, expected.0);
        assert!(both.add("[component.a]\nx = 3\n").is_err(), "there is an `a` already");
    }

    #[test]
    fn a_component_that_is_not_built_here_cannot_be_moved() {
        let elsewhere = manifest("[component.a]\nsource = \"elsewhere/a.wasm\"\n");
        assert!(elsewhere.text(Path::new("/wasm")).is_err());
        assert!(manifest("[component.a]\nsource = \"a\"\n").set_adapter("b").is_err());
    }
}
