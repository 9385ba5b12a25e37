//! `allowed_outbound_hosts`: whom a component may call.

use anyhow::{Context as _, Result, bail};
use ip_network::IpNetwork;
use url::{Host, Url};

use crate::template::Template;
use crate::variables::Variables;

/// The destinations a component may call; none at all by default.
#[derive(Debug, Default)]
pub(crate) struct AllowedHosts {
    patterns: Vec<Pattern>,
}

impl AllowedHosts {
    /// Reads a component's entries. An entry that a variable leaves empty allows nothing.
    pub(crate) fn resolve(entries: &[String], variables: &Variables) -> Result<Self> {
        let mut patterns = Vec::new();
        for entry in entries {
            let context = || format!("allowed_outbound_hosts entry `{entry}`");
            let template = Template::parse(entry).with_context(context)?;
            let text = variables.render(entry).with_context(context)?;
            if !template.is_literal() && matches!(text.as_str(), "" | "http://" | "https://") {
                continue;
            }
            patterns.push(Pattern::parse(&text).with_context(context)?);
        }
        Ok(Self { patterns })
    }

    /// Whether a URL may be called; one without a scheme is taken to have `scheme`.
    pub(crate) fn allows(&self, url: &str, scheme: &str) -> bool {
        let parsed = match Url::parse(url) {
            Ok(parsed) if parsed.has_host() => Some(parsed),
            _ => Url::parse(&format!("{scheme}://{url}")).ok(),
        };
        parsed.is_some_and(|url| self.patterns.iter().any(|pattern| pattern.allows(&url)))
    }
}

/// One entry: `scheme://host:port`, each of which may be `*`.
#[derive(Debug, PartialEq, Eq)]
struct Pattern {
    /// `None`: any.
    scheme: Option<String>,
    host: HostPattern,
    port: PortPattern,
}

#[derive(Debug, PartialEq, Eq)]
enum HostPattern {
    Any,
    /// The suffix with its dot: `.example.com`.
    Below(String),
    Exactly(Host),
    Within(IpNetwork),
}

#[derive(Debug, PartialEq, Eq)]
enum PortPattern {
    Any,
    /// From the first up to, and without, the second.
    Range(u16, u16),
    Exactly(u16),
}

impl Pattern {
    fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.trim().split_once("://") else {
            bail!("`{text}` has no scheme; the form is `scheme://host:port`");
        };
        let (host, port) = split_port(rest).with_context(|| format!("`{text}`"))?;
        Ok(Self {
            port: PortPattern::parse(port, scheme)?,
            scheme: match scheme {
                "*" => None,
                _ if !scheme.is_empty() && scheme.chars().all(char::is_alphabetic) => {
                    Some(scheme.to_owned())
                }
                _ => bail!("`{scheme}` is no scheme: letters only, or `*`"),
            },
            host: HostPattern::parse(host)?,
        })
    }

    fn allows(&self, url: &Url) -> bool {
        self.scheme.as_deref().is_none_or(|scheme| scheme == url.scheme())
            && url.host_str().is_some_and(|host| self.host.allows(host))
            && self.port.allows(url.port().or_else(|| well_known_port(url.scheme())))
    }
}

/// Parts `host:port`; IPv6 addresses have colons of their own. No port: empty.
fn split_port(text: &str) -> Result<(&str, &str)> {
    let Some((host, tail)) = text.rsplit_once(':') else {
        return Ok((text, ""));
    };
    if tail.is_empty() {
        return Ok((host, ""));
    }
    if HostPattern::parse(text).is_ok() {
        return Ok((text, ""));
    }
    match tail.split_once('/') {
        None => Ok((host, tail)),
        Some((port, "")) => Ok((host, port)),
        Some(_) => bail!("an allowed host may not have a path"),
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.parse::<std::net::IpAddr>().is_err()
            && let Ok(network) = IpNetwork::from_str_truncate(text)
        {
            return Ok(Self::Within(network));
        }
        let text = text.strip_suffix('/').unwrap_or(text);
        if text.contains('/') {
            bail!("`{text}`: an allowed host may not have a path");
        }
        if matches!(text, "self" | "self.alt") || text.ends_with("spin.internal") {
            bail!("the dev host does not serve requests of an application to itself (`{text}`)");
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return match Host::parse(domain) {
                Ok(Host::Domain(domain)) if !domain.contains('*') => {
                    Ok(Self::Below(format!(".{domain}")))
                }
                _ => bail!("`{text}`: only a domain may follow `*.`"),
            };
        }
        if text.contains('*') {
            bail!("`{text}`: a `*` stands for the whole host or its first label");
        }
        let host = Host::parse(text).with_context(|| format!("`{text}` is no host"))?;
        Ok(Self::Exactly(host))
    }

    fn allows(&self, host: &str) -> bool {
        let Ok(host) = Host::parse(host) else { return false };
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(suffix), Host::Domain(domain)) => domain.ends_with(suffix),
            (Self::Exactly(exact), host) => *exact == host,
            (Self::Within(network), Host::Ipv4(address)) => network.contains(address),
            (Self::Within(network), Host::Ipv6(address)) => network.contains(address),
            (Self::Below(_) | Self::Within(_), _) => false,
        }
    }
}

