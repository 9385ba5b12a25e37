//! The list of nodes, `host:port` or URLs, and where nodes may be called at all.

use std::collections::BTreeSet;

use http_url::HttpUrl;
use saga::NODE_ADDRESS_BYTES_MAX;

use crate::host_pattern::HostPattern;
use crate::parse::{Reader, SettingError};
use crate::table::{NODE_HOSTS, NODES};
use crate::{Kind as _, Source};

pub(crate) fn read(reader: &Reader<'_, impl Source>) -> Result<Vec<String>, SettingError> {
    let value = reader.raw(&NODES)?;
    let refused = |value: &str, reason: String| {
        let allowed = format!("{}; {reason}", NODES.kind.allowed());
        SettingError::refused(&NODES.facts, value, allowed)
    };
    let nodes: Vec<String> = value
        .split(',')
        .map(|node| node.trim().trim_end_matches('/').to_owned())
        .filter(|node| !node.is_empty())
        .collect();
    if !NODES.kind.holds(nodes.len()) {
        return Err(refused(value, format!("it has {}", nodes.len())));
    }
    let mut seen = BTreeSet::new();
    for node in &nodes {
        check(node).map_err(|reason| refused(node, reason))?;
        if !seen.insert(node.as_str()) {
            return Err(refused(node, "each node once".to_owned()));
        }
    }
    Ok(nodes)
}

/// That a node can be called; else why not.
fn check(node: &str) -> Result<(), String> {
    if node.len() > NODE_ADDRESS_BYTES_MAX {
        return Err(format!("at most {NODE_ADDRESS_BYTES_MAX} bytes a node"));
    }
    let url = HttpUrl::parse_node(node).map_err(|error| error.to_string())?;
    if url.explicit_port().is_none() && !node.contains("://") {
        return Err("without a scheme it must have a port".to_owned());
    }
    Ok(())
}

/// That Spin can read `node_hosts`. It would take the worker's way to everything, Redis too, when it
/// could not, and say so only in the worker's log, while tasks are accepted.
pub(crate) fn check_hosts(reader: &Reader<'_, impl Source>) -> Result<(), SettingError> {
    reader.text_or_reason(&NODE_HOSTS, HostPattern::parse).map(drop)
}
