//! Each setting, as it should be and as it should not.

mod access;
mod nodes;
mod redis;
mod refusals;

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
    let Access { tokens, origins } = access(&source);
    let error = tokens
        .err()
        .or_else(|| origins.err())
        .or_else(|| redis(&source).err())
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
fn there_are_callbacks_once_there_is_a_key() {
    assert_eq!(api(&given(&[])).unwrap().callback_hosts, None);
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for secret in [key.to_owned(), format!("whsec_{key}")] {
        let source = given(&[("callback_secret", secret.as_str())]);
        assert!(api(&source).unwrap().callback_hosts.is_some());
        let limits = drain(&source, DrainUse::Worker).unwrap();
        assert_eq!(limits.webhooks.keys.iter().map(Vec::len).collect::<Vec<_>>(), [24]);
        assert!(!format!("{limits:?}").contains("MfKQ"));
    }
}

#[test]
fn several_keys_sign_while_one_replaces_another() {
    let key = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let old = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let source = given(&[("callback_secret", format!("{key}, {old}").as_str())]);
    let keys = drain(&source, DrainUse::Worker).unwrap().webhooks.keys;
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
    for text in [format!("{key},"), format!("{key},none"), [key; 5].join(",")] {
        assert!(!refused("callback_secret", &text).contains(key));
    }
}

#[test]
fn origins_are_a_list() {
    let source = given(&[("cors_origins", "https://a.example, http://localhost:3000")]);
    let origins = access(&source).origins.unwrap();
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
        let Access { tokens, origins } = access(source);
        tokens?;
        origins?;
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
        adapter(&source, Ok).unwrap();
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
            // Examples of nodes and of where they may be go with others of their kind.
            let hosts = if facts.name == "nodes" { "*://*:*" } else { "http://127.0.0.1:*" };
            let nodes = if facts.name == "node_hosts" {
                "https://n1.example.com:8000"
            } else {
                "127.0.0.1:1"
            };
            let source = given(&[("node_hosts", hosts), ("nodes", nodes), (facts.name, example)]);
            let Access { tokens, origins } = access(&source);
            assert!(tokens.is_ok() && origins.is_ok());
            api(&source).unwrap();
            drain(&source, DrainUse::Worker).unwrap();
        }
    }
}

#[test]
fn options_of_the_adapter_are_handed_on_and_its_reason_is_told() {
    let read = |text: &str| adapter(&given(&[("adapter_options", text)]), Ok);
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    assert_eq!(read("none"), Ok(Vec::new()));
    let options = [("trust", "status"), ("absent_text", "no=such group")].map(|pair| owned(&pair));
    assert_eq!(read("trust=status, absent_text=no=such group"), Ok(options.into()));
    for text in ["", "trust", "=x", "a b=c", "a=b,", &vec!["a=b"; 33].join(",")] {
        assert!(read(text).unwrap_err().to_string().contains("adapter_options"), "{text}");
    }
    let refuses = |_| Err::<(), _>("trust is json or status".to_owned());
    let error = adapter(&given(&[("adapter_options", "trust=me")]), refuses).unwrap_err();
    assert!(error.to_string().contains("trust is json or status"), "{error}");
}