impl PortPattern {
    fn parse(text: &str, scheme: &str) -> Result<Self> {
        let number = |text: &str| text.parse().with_context(|| format!("`{text}` is no port"));
        match text {
            "*" => Ok(Self::Any),
            "" => well_known_port(scheme)
                .map(Self::Exactly)
                .with_context(|| format!("no port is given, and `{scheme}` has none by default")),
            _ => match text.split_once("..") {
                Some((first, end)) => Ok(Self::Range(number(first)?, number(end)?)),
                None => Ok(Self::Exactly(number(text)?)),
            },
        }
    }

    fn allows(&self, port: Option<u16>) -> bool {
        match (self, port) {
            (Self::Any, _) => true,
            (Self::Exactly(exact), Some(port)) => *exact == port,
            (Self::Range(first, end), Some(port)) => (*first..*end).contains(&port),
            (_, None) => false,
        }
    }
}

fn well_known_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        "redis" => Some(6379),
        "mysql" => Some(3306),
        "postgres" => Some(5432),
        "mqtt" => Some(1883),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashMap};

    use super::*;
    use crate::manifest::Variable;

    fn variables() -> Variables {
        let declared: BTreeMap<_, _> = [("host", "db.internal"), ("port", "6379"), ("none", "")]
            .map(|(name, value)| {
                let default = Some(value.to_owned());
                (name.to_owned(), Variable { default, ..Default::default() })
            })
            .into();
        Variables::resolve(&declared, &HashMap::new(), |_| None, &HashMap::new()).unwrap()
    }

    fn resolve(entry: &str) -> Result<AllowedHosts> {
        AllowedHosts::resolve(&[entry.to_owned()], &variables())
    }

    #[track_caller]
    fn check(entry: &str, allowed: &[&str], denied: &[&str]) {
        let hosts = resolve(entry).unwrap();
        for url in allowed {
            assert!(hosts.allows(url, "redis"), "{entry} should allow {url}");
        }
        for url in denied {
            assert!(!hosts.allows(url, "redis"), "{entry} should not allow {url}");
        }
    }

    #[test]
    fn nothing_is_allowed_by_default() {
        assert!(!AllowedHosts::default().allows("http://localhost:80", "http"));
    }

    #[test]
    fn matches_scheme_host_and_port() {
        check(
            "http://127.0.0.1:8001",
            &["http://127.0.0.1:8001", "http://127.0.0.1:8001/v1/group/?a=b"],
            &[
                "https://127.0.0.1:8001",
                "http://127.0.0.1:8002",
                "http://127.0.0.2:8001",
                "nonsense",
            ],
        );
        check(
            "http://Example.com",
            &["http://example.com", "http://example.COM:80/"],
            &["http://example.com:81"],
        );
        check("http://localhost:8080/", &["http://localhost:8080"], &["http://127.0.0.1:8080"]);
    }

    #[test]
    fn knows_default_ports() {
        check("https://a.b", &["https://a.b", "https://a.b:443"], &["https://a.b:80"]);
        check(
            "redis://a.b",
            &["redis://a.b", "a.b", "redis://user:pass@a.b:6379/3"],
            &["redis://a.b:1"],
        );
    }

    #[test]
    fn wildcards() {
        check("*://*:*", &["http://a", "ftp://[::1]:9", "redis://10.0.0.1"], &[]);
        check(
            "http://127.0.0.1:*",
            &["http://127.0.0.1", "http://127.0.0.1:65535"],
            &["http://127.0.0.2:1"],
        );
        check(
            "https://*.a.b",
            &["https://x.a.b", "https://y.x.a.b"],
            &["https://a.b", "https://xa.b"],
        );
        check("http://*:1", &["http://q:1", "http://1.2.3.4:1"], &["http://q:2"]);
    }

    #[test]
    fn port_ranges_end_before_their_last() {
        check(
            "http://a:8001..8004",
            &["http://a:8001", "http://a:8003"],
            &["http://a:8000", "http://a:8004"],
        );
    }

    #[test]
    fn networks_and_ipv6() {
        check("http://10.0.0.0/8:*", &["http://10.1.2.3:4"], &["http://11.0.0.1", "http://a"]);
        check("http://[::1]:80", &["http://[::1]"], &["http://[::2]"]);
        check("redis://[::1]", &["redis://[::1]:6379"], &["redis://[::1]:1"]);
    }

    #[test]
    fn takes_templates() {
        check(
            "redis://{{ host }}:{{ port }}",
            &["redis://db.internal:6379"],
            &["redis://other:6379"],
        );
        check("{{ none }}", &[], &["http://a"]);
        check("http://{{ none }}", &[], &["http://a"]);
    }

    #[test]
    fn refuses_what_is_no_pattern() {
        for (entry, word) in [
            ("redis://127.0.0.1:6379/0", "path"),
            ("http://a.b/c", "path"),
            ("http://a.b:80/c", "path"),
            ("redis://{{ host }}:{{ port }}/0", "path"),
            ("a.b", "scheme"),
            ("", "scheme"),
            ("*", "scheme"),
            ("h2://a", "port"),
            ("h-2://a:1", "scheme"),
            ("ftp://a", "port"),
            ("http://a:b", "port"),
            ("http://a:1..x", "port"),
            ("http://a.*.b", "*"),
            ("http://*.*.b", "*"),
            ("http://self", "itself"),
            ("http://api.spin.internal", "itself"),
            ("http://{{ nobody }}", "nobody"),
            ("http://{{ host", "{{"),
            ("http://a:1,http://b:2", "path"),
        ] {
            let error = format!("{:#}", resolve(entry).unwrap_err());
            assert!(error.contains(word) && error.contains(entry), "{entry}: {error}");
        }
    }
}
