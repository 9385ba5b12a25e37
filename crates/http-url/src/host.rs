//! Hosts: names and addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::UrlError;

/// What a URL calls.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// In lower case.
    Name(String),
    Address(IpAddr),
}

impl Host {
    /// Reads a name, an IPv4 address, or an IPv6 address in brackets.
    ///
    /// # Errors
    /// When it is none of these. An IPv4 address must be written as four numbers: `127.1` and
    /// `0x7f.1` are the same address to some programs, a name to others, and could be checked as the
    /// one and called as the other.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        if text.is_empty() {
            return Err(UrlError("it has no host"));
        }
        if let Some(text) = text.strip_prefix('[') {
            let address = text.strip_suffix(']').and_then(|text| text.parse::<Ipv6Addr>().ok());
            let address = address.ok_or(UrlError("what is in brackets is no IPv6 address"))?;
            return Ok(Self::Address(address.into()));
        }
        // The dot of the root may end a name.
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.rsplit('.').next().is_some_and(is_number) {
            let address = text.parse::<Ipv4Addr>();
            let address = address.map_err(|_| UrlError("an IPv4 address is four numbers"))?;
            return Ok(Self::Address(address.into()));
        }
        let is_label = |label: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
            !label.is_empty() && label.bytes().all(is_plain)
        };
        if !name.split('.').all(is_label) {
            return Err(UrlError("its host is neither a name nor an address"));
        }
        Ok(Self::Name(text.to_ascii_lowercase()))
    }
}

/// Whether a name that ends with this label is taken for an IPv4 address by URL libraries.
fn is_number(label: &str) -> bool {
    let hexadecimal = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}
