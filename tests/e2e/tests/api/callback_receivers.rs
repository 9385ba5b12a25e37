//! Receivers of callbacks that are slow, silent, gone or too busy, and secrets that are replaced.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use e2e::{Hook, Received, Response, Setup, World, eventually};
use hmac::{Hmac, Mac as _};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const SETTINGS: [(&str, &str); 2] = [("callback_secret", SECRET), ("callback_retry_delay", "0.01")];

async fn world() -> World {
    World::with(Setup { settings: &SETTINGS, ..Setup::default() }).await
}

/// Submits a task on `group` whose end `hook` is to be told of; its id.
async fn submit(world: &World, group: &str, hook: &Hook) -> String {
    let body = json!({ "group_id": group, "callback_url": hook.url() }).to_string();
    let accepted = world.call(Method::POST, "/groups/create", &body).await;
    accepted.json["task_id"].as_str().unwrap().to_owned()
}

/// The task's callback once it is as `is_so` says.
async fn callback(world: &World, task_id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let observe = async || world.task(task_id).await["callback"].clone();
    eventually("the callback gets there", observe, is_so).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_receiver_is_told_once() {
    let world = world().await;
    // Slower than a node may be, and than a lease.
    let slow = Response { delay_ms: 3_000, ..Response::from(204) };
    let hook = Hook::answering([slow].into()).await;
    let task_id = submit(&world, "g", &hook).await;
    let delivered = |callback: &Value| callback["standing"] == "delivered";
    assert_eq!(callback(&world, &task_id, delivered).await["attempts"], 1);
    assert_eq!(hook.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_receiver_delays_no_other() {
    let world = world().await;
    let silent = Response { delay_ms: 600_000, ..Response::from(204) };
    let hung = Hook::answering(vec![silent; 40].into()).await;
    let mut tasks = Vec::new();
    for number in 0..40 {
        tasks.push(submit(&world, &format!("hung{number}"), &hung).await);
    }
    for task_id in &tasks {
        world.ended(task_id).await;
    }
    let well = Hook::start(&[]).await;
    let task_id = submit(&world, "well", &well).await;
    callback(&world, &task_id, |callback| callback["standing"] == "delivered").await;
    // None of the others has timed out by then.
    let waiting = world.get("/callbacks?limit=100").await.json;
    let callbacks = waiting["callbacks"].as_array().unwrap();
    assert_eq!(callbacks.len(), 40);
    assert!(callbacks.iter().all(|callback| callback["attempts"] == 0), "{waiting}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_told_no_more() {
    let world = world().await;
    let hook = Hook::start(&[410]).await;
    let task_id = submit(&world, "g", &hook).await;
    let given_up = callback(&world, &task_id, |callback| callback["standing"] == "given_up").await;
    assert_eq!(given_up["attempts"], 1);
    assert_eq!(hook.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_too_busy_is_left_alone_as_long_as_it_asks() {
    let world = world().await;
    for (group, retry_after) in [("seconds", "3600"), ("date", "Fri, 31 Dec 2100 23:59:59 GMT")] {
        let busy = Response { retry_after: Some(retry_after), ..Response::from(503) };
        let hook = Hook::answering([busy].into()).await;
        let task_id = submit(&world, group, &hook).await;
        let tried = callback(&world, &task_id, |callback| callback["attempts"] == 1).await;
        // Without the wish it would be a hundredth of a second later.
        let ended_at = world.task(&task_id).await["finished_at"].as_str().unwrap().to_owned();
        let due_at = tried["due_at"].as_str().unwrap();
        assert!(due_at[..13] > ended_at[..13], "{due_at} is not hours after {ended_at}");
    }
}

/// Whether one of the signatures is that of `secret`.
fn is_signed(received: &Received, secret: &str) -> bool {
    let header = |name: &str| received.headers[name].to_str().unwrap().to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(secret).unwrap()).unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    mac.update(format!("{id}.{time}.{}", received.body).as_bytes());
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    header("webhook-signature").split(' ').any(|signature| signature == expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_replaced_while_both_sign() {
    let both = format!("{SECRET},whsec_{OLD_SECRET}");
    let settings = [("callback_secret", both.as_str())];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    let hook = Hook::start(&[]).await;
    let task_id = submit(&world, "g", &hook).await;
    callback(&world, &task_id, |callback| callback["standing"] == "delivered").await;
    let received = hook.received();
    assert!(is_signed(&received[0], SECRET) && is_signed(&received[0], OLD_SECRET));
}
