//! What is refused, why, and that no value is told.

use super::*;

/// A client may read these, and nobody knows what was put into the wrong place.
#[test]
fn no_refusal_shows_what_was_given() {
    let secret = "hunter2";
    for row in table::SECTIONS.iter().flat_map(|section| section.rows) {
        let name = row.facts().name;
        for value in [
            secret.to_owned(),
            format!("http://admin:{secret}@n1:80"),
            format!("http://n1:80/?token={secret}"),
            format!("n1:80,{secret}"),
            format!("{secret}:read:{secret}{secret}{secret},x:read:{secret}{secret}{secret}"),
            format!("*,{secret}"),
            format!("{secret}\n"),
        ] {
            let source = given(&[(name, value.as_str())]);
            let errors = [
                redis(&source).err(),
                access(&source).tokens.err(),
                access(&source).origins.err(),
                api(&source).err(),
                log_level(&source).err(),
                drain(&source, DrainUse::Worker).err(),
            ];
            for error in errors.into_iter().flatten() {
                let told = format!("{error} {} {error:?}", error.for_log());
                assert!(!told.contains(secret), "{name}={value:?}: {told}");
                assert!(told.contains(name), "{name}={value:?}: {told}");
            }
        }
    }
}

#[test]
fn the_log_shows_numbers() {
    let error = api(&given(&[("rollback_max_retries", "1001")])).unwrap_err();
    assert!(!error.to_string().contains("1001") && error.for_log().contains("it is \"1001\""));
    let error = drain(&given(&[("node_timeout", "20000")]), DrainUse::Worker).unwrap_err();
    assert!(!error.to_string().contains("20000") && error.for_log().contains("20000"));
}

#[test]
fn a_bound_that_another_setting_gives_is_kept() {
    let refused = |settings| api(&given(settings)).unwrap_err().to_string();
    let error = refused(&[("task_ttl", "60"), ("idempotency_ttl", "61")]);
    assert!(error.contains("setting idempotency_ttl") && error.contains("at most task_ttl"));
    assert!(api(&given(&[("task_ttl", "60"), ("idempotency_ttl", "60")])).is_ok());
}

#[test]
fn a_bad_value_is_refused_with_its_name_and_what_is_allowed() {
    for (name, value, allowed) in [
        ("redis_host", "a/b", "a host name"),
        ("redis_port", "0", "from 1 to 65535"),
        ("redis_port", "port", "from 1 to 65535"),
        ("redis_db", "-1", "from 0"),
        ("redis_user", "a:b", "percent-encoded"),
        ("nodes", " , ", "1 to 1000 nodes"),
        ("nodes", "n1", "host:port"),
        ("nodes", "n1:80/x", "host:port"),
        ("nodes", "ftp://n1", "host:port"),
        ("nodes", "http://user@n1", "without credentials"),
        ("nodes", "http://n1?x=1", "query"),
        ("node_hosts", "127.0.0.1:8001", "SCHEME://HOST:PORT"),
        ("node_hosts", "http://n1:80/x", "SCHEME://HOST:PORT"),
        ("rollback_retry_delay", "-1", "seconds from 0 to 86400"),
        ("rollback_retry_delay", "1e3", "seconds"),
        ("rollback_retry_delay", ".5", "seconds"),
        ("rollback_max_retries", "1001", "from 0 to 1000"),
        ("rollback_retry_delay", "0.0005", "three decimals"),
        ("rollback_backoff", "0.5", "from 1 to 10"),
        ("rollback_backoff", "1.005", "two decimals"),
        ("rollback_jitter", "2", "from 0 to 1"),
        ("forward_max_attempts", "0", "from 1"),
        ("node_timeout", "20000", "half of lease"),
        ("node_parallelism", "0", "from 1"),
        ("concurrency", "0", "from 1 to 4096"),
        ("lease", "0.5", "seconds from 1 to 3600"),
        ("task_ttl", "0", "from 1"),
        ("log_level", "INFO", "`error`, `warn` or `info`"),
        ("max_queue", "", "from 1"),
        ("breaker_failures", "-1", "from 0"),
        ("breaker_open", "0", "seconds from 0.001 to 3600"),
        ("callback_hosts", "anywhere", "SCHEME://HOST:PORT"),
        ("callback_retry_delay", "0", "seconds from 0.001"),
        ("callback_max_attempts", "0", "from 1 to 100"),
    ] {
        let error = refused(name, value);
        assert!(error.contains(name), "{error}");
        assert!(error.contains(allowed), "{error} does not say {allowed:?}");
    }
}

#[test]
fn a_refusal_says_what_is_wrong_with_a_pattern_or_a_node() {
    for (name, value, reason) in [
        ("node_hosts", "HTTP://n1:80", "lower case"),
        ("callback_hosts", "HTTPS://hooks.example.com", "lower case"),
        ("node_hosts", "http://[fd00::]/8", "fd00::/8"),
        ("nodes", "127.0.0.1:80,n2:70000", "from 1 to 65535"),
        ("nodes", "http://n1/#x", "fragment"),
        ("nodes", "http://127.1:8001", "four numbers"),
    ] {
        let error = refused(name, value);
        assert!(error.contains(name) && error.contains(reason), "{error}");
    }
}

#[test]
fn a_setting_the_host_does_not_know_is_an_error() {
    let mut source = given(&[]);
    source.0.remove("max_queue");
    assert!(api(&source).unwrap_err().to_string().contains("max_queue"));
}
