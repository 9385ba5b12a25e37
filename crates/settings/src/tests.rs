//! Each setting, as it should be and as it should not.

use std::collections::BTreeMap;

use super::*;

struct Given(BTreeMap<&'static str, String>);

impl Source for Given {
    fn get(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).map(String::as_str).ok_or_else(|| "unknown variable".to_owned())
    }
}

/// The defaults of `spin.toml`, with some settings given.
fn given(settings: &[(&'static str, &str)]) -> Given {
    let defaults = [
        ("nodes", "127.0.0.1:8001,127.0.0.1:8002,127.0.0.1:8003"),
        ("node_hosts", "http://127.0.0.1:*"),
        ("redis_host", "127.0.0.1"),
        ("redis_port", "6379"),
        ("redis_db", "0"),
        ("redis_user", "default"),
        ("redis_password", "none"),
        ("rollback_retry_delay", "10"),
        ("rollback_max_retries", "3"),
        ("rollback_backoff", "1"),
        ("rollback_jitter", "0"),
        ("forward_max_attempts", "1"),
        ("node_timeout", "5000"),
        ("node_parallelism", "1"),
        ("concurrency", "64"),
        ("lease", "30"),
        ("task_ttl", "86400"),
        ("max_queue", "200000"),
        ("api_tokens", "none"),
        ("idempotency_ttl", "86400"),
        ("rate_limit", "0"),
        ("cors_origins", "none"),
        ("breaker_failures", "20"),
        ("breaker_open", "5"),
        ("callback_hosts", "http://127.0.0.1:*"),
        ("callback_secret", "none"),
        ("callback_retry_delay", "5"),
        ("callback_max_attempts", "8"),
    ];
    let both = defaults.iter().chain(settings);
    Given(both.map(|(name, value)| (*name, (*value).to_owned())).collect())
}

#[track_caller]
fn refused(name: &'static str, value: &str) -> String {
    let source = given(&[(name, value)]);
    let error = redis(&source)
        .err()
        .or_else(|| api(&source).err())
        .or_else(|| drain(&source, DrainUse::Worker).err());
    error.unwrap_or_else(|| panic!("{name}={value:?} was taken")).to_string()
}

#[test]
fn the_defaults_are_the_references_behaviour() {
    let settings = api(&given(&[])).unwrap();
    assert_eq!(settings.policy, Policy::default());
    assert_eq!(settings.nodes, ["127.0.0.1:8001", "127.0.0.1:8002", "127.0.0.1:8003"]);
    assert_eq!(redis(&given(&[])).unwrap().url, "redis://127.0.0.1:6379/0");
    let limits = drain(&given(&[]), DrainUse::Worker).unwrap();
    assert_eq!((limits.concurrency, limits.lease_ms, limits.run_ms), (64, 30_000, 60_000));
    let sweep = drain(&given(&[]), DrainUse::Sweep).unwrap();
    assert!(limits.stays && !sweep.stays && sweep.run_ms < limits.run_ms);
}

#[test]
fn a_password_goes_into_the_url_and_into_no_error() {
    let source = given(&[("redis_user", "muster"), ("redis_password", "s%40crit")]);
    assert_eq!(redis(&source).unwrap().url, "redis://muster:s%40crit@127.0.0.1:6379/0");
    let error = refused("redis_password", "s@crit");
    assert!(!error.contains("crit") && error.contains("redis_password"), "{error}");
    let error = refused("callback_secret", "dG9vIHNob3J0");
    assert!(!error.contains("dG9v") && error.contains("openssl rand"), "{error}");
    let error = refused("api_tokens", "0123456789abcdef,short");
    assert!(!error.contains("short") && error.contains("api_tokens"), "{error}");
}

#[test]
fn there_are_callbacks_once_there_is_a_key() {
    assert_eq!(api(&given(&[])).unwrap().callback_hosts, None);
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for secret in [key.to_owned(), format!("whsec_{key}")] {
        let source = given(&[("callback_secret", secret.as_str())]);
        assert!(api(&source).unwrap().callback_hosts.is_some());
        let limits = drain(&source, DrainUse::Worker).unwrap();
        assert_eq!(limits.webhooks.key.as_deref().map(<[u8]>::len), Some(24));
        assert!(!format!("{limits:?}").contains("MfKQ"));
    }
}

#[test]
fn tokens_are_a_list() {
    assert!(api(&given(&[])).unwrap().api_tokens.is_empty());
    let source = given(&[("api_tokens", "0123456789abcdef, fedcba9876543210")]);
    let tokens = api(&source).unwrap().api_tokens;
    let secrets: Vec<&str> = tokens.iter().map(|token| token.secret.as_str()).collect();
    assert_eq!(secrets, ["0123456789abcdef", "fedcba9876543210"]);
    assert!(tokens.iter().all(|token| token.role == Role::Operate));
}

#[test]
fn tokens_may_have_a_name_and_a_role() {
    let source = given(&[("api_tokens", "ci:submit:0123456789abcdef,eve:read:fedc:ba9876543210")]);
    let tokens = api(&source).unwrap().api_tokens;
    let all: Vec<_> = tokens.iter().map(|t| (t.name.as_str(), t.role, t.secret.as_str())).collect();
    let expected =
        [("ci", Role::Submit, "0123456789abcdef"), ("eve", Role::Read, "fedc:ba9876543210")];
    assert_eq!(all, expected);
    assert!(Role::Read < Role::Submit && Role::Submit < Role::Operate);
    for wrong in ["ci:root:0123456789abcdef", ":read:0123456789abcdef", "ci:read", "ci:read:short"]
    {
        assert!(refused("api_tokens", wrong).contains("NAME:ROLE:TOKEN"));
    }
}

#[test]
fn origins_are_a_list() {
    let source = given(&[("cors_origins", "https://a.example, http://localhost:3000")]);
    let origins = api(&source).unwrap().cors_origins;
    assert_eq!(origins, ["https://a.example", "http://localhost:3000"]);
    assert!(refused("cors_origins", "a.example").contains("https://example.com"));
}

#[test]
fn fractions_of_seconds_are_taken() {
    let settings = api(&given(&[("rollback_retry_delay", "0.25")])).unwrap();
    assert_eq!(settings.policy.rollback_retry_delay_ms, 250);
    let settings = api(&given(&[("rollback_backoff", "1.5"), ("rollback_jitter", "0.2")])).unwrap();
    let policy = settings.policy;
    assert_eq!((policy.rollback_backoff_percent, policy.rollback_jitter_percent), (150, 20));
}

#[test]
fn nodes_are_hosts_with_ports_or_urls() {
    let list = " n1:80 , http://n2, https://n3.example:8443/api/ ,[::1]:9000,";
    let settings = api(&given(&[("nodes", list)])).unwrap();
    assert_eq!(settings.nodes, ["n1:80", "http://n2", "https://n3.example:8443/api", "[::1]:9000"]);
}

#[test]
fn node_hosts_is_one_pattern_that_spin_can_read() {
    for (pattern, taken) in [
        ("http://127.0.0.1:*", true),
        ("https://node.example.com", true),
        ("*://*.example.com:8000..8100", true),
        ("http://10.0.0.0/8:8080", true),
        ("http://[::1]:80", true),
        ("*://*:*", true),
        ("", false),
        ("*://n1", false),
        ("ftp://n1:80", false),
        ("http://:80", false),
        ("http://n*:80", false),
        ("http://user@n1:80", false),
        ("http://n1:80..x", false),
        ("http://n1:80,http://n2:80", false),
        ("http://n1:80 http://n2:80", false),
    ] {
        assert_eq!(api(&given(&[("node_hosts", pattern)])).is_ok(), taken, "{pattern}");
    }
}

#[test]
fn a_bad_value_is_refused_with_its_name_the_value_and_what_is_allowed() {
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
        ("nodes", "n1:80,n1:80", "each node once"),
        ("node_hosts", "127.0.0.1:8001", "SCHEME://HOST:PORT"),
        ("node_hosts", "http://n1:80/x", "SCHEME://HOST:PORT"),
        ("rollback_retry_delay", "-1", "seconds from 0 to 86400"),
        ("rollback_retry_delay", "1e3", "seconds"),
        ("rollback_retry_delay", ".5", "seconds"),
        ("rollback_max_retries", "1001", "from 0 to 1000"),
        ("rollback_backoff", "0.5", "from 1 to 10"),
        ("rollback_jitter", "2", "from 0 to 1"),
        ("forward_max_attempts", "0", "from 1"),
        ("node_timeout", "20000", "half of the lease, 15000 ms"),
        ("node_parallelism", "0", "from 1"),
        ("concurrency", "0", "from 1 to 4096"),
        ("lease", "0.5", "seconds from 1 to 3600"),
        ("task_ttl", "0", "from 1"),
        ("max_queue", "", "from 1"),
        ("breaker_failures", "-1", "from 0"),
        ("breaker_open", "0", "seconds from 0.001 to 3600"),
        ("callback_hosts", "anywhere", "SCHEME://HOST:PORT"),
        ("callback_retry_delay", "0", "seconds from 0.001"),
        ("callback_max_attempts", "0", "from 1 to 100"),
    ] {
        let error = refused(name, value);
        let shown = value.trim().split(',').next().unwrap_or_default();
        assert!(error.contains(name), "{error}");
        assert!(error.contains(shown), "{error} does not show {value:?}");
        assert!(error.contains(allowed), "{error} does not say {allowed:?}");
    }
}

#[test]
fn a_setting_the_host_does_not_know_is_an_error() {
    let mut source = given(&[]);
    source.0.remove("max_queue");
    assert!(api(&source).unwrap_err().to_string().contains("max_queue"));
}
