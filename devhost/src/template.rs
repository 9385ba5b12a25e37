//! Templates such as `redis://{{ redis_host }}:{{ redis_port }}` in manifest values.

use anyhow::{Result, bail};

/// A manifest value with `{{ variable }}` expressions in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Variable(String),
}

impl Template {
    /// Reads a template. Fails when a `{{` is not closed.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once("{{") {
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            let Some((variable, after)) = after.split_once("}}") else {
                bail!("`{text}` has a `{{{{` that no `}}}}` closes");
            };
            parts.push(Part::Variable(variable.trim().to_owned()));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// Whether the value holds no expression at all.
    pub(crate) fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// Puts in the values that `lookup` gives. Fails on a variable it does not know.
    pub(crate) fn render<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Variable(name) => match lookup(name) {
                    Some(value) => text.push_str(value),
                    None => {
                        bail!("the template names `{name}`, which [variables] does not declare")
                    }
                },
            }
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String> {
        Template::parse(text)?.render(|name| match name {
            "host" => Some("db"),
            "port" => Some("6379"),
            "empty" => Some(""),
            _ => None,
        })
    }

    #[test]
    fn renders_literals_and_expressions() {
        assert_eq!(render("").unwrap(), "");
        assert_eq!(render("plain } text {").unwrap(), "plain } text {");
        assert_eq!(render("redis://{{host}}:{{  port }}/0").unwrap(), "redis://db:6379/0");
        assert_eq!(render("{{ empty }}").unwrap(), "");
    }

    #[test]
    fn knows_literals() {
        assert!(Template::parse("http://*:80").unwrap().is_literal());
        assert!(!Template::parse("http://{{ host }}").unwrap().is_literal());
    }

    #[test]
    fn refuses_open_braces() {
        let error = Template::parse("{{ host }}:{{ port").unwrap_err().to_string();
        assert!(error.contains("{{ host }}:{{ port"), "{error}");
    }

    #[test]
    fn names_an_unknown_variable() {
        let error = render("{{ nobody }}").unwrap_err().to_string();
        assert!(error.contains("`nobody`"), "{error}");
    }
}
