//! `node`: simulated nodes as a process of their own, one for each `--listen`.

use std::net::SocketAddr;

use anyhow::Context as _;
use clap::Parser;
use testkit_node::Node;
use tokio::signal::unix::{SignalKind, signal};

/// Simulated cluster nodes. Faults, the log of calls and the groups are under /control.
#[derive(Parser)]
#[command(name = "node")]
struct Options {
    /// Where a node listens; give it once for each node.
    #[arg(long, default_value = "127.0.0.1:8001")]
    listen: Vec<SocketAddr>,
    /// Deleting an absent group answers 404 rather than 200.
    #[arg(long)]
    strict_delete: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let mut nodes = Vec::new();
    for address in options.listen {
        let node = Node::start(address).await.with_context(|| {
            format!("cannot listen on {address}: is the port taken? Choose another with --listen")
        })?;
        node.set_strict_delete(options.strict_delete);
        println!("node listening on http://{}", node.address());
        nodes.push(node);
    }
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted?,
    }
    Ok(())
}
