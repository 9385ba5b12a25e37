//! Each setting, as it should be and as it should not.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::*;

struct Given(BTreeMap<&'static str, String>);

impl Source for Given {
    fn get(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).map(String::as_str).ok_or_else(|| "unknown variable".to_owned())
    }
}

/// The defaults, with some settings given.
fn given(settings: &[(&'static str, &str)]) -> Given {
    let mut all = known_to(|_| true);
    all.0.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all
}

/// The defaults of those settings alone that `is_known`.
fn known_to(is_known: impl Fn(&Facts) -> bool) -> Given {
    let rows = table::SECTIONS.iter().flat_map(|section| section.rows);
    let known = rows.map(|row| row.facts()).filter(|facts| is_known(facts));
    Given(known.map(|facts| (facts.name, facts.default.to_owned())).collect())
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
fn the_defaults_behave_as_the_fastapi_celery_service() {
    let settings = api(&given(&[])).unwrap();
    assert_eq!(settings.policy, Policy::default());
    assert_eq!(settings.nodes, ["127.0.0.1:8001", "127.0.0.1:8002", "127.0.0.1:8003"]);
    assert_eq!(redis(&given(&[])).unwrap().url, "redis://127.0.0.1:6379/0");
    let limits = drain(&given(&[]), DrainUse::Worker).unwrap();
    assert_eq!((limits.concurrency, limits.lease_ms, limits.run_ms), (64, 10_000, 60_000));
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
        ("node_timeout", "5001", "half of the lease, 5000 ms"),
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
fn a_refusal_says_what_is_wrong_with_a_pattern_or_a_node() {
    for (name, value, reason) in [
        ("node_hosts", "HTTP://n1:80", "lower case"),
        ("callback_hosts", "HTTPS://hooks.example.com", "lower case"),
        ("node_hosts", "http://[fd00::]/8", "fd00::/8"),
        ("nodes", "n1:80,n2:70000", "from 1 to 65535"),
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

/// Gives settings, and remembers which.
struct Recorded {
    given: Given,
    names: RefCell<BTreeSet<String>>,
}

impl Source for Recorded {
    fn get(&self, name: &str) -> Result<&str, String> {
        self.names.borrow_mut().insert(name.to_owned());
        self.given.get(name)
    }
}

/// A component is told nothing but what its list in `spin.toml` has.
#[test]
fn each_component_is_told_what_it_reads_and_nothing_else() {
    type Reads = fn(&Recorded) -> Result<(), SettingError>;
    let worker: Reads = |source| drain(source, DrainUse::Worker).map(drop);
    // The API tells in `/readyz` whether the worker's settings are as they should be.
    let http: Reads = |source| {
        api(source)?;
        drain(source, DrainUse::Sweep).map(drop)
    };
    for (component, reads) in
        [(Component::Worker, worker), (Component::Api, http), (Component::Maintenance, http)]
    {
        let given = known_to(|facts| facts.needed_by.contains(&component));
        let told: BTreeSet<String> = given.0.keys().map(|name| (*name).to_owned()).collect();
        let source = Recorded { given, names: RefCell::default() };
        reads(&source).and_then(|()| redis(&source).map(drop)).unwrap();
        assert_eq!(source.names.into_inner(), told, "{}", component.name());
    }
}

#[test]
fn each_setting_has_a_name_of_its_own_and_a_sentence() {
    let mut names = BTreeSet::new();
    for row in table::SECTIONS.iter().flat_map(|section| section.rows) {
        let facts = row.facts();
        assert!(names.insert(facts.name), "{} is there twice", facts.name);
        assert!(facts.meaning.ends_with('.') && !row.allowed().is_empty(), "{}", facts.name);
        assert!(!facts.needed_by.is_empty(), "nobody reads {}", facts.name);
        if let Some(example) = facts.example {
            let source = given(&[(facts.name, example)]);
            api(&source).unwrap();
            drain(&source, DrainUse::Worker).unwrap();
        }
    }
}
