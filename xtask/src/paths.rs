//! Where things are in this repository.

use std::path::PathBuf;

pub(crate) use testkit_app::root;

/// Where everything that is built, fetched or written goes.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// Where tools are kept that this machine lacks.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// A native binary of the workspace.
pub(crate) fn binary(name: &str) -> PathBuf {
    target().join("debug").join(name)
}
