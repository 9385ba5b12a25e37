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

/// What the other adapter says of an id is what a client is told.
#[tokio::test(flavor = "multi_thread")]
async fn another_adapter_decides_which_ids_can_be_done() {
    let world = World::with(Setup { adapter: READS_BODIES, ..Setup::default() }).await;
    let refused = world.submit("create", "not plain").await;
    refused.assert_problem(422, "bad-group-id");
    assert!(refused.text.contains("letters, digits and hyphens only"), "{}", refused.text);
    let repair = world.post("/groups/by-id/not%20plain/repair?wanted=present").await;
    repair.assert_problem(422, "bad-group-id");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_the_adapter_does_not_know_are_named() {
    let settings = [("adapter_options", "trust=anybody")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    for answer in [
        world.get("/readyz").await,
        world.submit("create", "g").await,
        world.post("/maintenance/sweep").await,
    ] {
        answer.assert_problem(500, "bad-setting");
        assert!(answer.text.contains("trust is json or status"), "{}", answer.text);
    }
}

/// An ingress without a route, a proxy that refuses an escaped slash, a login page: what they say in a
/// node's place proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_proves_neither_absence_nor_success() {
    for status in [404, 400, 200] {
        let settings = [("rollback_max_retries", "0")];
        let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
        world.nodes.iter().for_each(|node| node.set_groups(["g"]));
        // In answer to every call.
        world.nodes[1].fault(Rule::always(Kind::Any, Fault::Page { status }));
        assert_eq!(state(&world.deleted("g").await), "FAILURE", "{status}");
        assert_eq!(world.holders("g"), [true; 3]);
        // To the change alone: what came of it the node itself tells.
        world.nodes[1].heal();
        world.nodes[1].fault(Rule::times(Kind::Delete, 1, Fault::Page { status }));
        assert_eq!(state(&world.deleted("g").await), "FAILURE", "{status}");
        assert_eq!(world.holders("g"), [true; 3]);
        // To the undo.
        world.nodes[2].fault(Rule::times(Kind::Create, 1, Fault::Answer { status: 422 }));
        world.nodes[1].fault(Rule::always(Kind::Delete, Fault::Page { status }));
        let task = world.created("h").await;
        assert_eq!(task["nodes"][1]["state"], "dead", "{status}: {task}");
        assert_eq!(world.holders("h"), [false, true, false]);
    }
}

/// A router's 404 is none of the node's: the path is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_base_path_deletes_nothing() {
    let world = World::new().await;
    world.nodes[0].set_groups(["g"]);
    let wrong = format!("http://{}/wrong", world.nodes[0].address());
    let settings = [("nodes", wrong.as_str())];
    let lost = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    assert_eq!(state(&lost.deleted("g").await), "FAILURE");
    assert_eq!(state(&lost.created("h").await), "FAILURE");
    // Nodes that answer like that themselves need the option.
    let settings = [("nodes", wrong.as_str()), ("adapter_options", "trust=status")];
    let loose = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    assert_eq!(state(&loose.deleted("g").await), "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lost_inspection_fails_no_task() {
    let world = World::new().await;
    world.nodes[1].fault(Rule::times(Kind::Inspect, 1, Fault::Close));
    assert_eq!(state(&world.created("g").await), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
}

/// The default adapter goes by the status of a change that was made, so no answer's body is waited for.
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

/// Answers an inspection as a node does, and a create with 201 and a body that never comes.
async fn answer_without_end(mut stream: TcpStream) {
    let mut request = vec![0; 4096];
    let bytes = stream.read(&mut request).await.unwrap_or(0);
    let is_look = request[..bytes].starts_with(b"GET");
    let head = match is_look {
        true => "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
        false => "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\n",
    };
    let _ = stream.write_all(head.as_bytes()).await;
    // Until the other side closes.
    while let Ok(1..) = stream.read(&mut request).await {}
}
