//! What the default adapter asks, and what it makes of which answer.

use super::*;

fn answer(status: u16, content_type: Option<&str>, body: &str) -> NodeResponse {
    let header = |kind: &str| ("content-type".to_owned(), kind.to_owned());
    NodeResponse {
        status,
        headers: content_type.map(header).into_iter().collect(),
        body: body.into(),
        body_is_whole: true,
    }
}

fn page(status: u16) -> NodeResponse {
    answer(status, Some("text/html"), "<html>sign in</html>")
}

fn with(name: &str, value: &str) -> ClusterManager {
    ClusterManager::with(&[(name.to_owned(), value.to_owned())]).unwrap()
}

/// A verdict without its reason.
fn kind(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Applied => "applied",
        Verdict::AsAsked => "as asked",
        Verdict::Unchanged => "unchanged",
        Verdict::Refused(_) => "refused",
        Verdict::Inspect(_) => "inspect",
        Verdict::Foreign(_) => "foreign",
        Verdict::Unknown(_) => "unknown",
    }
}

#[test]
fn each_verb_is_a_request_of_the_group_api() {
    let adapter = ClusterManager::default();
    let inspect = adapter.prepare(Verb::Inspect, "a/b").unwrap();
    assert_eq!((inspect.method.as_str(), inspect.body.as_slice()), ("GET", &b""[..]));
    assert_eq!(inspect.path_with_query, "/v1/group/a%2Fb");
    for (operation, method) in [(Operation::Create, "POST"), (Operation::Delete, "DELETE")] {
        let request = adapter.prepare(Verb::Change(operation), "a\"b").unwrap();
        assert_eq!(request.method, method);
        assert_eq!(request.path_with_query, "/v1/group/");
        assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
        assert_eq!(request.body, br#"{"groupId":"a\"b"}"#);
        assert!(request.wanted.iter().all(|wanted| wanted.body_bytes == 0 && !wanted.covers(201)));
    }
}

#[test]
fn an_id_that_a_url_cannot_hold_is_refused_before_anything_is_sent() {
    let adapter = ClusterManager::default();
    for group_id in [".", ".."] {
        assert!(adapter.check_group_id(group_id).unwrap_err().contains(group_id));
        for verb in [Verb::Inspect, Verb::Change(Operation::Create)] {
            assert!(adapter.prepare(verb, group_id).is_err());
        }
    }
    for group_id in ["...", ".a", "a/..", "%2e"] {
        assert_eq!(adapter.check_group_id(group_id), Ok(()));
    }
}

/// 400, 404 and 409 mean what they mean for that operation, and no more.
#[test]
fn an_answer_is_judged_by_operation_and_status() {
    for (operation, status, expected) in [
        (Operation::Create, 200, "as asked"),
        (Operation::Create, 201, "applied"),
        (Operation::Create, 204, "foreign"),
        (Operation::Create, 301, "foreign"),
        (Operation::Create, 400, "inspect"),
        (Operation::Create, 404, "refused"),
        (Operation::Create, 408, "foreign"),
        (Operation::Create, 409, "inspect"),
        (Operation::Create, 429, "refused"),
        (Operation::Create, 500, "unknown"),
        (Operation::Delete, 200, "as asked"),
        (Operation::Delete, 201, "foreign"),
        (Operation::Delete, 204, "as asked"),
        (Operation::Delete, 302, "foreign"),
        (Operation::Delete, 400, "inspect"),
        (Operation::Delete, 404, "inspect"),
        (Operation::Delete, 409, "refused"),
        (Operation::Delete, 503, "unknown"),
        (Operation::Delete, 999, "unknown"),
    ] {
        for bare in [answer(status, None, ""), answer(status, Some("application/json"), "{}")] {
            let verdict = ClusterManager::default().interpret(operation, "g", bare);
            assert_eq!(kind(&verdict), expected, "{operation:?} {status}");
        }
    }
}

#[test]
fn a_page_is_no_answer_to_a_change() {
    for (operation, status) in [
        (Operation::Create, 200),
        (Operation::Create, 400),
        (Operation::Create, 409),
        (Operation::Delete, 200),
        (Operation::Delete, 400),
        (Operation::Delete, 404),
    ] {
        let strict = ClusterManager::default();
        let request = strict.prepare(Verb::Change(operation), "g").unwrap();
        assert!(request.wanted.iter().any(|wanted| wanted.covers(status)), "it sees the type");
        assert_eq!(kind(&strict.interpret(operation, "g", page(status))), "foreign");
        let loose = with("trust", "status");
        assert_ne!(kind(&loose.interpret(operation, "g", page(status))), "foreign");
        assert!(loose.prepare(Verb::Change(operation), "g").unwrap().wanted.is_empty());
    }
}

#[test]
fn only_json_with_200_or_404_tells_what_a_node_holds() {
    let adapter = ClusterManager::default();
    let find = |answer| adapter.interpret_inspection("g", answer);
    for status in [100, 201, 204, 301, 400, 403, 410, 429, 500, 503, 999] {
        let finding = find(answer(status, Some("application/json"), "{}"));
        assert!(matches!(finding, Finding::Unclear(_)), "{status}: {finding:?}");
    }
    for status in [200, 404] {
        for other in [page(status), answer(status, None, "gone")] {
            assert!(matches!(find(other), Finding::Unclear(_)));
        }
    }
    assert_eq!(find(answer(200, None, r#"{"groupId":"g"}"#)), Finding::Present);
    assert_eq!(find(answer(200, None, "")), Finding::Present);
    assert_eq!(find(answer(404, None, r#"{"error":"no such group"}"#)), Finding::Absent);
    assert!(matches!(find(answer(404, None, "")), Finding::SeemsAbsent(_)));
}

#[test]
fn what_is_believed_can_be_loosened_and_tightened() {
    let loose = with("trust", "status");
    assert!(loose.prepare(Verb::Inspect, "g").unwrap().wanted.is_empty());
    assert_eq!(loose.interpret_inspection("g", page(404)), Finding::Absent);
    assert_eq!(loose.interpret_inspection("g", answer(200, None, "")), Finding::Present);
    let tight = with("absent_text", "no such group");
    let own = answer(404, Some("text/plain"), "no such group\n");
    assert_eq!(tight.interpret_inspection("g", own), Finding::Absent);
    let other = answer(404, Some("application/json"), r#"{"message":"unknown"}"#);
    assert!(matches!(tight.interpret_inspection("g", other), Finding::Unclear(_)));
}
