//! The Redis trigger, with a stand-in for Redis.

#[path = "support/components.rs"]
mod components;
mod support;

use support::App;
use support::redis::Redis;

fn listener(redis: &Redis, more: &str) -> App {
    let url = redis.url();
    let manifest = format!(
        "[variables]\nredis = {{ default = \"{url}\" }}\nchannel = {{ default = \"wake\" }}\n\
         [[trigger.redis]]\naddress = \"{{{{ redis }}}}\"\nchannel = \"test:{{{{ channel }}}}\"\n\
         component = \"ear\"\n\
         [component.ear]\nsource = \"ear.wasm\"\n{more}\n"
    );
    App::new(&manifest, &[("ear", &components::listener(&url))])
}

const ALLOWED: &str = "allowed_outbound_hosts = [\"{{ redis }}\"]";

#[test]
fn messages_are_handled_one_after_the_other_by_fresh_instances() {
    let redis = Redis::start();
    let app = listener(&redis, ALLOWED);
    let host = app.up(&[]);
    let mut subscription = redis.subscription();
    assert_eq!(subscription.channel, "test:wake");
    assert!(host.says("wake").ends_with("test:wake: [ear]"));

    subscription.send("one");
    subscription.send("two");
    let one = redis.published();
    redis.stays_silent();
    assert_eq!(one.answer(), ("heard".to_owned(), "one".to_owned()));
    assert_eq!(redis.published().answer().1, "two");
}

#[test]
fn a_handler_that_fails_is_logged_and_the_next_message_handled() {
    let redis = Redis::start();
    let app = listener(&redis, ALLOWED);
    let host = app.up(&[]);
    let mut subscription = redis.subscription();
    subscription.send("Error");
    host.complains("Component `ear` failed on a message: the handler returned an error");
    subscription.send("Trap");
    host.complains("Component `ear` failed on a message");
    host.complains("unreachable");
    subscription.send("fine");
    assert_eq!(redis.published().answer().1, "fine");
}

#[test]
fn two_components_on_a_channel_run_side_by_side() {
    let redis = Redis::start();
    let url = redis.url();
    let trigger = |id: &str| {
        format!(
            "[[trigger.redis]]\naddress = \"{url}\"\nchannel = \"c\"\ncomponent = \"{id}\"\n\
             [component.{id}]\nsource = \"ear.wasm\"\nallowed_outbound_hosts = [\"{url}\"]\n"
        )
    };
    let manifest = trigger("left") + &trigger("right");
    let app = App::new(&manifest, &[("ear", &components::listener(&url))]);
    let _host = app.up(&[]);
    let mut subscription = redis.subscription();
    subscription.send("both");
    subscription.send("again");
    let (first, second) = (redis.published(), redis.published());
    assert_eq!((first.payload.as_str(), second.payload.as_str()), ("both", "both"));
    first.answer();
    redis.stays_silent();
    second.answer();
    assert_eq!(redis.published().payload, "again");
}

#[test]
fn the_host_ends_when_redis_disconnects() {
    let redis = Redis::start();
    let app = listener(&redis, ALLOWED);
    let host = app.up(&[]);
    redis.subscription().disconnect();
    host.complains("disconnected from 127.0.0.1:");
    assert_eq!(host.ended().code(), Some(1));
}

#[test]
fn the_host_does_not_start_without_redis() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let manifest = format!(
        "[[trigger.redis]]\naddress = \"redis://{free}\"\nchannel = \"c\"\ncomponent = \"ear\"\n\
         [component.ear]\nsource = \"ear.wasm\"\n"
    );
    let app = App::new(&manifest, &[("ear", &components::listener("redis://x"))]);
    let host = app.up(&[]);
    host.complains("Redis trigger failed to connect to 127.0.0.1:");
    assert_eq!(host.ended().code(), Some(1));
}

#[test]
fn components_reach_only_what_they_may() {
    let redis = Redis::start();
    let app = listener(&redis, "");
    let host = app.up(&[]);
    redis.subscription().send("hello");
    host.complains("Component `ear` tried to call redis://127.0.0.1:");
    host.complains("Component `ear` failed on a message: the handler returned an error");
}

#[test]
fn variables_come_from_the_environment_file() {
    let redis = Redis::start();
    let app = listener(&redis, ALLOWED);
    std::fs::write(app.path().join(".env"), "SPIN_VARIABLE_CHANNEL=elsewhere\n").unwrap();
    let _host = app.up(&[]);
    assert_eq!(redis.subscription().channel, "test:elsewhere");
}

fn asker(redis: &Redis, more: &str) -> App {
    let url = redis.url();
    let manifest = format!(
        "[application.trigger.redis]\naddress = \"{url}\"\n\
         [[trigger.redis]]\nchannel = \"c\"\ncomponent = \"ear\"\n\
         [component.ear]\nsource = \"ear.wasm\"\nenvironment = {{ A = \"b\" }}\n{more}\n\
         [component.ear.dependencies]\n\"test:adapter/check@0.1.0\" = {{ path = \"dep.wasm\" }}\n"
    );
    App::new(&manifest, &[("ear", &components::asker()), ("dep", components::ADAPTER)])
}

#[test]
fn dependencies_get_nothing_of_their_component_by_default() {
    let redis = Redis::start();
    let app = asker(&redis, "");
    let host = app.up(&[]);
    let mut subscription = redis.subscription();
    // Answered 42: no complaint, so the next one is about what follows.
    subscription.send("ask");
    subscription.disconnect();
    assert!(host.complains("").starts_with("Logging component stdio"));
    assert!(host.complains("").contains("disconnected from"));
}

#[test]
fn dependencies_inherit_when_the_manifest_says_so() {
    let redis = Redis::start();
    let app = asker(&redis, "dependencies_inherit_configuration = true");
    let host = app.up(&[]);
    redis.subscription().send("ask");
    host.complains("the handler returned an error");
}
