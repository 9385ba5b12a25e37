//! The list of nodes, and where they may be.

use super::*;

#[test]
fn nodes_are_hosts_with_ports_or_urls() {
    let list = " n1:80 , http://n2, https://n3.example:8443/api/ ,\n[::1]:9000,";
    let settings = api(&given(&[("nodes", list), ("node_hosts", "*://*:*")])).unwrap();
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
        // Some of them do not allow the nodes there are, which is another matter.
        let error = api(&given(&[("node_hosts", pattern)])).err().map(|error| error.to_string());
        let is_refused = error.is_some_and(|error| error.contains("setting node_hosts is"));
        assert_eq!(!is_refused, taken, "{pattern}");
    }
}

#[test]
fn a_node_that_may_not_be_called_is_refused_by_its_place() {
    for (hosts, nodes, place) in [
        ("http://127.0.0.1:*", "127.0.0.1:8001,localhost:8001", "entry 2 of 2"),
        ("http://127.0.0.1:*", "https://127.0.0.1:8001", "entry 1 of 1"),
        ("http://*.example.com:8001", "n1.example.com:8001,n2.example.com:8002", "entry 2 of 2"),
        ("http://10.0.0.0/8:80", "http://10.1.2.3,http://11.1.2.3", "entry 2 of 2"),
    ] {
        let source = given(&[("node_hosts", hosts), ("nodes", nodes)]);
        let error = api(&source).unwrap_err().to_string();
        for part in ["setting nodes", place, "node_hosts does not allow it"] {
            assert!(error.contains(part), "{error} lacks {part}");
        }
        assert!(!error.contains("8001") && !error.contains("11.1.2.3"), "{error}");
    }
}

#[test]
fn a_node_is_there_once_however_it_is_written() {
    for nodes in [
        "n1:80,n1:80",
        "n1:80,N1:80",
        "n1:80,http://n1",
        "n1:80,HTTP://n1:80/",
        "https://n1/api,https://n1:443/api/",
        "[::1]:80,[0::1]:80",
    ] {
        let error = api(&given(&[("nodes", nodes), ("node_hosts", "*://*:*")])).unwrap_err();
        assert!(error.to_string().contains("entry 2 of 2: each node once"), "{nodes}: {error}");
    }
    let nodes = "n1:80,n1:81,https://n1:80,http://n1:80/a,http://n1:80/A";
    assert!(api(&given(&[("nodes", nodes), ("node_hosts", "*://*:*")])).is_ok());
}
