//! `cargo xtask test`: every check and every test, and one line that counts them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, anyhow};

use crate::process::Running;
use crate::{bench, build, licences, redis, schemathesis, toolchain};

/// End-to-end tests mostly wait, so more of them run at once than there are processors.
const E2E_THREADS: &str = "8";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run only tests whose name contains this, and no checks.
    #[arg(long)]
    filter: Option<String>,
}

#[derive(Default)]
struct Count {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut count = Count::default();
    // Linking a component takes one processor; the other one has clippy to go on with.
    let components = std::thread::spawn(components);
    let server = redis::get()?;
    println!("redis: {}", server.display());
    let fuzzer = schemathesis::get()?;
    println!("schemathesis: {}", fuzzer.display());
    let tools = [("REDIS_SERVER", server.as_path()), ("SCHEMATHESIS", fuzzer.as_path())];
    if options.filter.is_none() {
        check(&mut count, "formatting", || cargo_succeeds(&["fmt", "--all", "--check"]))?;
        check(&mut count, "clippy", || {
            let mut cargo = build::cargo();
            cargo.args(["clippy", "--workspace", "--all-targets", "--locked", "--quiet"]);
            cargo.args(["--", "-D", "warnings"]);
            Ok(Running::start("clippy", &mut cargo)?.wait()?.success())
        })?;
        check(&mut count, "licences of dependencies", || {
            let refused = licences::refused()?;
            for package in &refused {
                eprintln!("not an allowed licence: {package}");
            }
            Ok(refused.is_empty())
        })?;
    }
    check(&mut count, "components build", || {
        components.join().map_err(|_| anyhow!("a thread broke off"))?.map(|()| true)
    })?;
    if count.failed == 0 {
        // The dev host among them, which the end-to-end tests run.
        let host = build::HOST.map(|package| ["--package", package]).concat();
        tests(&mut count, options, &host, None, &tools)?;
        let apart = build::HOST.into_iter().chain(["e2e", "soak", "bench"]);
        let apart = apart.flat_map(|package| ["--exclude", package]);
        // What the OpenAPI document says is held against each route, so it has to be there.
        let all = ["--workspace", "--features", "routes/openapi"];
        let others: Vec<&str> = all.into_iter().chain(apart).collect();
        tests(&mut count, options, &others, None, &tools)?;
        tests(&mut count, options, &["--package", "e2e"], Some(E2E_THREADS), &tools)?;
        tests(&mut count, options, &["--package", "soak"], None, &tools)?;
        tests(&mut count, options, &["--package", "bench"], None, &tools)?;
    }
    for failure in &count.failures {
        println!("failed: {failure}");
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    Ok(if count.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds all components: those that ship, and those that tests put beside them.
fn components() -> anyhow::Result<()> {
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    build::components(&toolchain)?;
    // One by one: together, what ships would be built with the features that the others ask for.
    build::wasm(&toolchain, &[build::E2E_ADAPTER])?;
    build::wasm(&toolchain, &[bench::PROBE])
}

/// One check, counted as one test.
fn check(
    count: &mut Count,
    name: &str,
    run: impl FnOnce() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let started = Instant::now();
    if run().with_context(|| format!("check: {name}"))? {
        count.passed += 1;
        println!("check: {name} … ok ({:.1} s)", started.elapsed().as_secs_f64());
    } else {
        count.failed += 1;
        count.failures.push(name.to_owned());
        println!("check: {name} … FAILED");
    }
    Ok(())
}

fn cargo_succeeds(arguments: &[&str]) -> anyhow::Result<bool> {
    let name = format!("cargo {}", arguments.join(" "));
    Ok(Running::start(&name, build::cargo().args(arguments))?.wait()?.success())
}

/// Runs `cargo test` on some packages, shows what it prints and adds up its results.
fn tests(
    count: &mut Count,
    options: &Options,
    packages: &[&str],
    threads: Option<&str>,
    tools: &[(&str, &Path)],
) -> anyhow::Result<()> {
    let mut cargo: Command = build::cargo();
    cargo.args(["test", "--locked", "--no-fail-fast"]).args(packages);
    cargo.envs(tools.iter().copied());
    if let Some(threads) = threads {
        cargo.env("RUST_TEST_THREADS", threads);
    }
    if let Some(filter) = &options.filter {
        cargo.arg("--").arg(filter);
    }
    cargo.stdout(Stdio::piped());
    let mut running = Running::start("cargo test", &mut cargo)?;
    let output = running.child().stdout.take().context("cargo test has no output")?;
    let before = (count.passed, count.failed);
    // The reader ends when the last holder of the pipe does; Ctrl-C ends the group meanwhile.
    let reader = std::thread::spawn(move || {
        let mut own = Count::default();
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            println!("{line}");
            own.take_in(&line);
        }
        own
    });
    let status = running.wait()?;
    let own = reader.join().unwrap_or_default();
    count.passed += own.passed;
    count.failed += own.failed;
    count.failures.extend(own.failures);
    if !status.success() && count.failed == before.1 {
        count.failed += 1;
        count.failures.push(format!("cargo test {} ({status})", packages.join(" ")));
    }
    Ok(())
}

impl Count {
    /// Takes in one line of a test binary's output.
    fn take_in(&mut self, line: &str) {
        if let Some(name) = line.strip_prefix("test ").and_then(|l| l.strip_suffix(" ... FAILED")) {
            self.failures.push(name.to_owned());
        }
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for part in result.split([';', '.']) {
            let mut words = part.split_whitespace();
            match (words.next().and_then(|word| word.parse::<u64>().ok()), words.next()) {
                (Some(number), Some("passed")) => self.passed += number,
                (Some(number), Some("failed")) => self.failed += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Count;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut count = Count::default();
        for line in [
            "test one ... ok",
            "test two::three ... FAILED",
            "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out; \
             finished in 0.10s",
            "test result: ok. 4 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; \
             finished in 1.02s",
            "a line that says 9 passed in passing",
        ] {
            count.take_in(line);
        }
        assert_eq!((count.passed, count.failed), (7, 1));
        assert_eq!(count.failures, ["two::three"]);
    }
}
