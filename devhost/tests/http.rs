//! The HTTP trigger's own answers.

#[path = "support/components.rs"]
mod components;
mod support;

use support::{App, get};

fn app() -> App {
    let manifest = r#"
        [[trigger.http]]
        route = "/trap/..."
        component = "trap"
        [[trigger.http]]
        route = "/silent"
        component = "silent"
        [component.trap]
        source = "trap.wasm"
        [component.silent]
        source = "silent.wasm"
    "#;
    let trap = components::http("(unreachable)");
    App::new(manifest, &[("trap", &trap), ("silent", &components::http("(nop)"))])
}

#[test]
fn a_component_that_fails_before_its_response_is_a_500() {
    let app = app();
    let host = app.up(&["--quiet"]);
    let address = host.address();
    assert_eq!(get(&address, "/trap/a?b"), (500, String::new()));
    host.complains("Component `trap` failed to answer /trap/a");
    assert_eq!(get(&address, "/silent"), (500, String::new()));
    host.complains("it returned without a response");
}

#[test]
fn the_host_answers_what_no_component_does() {
    let app = app();
    let host = app.up(&[]);
    let address = host.address();
    assert_eq!(get(&address, "/"), (404, String::new()));
    assert_eq!(get(&address, "/silent/a"), (404, String::new()));
    assert_eq!(get(&address, "/.well-known/spin/health"), (200, "OK".to_owned()));
    assert_eq!(get(&address, "/.well-known/spin/other"), (404, String::new()));
}

#[test]
fn a_part_of_the_application_can_be_run() {
    let app = app();
    let host = app.up(&["-c", "silent"]);
    let address = host.address();
    assert_eq!(get(&address, "/trap/a"), (404, String::new()));
    assert_eq!(get(&address, "/silent"), (500, String::new()));
}

#[test]
fn signals_end_the_host_in_peace() {
    let app = app();
    for signal in ["TERM", "INT"] {
        let host = app.up(&[]);
        host.address();
        host.send_signal(signal);
        assert!(host.ended().success());
    }
}
