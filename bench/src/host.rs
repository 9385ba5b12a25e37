//! The host that runs what is measured: the app that ships, with the probe beside it.

use std::io;
use std::path::{Path, PathBuf};

use testkit_app::{App, Launch, Manifest, built, root};

/// The probe, as a manifest.
const PROBE: &str = include_str!("../probe/manifest.toml");

/// What runs the app.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Spin, or the dev host.
    pub(crate) program: PathBuf,
    /// What it is told beside what every host is told.
    pub(crate) arguments: &'static [&'static str],
    /// Where the components are.
    pub(crate) wasm: PathBuf,
}

impl Host {
    /// The components that ship, run as they are.
    pub(crate) fn plain(program: &Path) -> io::Result<Self> {
        Ok(Self { program: std::path::absolute(program)?, arguments: &[], wasm: built() })
    }

    /// Starts the components named and waits until they serve; `folder` is for its files. The probe
    /// is always among them: without a route there is no telling when a host is ready.
    pub(crate) fn start(
        &self,
        folder: &Path,
        components: &[&str],
        settings: &[(&str, String)],
    ) -> anyhow::Result<App> {
        let mut manifest = Manifest::shipped()?;
        manifest.add(PROBE)?;
        std::fs::create_dir_all(folder)?;
        let file = folder.join("spin.toml");
        manifest.write(&file, &self.wasm)?;
        let mut launch = Launch::new(self.program.clone(), file);
        launch.quiet = true;
        launch.arguments = self.arguments.iter().map(|&argument| argument.to_owned()).collect();
        // As README.md recommends for Spin.
        let defaults = format!("@{}", root().join("settings.example.toml").display());
        let settings = settings.iter().map(|(name, value)| format!("{name}={value}"));
        for variable in std::iter::once(defaults).chain(settings) {
            launch.arguments.extend(["--variable".to_owned(), variable]);
        }
        launch.start(&[components, &["probe"]].concat(), folder)
    }
}
