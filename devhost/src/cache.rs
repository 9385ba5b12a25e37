//! Compiled components, kept on disk so that the next start need not compile them again.
//!
//! A file's name holds a hash of the WebAssembly, the engine's version and its settings, so a file
//! never goes stale. Files are written beside their place and renamed into it: hosts that start
//! at the same time see whole files only.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::terminal::complain;
use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Compiled components that nobody wrote anew for so long are removed.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A folder of compiled components.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Uses `folder`, which need not exist.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Loads what was compiled from `parts`, or compiles what `wasm` makes of them and keeps it.
    ///
    /// `name` is for people who look into the folder.
    pub(crate) fn load(
        &self,
        engine: &Engine,
        name: &str,
        parts: &[&[u8]],
        wasm: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<Component> {
        let path = self.folder.join(format!("{name}-{}.cwasm", key(engine, parts)));
        if path.exists() {
            // SAFETY: the file was written by `keep` from a compilation of the same content by an
            // engine of the same version and settings, and no writer changes a file in place. A
            // developer who edits files in the cache by hand gets what they ask for.
            if let Ok(component) = unsafe { Component::deserialize_file(engine, &path) } {
                return Ok(component);
            }
        }
        let component = compile(engine, name, &wasm()?)?;
        if let Err(error) = self.keep(&path, &component) {
            complain(format_args!(
                "Cannot keep the compiled component {}: {error:#}",
                path.display()
            ));
        }
        Ok(component)
    }

    fn keep(&self, path: &Path, component: &Component) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        self.remove_old();
        let unfinished = path.with_extension(format!("{}.part", std::process::id()));
        fs::write(&unfinished, component.serialize()?)?;
        fs::rename(&unfinished, path)?;
        Ok(())
    }

    fn remove_old(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified()).ok();
            let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
            if age.is_some_and(|age| age > KEPT) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Compiles what is not to be kept.
pub(crate) fn compile(engine: &Engine, name: &str, wasm: &[u8]) -> Result<Component> {
    Component::from_binary(engine, wasm)
        .map_err(anyhow::Error::from)
        .with_context(|| format!("cannot compile `{name}`"))
}

fn key(engine: &Engine, parts: &[&[u8]]) -> String {
    let mut settings = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut settings);
    let mut hash = Sha256::new();
    hash.update(settings.finish().to_le_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest component: a header and nothing.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    #[test]
    fn compiles_once() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::new(folder.path().join("cache"));
        cache.load(&engine, "empty", &[b"a"], || Ok(EMPTY.to_vec())).unwrap();
        cache.load(&engine, "empty", &[b"a"], || panic!("must not compile again")).unwrap();

        let mut compiled = false;
        cache
            .load(&engine, "empty", &[b"b"], || {
                compiled = true;
                Ok(EMPTY.to_vec())
            })
            .unwrap();
        assert!(compiled, "other content must be compiled");
        let names: Vec<_> = fs::read_dir(folder.path().join("cache")).unwrap().collect();
        assert_eq!(names.len(), 2, "nothing unfinished stays: {names:?}");
    }

    #[test]
    fn compiles_again_what_cannot_be_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let engine = Engine::default();
        let cache = Cache::new(folder.path().to_owned());
        let path = folder.path().join(format!("empty-{}.cwasm", key(&engine, &[b"a"])));
        fs::write(&path, b"rubbish").unwrap();
        cache.load(&engine, "empty", &[b"a"], || Ok(EMPTY.to_vec())).unwrap();
        assert_ne!(fs::read(&path).unwrap(), b"rubbish");
    }

    #[test]
    fn parts_do_not_run_together() {
        let engine = Engine::default();
        assert_ne!(key(&engine, &[b"ab", b"c"]), key(&engine, &[b"a", b"bc"]));
    }
}
