//! Tokens, their names and their roles.

use super::*;

#[test]
fn tokens_are_a_list() {
    assert!(access(&given(&[])).tokens.unwrap().is_empty());
    let source = given(&[("api_tokens", "0123456789abcdef, fedcba9876543210")]);
    let tokens = access(&source).tokens.unwrap();
    let secrets: Vec<&str> = tokens.iter().map(|token| token.secret.as_str()).collect();
    assert_eq!(secrets, ["0123456789abcdef", "fedcba9876543210"]);
    assert!(tokens.iter().all(|token| token.role == Role::Operate));
}

#[test]
fn tokens_may_have_a_name_and_a_role() {
    let source = given(&[("api_tokens", "ci:submit:0123456789abcdef,eve:read:fedc:ba9876543210")]);
    let tokens = access(&source).tokens.unwrap();
    let all: Vec<_> = tokens.iter().map(|t| (t.name.as_str(), t.role, t.secret.as_str())).collect();
    let expected =
        [("ci", Role::Submit, "0123456789abcdef"), ("eve", Role::Read, "fedc:ba9876543210")];
    assert_eq!(all, expected);
    assert!(Role::Read < Role::Submit && Role::Submit < Role::Operate);
    for wrong in ["ci:root:0123456789abcdef", ":read:0123456789abcdef", "ci:read", "ci:read:short"]
    {
        let error = refused("api_tokens", &format!("fedc:read:ba9876543210aaaa,{wrong}"));
        assert!(error.contains("NAME:ROLE:TOKEN") && error.contains("token 2 of 2"), "{error}");
    }
}

#[test]
fn a_token_keeps_its_name_when_others_come_and_go() {
    let names = |tokens: &str| -> Vec<String> {
        let tokens = access(&given(&[("api_tokens", tokens)])).tokens.unwrap();
        tokens.into_iter().map(|token| token.name).collect()
    };
    let (old, new) = ("0123456789abcdef", "fedcba9876543210");
    let [name] = names(old).try_into().unwrap();
    assert_eq!(names(&format!("{new},{old}"))[1], name);
    assert_ne!(names(new)[0], name);
    assert!(!name.contains("0123") && name.starts_with("token-"), "{name}");
    // With a name, the one that replaces it has it too.
    assert_eq!(names(&format!("ci:submit:{old},ci:submit:{new}")), ["ci", "ci"]);
    let twice = refused("api_tokens", &format!("a:read:{old},b:operate:{old}"));
    assert!(twice.contains("token 2 of 2: each token once"), "{twice}");
}
