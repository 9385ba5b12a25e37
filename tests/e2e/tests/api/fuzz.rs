//! The API under a fuzzer that reads its OpenAPI document: schemathesis, set up in
//! `tests/e2e/schemathesis`. `cargo xtask test` fetches it, and names it in `SCHEMATHESIS`.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use e2e::{Fault, Kind, Rule, Setup, World, eventually};
use reqwest::Method;
use serde_json::{Value, json};

const AUTHORIZATION: (&str, &str) = ("authorization", "Bearer fuzzers-long-secret");
/// Far longer than it takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(50);

/// Groups that leave a dead letter and a callback that was given up.
const GROUPS: usize = 8;

async fn call(world: &World, method: Method, path: &str, body: &str) -> Value {
    let answer = world.call_with(method, path, body, &[AUTHORIZATION]).await;
    assert!(answer.status.is_success(), "{answer:?}");
    answer.json
}

/// A world in which every route finds something, and in which no task goes on by itself.
async fn world() -> World {
    let settings = [
        ("api_tokens", "fuzz:operate:fuzzers-long-secret"),
        ("callback_secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("callback_max_attempts", "1"),
        ("rollback_max_retries", "0"),
    ];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    for group in 0..GROUPS {
        // Nobody listens there.
        let hook = "http://127.0.0.1:9/hook";
        let body = json!({ "group_id": format!("g{group}"), "callback_url": hook }).to_string();
        call(&world, Method::POST, "/groups/create", &body).await;
    }
    for list in ["/dead-letters", "/callbacks?given_up=true"] {
        let observe = async || call(&world, Method::GET, list, "").await["total"].clone();
        eventually("every task left something", observe, |total| *total == GROUPS).await;
    }
    call(&world, Method::POST, "/maintenance/pause", "").await;
    world
}

/// What schemathesis says, and whether it found nothing.
fn schemathesis(base: &str) -> (String, bool) {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemathesis");
    let program = std::env::var_os("SCHEMATHESIS").unwrap_or_else(|| "schemathesis".into());
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(&program);
    command.arg("--config-file").arg(own.join("schemathesis.toml"));
    command.args(["run", &format!("{base}/openapi.json")]);
    command.args(["--header", &format!("{}: {}", AUTHORIZATION.0, AUTHORIZATION.1)]);
    // Where the hooks are.
    command.env("PYTHONPATH", own).env("PYTHONDONTWRITEBYTECODE", "1");
    let file = folder.path().join("output");
    let output = std::fs::File::create(&file).unwrap();
    command.current_dir(folder.path()).stdin(Stdio::null());
    command.stderr(output.try_clone().unwrap()).stdout(output);
    let mut group = testkit_process::Group::start(&mut command).unwrap_or_else(|error| {
        panic!("{} does not start ({error}); cargo xtask test fetches it", program.display())
    });
    let started = Instant::now();
    let text = || std::fs::read_to_string(&file).unwrap();
    loop {
        if let Some(status) = group.ended().unwrap() {
            return (text(), status.success());
        }
        assert!(started.elapsed() < DEADLINE, "schemathesis does not end:\n{}", text());
        thread::sleep(POLL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_does_what_its_document_says() {
    let world = world().await;
    let base = world.base().trim_end_matches('/').to_owned();
    let (text, found_nothing) =
        tokio::task::spawn_blocking(move || schemathesis(&base)).await.unwrap();
    assert!(found_nothing, "{text}");
    let selected = text.lines().find(|line| line.contains("Selected:")).unwrap_or_default();
    let tested = text.lines().find(|line| line.contains("Tested:")).unwrap_or_default();
    let counts = text.lines().find(|line| line.contains(" generated, ")).unwrap_or_default();
    let last = text.trim_end().lines().last().unwrap_or_default();
    // Past the test harness, which shows nothing of a test that passes.
    let said = format!("schemathesis: {} · {}\n{last}\n", tested.trim(), counts.trim());
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    let number = |line: &str| line.split_whitespace().find_map(|word| word.parse::<u32>().ok());
    let operations = number(tested).unwrap();
    assert!(operations >= 24 && selected.ends_with(&format!("/{operations}")), "{text}");
    assert!(number(counts).unwrap() > 1_000, "{text}");
}
