//! The OpenAPI document against what the routes really answer.

use std::collections::BTreeSet;

use e2e::{Answer, Fault, Hook, Kind, Rule, Setup, World, eventually, state};
use reqwest::Method;
use serde_json::{Value, json};

/// The document, and which of its answers have been seen.
struct Document {
    document: Value,
    seen: BTreeSet<String>,
}

impl Document {
    async fn read(world: &World) -> Self {
        let answer = world.get("/openapi.json").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, "application/json")
        );
        assert_eq!(answer.json["openapi"], "3.1.0");
        Self { document: answer.json, seen: BTreeSet::new() }
    }

    /// Every `METHOD path status` there is.
    fn documented(&self) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        for (method, path, operation) in self.operations() {
            for status in operation["responses"].as_object().unwrap().keys() {
                all.insert(format!("{method} {path} {status}"));
            }
        }
        all
    }

    /// Method, path and description of every route.
    fn operations(&self) -> Vec<(Method, String, Value)> {
        let mut all = Vec::new();
        for (path, methods) in self.document["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                let method = method.to_uppercase().parse().unwrap();
                all.push((method, path.clone(), operation.clone()));
            }
        }
        all
    }

    /// That an answer of a route is one that the document tells of.
    fn check(&mut self, method: &Method, path: &str, answer: &Answer) {
        let route = format!("{method} {path}");
        let status = answer.status.as_u16().to_string();
        let pointer =
            format!("/paths/{}/{}", path.replace('/', "~1"), method.as_str().to_lowercase());
        let operation = self.document.pointer(&pointer);
        let operation = operation.unwrap_or_else(|| panic!("{route} is not documented"));
        let mut response = &operation["responses"][&status];
        assert!(
            !response.is_null(),
            "{route} answers {status}, which is not documented: {answer:?}"
        );
        if let Some(reference) = response["$ref"].as_str() {
            response = self.document.pointer(reference.trim_start_matches('#')).unwrap();
        }
        self.seen.insert(format!("{route} {status}"));
        let Some(content) = response["content"].as_object() else {
            assert!(answer.text.is_empty(), "{route} {status} has a body: {answer:?}");
            return;
        };
        let (content_type, content) = content.iter().next().unwrap();
        assert_eq!(answer.header("content-type"), content_type, "{route} {status}");
        if content_type.ends_with("json") {
            let mut schema = content["schema"].clone();
            schema["components"] = self.document["components"].clone();
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&answer.json)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{route} {status}: {errors:#?}\n{answer:?}");
        }
    }

    /// Sends a request to a route, with the parameter of its path filled in, and checks the answer.
    async fn call(
        &mut self,
        world: &World,
        method: Method,
        path: &str,
        request: Request<'_>,
    ) -> Answer {
        let target = path
            .split('/')
            .map(|part| if part.starts_with('{') { request.parameter } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let target = format!("{target}{}", request.query);
        let answer = world.call_with(method.clone(), &target, request.body, request.headers).await;
        self.check(&method, path, &answer);
        answer
    }
}

#[derive(Clone, Copy, Default)]
struct Request<'a> {
    parameter: &'a str,
    query: &'a str,
    body: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";
const GROUP: &str = "{\"group_id\": \"g\"}";

/// A request that every route takes, as far as its path goes.
fn plain(path: &str) -> Request<'static> {
    let body = if path == "/groups/bulk" {
        "[{\"operation\": \"create\", \"group_id\": \"g\"}]"
    } else {
        GROUP
    };
    let query = if path.ends_with("/repair") { "?wanted=present" } else { "" };
    Request { parameter: UNKNOWN, query, body, ..Request::default() }
}

