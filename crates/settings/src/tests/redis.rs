//! How Redis is reached.

use super::*;

#[test]
fn a_password_goes_into_the_url_and_into_no_error() {
    let source = given(&[("redis_user", "muster"), ("redis_password", "s%40crit")]);
    assert_eq!(redis(&source).unwrap().url, "redis://muster:s%40crit@127.0.0.1:6379/0");
    assert!(!format!("{:?}", redis(&source).unwrap()).contains("crit"));
}

#[test]
fn a_user_or_password_that_no_address_can_hold_is_refused_by_name() {
    let refused_for = |text: &str| {
        ["redis_user", "redis_password"].map(|name| {
            let error = refused(name, text);
            assert!(error.contains(name), "{error}");
            assert!(text.len() < 4 || !error.contains(text), "{error} shows {text:?}");
            error
        })
    };
    for sign in " #/?@:[]{}<>|\\^`\"\u{e4}\n\t\u{7f}".chars() {
        let [error, _] = refused_for(&format!("ab{sign}cd"));
        assert!(error.contains("percent-encoded"), "{sign:?}: {error}");
    }
    for text in [" abcd", "abcd ", "\tabcd"] {
        assert!(refused_for(text)[0].contains("percent-encoded"), "{text:?}");
    }
    for text in ["50%", "50%off", "%2", "a%%20"] {
        assert!(refused_for(text)[0].contains("%25"), "{text}");
    }
    assert!(refused_for("%ff")[0].contains("UTF-8"));
    assert!(refused_for("")[0].contains("empty"));
}

#[test]
fn any_user_and_password_can_be_encoded() {
    let source =
        given(&[("redis_user", "a-._~!$&'()*+,;=Z"), ("redis_password", "%c3%a4%23%2f%40\n")]);
    let url = redis(&source).unwrap().url;
    assert_eq!(url, "redis://a-._~!$&'()*+,;=Z:%c3%a4%23%2f%40@127.0.0.1:6379/0");
}

#[test]
fn what_the_host_says_of_an_address_is_told_without_it() {
    let redis = redis(&given(&[("redis_password", "s%40crit")])).unwrap();
    let shown = |message: &str| redis.without_secrets(message.to_owned());
    assert_eq!(shown("no route to the host"), "no route to the host");
    for message in [redis.url.as_str(), "default:s%40crit", "AUTH s@crit failed"] {
        assert!(!shown(message).contains("crit"), "{message}");
    }
    let open = super::redis(&given(&[])).unwrap();
    assert!(!open.without_secrets(format!("cannot reach {}", open.url)).contains("6379"));
}
