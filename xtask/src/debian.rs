//! Debian packages unpacked into a folder of ours: nothing of the system changes, and nobody needs
//! to be root. `apt-get` does the fetching and checks every signature.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::process::output;

/// Where Debian's and Ubuntu's signing keys are.
const KEYRINGS: [&str; 2] = [
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
];

/// `apt` with sources, lists and a cache of its own.
pub(crate) struct PrivateApt {
    folder: PathBuf,
    options: Vec<String>,
}

/// Whether this machine has what it takes.
pub(crate) fn is_available() -> bool {
    ["apt-get", "apt-cache", "dpkg"].iter().all(|tool| crate::process::on_path(tool).is_some())
        && mirror().is_some()
}

/// The code name of the system's own release, for example `bookworm`.
pub(crate) fn own_suite() -> Option<String> {
    let release = fs::read_to_string("/etc/os-release").ok()?;
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(name.trim_matches('"').to_owned())
}

impl PrivateApt {
    /// Reads the index of `suite` from the mirror that the system itself uses.
    pub(crate) fn new(folder: PathBuf, suite: &str) -> anyhow::Result<Self> {
        let mirror = mirror().context("no Debian mirror in the system's apt sources")?;
        let keyrings: Vec<&str> =
            KEYRINGS.into_iter().filter(|keyring| Path::new(keyring).is_file()).collect();
        if keyrings.is_empty() {
            bail!("no keyring to check packages with: install debian-archive-keyring");
        }
        for part in ["lists/partial", "cache/archives/partial", "packages"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let sources = folder.join("sources.list");
        let components = if mirror.contains("ubuntu") { "main universe" } else { "main" };
        let signed_by = keyrings.join(",");
        fs::write(
            &sources,
            format!("deb [signed-by={signed_by}] {mirror} {suite} {components}\n"),
        )?;
        let at = |part: &str| folder.join(part).display().to_string();
        let options = [
            format!("Dir::Etc::SourceList={}", sources.display()),
            "Dir::Etc::SourceParts=/dev/null".to_owned(),
            format!("Dir::State::Lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            "Dir::State::Status=/dev/null".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Debug::NoLocking=1".to_owned(),
        ]
        .into_iter()
        .flat_map(|option| ["-o".to_owned(), option])
        .collect();
        let apt = Self { folder, options };
        output(apt.command("apt-get").arg("update"))
            .with_context(|| format!("the package index of {suite} cannot be read"))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(&self.options);
        command
    }

    /// `wanted` and the libraries they need, following `Depends:`.
    pub(crate) fn with_libraries(&self, wanted: &[&str]) -> anyhow::Result<BTreeSet<String>> {
        let mut found: BTreeSet<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        let mut open: VecDeque<String> = found.iter().cloned().collect();
        while let Some(name) = open.pop_front() {
            let record =
                output(self.command("apt-cache").args(["show", "--no-all-versions", &name]))?;
            for library in depends(&record).into_iter().filter(|name| is_library(name)) {
                if found.insert(library.clone()) {
                    open.push_back(library);
                }
            }
        }
        Ok(found)
    }

    /// Fetches the packages and unpacks them into `root`.
    pub(crate) fn unpack(&self, packages: &BTreeSet<String>, root: &Path) -> anyhow::Result<()> {
        let folder = self.folder.join("packages");
        output(self.command("apt-get").arg("download").args(packages).current_dir(&folder))
            .context("a package cannot be fetched")?;
        fs::create_dir_all(root)?;
        for entry in fs::read_dir(&folder)? {
            let package = entry?.path();
            if package.extension().is_some_and(|extension| extension == "deb") {
                output(Command::new("dpkg").arg("-x").arg(&package).arg(root))?;
            }
        }
        Ok(())
    }
}

/// The folders of unpacked packages that hold libraries, as `LD_LIBRARY_PATH` wants them.
pub(crate) fn library_path(root: &Path) -> String {
    let folders = [root.join("usr/lib"), root.join("lib")];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir());
    paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(":")
}

/// The first archive the system's sources name that is Debian's or Ubuntu's main one.
fn mirror() -> Option<String> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    if let Ok(parts) = fs::read_dir("/etc/apt/sources.list.d") {
        files.extend(parts.filter_map(|entry| Some(entry.ok()?.path())));
    }
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .find_map(|text| main_archive(&text))
}

fn main_archive(sources: &str) -> Option<String> {
    let lines = sources.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let mut words = lines
        .filter(|line| line.starts_with("deb ") || line.starts_with("URIs:"))
        .flat_map(str::split_whitespace);
    words
        .find(|word| {
            let path = word.trim_end_matches('/');
            path.contains("://") && (path.ends_with("/debian") || path.ends_with("/ubuntu"))
        })
        .map(str::to_owned)
}

/// The names in the first `Depends:` of a package's record; of alternatives, the first.
fn depends(record: &str) -> Vec<String> {
    let Some(line) = record.lines().find_map(|line| line.strip_prefix("Depends:")) else {
        return Vec::new();
    };
    line.split(',')
        .filter_map(|dependency| {
            let first = dependency.split('|').next()?;
            let name = first.split_whitespace().next()?;
            Some(name.split(':').next().unwrap_or(name).to_owned())
        })
        .collect()
}

/// Whether a package is needed at run time as a library, rather than as a tool or for development.
/// An interpreter (`python3.11`) is one to the package that names the present version of it.
fn is_library(name: &str) -> bool {
    let shared = ["lib", "lua", "zlib", "python3."].iter().any(|prefix| name.starts_with(prefix));
    shared && (!name.ends_with("-dev") || name.starts_with("libstd-rust-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_archive_is_found_in_either_form_of_sources() {
        let old = "# deb http://old.example/debian x main\n\
                   deb https://packages.example/apt other main\n\
                   deb [arch=amd64] http://deb.example/debian bookworm main\n";
        assert_eq!(main_archive(old).as_deref(), Some("http://deb.example/debian"));
        let new = "Types: deb\nURIs: http://deb.example/debian-security\n\n\
                   Types: deb\nURIs: http://deb.example/debian/\nSuites: trixie\n";
        assert_eq!(main_archive(new).as_deref(), Some("http://deb.example/debian/"));
        assert_eq!(main_archive("URIs: https://elsewhere.example/apt"), None);
    }

    #[test]
    fn of_alternatives_the_first_counts_and_versions_do_not() {
        let record =
            "Package: x\nDepends: libc6 (>= 2.38), gcc | clang, libz3-4:amd64, liba|libb\n";
        assert_eq!(depends(record), ["libc6", "gcc", "libz3-4", "liba"]);
        assert!(depends("Package: y\n").is_empty());
    }

    #[test]
    fn tools_and_headers_are_no_libraries() {
        let libraries = ["libc6", "zlib1g", "lua-cjson", "libstd-rust-dev", "libstd-rust-1.97"];
        assert!(libraries.iter().all(|name| is_library(name)));
        assert!(!["gcc", "libc6-dev", "binutils"].iter().any(|name| is_library(name)));
    }
}
