//! `cargo xtask up`: the whole system on this machine, for trying it out.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::Value;

use crate::process::{Running, interrupted, on_path};
use crate::{build, demo, paths, redis, toolchain};

/// The first demo node's port; the others follow.
const NODE_PORT: u16 = 8001;
const REDIS_PORT: u16 = 6379;
const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How many demo nodes to start, from port 8001 on; or nodes of yours, as HOST:PORT,HOST:PORT.
    #[arg(long, default_value = "3")]
    nodes: String,
    /// Where the app listens.
    #[arg(long, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// A Redis of yours, as HOST:PORT. Otherwise one is started.
    #[arg(long)]
    redis: Option<String>,
    /// Walk through a create, a rollback and a dead letter, then end.
    #[arg(long)]
    demo: bool,
}

/// Everything that runs, ended in this order.
struct System {
    app: Running,
    nodes: Option<Running>,
    redis: Option<Running>,
    lines: Receiver<String>,
    listen: SocketAddr,
    node_list: Vec<String>,
    own_nodes: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if options.demo && own_node_count(&options.nodes).is_none_or(|count| count < 3) {
        bail!("--demo makes nodes fail, so it needs at least 3 demo nodes of its own");
    }
    let spin = std::env::var_os("SPIN").map(PathBuf::from).or_else(|| on_path("spin"));
    let native = match spin {
        Some(_) => build::start_native(&["testkit-node"])?,
        None => build::start_native(&build::HOST)?,
    };
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    build::components(&toolchain)?;
    native.succeed()?;
    let mut system = start(options, spin.as_deref())?;
    if options.demo {
        let base = format!("http://{}", system.listen);
        return demo::run(&base, &system.node_list);
    }
    system.print_what_to_try()?;
    system.watch()
}

