//! The options of the default adapter: whose answers it believes.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;

/// What proves that an answer is the node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) trust: Trust,
    /// A text that the node's own 404 holds; `None` = any that is trusted otherwise will do.
    pub(crate) absent_text: Option<String>,
}

/// Which answers are believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those that are JSON, as the node API's are.
    #[default]
    Json,
    /// All, by their status alone.
    Status,
}

impl Options {
    /// Reads options by name.
    ///
    /// # Errors
    /// Names the first that is not known, or has no such value.
    pub(crate) fn read(options: &[(String, String)]) -> Result<Self, String> {
        let mut read = Self::default();
        for (name, value) in options {
            match (name.as_str(), value.as_str()) {
                ("trust", "json") => read.trust = Trust::Json,
                ("trust", "status") => read.trust = Trust::Status,
                ("trust", _) => return Err("trust is json or status".to_owned()),
                ("absent_text", "") => return Err("absent_text is empty".to_owned()),
                ("absent_text", text) => read.absent_text = Some(text.to_owned()),
                _ => return Err(format!("{name:?} is no option; there are trust and absent_text")),
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn read(options: &[(&str, &str)]) -> Result<Options, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Options::read(&options.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn each_option_is_read_and_others_are_named() {
        assert_eq!(read(&[]), Ok(Options { trust: Trust::Json, absent_text: None }));
        let both = read(&[("trust", "status"), ("absent_text", "no such group")]).unwrap();
        let text = Some("no such group".to_owned());
        assert_eq!(both, Options { trust: Trust::Status, absent_text: text });
        for (name, value) in [("trust", "html"), ("absent_text", ""), ("nonsense", "json")] {
            assert!(read(&[(name, value)]).unwrap_err().contains(name));
        }
    }
}
