//! What is taken, and as what; what is refused, and why.

use super::*;

#[track_caller]
fn url(text: &str) -> HttpUrl {
    HttpUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_is_called_is_what_was_written() {
    for (text, authority, path, port) in [
        ("http://h", "h", "/", 80),
        ("https://h", "h", "/", 443),
        ("HTTP://H.Example:8080/Path?Q=1", "H.Example:8080", "/Path?Q=1", 8080),
        ("http://h:1/a/?b=c?d", "h:1", "/a/?b=c?d", 1),
        ("http://127.0.0.1:9000?token=abc", "127.0.0.1:9000", "/?token=abc", 9000),
        ("http://h?", "h", "/?", 80),
        ("http://h/?to=http://user@other:99999/", "h", "/?to=http://user@other:99999/", 80),
        ("http://[::1]:8001/x", "[::1]:8001", "/x", 8001),
        ("https://[FD00::1]", "[FD00::1]", "/", 443),
        ("http://node_1.internal.:65535", "node_1.internal.:65535", "/", 65_535),
    ] {
        let url = url(text);
        assert_eq!((url.authority(), url.path_with_query(), url.port()), (authority, path, port));
        let shown = format!("{}://{authority}{path}", url.scheme().name());
        assert_eq!(url.to_string(), shown);
        assert_eq!(HttpUrl::parse(&shown).as_ref(), Ok(&url), "{text}");
    }
}

#[test]
fn hosts_are_names_in_lower_case_or_addresses() {
    assert_eq!(*url("http://Node.Example").host(), Host::Name("node.example".to_owned()));
    assert_eq!(*url("http://10.0.0.1").host(), Host::Address([10, 0, 0, 1].into()));
    let loopback = std::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(*url("http://[::1]").host(), Host::Address(loopback));
    assert_eq!(*url("http://[0:0::0:1]").host(), Host::Address(loopback));
    assert_eq!(*url("http://1.example").host(), Host::Name("1.example".to_owned()));
}

#[test]
fn what_can_never_be_called_is_refused() {
    for (text, reason) in [
        ("", "begin with http://"),
        ("http://", "not a URL"),
        ("http:///path", "not a URL"),
        ("http://h h", "not a URL"),
        ("http://h\n", "not a URL"),
        ("http://h/a b", "not a URL"),
        ("http://h\\@other", "not a URL"),
        ("http://[::1", "not a URL"),
        ("/hook", "begin with http://"),
        ("h:80", "begin with http://"),
        ("//h/x", "begin with http://"),
        ("ftp://h", "begin with http://"),
        ("redis://127.0.0.1:6379", "begin with http://"),
        ("http://:80", "no host"),
        ("http://user@h", "user name"),
        ("http://user:word@h:80/", "user name"),
        ("http://@h", "user name"),
        ("http://h:0", "port"),
        ("http://h:65536", "port"),
        ("http://h:99999/", "port"),
        ("http://h:", "port"),
        ("http://h:+80", "port"),
        ("http://h:8x", "port"),
        ("http://h/#there", "fragment"),
        ("http://h#there", "fragment"),
        ("http://h?a#there", "fragment"),
        ("http://[::g]", "IPv6"),
        ("http://[fe80::1%25eth0]", "IPv6"),
        ("http://[127.0.0.1]", "IPv6"),
        ("http://127.1", "four numbers"),
        ("http://2130706433", "four numbers"),
        ("http://0x7f.0.0.1", "four numbers"),
        ("http://a.0X", "four numbers"),
        ("http://127.0.0.1.", "four numbers"),
        ("http://127.0.0.256", "four numbers"),
        ("http://a..b", "neither"),
        ("http://.", "neither"),
        ("http://*.example", "neither"),
        ("http://a;b", "neither"),
    ] {
        let error = HttpUrl::parse(text).expect_err(text).to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn a_node_is_a_url_or_a_host_and_port() {
    for (text, shown, port) in [
        ("n1:80", "http://n1:80/", Some(80)),
        ("n1", "http://n1/", None),
        ("[::1]:9000", "http://[::1]:9000/", Some(9000)),
        ("https://n3.example:8443/api", "https://n3.example:8443/api", Some(8443)),
    ] {
        let node = HttpUrl::parse_node(text).unwrap();
        assert_eq!((node.to_string().as_str(), node.explicit_port()), (shown, port));
    }
    for text in ["n1:80/x", "n1:80?x", "http://n1?x", "http://n1/?", "n1:70000", "user@n1:80", ""] {
        assert!(HttpUrl::parse_node(text).is_err(), "{text}");
    }
}

#[test]
fn paths_go_below_a_nodes_own() {
    let below = |node: &str, path: &str| {
        HttpUrl::parse_node(node).unwrap().join(path).map(|url| url.to_string())
    };
    for (node, path, joined) in [
        ("n1:80", "/v1/group/?a=b", "http://n1:80/v1/group/?a=b"),
        ("http://n2/", "/v1", "http://n2/v1"),
        ("https://n3/api/", "/v1", "https://n3/api/v1"),
        ("https://n3/api", "/", "https://n3/api/"),
        ("n1:80", "//other/x", "http://n1:80//other/x"),
    ] {
        assert_eq!(below(node, path).as_deref(), Ok(joined));
    }
    for path in ["", "@other/", ":81/", ".other/", "/a b", "/a#b", "/a\r\nHost: other"] {
        assert!(below("n1:80", path).is_err(), "{path}");
    }
}
