//! Which hosts may be called: a pattern as `allowed_outbound_hosts` of `spin.toml` has it.
//!
//! The settings that are patterns are handed to Spin as they are, so this reads them as Spin does,
//! and refuses what Spin would read otherwise than a person means it, or not at all: an entry that
//! Spin cannot read takes the component's way to everything, Redis too, while tasks are accepted.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;

use http_url::{Host, HttpUrl, Scheme};

/// `SCHEME://HOST:PORT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// `None` = any of http and https.
    scheme: Option<Scheme>,
    host: Hosts,
    port: Ports,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    Any,
    /// Names that end with this text, which begins with a dot.
    Below(String),
    One(Host),
    Network {
        address: IpAddr,
        bits: u32,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Ports {
    Any,
    One(u16),
    Range(Range<u16>),
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternError(Refusal);

type Refusal = &'static str;

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for PatternError {}

impl HostPattern {
    /// The form of a pattern, for people.
    pub(crate) const FORM: &str = "one `SCHEME://HOST:PORT`, where SCHEME is `http`, `https` or \
        `*`, HOST a name, an address, `NETWORK/BITS`, `*.DOMAIN` or `*`, and PORT a number, \
        `FROM..TO` (without TO itself) or `*`";

    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is none, or one that Spin reads otherwise than it looks.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let parts = || {
            let (scheme, rest) = text.split_once("://").ok_or("it has no scheme")?;
            let scheme = scheme_of(scheme)?;
            let (host, port) = split_port(rest)?;
            Ok(Self { scheme, host: Hosts::parse(host)?, port: Ports::parse(port, scheme)? })
        };
        parts().map_err(PatternError)
    }

    /// Whether a URL may be called.
    #[must_use]
    pub fn allows(&self, url: &HttpUrl) -> bool {
        self.scheme.is_none_or(|scheme| scheme == url.scheme())
            && self.host.allows(url.host())
            && self.port.allows(url.port())
    }
}

fn scheme_of(text: &str) -> Result<Option<Scheme>, Refusal> {
    if text == "*" {
        return Ok(None);
    }
    let scheme = Scheme::parse(text).ok_or("its scheme is none of these")?;
    // Spin compares it, as it stands in the pattern, with a URL's in lower case.
    if scheme.name() == text { Ok(Some(scheme)) } else { Err("its scheme must be in lower case") }
}

/// Parts host and port, which is empty when there is none.
fn split_port(text: &str) -> Result<(&str, &str), Refusal> {
    let (host, rest) = if let Some(end) = text.find(']') {
        text.split_at(end + 1)
    } else if let Some(slash) = text.find('/') {
        // A network, which has no brackets, though there may be colons in it.
        let port = text.get(slash..).and_then(|bits| bits.find(':'));
        text.split_at(port.map_or(text.len(), |port| slash + port))
    } else {
        text.split_at(text.rfind(':').unwrap_or(text.len()))
    };
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if rest.is_empty() => Ok((host, "")),
        None if rest.starts_with('/') && host.starts_with('[') => {
            Err("it may not have a path, and an IPv6 network has no brackets: fd00::/8")
        }
        None => Err("only a port may follow the host"),
    }
}

impl Hosts {
    fn parse(text: &str) -> Result<Self, Refusal> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if let Some((address, bits)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| "it may not have a path")?;
            let bits = Some(bits).filter(|bits| bits.bytes().all(|byte| byte.is_ascii_digit()));
            let bits =
                bits.and_then(|bits| bits.parse().ok()).filter(|bits| *bits <= size(address));
            return Ok(Self::Network {
                address,
                bits: bits.ok_or("its network has no such number of bits")?,
            });
        }
        if let Some(domain) = text.strip_prefix("*.") {
            return match Host::parse(domain) {
                Ok(Host::Name(domain)) => Ok(Self::Below(format!(".{domain}"))),
                _ => Err("only a domain may follow `*.`"),
            };
        }
        if text.contains('*') {
            return Err("a `*` stands for the whole host or for what is before a domain");
        }
        if text.contains(':') && !text.starts_with('[') {
            return Err("an IPv6 address must be in brackets");
        }
        match Host::parse(text).map_err(|_| "its host is neither a name nor an address")? {
            // To Spin these mean the application itself, and only in URLs that have no host.
            Host::Name(name) if matches!(name.as_str(), "self" | "self.alt") => {
                Err("`self` allows no URL that has a host")
            }
            host => Ok(Self::One(host)),
        }
    }

    fn allows(&self, host: &Host) -> bool {
        match (self, host) {
            (Self::Any, _) => true,
            (Self::Below(domain), Host::Name(name)) => name.ends_with(domain.as_str()),
            (Self::One(one), host) => one == host,
            (Self::Network { address, bits }, Host::Address(own)) => {
                let differing = match (address, own) {
                    (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
                    (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
                    _ => return false,
                };
                differing >= *bits
            }
            (Self::Below(_), Host::Address(_)) | (Self::Network { .. }, Host::Name(_)) => false,
        }
    }
}

/// How many bits an address has.
fn size(address: IpAddr) -> u32 {
    if address.is_ipv4() { u32::BITS } else { u128::BITS }
}

impl Ports {
    fn parse(text: &str, scheme: Option<Scheme>) -> Result<Self, Refusal> {
        let number = |text: &str| -> Result<u16, Refusal> {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = Some(text).filter(|_| digits).and_then(|text| text.parse().ok());
            number.ok_or("its port is neither a number, nor a range, nor `*`")
        };
        if text == "*" {
            return Ok(Self::Any);
        }
        if text.is_empty() {
            let scheme = scheme.ok_or("with any scheme it must have a port")?;
            return Ok(Self::One(scheme.default_port()));
        }
        let Some((from, to)) = text.split_once("..") else { return Ok(Self::One(number(text)?)) };
        // To Spin, too, the second is not one of them.
        let range = number(from)?..number(to)?;
        if range.is_empty() { Err("its range of ports is empty") } else { Ok(Self::Range(range)) }
    }

    fn allows(&self, port: u16) -> bool {
        match self {
            Self::Any => true,
            Self::One(one) => *one == port,
            Self::Range(range) => range.contains(&port),
        }
    }
}

#[cfg(test)]
mod tests;
