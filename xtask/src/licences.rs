//! Whether every dependency may be shipped in an Apache-2.0 project.

use anyhow::Context as _;
use serde_json::Value;
use spdx::{Expression, ParseMode};

use crate::build::cargo;
use crate::process::output;

/// Licences, by their SPDX names, that ask no more of a program than to keep their notices.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Licences that are fine for one package, used as it is.
const ALLOWED_FOR: [(&str, &str); 2] = [
    // Copyleft for its own files only, which nobody here changes; it comes with spin-sdk.
    ("smartstring", "MPL-2.0+"),
    // A table of certificates rather than code; the dev host alone has it.
    ("webpki-roots", "CDLA-Permissive-2.0"),
];

/// The dependencies whose licence is not allowed, as `name version: licence`.
pub(crate) fn refused() -> anyhow::Result<Vec<String>> {
    let metadata = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("no packages")?;
    let text = |package: &Value, field: &str| {
        package.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let refused = packages
        .iter()
        .filter(|package| !is_allowed(&text(package, "name"), &text(package, "license")));
    Ok(refused
        .map(|package| {
            let licence = text(package, "license");
            format!("{} {}: {licence:?}", text(package, "name"), text(package, "version"))
        })
        .collect())
}

/// Whether a package's SPDX expression can be met with allowed licences alone.
fn is_allowed(package: &str, expression: &str) -> bool {
    // Lax: old packages write `/` for OR.
    let Ok(expression) = Expression::parse_mode(expression, ParseMode::LAX) else { return false };
    expression.evaluate(|licence| {
        let licence = licence.to_string();
        ALLOWED.contains(&licence.as_str()) || ALLOWED_FOR.contains(&(package, &licence))
    })
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
            assert!(is_allowed("any", allowed), "{allowed}");
        }
        for refused in ["", "GPL-3.0", "MIT AND GPL-3.0", "(GPL-3.0 OR AGPL-3.0) AND MIT"] {
            assert!(!is_allowed("any", refused), "{refused}");
        }
    }

    #[test]
    fn an_exception_is_for_its_package_alone() {
        assert!(is_allowed("smartstring", "MPL-2.0+"));
        assert!(!is_allowed("another", "MPL-2.0+"));
    }
}
