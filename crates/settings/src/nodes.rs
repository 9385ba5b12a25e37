//! The list of nodes: `host:port` or URLs, separated by commas.

use std::net::IpAddr;

use http::Uri;
use http::uri::Authority;
use saga::{NODE_ADDRESS_BYTES_MAX, NODES_MAX};

use crate::Source;
use crate::parse::{Reader, SettingError};

const NAME: &str = "nodes";
const HOSTS_ALLOWED: &str = "one SCHEME://HOST:PORT, where SCHEME is http, https or *, HOST a name, \
                             an address, NETWORK/BITS, *.DOMAIN or *, and PORT a number, FROM..TO \
                             or *";

pub(crate) fn read(reader: &Reader<'_, impl Source>) -> Result<Vec<String>, SettingError> {
    let value = reader.raw(NAME)?;
    let nodes: Vec<String> = value
        .split(',')
        .map(|node| node.trim().trim_end_matches('/').to_owned())
        .filter(|node| !node.is_empty())
        .collect();
    if nodes.is_empty() || nodes.len() > NODES_MAX {
        let allowed = format!("1 to {NODES_MAX} nodes, separated by commas");
        return Err(SettingError::shown(NAME, value, &allowed));
    }
    let mut seen = std::collections::BTreeSet::new();
    for node in &nodes {
        if !is_node(node) {
            let allowed = "host:port or http(s)://host[:port][/path], without credentials or query";
            return Err(SettingError::shown(NAME, node, allowed));
        }
        if !seen.insert(node.as_str()) {
            return Err(SettingError::shown(NAME, node, "each node once"));
        }
    }
    Ok(nodes)
}

fn is_node(node: &str) -> bool {
    if node.len() > NODE_ADDRESS_BYTES_MAX {
        return false;
    }
    let host_is_plain =
        |authority: &Authority| !authority.host().is_empty() && !authority.as_str().contains('@');
    if !node.contains("://") {
        let authority = node.parse::<Authority>();
        return authority.is_ok_and(|own| host_is_plain(&own) && own.port_u16().is_some());
    }
    let Ok(uri) = node.parse::<Uri>() else { return false };
    let scheme_is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    scheme_is_known && uri.authority().is_some_and(host_is_plain) && uri.query().is_none()
}

/// Whether Spin can read `node_hosts`. It would take the worker's way to everything, Redis too, when
/// it could not, and say so only in the worker's log, while tasks are accepted.
pub(crate) fn check_hosts(reader: &Reader<'_, impl Source>) -> Result<(), SettingError> {
    reader.text("node_hosts", HOSTS_ALLOWED, is_host_pattern).map(drop)
}

fn is_host_pattern(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (rest, ""),
    };
    let (from, to) = port.split_once("..").unwrap_or((port, port));
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    let is_port = match port {
        "" => scheme != "*",
        "*" => true,
        _ => is_number(from) && is_number(to),
    };
    let is_name = |name: &str| {
        !name.contains(['*', '@'])
            && name.parse::<Authority>().is_ok_and(|name| name.port().is_none())
    };
    let is_host = match host.split_once('/') {
        Some((address, bits)) => address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok(),
        None => host == "*" || is_name(host.strip_prefix("*.").unwrap_or(host)),
    };
    matches!(scheme, "http" | "https" | "*") && is_port && is_host
}
