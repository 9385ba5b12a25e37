//! The list of nodes: `host:port` or URLs, separated by commas.

use http::Uri;
use saga::{NODE_ADDRESS_BYTES_MAX, NODES_MAX};

use crate::Source;
use crate::parse::{Reader, SettingError};

const NAME: &str = "nodes";

pub(crate) fn read(reader: &Reader<'_, impl Source>) -> Result<Vec<String>, SettingError> {
    let value = reader.raw(NAME)?;
    let nodes: Vec<String> = value
        .split(',')
        .map(|node| node.trim().trim_end_matches('/').to_owned())
        .filter(|node| !node.is_empty())
        .collect();
    if nodes.is_empty() || nodes.len() > NODES_MAX {
        let allowed = format!("1 to {NODES_MAX} nodes, separated by commas");
        return Err(SettingError::shown(NAME, &value, &allowed));
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
    let has_scheme = node.contains("://");
    let url = if has_scheme { node.to_owned() } else { format!("http://{node}") };
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let scheme_is_known = matches!(uri.scheme_str(), Some("http" | "https"));
    let host_is_plain = uri
        .authority()
        .is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'));
    let port_is_given = has_scheme || uri.port_u16().is_some();
    let path_is_plain = if has_scheme { true } else { matches!(uri.path(), "" | "/") };
    scheme_is_known && host_is_plain && port_is_given && path_is_plain && uri.query().is_none()
}