fn start(options: &Options, spin: Option<&Path>) -> anyhow::Result<System> {
    let folder = paths::target().join("up");
    fs::create_dir_all(&folder)?;
    free(options.listen.port(), "the app", "--listen")?;
    let (redis_address, redis) = match &options.redis {
        Some(address) => (address.clone(), None),
        None => {
            let (address, redis) = start_redis(&folder, options.demo)?;
            (address, Some(redis))
        }
    };
    let (redis_host, redis_port) =
        redis_address.rsplit_once(':').context("--redis takes HOST:PORT")?;
    let (node_list, nodes) = match own_node_count(&options.nodes) {
        Some(count) => {
            let (list, nodes) = start_nodes(count, &folder)?;
            (list, Some(nodes))
        }
        None => (options.nodes.split(',').map(|node| node.trim().to_owned()).collect(), None),
    };
    let program = spin.map_or_else(|| paths::binary("devhost"), Path::to_path_buf);
    let mut command = Command::new(&program);
    command.current_dir(paths::root());
    command.args(["up", "-f", "spin.toml", "--listen", &options.listen.to_string()]);
    command.arg("--state-dir").arg(folder.join("state"));
    command.env("SPIN_VARIABLE_REDIS_HOST", redis_host);
    command.env("SPIN_VARIABLE_REDIS_PORT", redis_port);
    command.env("SPIN_VARIABLE_NODES", node_list.join(","));
    if options.demo {
        command.env("SPIN_VARIABLE_ROLLBACK_RETRY_DELAY", demo::RETRY_DELAY);
        command.env("SPIN_VARIABLE_ROLLBACK_MAX_RETRIES", demo::MAX_RETRIES);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    if options.demo {
        // The story is told by the timelines; what components log would run into it.
        command.stderr(fs::File::create(folder.join("app.log"))?);
    }
    println!("app: {} on http://{}", program.display(), options.listen);
    let mut app = Running::start("the app", &mut command)?;
    let lines = read_lines(&mut app)?;
    let mut system = System {
        app,
        nodes,
        redis,
        lines,
        listen: options.listen,
        own_nodes: own_node_count(&options.nodes).is_some(),
        node_list,
    };
    system.wait_until_ready()?;
    Ok(system)
}

/// The number in `--nodes 3`; `None` for a list.
fn own_node_count(nodes: &str) -> Option<u16> {
    nodes.parse().ok().filter(|count| (1..=100).contains(count))
}

fn free(port: u16, what: &str, option: &str) -> anyhow::Result<()> {
    TcpListener::bind(("127.0.0.1", port)).map(drop).with_context(|| {
        format!(
            "port {port} for {what} is taken: stop what uses it, or choose another with {option}"
        )
    })
}

/// Starts Redis with the data of the last time; for a demo, with none.
fn start_redis(folder: &Path, demo: bool) -> anyhow::Result<(String, Running)> {
    let server = redis::get()?;
    let port = match free(REDIS_PORT, "Redis", "--redis") {
        Ok(()) => REDIS_PORT,
        Err(_) => TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
    };
    let data = folder.join(if demo { "redis-demo" } else { "redis" });
    if demo && data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let log = fs::File::create(folder.join("redis.log"))?;
    let mut command = Command::new(&server);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(&data);
    // What the promises rest on: nothing accepted is lost, nothing is evicted.
    command.args(["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]);
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    println!("redis: {} on 127.0.0.1:{port}, data in {}", server.display(), data.display());
    let mut redis = Running::start("Redis", &mut command)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while !answers_ping(port) {
        if redis.ended()?.is_some() || Instant::now() > deadline {
            bail!("Redis did not start: see {}", folder.join("redis.log").display());
        }
        thread::sleep(POLL);
    }
    Ok((format!("127.0.0.1:{port}"), redis))
}

/// Whether Redis takes commands, which it does not while it loads its data.
fn answers_ping(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let mut line = String::new();
    stream.write_all(b"PING\r\n").is_ok()
        && BufReader::new(stream).read_line(&mut line).is_ok()
        && line.starts_with("+PONG")
}

/// Who may call, in the app's own words: `open` or `tokens`. An error says why it is not ready.
fn access(base: &str) -> anyhow::Result<String> {
    let http: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = http.get(format!("{base}/readyz")).call()?;
    let status = answer.status();
    let body: Value = answer.body_mut().read_json()?;
    let text = |field| body.get(field).and_then(Value::as_str).unwrap_or_default();
    if !status.is_success() {
        bail!("the app is not ready: {} {}", text("detail"), text("next"));
    }
    Ok(text("access").to_owned())
}

fn start_nodes(count: u16, folder: &Path) -> anyhow::Result<(Vec<String>, Running)> {
    let mut command = Command::new(paths::binary("testkit-node"));
    let mut list = Vec::new();
    for port in (NODE_PORT..).take(count.into()) {
        free(port, "a demo node", "--nodes HOST:PORT,… (nodes of yours)")?;
        let address = format!("127.0.0.1:{port}");
        command.args(["--listen", &address]);
        list.push(address);
    }
    let log = fs::File::create(folder.join("nodes.log"))?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    println!("nodes: {}", list.join(", "));
    let mut nodes = Running::start("the demo nodes", &mut command)?;
    let deadline = Instant::now() + START_TIMEOUT;
    while !list.iter().all(|address| TcpStream::connect(address).is_ok()) {
        if nodes.ended()?.is_some() || Instant::now() > deadline {
            bail!("the demo nodes did not start: see {}", folder.join("nodes.log").display());
        }
        thread::sleep(POLL);
    }
    Ok((list, nodes))
}

/// The app's output, line by line, read on a thread so that it never blocks the app.
fn read_lines(app: &mut Running) -> anyhow::Result<Receiver<String>> {
    let output = app.child().stdout.take().context("the app has no output")?;
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    Ok(lines)
}

impl System {
    fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            match self.lines.recv_timeout(POLL) {
                Ok(line) if line.starts_with("Serving ") => return Ok(()),
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
            }
            self.check()?;
            if interrupted() {
                bail!("interrupted");
            }
            if Instant::now() > deadline {
                bail!("the app did not start within {} s", START_TIMEOUT.as_secs());
            }
        }
    }

    /// Fails when anything that should run has ended.
    fn check(&mut self) -> anyhow::Result<()> {
        let others = [self.nodes.as_mut(), self.redis.as_mut()];
        for running in [Some(&mut self.app)].into_iter().chain(others).flatten() {
            if let Some(status) = running.ended()? {
                bail!("{} has ended ({status})", running.name);
            }
        }
        Ok(())
    }

    fn print_what_to_try(&self) -> anyhow::Result<()> {
        let base = format!("http://{}", self.listen);
        println!("\nMuster is ready. Try:\n");
        println!("  curl -s {base}/groups/create -d '{{\"group_id\": \"my-group\"}}'");
        println!("  curl -s {base}/groups/task/TASK_ID");
        println!("  curl -s {base}/groups/delete -d '{{\"group_id\": \"my-group\"}}'");
        println!("  curl -s {base}/dead-letters");
        println!("\nEvery route, field and error: {base}/docs");
        if let Some(last) = self.node_list.last().filter(|_| self.own_nodes) {
            println!("\nMake the last node fail, create another group, and heal the node:\n");
            println!(
                "  curl -s http://{last}/control/faults -d '{{\"on\": \"create\", \"fault\": \
                 {{\"kind\": \"answer\", \"status\": 500}}}}'"
            );
            println!("  curl -s -X DELETE http://{last}/control/faults");
        }
        if access(&base)? == "open" {
            println!(
                "\nIt is open: whoever reaches {base} may do anything, for api_tokens is not set."
            );
        }
        println!("\nCtrl-C stops everything.\n");
        Ok(())
    }

    /// Prints what the app says until Ctrl-C, or until something ends that should not.
    fn watch(&mut self) -> anyhow::Result<ExitCode> {
        loop {
            match self.lines.recv_timeout(POLL) {
                Ok(line) => println!("{line}"),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(POLL),
            }
            if interrupted() {
                println!("stopping");
                return Ok(ExitCode::SUCCESS);
            }
            self.check()?;
        }
    }
}
