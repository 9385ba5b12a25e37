//! A `redis-server` to start: the system's, or Debian's unpacked into a folder of ours.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::debian::{self, PrivateApt};
use crate::paths;
use crate::process::{on_path, output};
use crate::toolchain::write_executable;

/// Finds or fetches `redis-server`. Safe to run twice at once.
pub(crate) fn get() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("REDIS_SERVER") {
        return Ok(PathBuf::from(given));
    }
    if let Some(server) = on_path("redis-server") {
        return Ok(server);
    }
    fs::create_dir_all(paths::tools())?;
    let lock = fs::File::create(paths::tools().join("redis.lock"))?;
    lock.lock().context("cannot lock the tools folder")?;
    let folder = paths::tools().join("redis");
    let server = folder.join("bin/redis-server");
    if !server.is_file() {
        fetch_from_debian(&folder).context(
            "redis-server is missing and could not be had. Install it (apt-get install \
             redis-server, dnf install redis, brew install redis), or name one in the environment \
             variable REDIS_SERVER",
        )?;
    }
    Ok(server)
}

fn fetch_from_debian(folder: &std::path::Path) -> anyhow::Result<()> {
    if !debian::is_available() {
        bail!("this system has no apt with a Debian mirror");
    }
    let suite = debian::own_suite().context("/etc/os-release names no release")?;
    println!("getting redis-server from the packages of {suite} …");
    let apt = PrivateApt::new(paths::tools().join("apt-redis"), &suite)?;
    let mut packages = apt.with_libraries(&["redis-server", "redis-tools"])?;
    // Same release, same C library: the system's own serves.
    packages.remove("libc6");
    let partial = folder.with_extension("partial");
    if partial.exists() {
        fs::remove_dir_all(&partial)?;
    }
    apt.unpack(&packages, &partial.join("root"))?;
    fs::create_dir_all(partial.join("bin"))?;
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::rename(&partial, folder)?;
    fs::remove_dir_all(paths::tools().join("apt-redis"))?;
    let root = folder.join("root");
    let script = format!(
        "#!/bin/sh\nexport LD_LIBRARY_PATH='{}'\nexec '{}' \"$@\"\n",
        debian::library_path(&root),
        root.join("usr/bin/redis-server").display()
    );
    let server = folder.join("bin/redis-server");
    write_executable(&server, &script)?;
    output(Command::new(&server).arg("--version")).context("the unpacked server does not start")?;
    Ok(())
}
