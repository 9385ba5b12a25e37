//! The app on a host of its own: Spin, or the dev host. What end-to-end tests, the soak and the bench
//! share.

mod app;
mod manifest;
mod output;

use std::path::{Path, PathBuf};

pub use app::{App, Launch};
pub use manifest::{Manifest, built, shipped_manifest};

/// The repository's root folder.
#[must_use]
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own).to_path_buf()
}

/// What runs the app: the Spin that the environment variable `SPIN` names, or the dev host as
/// `cargo xtask build --host` builds it.
#[must_use]
pub fn host() -> PathBuf {
    std::env::var_os("SPIN").map_or_else(|| root().join("target/debug/devhost"), PathBuf::from)
}
