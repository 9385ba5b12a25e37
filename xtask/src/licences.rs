//! Whether every dependency may be shipped in an Apache-2.0 project.

use anyhow::Context as _;
use serde_json::Value;

use crate::build::cargo;
use crate::process::output;

/// Permissive licences, by their SPDX names.
const ALLOWED: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The dependencies whose licence is not allowed, as `name version: licence`.
pub(crate) fn refused() -> anyhow::Result<Vec<String>> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    let text = |package: &Value, field: &str| {
        package.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let refused = packages.iter().filter(|package| !is_allowed(&text(package, "license")));
    Ok(refused
        .map(|package| {
            let licence = text(package, "license");
            format!("{} {}: {licence:?}", text(package, "name"), text(package, "version"))
        })
        .collect())
}

/// Whether an SPDX expression can be met with allowed licences alone. `/` is the old way to write
/// OR.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut depth = 0_i32;
    let mut parts = vec![String::new()];
    let mut operators = Vec::new();
    for word in expression.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        match word {
            "AND" | "OR" if depth == 0 => {
                operators.push(word.to_owned());
                parts.push(String::new());
                continue;
            }
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            if !part.is_empty() {
                part.push(' ');
            }
            part.push_str(word);
        }
    }
    let part_is_allowed =
        |part: &String| match part.strip_prefix("( ").and_then(|inner| inner.strip_suffix(" )")) {
            Some(inner) => is_allowed(inner),
            None => ALLOWED.contains(&part.as_str()),
        };
    alternatives(&parts, &operators)
        .iter()
        .any(|alternative| alternative.iter().all(&part_is_allowed))
}

/// Groups the parts between ORs.
fn alternatives(parts: &[String], operators: &[String]) -> Vec<Vec<String>> {
    let mut alternatives = vec![Vec::new()];
    for (index, part) in parts.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|index| operators.get(index));
        if before.is_some_and(|operator| operator == "OR") {
            alternatives.push(Vec::new());
        }
        if let Some(alternative) = alternatives.last_mut() {
            alternative.push(part.clone());
        }
    }
    alternatives
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn an_expression_is_allowed_when_it_can_be_met_with_allowed_licences() {
        for allowed in [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
        ] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR AGPL-3.0) AND MIT"] {
            assert!(!is_allowed(refused), "{refused}");
        }
    }
}