/// Everything that has nothing to do with tokens, Redis or settings.
async fn provoke_by_requests(document: &mut Document) {
    let setup = Setup { settings: &[("rollback_max_retries", "0")], ..Setup::default() };
    let world = World::with(setup).await;
    let doc = document;
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    let query = |query| Request { query, ..Request::default() };
    let body = |body| Request { body, ..Request::default() };
    let too_large = " ".repeat(70_000);

    for path in ["/groups/create", "/groups/delete"] {
        doc.call(&world, post.clone(), path, body(GROUP)).await;
        let dry = Request { query: "?dry_run=true", body: GROUP, ..Request::default() };
        doc.call(&world, post.clone(), path, dry).await;
        for bad in ["", "{}", too_large.as_str()] {
            doc.call(&world, post.clone(), path, body(bad)).await;
        }
    }
    let bulk =
        json!([{ "operation": "create", "group_id": "b" }, { "operation": "x" }]).to_string();
    for given in [bulk.as_str(), "x", "[]", too_large.as_str()] {
        doc.call(&world, post.clone(), "/groups/bulk", body(given)).await;
    }
    for path in
        ["/tasks", "/groups", "/dead-letters", "/callbacks", "/metrics", "/healthz", "/readyz"]
    {
        doc.call(&world, get.clone(), path, Request::default()).await;
    }
    for path in ["/tasks", "/groups", "/dead-letters", "/callbacks"] {
        doc.call(&world, get.clone(), path, query("?limit=0")).await;
    }
    for path in ["/maintenance/pause", "/maintenance/resume", "/maintenance/sweep"] {
        doc.call(&world, post.clone(), path, Request::default()).await;
    }
    for path in ["/maintenance/pause", "/maintenance/resume"] {
        doc.call(&world, post.clone(), path, query("?x=1")).await;
    }

    let task = world.created("g").await;
    let task = task["task_id"].as_str().unwrap();
    let (show, cancel) = ("/groups/task/{task_id}", "/groups/task/{task_id}/cancel");
    let events = "/groups/task/{task_id}/events";
    for (method, path) in [(get.clone(), show), (get.clone(), events), (post.clone(), cancel)] {
        let of = |parameter, query| Request { parameter, query, ..Request::default() };
        doc.call(&world, method.clone(), path, of(task, "")).await;
        doc.call(&world, method.clone(), path, of(UNKNOWN, "")).await;
        doc.call(&world, method.clone(), path, of(task, "?x=1")).await;
    }
    let of = Request { parameter: task, ..Request::default() };
    let stream = doc.call(&world, get.clone(), events, of).await.text;
    let end = stream.lines().rev().find_map(|line| line.strip_prefix("id: ")).unwrap();
    let of = Request { headers: &[("last-event-id", end)], ..of };
    doc.call(&world, get.clone(), events, of).await;
    world.nodes[0].fault(Rule::times(Kind::Any, 1, Fault::Delay { millis: 50 }));
    let running = world.create("running").await;
    let of = Request { parameter: &running, ..Request::default() };
    doc.call(&world, post.clone(), cancel, of).await;

    let (group, repair) = ("/groups/by-id/{group_id}", "/groups/by-id/{group_id}/repair");
    let of = |parameter, query| Request { parameter, query, ..Request::default() };
    for query in ["", "?check=true", "?check=maybe"] {
        doc.call(&world, get.clone(), group, of("g", query)).await;
    }
    let not_json = Request { parameter: "g", body: "x", ..Request::default() };
    doc.call(&world, post.clone(), repair, not_json).await;
    for query in ["?wanted=present", "?wanted=x"] {
        doc.call(&world, post.clone(), repair, of("g", query)).await;
    }
    provoke_by_dead_letters(doc, &world).await;
    let one = "/dead-letters/{id}";
    doc.call(&world, delete, one, of(UNKNOWN, "")).await;
}

