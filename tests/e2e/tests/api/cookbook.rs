//! `docs/cookbook.md`: each example is run, in order, and prints what the book says.

use std::process::{Command, Stdio};

use e2e::{Hook, Setup, World};

const BOOK: &str = include_str!("../../../../docs/cookbook.md");
/// Printed before each example, to tell the outputs apart.
const MARK: &str = "=== next example ===";

/// An example, and what it prints.
struct Example<'a> {
    script: &'a str,
    output: &'a str,
}

/// Every `sh` block with the `text` block that follows it.
fn examples(book: &str) -> Vec<Example<'_>> {
    let mut blocks = book.split("```sh\n");
    blocks.next();
    let after = |part| {
        let (script, rest): (&str, &str) = str::split_once(part, "```").unwrap();
        let output = rest.trim_start().strip_prefix("```text\n");
        let output = output.unwrap_or_else(|| panic!("no output follows\n{script}"));
        Example { script, output: output.split_once("\n```").unwrap().0 }
    };
    blocks.map(after).collect()
}

/// Whether `output` reads like `pattern`, in which `…` stands for anything.
fn matches(output: &str, pattern: &str) -> bool {
    let mut rest = output;
    let mut parts = pattern.split('…');
    let Some(whole) = parts.next().and_then(|first| rest.strip_prefix(first)) else { return false };
    rest = whole;
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    // The pattern ends where the output does, unless it ends with "anything".
    rest.is_empty() || (pattern.contains('…') && (last.is_empty() || output.ends_with(last)))
}

#[test]
fn a_pattern_matches_what_it_should() {
    for (output, pattern, expected) in [
        ("abc", "abc", true),
        ("abcd", "abc", false),
        ("abc", "a…c", true),
        ("abcx", "a…c", false),
        ("abcbc", "a…bc", true),
        ("abc", "a…", true),
        ("xabc", "a…", false),
    ] {
        assert_eq!(matches(output, pattern), expected, "{output} {pattern}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_prints_what_the_book_says() {
    let settings = [("callback_secret", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    let hook = Hook::start(&[]).await;
    let examples = examples(BOOK);
    assert!(examples.len() > 20);
    let mut script = "set -euo pipefail\n".to_owned();
    for example in &examples {
        script += &format!("echo '{MARK}'\n{}", example.script);
    }
    let mut shell = Command::new("bash");
    shell.args(["-c", &script]).env("MUSTER", world.base()).env("HOOK", hook.url());
    for (index, node) in world.nodes.iter().enumerate() {
        shell.env(format!("NODE{}", index + 1), format!("http://{}", node.address()));
    }
    let ran = tokio::task::spawn_blocking(move || shell.stdin(Stdio::null()).output());
    let ran = ran.await.unwrap().expect("bash runs");
    let printed = String::from_utf8(ran.stdout).unwrap();
    let errors = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "is curl installed?\n{printed}\n{errors}");
    let outputs: Vec<&str> = printed.split(MARK).skip(1).collect();
    assert_eq!(outputs.len(), examples.len(), "{errors}");
    for (example, output) in examples.iter().zip(outputs) {
        let output = output.trim();
        assert!(
            matches(output, example.output),
            "the example\n{}\nprinted\n{output}\nand the book says\n{}",
            example.script,
            example.output
        );
    }
}
