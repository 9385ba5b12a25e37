//! That no file of the repository lists settings otherwise than the table does.

use std::path::Path;

use settings::files::{COMMAND, FILES};

#[test]
fn the_files_are_as_the_table_has_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    for file in FILES {
        let path = file.path;
        let current = std::fs::read_to_string(root.join(path)).unwrap();
        let right = file.render(&current).unwrap_or_else(|reason| panic!("{path}: {reason}"));
        assert!(current == right, "{path} is not as the table of settings has it: run `{COMMAND}`");
    }
}

#[test]
fn what_is_not_generated_stays_as_it_is() {
    let page = FILES.iter().find(|file| file.path == "docs/settings.md").unwrap();
    let begin = format!("<!-- settings: begin; written by {COMMAND} -->\n");
    let end = "<!-- settings: end -->\n";
    let text = page.render(&format!("before\n{begin}old\n{end}after\n")).unwrap();
    assert!(text.starts_with(&format!("before\n{begin}\n| setting |")), "{text}");
    assert!(text.ends_with(&format!("|\n\n{end}after\n")) && !text.contains("old"), "{text}");
    assert_eq!(page.render(&text).as_ref(), Ok(&text));
    let error = page.render(&begin).unwrap_err();
    assert!(error.contains("settings: end"), "{error}");
}
