//! Patterns, what they allow and what they do not; what is no pattern.

use super::*;

#[track_caller]
fn check(pattern: &str, allowed: &[&str], refused: &[&str]) {
    let parsed = HostPattern::parse(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
    for (urls, expected) in [(allowed, true), (refused, false)] {
        for text in urls {
            let url = HttpUrl::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(parsed.allows(&url), expected, "{pattern} {text}");
        }
    }
}

#[test]
fn names_and_addresses() {
    check(
        "http://127.0.0.1:*",
        &["http://127.0.0.1", "http://127.0.0.1:9/x?y", "HTTP://127.0.0.1:65535"],
        &["https://127.0.0.1:9", "http://127.0.0.10", "http://localhost", "http://[::1]"],
    );
    check(
        "https://Hooks.example.com",
        &["https://HOOKS.example.com", "HTTPS://hooks.example.com:443/a"],
        &[
            "https://hooks.example.com:444",
            "http://hooks.example.com:443",
            "https://hooks.example.com.",
            "https://hooks.example.comx",
        ],
    );
    check("http://node_1:80", &["http://node_1"], &["http://node-1"]);
    check("http://n1:", &["http://n1:80"], &["http://n1:81"]);
    check(
        "http://[::1]:80",
        &["http://[::1]", "http://[0:0:0:0:0:0:0:1]:80"],
        &["http://[::2]", "http://[::1]:81", "http://127.0.0.1"],
    );
    check("https://[FD00::1]", &["https://[fd00:0::1]"], &["https://[fd00::1]:444"]);
}

#[test]
fn domains_and_anything() {
    check(
        "https://*.example.com:443",
        &["https://a.example.com", "https://a.B.Example.com"],
        &["https://example.com", "https://evilexample.com", "https://a.example.com:8443"],
    );
    check("http://*:80", &["http://n1", "http://10.0.0.1", "http://[::1]"], &["http://n1:81"]);
    check("*://n1:8443", &["http://n1:8443", "https://n1:8443"], &["https://n1", "http://n1"]);
    check("*://*:*", &["http://anything:1", "https://[fd00::1]"], &[]);
}

#[test]
fn ports() {
    check(
        "http://n1:8000..8100",
        &["http://n1:8000", "http://n1:8099"],
        &["http://n1:7999", "http://n1:8100", "http://n1"],
    );
    check("https://n1:443..444", &["https://n1"], &["http://n1", "https://n1:444"]);
}

#[test]
fn networks() {
    check(
        "http://10.0.0.0/8:8080",
        &["http://10.0.0.0:8080", "http://10.255.255.255:8080"],
        &["http://11.0.0.0:8080", "http://9.255.255.255:8080", "http://10.0.0.1", "http://n1:8080"],
    );
    check("http://192.168.1.77/24", &["http://192.168.1.1"], &["http://192.168.2.77"]);
    check("http://192.168.1.1/32:*", &["http://192.168.1.1:7"], &["http://192.168.1.0:7"]);
    check("http://0.0.0.0/0:*", &["http://1.2.3.4"], &["http://[::1]"]);
    check(
        "http://fd00::/8:8000..8010",
        &["http://[fd00::1]:8000", "http://[fdff:1::]:8009"],
        &["http://[fe00::1]:8000", "http://[fd00::1]:8010", "http://253.0.0.0:8000"],
    );
    check("https://fd00::/8", &["https://[fd12::1]"], &["http://[fd12::1]:443"]);
    check("http://::/0:*", &["http://[2001:db8::1]"], &["http://1.2.3.4", "http://n1"]);
}

#[test]
fn what_is_no_pattern_is_refused_with_the_reason() {
    for (text, reason) in [
        ("", "no scheme"),
        ("*", "no scheme"),
        ("127.0.0.1:8001", "no scheme"),
        ("ftp://n1:1", "its scheme"),
        ("redis://n1:1", "its scheme"),
        ("://n1:1", "its scheme"),
        ("HTTP://n1:80", "lower case"),
        ("Https://n1", "lower case"),
        ("*://n1", "must have a port"),
        ("*://n1:", "must have a port"),
        ("http://", "neither a name"),
        ("http://:80", "neither a name"),
        ("http://user@n1:80", "neither a name"),
        ("http://n 1:80", "neither a name"),
        ("http://{n1,n2}:80", "neither a name"),
        ("http://127.1:80", "neither a name"),
        ("http://[::g]:80", "neither a name"),
        ("http://n1:80,http://n2:80", "path"),
        ("http://n1:80 http://n2:80", "path"),
        ("http://n1:80/", "path"),
        ("http://n1:80/x", "path"),
        ("http://n1/x:80", "path"),
        ("http://n1/8:80", "path"),
        ("http://[::1]:80/x", "port"),
        ("http://[::1]80", "only a port"),
        ("http://[fd00::]/8:80", "fd00::/8"),
        ("http://::1", "in brackets"),
        ("http://fd00::1:80", "in brackets"),
        ("http://10.0.0.0/33:80", "number of bits"),
        ("http://10.0.0.0/:80", "number of bits"),
        ("http://10.0.0.0/+8:80", "number of bits"),
        ("http://10.0.0.0/255.0.0.0", "number of bits"),
        ("http://fd00::/129:80", "number of bits"),
        ("http://n*:80", "whole host"),
        ("http://*x:80", "whole host"),
        ("http://a.*.b:80", "whole host"),
        ("http://*.:80", "only a domain"),
        ("http://*.*.b:80", "only a domain"),
        ("http://*.10.0.0.1:80", "only a domain"),
        ("http://self", "`self`"),
        ("http://self.alt:80", "`self`"),
        ("http://n1:x", "its port"),
        ("http://n1:-1", "its port"),
        ("http://n1:+1", "its port"),
        ("http://n1:65536", "its port"),
        ("http://n1:80..x", "its port"),
        ("http://n1:..", "its port"),
        ("http://n1:80..", "its port"),
        ("http://n1:1..2..3", "its port"),
        ("http://n1:1..65536", "its port"),
        ("http://n1:80..80", "empty"),
        ("http://n1:90..80", "empty"),
    ] {
        let refusal = HostPattern::parse(text).expect_err(text).to_string();
        assert!(refusal.contains(reason), "{text}: {refusal}");
    }
}
