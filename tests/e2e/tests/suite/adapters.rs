//! Adapters: what one that stands in for the default decides, and how much of an answer is fetched.

use e2e::{Fault, Kind, Rule, Setup, World, state};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The adapter of `tests/e2e/adapter`, which tells from bodies alone whether a node holds a group.
const READS_BODIES: Option<&str> = Some("e2e_adapter.wasm");

#[tokio::test(flavor = "multi_thread")]
async fn another_adapter_reads_answers_in_its_own_way() {
    let world = World::with(Setup { adapter: READS_BODIES, ..Setup::default() }).await;
    world.nodes[1].set_groups(["mine"]);
    world.nodes[2].fault(Rule::times(Kind::Create, 1, Fault::Answer { status: 422 }));
    assert_eq!(state(&world.created("mine").await), "FAILURE");
    assert_eq!(world.holders("mine"), [false, true, false], "what was there before stays");
    assert_eq!(state(&world.created("mine").await), "SUCCESS");
    assert_eq!(world.holders("mine"), [true; 3]);
    // An inspection of nodes from behind HTTP speaks through the same adapter.
    let group = world.get("/groups/by-id/mine?check=true").await;
    assert_eq!(group.status, 200, "{group:?}");
    assert_eq!(state(&world.deleted("mine").await), "SUCCESS");
    assert_eq!(world.holders("mine"), [false; 3]);
}

/// The default adapter goes by statuses, so no answer's body is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_reads_is_not_waited_for() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let node = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_without_end(stream));
        }
    });
    let settings = [("nodes", address.as_str()), ("node_timeout", "60000"), ("lease", "180")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    let task = world.created("g").await;
    assert_eq!(state(&task), "SUCCESS", "{task}");
    node.abort();
}

/// Answers an inspection with 404 and a create with 201, each with a body that never comes.
async fn answer_without_end(mut stream: TcpStream) {
    let mut request = vec![0; 4096];
    let bytes = stream.read(&mut request).await.unwrap_or(0);
    let is_look = request[..bytes].starts_with(b"GET");
    let status = if is_look { "404 Not Found" } else { "201 Created" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 100\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).await;
    // Until the other side closes.
    while let Ok(1..) = stream.read(&mut request).await {}
}
