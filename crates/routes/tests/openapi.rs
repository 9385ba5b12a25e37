//! The OpenAPI document: what generated clients rely on, and that it says what the routes do.

#![cfg(feature = "openapi")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use std::collections::BTreeSet;

use serde_json::Value;

#[test]
fn every_operation_has_an_id_of_its_own_a_summary_and_a_tag() {
    let document = routes::openapi();
    let paths = document["paths"].as_object().unwrap();
    let operations: Vec<&Value> =
        paths.values().flat_map(|methods| methods.as_object().unwrap().values()).collect();
    let ids: BTreeSet<&str> = operations
        .iter()
        .map(|operation| operation["operationId"].as_str().unwrap())
        .inspect(|id| assert!(!id.is_empty()))
        .collect();
    assert_eq!(ids.len(), operations.len());
    for operation in operations {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()));
        assert_eq!(operation["tags"].as_array().unwrap().len(), 1);
    }
}

/// Generated clients name their functions after these.
#[test]
fn ids_are_those_that_clients_know() {
    let document = routes::openapi();
    let id = |method: &str, path: &str| document["paths"][path][method]["operationId"].clone();
    for (method, path, known) in [
        ("post", "/groups/create", "CreateGroup"),
        ("post", "/groups/bulk", "SubmitMany"),
        ("get", "/groups/task/{task_id}", "ShowTask"),
        ("get", "/dead-letters", "ListLetters"),
        ("get", "/dead-letters/{id}", "ShowLetter"),
        ("delete", "/dead-letters/{id}", "DiscardLetter"),
        ("post", "/dead-letters/{id}/retry", "RetryLetter"),
        ("post", "/dead-letters/retry", "RetryLetters"),
        ("get", "/healthz", "Health"),
        ("get", "/readyz", "Ready"),
        ("post", "/maintenance/pause", "Pause"),
        ("post", "/maintenance/resume", "Resume"),
        ("post", "/maintenance/sweep", "Sweep"),
        ("get", "/metrics", "Metrics"),
    ] {
        assert_eq!(id(method, path), known, "{method} {path}");
    }
}

#[test]
fn names_are_those_that_the_routes_send() {
    let document = routes::openapi();
    let names = |schema: &str| -> Vec<String> {
        let schema = &document["components"]["schemas"][schema];
        let listed = schema["enum"].as_array().cloned().unwrap_or_default();
        let described = schema["oneOf"].as_array().cloned().unwrap_or_default();
        let described = described.iter().flat_map(|entry| {
            let one = entry.get("const").cloned();
            let many = entry["enum"].as_array().cloned().unwrap_or_default();
            one.into_iter().chain(many).collect::<Vec<_>>()
        });
        let mut names: Vec<String> = listed
            .iter()
            .cloned()
            .chain(described)
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        names.sort();
        names
    };
    let mut states: Vec<&str> = saga::ClientState::ALL.iter().map(|s| s.name()).collect();
    states.sort_unstable();
    assert_eq!(names("State"), states);
    assert_eq!(names("Operation"), ["create", "delete"]);
    assert_eq!(names("Presence"), ["absent", "present"]);
    let mut phases: Vec<&str> = saga::Phase::ALL.iter().map(|phase| phase.name()).collect();
    phases.sort_unstable();
    assert_eq!(names("Phase"), phases);
    assert_eq!(names("NodeState").len(), 9);
    assert_eq!(names("DeadLetterKind"), ["compensation", "unreadable_record"]);
}

#[test]
fn every_kind_of_problem_is_documented_somewhere() {
    let text = routes::openapi().to_string();
    // These belong to no route in particular.
    let general = ["bad-request", "no-such-route", "method-not-allowed"];
    for kind in routes::KINDS.iter().filter(|kind| !general.contains(&kind.slug)) {
        assert!(text.contains(&format!("(#problem-{})", kind.slug)), "{}", kind.slug);
    }
}