async fn provoke_by_callbacks(doc: &mut Document) {
    const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let settings = [("callback_secret", SECRET), ("callback_max_attempts", "1")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    let hook = Hook::start(&[500, 204, 500]).await;
    let of = |parameter, query| Request { parameter, query, ..Request::default() };
    let (retry, discard) = ("/callbacks/{task_id}/retry", "/callbacks/{task_id}");
    let mut ids = Vec::new();
    for group in ["g", "h"] {
        let body = json!({ "group_id": group, "callback_url": hook.url() }).to_string();
        let accepted = world.call(Method::POST, "/groups/create", &body).await.json;
        let id = accepted["task_id"].as_str().unwrap().to_owned();
        let observe = async || world.task(&id).await["callback"]["standing"].clone();
        let last = |standing: &Value| standing == "given_up" || standing == "delivered";
        eventually("the callback was tried", observe, last).await;
        ids.push(id);
    }
    doc.call(&world, Method::GET, "/callbacks", of("", "?given_up=true")).await;
    for (method, path) in [(Method::POST, retry), (Method::DELETE, discard)] {
        for (parameter, query) in [(UNKNOWN, ""), (UNKNOWN, "?x=1"), (ids[1].as_str(), "")] {
            doc.call(&world, method.clone(), path, of(parameter, query)).await;
        }
    }
    doc.call(&world, Method::POST, retry, of(&ids[0], "")).await;
    let observe = async || world.get("/callbacks?given_up=true").await.json["total"].clone();
    eventually("it is given up again", observe, |total| *total == 1).await;
    doc.call(&world, Method::DELETE, discard, of(&ids[0], "")).await;
}

async fn provoke_by_dead_letters(doc: &mut Document, world: &World) {
    let (list, one, retry) = ("/dead-letters", "/dead-letters/{id}", "/dead-letters/{id}/retry");
    let all = "/dead-letters/retry";
    let of = |parameter, query| Request { parameter, query, ..Request::default() };
    let (get, post, delete) = (Method::GET, Method::POST, Method::DELETE);
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    for group in ["l1", "l2", "l3"] {
        assert_eq!(state(&world.created(group).await), "FAILURE");
    }
    doc.call(world, get.clone(), list, Request::default()).await;
    let dead_letters = world.dead_letters().await;
    let id = |index: usize| dead_letters[index]["id"].as_str().unwrap();
    for (method, path) in [(get.clone(), one), (delete.clone(), one), (post.clone(), retry)] {
        doc.call(world, method.clone(), path, of(UNKNOWN, "")).await;
        doc.call(world, method.clone(), path, of(id(0), "?x=1")).await;
    }
    doc.call(world, get.clone(), one, of(id(0), "")).await;
    doc.call(world, delete.clone(), one, of(id(0), "")).await;
    doc.call(world, post.clone(), all, of("", "?limit=0")).await;
    doc.call(world, post.clone(), all, of("", "?group_id=nobody")).await;
    // While a dead letter is being retried it can be neither retried nor discarded.
    world.nodes[0].heal();
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Hang));
    doc.call(world, post.clone(), retry, of(id(1), "")).await;
    doc.call(world, post.clone(), retry, of(id(1), "")).await;
    doc.call(world, delete.clone(), one, of(id(1), "")).await;
    for node in &world.nodes {
        node.heal();
    }
    let observe = async || world.get(&format!("/dead-letters/{}", id(1))).await.json;
    let is_over = |dead_letter: &Value| dead_letter["retry_task_id"].is_null();
    eventually("the retry ends", observe, is_over).await;
}

