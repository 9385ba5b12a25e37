//! What a client gets for what cannot be done: a problem that says what to do next.

use e2e::{Setup, World, state};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_used_are_refused() {
    let world = World::new().await;
    let too_long = format!("{{\"group_id\": \"{}\"}}", "x".repeat(257));
    let too_deep = "[".repeat(10_000);
    for route in ["/groups/create", "/groups/delete"] {
        for (body, status, slug) in [
            ("", 400, "not-json"),
            ("group", 400, "not-json"),
            ("{\"group_id\": \"g\"", 400, "not-json"),
            ("{\"group_id\": \"\\ud800\"}", 400, "not-json"),
            (too_deep.as_str(), 400, "not-json"),
            ("[]", 422, "bad-group-id"),
            ("null", 422, "bad-group-id"),
            ("{}", 422, "bad-group-id"),
            ("{\"group_id\": 7}", 422, "bad-group-id"),
            ("{\"group_id\": \"\"}", 422, "bad-group-id"),
            ("{\"group_id\": \"a\\u0000b\"}", 422, "bad-group-id"),
            ("{\"group_id\": \"a\\nb\"}", 422, "bad-group-id"),
            (too_long.as_str(), 422, "bad-group-id"),
        ] {
            world.call(Method::POST, route, body).await.assert_problem(status, slug);
        }
        let too_large = " ".repeat(70_000);
        world.call(Method::POST, route, &too_large).await.assert_problem(413, "body-too-large");
    }
    assert!(world.calls(0).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_ignored_as_in_the_reference() {
    let world = World::new().await;
    // As deep as JSON is read at all: the components' stacks hold that.
    let deep = "[".repeat(126) + &"]".repeat(126);
    for more in ["[1]", deep.as_str()] {
        let body = format!("{{\"group_id\": \"g\", \"more\": {more}}}");
        assert_eq!(world.call(Method::POST, "/groups/create", &body).await.status, 202);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_id_of_256_bytes_is_the_longest() {
    let world = World::new().await;
    let longest = "x".repeat(256);
    assert_eq!(state(&world.created(&longest).await), "SUCCESS");
    assert_eq!(world.holders(&longest), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_methods_are_refused_with_the_right_ones() {
    let world = World::new().await;
    for (method, path, allow) in [
        (Method::GET, "/groups/create", "POST"),
        (Method::PUT, "/groups/delete", "POST"),
        (Method::POST, "/groups/task/x", "GET, HEAD"),
        (Method::GET, "/groups/task/x/cancel", "POST"),
        (Method::POST, "/dead-letters", "GET, HEAD"),
        (Method::PUT, "/dead-letters/x", "GET, HEAD, DELETE"),
        (Method::GET, "/dead-letters/retry?group_id=x", "POST"),
        (Method::DELETE, "/dead-letters/retry", "POST"),
        (Method::OPTIONS, "/dead-letters/retry", "POST"),
        (Method::HEAD, "/groups/create", "POST"),
        (Method::POST, "/docs", "GET, HEAD"),
        (Method::GET, "/dead-letters/x/retry", "POST"),
        (Method::GET, "/maintenance/sweep", "POST"),
    ] {
        let answer = world.call(method, path, "").await;
        assert_eq!(answer.status, 405);
        assert_eq!(answer.header("allow"), allow);
        if !answer.text.is_empty() {
            answer.assert_problem(405, "method-not-allowed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slash_too_many_is_forgiven() {
    let world = World::new().await;
    // Clients follow with the same method and body.
    let answer = world.call(Method::POST, "/groups/create/", "{\"group_id\": \"g\"}").await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(world.get("/tasks//?limit=1").await.json["tasks"][0]["group_id"], "g");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_is_answered_even_when_the_client_sends_it_all_first() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let address = world.base().trim_start_matches("http://").trim_end_matches('/').to_owned();
    for megabytes in [1, 3, 15] {
        for head in ["content-length", "transfer-encoding"] {
            let mut body = vec![b'x'; megabytes << 20];
            let length = if head == "content-length" {
                body.len().to_string()
            } else {
                body = [format!("{:x}\r\n", body.len()).into_bytes(), body].concat();
                body.extend_from_slice(b"\r\n0\r\n\r\n");
                "chunked".to_owned()
            };
            let head = format!("POST /groups/create HTTP/1.1\r\nhost: muster\r\n{head}: {length}");
            let request = [format!("{head}\r\nconnection: close\r\n\r\n").into_bytes(), body];
            let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
            stream.write_all(&request.concat()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.starts_with("HTTP/1.1 413 "), "{megabytes} MiB: {answer}");
            assert!(answer.contains("problem-body-too-large"), "{answer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_mean_two_things_does_nothing() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let group = "{\"group_id\": \"g\"}";
    for (path, body, headers) in [
        ("/groups/delete?dry_run=false&dry_run=true", group, &[][..]),
        ("/groups/delete?dry_run", group, &[]),
        ("/groups/delete", "{\"group_id\": \"g\", \"group_id\": \"h\"}", &[]),
        ("/groups/delete", "{\"group_id\": \"g\", \"settings\": [1, 0, 0, 1]}", &[]),
        ("/groups/delete", group, &[("content-type", "text/plain"), ("content-type", "text/html")]),
        ("/tasks?state=SUCCESS&state=FAILURE", "", &[]),
        ("/tasks?since=2026-01-31T12:00:00", "", &[]),
    ] {
        let method = if path.starts_with("/tasks") { Method::GET } else { Method::POST };
        let answer = world.call_with(method, path, body, headers).await;
        assert_eq!(answer.status, 422, "{path} {body}: {answer:?}");
    }
    assert_eq!(world.get("/readyz").await.json["waiting"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_time_is_read_with_its_offset() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    world.create("g").await;
    for (query, found) in [
        ("since=2020-01-31T12:00:00.5%2B02:00", 1),
        ("before=2020-01-31T12:00:00-11:30", 0),
        ("since=9999-12-31T23:59:59%2B00:01", 0),
    ] {
        let tasks = world.get(&format!("/tasks?{query}")).await.json["tasks"].clone();
        assert_eq!(tasks.as_array().unwrap().len(), found, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    for path in ["/", "/groups/task/", "/groups/task", "/nothing", "/nothing/", "//groups/"] {
        world.get(path).await.assert_problem(404, "no-such-route");
    }
    for id in ["x", "00000000-0000-4000-8000-000000000000", "x%2Fy"] {
        world.get(&format!("/groups/task/{id}")).await.assert_problem(404, "no-such-task");
    }
    world.get("/dead-letters/x").await.assert_problem(404, "no-such-dead-letter");
    world.post("/dead-letters/x/retry").await.assert_problem(404, "no-such-dead-letter");
    let discard = world.call(Method::DELETE, "/dead-letters/x", "").await;
    discard.assert_problem(404, "no-such-dead-letter");
    for query in ["limit=0", "limit=x", "limit=201", "offset=1", "cursor=x"] {
        world.get(&format!("/dead-letters?{query}")).await.assert_problem(422, "bad-query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nothing_is_accepted() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    world.redis.kill();
    for answer in [world.submit("create", "g").await, world.get("/dead-letters").await] {
        answer.assert_problem(503, "redis-away");
        assert_eq!(answer.header("retry-after"), "5");
        let text = answer.json.to_string();
        assert!(!text.contains("redis://"), "an address has no place in an answer: {text}");
    }
    world.redis.restart().unwrap();
    world.create("g").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_accepts_nothing() {
    let setup = Setup { components: &["api"], settings: &[("max_queue", "2")], ..Setup::default() };
    let world = World::with(setup).await;
    world.create("g1").await;
    world.create("g2").await;
    let answer = world.submit("create", "g3").await;
    answer.assert_problem(503, "queue-full");
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tokens_set_only_their_bearers_may_call() {
    const TOKENS: &str = "correct-horse-battery,staple-correct-horse";
    let world =
        World::with(Setup { settings: &[("api_tokens", TOKENS)], ..Setup::default() }).await;
    let body = "{\"group_id\": \"g\"}";
    let call = async |authorization: &str| {
        let headers = [("authorization", authorization)];
        world.call_with(Method::POST, "/groups/create", body, &headers).await
    };
    for wrong in ["", "Bearer", "Bearer x", "Bearer correct-horse", "Basic correct-horse-battery"] {
        let answer = call(wrong).await;
        answer.assert_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    world.post("/maintenance/sweep").await.assert_problem(401, "unauthorized");
    assert_eq!(call("Bearer correct-horse-battery").await.status, 202);
    assert_eq!(call("bearer staple-correct-horse").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_is_named_with_what_is_allowed_and_not_shown() {
    for (name, value, named) in [
        ("rollback_max_retries", "hunter2", "a whole number from 0 to 1000"),
        ("nodes", "127.0.0.1:1,http://admin:hunter2@n1:80", "entry 2 of 2"),
        ("nodes", "127.0.0.1:1,hunter2:80", "node_hosts does not allow it"),
        ("redis_password", "ab#hunter2", "percent-encoded"),
        ("redis_password", "hunter2\nmore", "percent-encoded"),
        ("idempotency_ttl", "86401", "at most task_ttl"),
    ] {
        let setup = Setup { settings: &[(name, value)], components: &["api"], ..Setup::default() };
        let world = World::with(setup).await;
        for answer in [world.submit("create", "g").await, world.get("/readyz").await] {
            answer.assert_problem(500, "bad-setting");
            let detail = answer.json["detail"].as_str().unwrap();
            assert!(detail.contains(name) && detail.contains(named), "{detail}");
            assert!(!answer.text.contains("hunter2"), "{answer:?}");
        }
        assert_eq!(world.get("/healthz").await.status, 200);
        assert!(!world.output().contains("hunter2"), "{}", world.output());
    }
}
