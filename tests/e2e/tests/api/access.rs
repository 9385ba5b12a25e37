//! Who may do what: tokens, roles, origins and rates.

use e2e::{Answer, Setup, World};
use reqwest::Method;

const TOKENS: &str =
    "eve:read:eves-long-secret,sam:submit:sams-long-secret,olga:operate:olgas-long-secret";
/// What `/readyz` answers to anybody where tokens are set.
const PROBED: &str = "{\"ready\":true,\"access\":\"tokens\"}";
const GROUP: &str = "{\"group_id\": \"g\"}";

async fn call(world: &World, name: &str, method: Method, path: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {name}s-long-secret");
    world.call_with(method, path, body, &[("authorization", &authorization)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_its_part_and_no_more() {
    let setup = Setup { settings: &[("api_tokens", TOKENS)], ..Setup::default() };
    let world = World::with(setup).await;
    for (method, path, body, least) in [
        (Method::GET, "/tasks", "", "eve"),
        (Method::GET, "/groups", "", "eve"),
        (Method::GET, "/groups/by-id/g?check=true", "", "eve"),
        (Method::GET, "/dead-letters", "", "eve"),
        (Method::GET, "/metrics", "", "eve"),
        (Method::POST, "/groups/create", GROUP, "sam"),
        (Method::POST, "/groups/delete", GROUP, "sam"),
        (Method::POST, "/groups/bulk", "[{\"operation\":\"create\",\"group_id\":\"b\"}]", "sam"),
        (Method::POST, "/groups/by-id/g/repair?wanted=absent", "", "sam"),
        (Method::POST, "/dead-letters/retry", "", "olga"),
        (Method::POST, "/maintenance/sweep", "", "olga"),
        (Method::POST, "/maintenance/pause", "", "olga"),
        (Method::POST, "/maintenance/resume", "", "olga"),
    ] {
        let mut may = false;
        for name in ["eve", "sam", "olga"] {
            may |= name == least;
            let answer = call(&world, name, method.clone(), path, body).await;
            if may {
                assert!(answer.status.is_success(), "{name} {method} {path}: {answer:?}");
            } else {
                answer.assert_problem(403, "forbidden");
                assert!(answer.json["detail"].as_str().unwrap().contains(name));
            }
        }
        world.call(method, path, body).await.assert_problem(401, "unauthorized");
    }
    // A probe without a token learns that tasks can be accepted, and nothing else.
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.text.as_str()), (200, PROBED));
    assert_eq!(call(&world, "nobody", Method::GET, "/readyz", "").await.text, PROBED);
    let ready = call(&world, "eve", Method::GET, "/readyz", "").await;
    assert_eq!(ready.json["waiting"], 0);
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_and_no_secret_is_ever_told() {
    let settings = [("api_tokens", TOKENS), ("redis_password", "s3cret-pass")];
    let world =
        World::with(Setup { settings: &settings, components: &["api"], ..Setup::default() }).await;
    // Redis has no password, so that this one is taken; every route answers something.
    for path in ["/tasks", "/readyz", "/metrics", "/nothing", "/groups/create"] {
        let answer = call(&world, "eve", Method::GET, path, "").await;
        assert!(!answer.text.contains("secret"), "{path}: {}", answer.text);
        assert!(!answer.text.contains("s3cret"), "{path}: {}", answer.text);
    }
    assert!(!world.output().contains("s3cret") && !world.output().contains("long-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_call_is_told_neither_of_bad_settings_nor_of_redis() {
    let bad = [("api_tokens", TOKENS), ("node_timeout", "600000"), ("max_queue", "many")];
    let setup = Setup { settings: &bad, components: &["api", "maintenance"], ..Setup::default() };
    let bad = World::with(setup).await;
    let setup = Setup { settings: &[("api_tokens", TOKENS)], ..Setup::default() };
    let mut away = World::with(Setup { components: &["api", "maintenance"], ..setup }).await;
    away.redis.kill();
    for (world, status, slug) in [(&bad, 500, "bad-setting"), (&away, 503, "redis-away")] {
        for (method, path) in [
            (Method::GET, "/tasks"),
            (Method::POST, "/groups/create"),
            (Method::GET, "/groups/by-id/g"),
            (Method::POST, "/maintenance/pause"),
        ] {
            world.call(method.clone(), path, GROUP).await.assert_problem(401, "unauthorized");
            let answer = call(world, "olga", method, path, GROUP).await;
            answer.assert_problem(status, slug);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_may_submit_only_so_often_in_a_second() {
    let settings = [("api_tokens", TOKENS), ("rate_limit", "2")];
    let world =
        World::with(Setup { settings: &settings, components: &["api"], ..Setup::default() }).await;
    let mut refused = None;
    let mut accepted = 0;
    // Far more than any second takes, so that one of them is full.
    for _ in 0..200 {
        let answer = call(&world, "sam", Method::POST, "/groups/create", GROUP).await;
        if answer.status == 202 {
            accepted += 1;
        } else {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("none was refused");
    refused.assert_problem(429, "too-fast");
    assert_eq!(refused.header("retry-after"), "1");
    let tasks = call(&world, "sam", Method::GET, "/readyz", "").await.json["waiting"].clone();
    assert_eq!(tasks, accepted, "what was refused is not stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_may_call_only_when_named() {
    let ask = async |world: &World, origin: &str| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        world.call_with(Method::OPTIONS, "/groups/create", "", &headers).await
    };
    let closed = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    ask(&closed, "https://a.example").await.assert_problem(403, "foreign-origin");
    // Sent by a browser without asking first.
    for origin in ["https://a.example", "null", "http://127.0.0.1:1"] {
        let headers = [("origin", origin), ("content-type", "text/plain")];
        let answer = closed.call_with(Method::POST, "/groups/delete", GROUP, &headers).await;
        answer.assert_problem(403, "foreign-origin");
    }
    assert_eq!(closed.get("/readyz").await.json["waiting"], 0);
    let own = closed.base().trim_end_matches('/').to_owned();
    let headers = [("origin", own.as_str())];
    let answer = closed.call_with(Method::POST, "/groups/create", GROUP, &headers).await;
    assert_eq!(answer.status, 202, "its own pages may: {answer:?}");
    let settings = [("cors_origins", "https://a.example")];
    let mut world =
        World::with(Setup { settings: &settings, components: &["api"], ..Setup::default() }).await;
    let preflight = ask(&world, "https://a.example").await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://a.example");
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    let other = ask(&world, "https://b.example").await;
    assert_eq!(other.header("access-control-allow-origin"), "");
    let headers = [("origin", "https://a.example")];
    let answer = world.call_with(Method::GET, "/tasks", "", &headers).await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    assert_eq!(answer.header("vary"), "origin");
    let large = " ".repeat(70_000);
    let answer = world.call_with(Method::POST, "/groups/create", &large, &headers).await;
    answer.assert_problem(413, "body-too-large");
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    world.redis.kill();
    assert_eq!(ask(&world, "https://a.example").await.status, 204);
    let answer = world.call_with(Method::GET, "/tasks", "", &headers).await;
    answer.assert_problem(503, "redis-away");
    assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
}
