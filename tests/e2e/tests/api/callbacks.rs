//! Callbacks: signed, tried again, given up, and only to where they may go.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::{Answer, Hook, Received, Setup, World, eventually, state};
use hmac::{Hmac, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SETTINGS: [(&str, &str); 3] =
    [("callback_secret", SECRET), ("callback_retry_delay", "0.01"), ("callback_max_attempts", "3")];

async fn world() -> World {
    World::with(Setup { settings: &SETTINGS, ..Setup::default() }).await
}

async fn submit(world: &World, url: &str) -> Answer {
    let body = json!({ "group_id": "g", "callback_url": url }).to_string();
    world.call(Method::POST, "/groups/create", &body).await
}

/// The task's callback once it stands like this.
async fn standing(world: &World, task_id: &str, standing: &str) -> Value {
    let observe = async || world.task(task_id).await["callback"].clone();
    eventually("the callback gets there", observe, |callback| callback["standing"] == standing)
        .await
}

fn is_signed(received: &Received) -> bool {
    let header = |name: &str| received.headers[name].to_str().unwrap().to_owned();
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    mac.update(format!("{id}.{time}.{}", received.body).as_bytes());
    header("webhook-signature") == format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_task_is_told_once_and_signed() {
    let world = world().await;
    let hook = Hook::start(&[]).await;
    let accepted = submit(&world, &hook.url()).await;
    let task_id = accepted.json["task_id"].as_str().unwrap();
    let callback = standing(&world, task_id, "delivered").await;
    assert_eq!((&callback["url"], &callback["attempts"]), (&json!(hook.url()), &json!(1)));
    let received = hook.received();
    assert_eq!(received.len(), 1);
    assert!(is_signed(&received[0]), "{received:?}");
    assert_eq!(received[0].headers["webhook-id"], task_id);
    let body: Value = serde_json::from_str(&received[0].body).unwrap();
    let task = world.ended(task_id).await;
    assert_eq!(body["type"], "task.ended");
    for field in ["task_id", "group_id", "operation", "state", "status", "finished_at"] {
        assert_eq!(body["data"][field], task[field], "{field}");
    }
    let path = format!("/callbacks/{task_id}");
    world.post(&format!("{path}/retry")).await.assert_problem(409, "callback-delivered");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_is_tried_again_with_a_signature_of_its_own() {
    let world = world().await;
    let hook = Hook::start(&[500, 404]).await;
    let task_id = submit(&world, &hook.url()).await.json["task_id"].as_str().unwrap().to_owned();
    let callback = standing(&world, &task_id, "delivered").await;
    assert_eq!((&callback["attempts"], &callback["last_error"]), (&json!(3), &Value::Null));
    let received = hook.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(is_signed));
    assert!(received.iter().all(|call| call.body == received[0].body));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_given_up_is_listed_until_a_person_retries_or_discards_it() {
    let world = world().await;
    let hook = Hook::start(&[500; 6]).await;
    let task_id = submit(&world, &hook.url()).await.json["task_id"].as_str().unwrap().to_owned();
    assert_eq!(standing(&world, &task_id, "given_up").await["last_error"], "answered 500");
    assert_eq!(state(&world.ended(&task_id).await), "SUCCESS", "the task is none the worse");
    let listed = async |query: &str| world.get(&format!("/callbacks{query}")).await.json;
    assert_eq!(listed("").await["total"], 0);
    let given_up = listed("?given_up=true").await;
    assert_eq!(given_up["callbacks"][0]["task_id"], task_id.as_str());
    assert_eq!(world.get("/readyz").await.json["callbacks_given_up"], 1);
    assert!(world.get("/metrics").await.text.contains("\nmuster_callbacks_given_up 1\n"));

    let path = format!("/callbacks/{task_id}");
    assert_eq!(world.post(&format!("{path}/retry")).await.status, 204);
    let observe = async || hook.received().len();
    eventually("it is tried again", observe, |calls| *calls == 6).await;
    standing(&world, &task_id, "given_up").await;
    assert_eq!(world.call(Method::DELETE, &path, "").await.status, 204);
    world.call(Method::DELETE, &path, "").await.assert_problem(404, "no-such-callback");
    assert_eq!(listed("?given_up=true").await["total"], 0);
    let history = world.task(&task_id).await["history"].to_string();
    assert!(history.contains("callback_retried") && history.contains("callback_discarded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_goes_where_its_url_says() {
    let world = world().await;
    let hook = Hook::start(&[]).await;
    let address = hook.address();
    for (url, target) in [
        (format!("http://{address}?token=abc"), "/?token=abc"),
        (format!("HTTP://{address}/hook?token=abc"), "/hook?token=abc"),
    ] {
        let accepted = submit(&world, &url).await;
        standing(&world, accepted.json["task_id"].as_str().unwrap(), "delivered").await;
        assert_eq!(hook.received().pop().unwrap().target, target, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_goes_nowhere_that_is_not_allowed() {
    let world = world().await;
    for url in [
        "http://169.254.169.254/latest",
        "https://127.0.0.1:1/",
        "http://user@127.0.0.1:1/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:1/#there",
        "redis://127.0.0.1:6379",
        "/hook",
        "http://",
        "",
    ] {
        submit(&world, url).await.assert_problem(422, "bad-field");
    }
    let long = format!("http://127.0.0.1:1/{}", "x".repeat(2_048));
    submit(&world, &long).await.assert_problem(422, "bad-field");
    let body = "{\"group_id\": \"g\", \"callback_url\": 7}";
    let answer = world.call(Method::POST, "/groups/create", body).await;
    answer.assert_problem(422, "bad-field");

    let open = World::new().await;
    let answer = submit(&open, "http://127.0.0.1:1/").await;
    answer.assert_problem(422, "bad-field");
    assert!(answer.json["detail"].as_str().unwrap().contains("callback_secret"));
    assert_eq!(open.get("/tasks").await.json["tasks"], json!([]), "nothing was accepted");
}