/// What any route may answer, whatever is asked.
async fn provoke_everywhere(document: &mut Document) {
    const TOKENS: &str = "eve:read:eves-long-secret,nobody:read:nobodys-long-secret";
    let operations = document.operations();
    let secured: Vec<_> =
        operations.iter().filter(|(_, _, about)| !about["security"].is_null()).cloned().collect();

    let world =
        World::with(Setup { settings: &[("api_tokens", TOKENS)], ..Setup::default() }).await;
    let eve = [("authorization", "Bearer eves-long-secret")];
    for (method, path, _) in &secured {
        let answer = document.call(&world, method.clone(), path, plain(path)).await;
        answer.assert_problem(401, "unauthorized");
        if *method != Method::GET {
            let request = Request { headers: &eve, ..plain(path) };
            let answer = document.call(&world, method.clone(), path, request).await;
            answer.assert_problem(403, "forbidden");
        }
    }

    let settings = [("rollback_max_retries", "many")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    let large = " ".repeat(70_000);
    for (method, path, _) in &operations {
        let request = Request { query: "?surely_unknown=1", ..plain(path) };
        let answer = document.call(&world, method.clone(), path, request).await;
        // Without its settings the service cannot tell more than that.
        assert!([422, 500].contains(&answer.status.as_u16()), "{answer:?}");
        let request = Request {
            headers: &[("last-event-id", "1.0"), ("last-event-id", "2.0")],
            ..plain(path)
        };
        document
            .call(&world, method.clone(), path, request)
            .await
            .assert_problem(422, "bad-header");
        let request = Request { headers: &[("content-encoding", "gzip")], ..plain(path) };
        let answer = document.call(&world, method.clone(), path, request).await;
        answer.assert_problem(415, "unsupported-media");
        let request = Request { body: &large, ..plain(path) };
        let answer = document.call(&world, method.clone(), path, request).await;
        answer.assert_problem(413, "body-too-large");
    }
    for (method, path, _) in operations.iter().filter(|(_, path, _)| path != "/healthz") {
        let answer = document.call(&world, method.clone(), path, plain(path)).await;
        answer.assert_problem(500, "bad-setting");
    }

    let mut world =
        World::with(Setup { components: &["api", "maintenance"], ..Setup::default() }).await;
    world.redis.kill();
    for (method, path, _) in operations.iter().filter(|(_, path, _)| path != "/healthz") {
        let answer = document.call(&world, method.clone(), path, plain(path)).await;
        answer.assert_problem(503, "redis-away");
    }

    let settings = [("rate_limit", "1")];
    let world = World::with(Setup {
        settings: &settings,
        components: &["api", "maintenance"],
        ..Setup::default()
    });
    let world = world.await;
    for (method, path, about) in &operations {
        if about["responses"]["429"].is_null() {
            continue;
        }
        // The second of two in one second is too many; a second may end between them.
        let send =
            async || document.call(&world, method.clone(), path, plain(path)).await.status.as_u16();
        eventually("it is too fast", send, |status| *status == 429).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_answer_can_be_provoked_and_is_as_documented() {
    let world = World::with(Setup { components: &["docs"], ..Setup::default() }).await;
    let mut document = Document::read(&world).await;
    provoke_by_requests(&mut document).await;
    provoke_by_callbacks(&mut document).await;
    provoke_everywhere(&mut document).await;
    let documented = document.documented();
    // No token has less than the role that may read.
    let missing: Vec<_> = documented
        .difference(&document.seen)
        .filter(|answer| !(answer.starts_with("GET ") && answer.ends_with(" 403")))
        .collect();
    assert!(missing.is_empty(), "never answered: {missing:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_needs_nothing_from_elsewhere() {
    let world = World::with(Setup { components: &["docs"], ..Setup::default() }).await;
    for path in ["/docs", "/docs/", "/redoc"] {
        let page = world.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    }
    let page = world.get("/docs").await;
    assert!(page.header("content-security-policy").starts_with("default-src 'self'"));
    let mut files = 0;
    for attribute in ["src=\"", "href=\""] {
        for part in page.text.split(attribute).skip(1) {
            let target = part.split('"').next().unwrap();
            if let Some(place) = target.strip_prefix('#') {
                let id = format!(" id=\"{place}\"");
                assert!(page.text.contains(&id), "nothing on the page is called {place}");
                continue;
            }
            // A link may lead away; whatever is loaded may not.
            let is_link = attribute == "href=\""
                && !page.text.contains(&format!("<link rel=\"stylesheet\" href=\"{target}"));
            if target == "data:," || (is_link && target.starts_with("https://")) {
                continue;
            }
            assert!(target.starts_with('/'), "{target} is from elsewhere");
            let file = world.get(target).await;
            assert_eq!(file.status, 200, "{target}");
            assert!(!file.text.is_empty());
            files += 1;
        }
    }
    assert!(files >= 5, "the page has lost its files");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_type_of_every_problem_is_a_place_on_the_page() {
    let world = World::with(Setup { components: &["docs", "api"], ..Setup::default() }).await;
    let page = world.get("/docs").await.text;
    let answers = [
        world.get("/nothing").await,
        world.get("/docs/nothing").await,
        world.call(Method::DELETE, "/docs", "").await,
        world.call(Method::POST, "/groups/create", "x").await,
        world.get("/groups/task/x").await,
    ];
    for answer in &answers {
        let slug = answer.json["type"].as_str().unwrap().strip_prefix("/docs#").unwrap();
        assert!(page.contains(&format!("<section id=\"{slug}\">")), "{slug}");
        answer.assert_problem(answer.status.as_u16(), slug.strip_prefix("problem-").unwrap());
    }
}
