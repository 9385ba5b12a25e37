//! The list of nodes, `host:port` or URLs, and where nodes may be called at all.

use std::collections::BTreeSet;

use http_url::{Host, HttpUrl, Scheme};
use saga::NODE_ADDRESS_BYTES_MAX;

use crate::host_pattern::HostPattern;
use crate::parse::{Reader, SettingError};
use crate::table::{NODE_HOSTS, NODES};
use crate::{Kind as _, Source};

/// The nodes, each of which can be called and may be.
pub(crate) fn read(reader: &Reader<'_, impl Source>) -> Result<Vec<String>, SettingError> {
    let hosts = hosts(reader)?;
    let refused = |reason: String| {
        let allowed = format!("{}; {reason}", NODES.kind.allowed());
        SettingError::refused(&NODES.facts, allowed)
    };
    let nodes: Vec<String> = reader
        .raw(&NODES)?
        .split(',')
        .map(|node| node.trim().trim_end_matches('/').to_owned())
        .filter(|node| !node.is_empty())
        .collect();
    if !NODES.kind.holds(nodes.len()) {
        return Err(refused(format!("it has {}", nodes.len())));
    }
    let mut seen = BTreeSet::new();
    for (index, node) in nodes.iter().enumerate() {
        let checked = check(node, &hosts).and_then(|place| {
            if seen.insert(place) { Ok(()) } else { Err("each node once".to_owned()) }
        });
        checked.map_err(|reason| {
            refused(format!("entry {} of {}: {reason}", index + 1, nodes.len()))
        })?;
    }
    Ok(nodes)
}

/// What a node's address calls, which other ways to write it have in common.
type Place = (Scheme, Host, u16, String);

/// That a node can be called and may be; else why not, without its address.
fn check(node: &str, hosts: &HostPattern) -> Result<Place, String> {
    if node.len() > NODE_ADDRESS_BYTES_MAX {
        return Err(format!("at most {NODE_ADDRESS_BYTES_MAX} bytes a node"));
    }
    let url = HttpUrl::parse_node(node).map_err(|error| error.to_string())?;
    if url.explicit_port().is_none() && !node.contains("://") {
        return Err("without a scheme it must have a port".to_owned());
    }
    if !hosts.allows(&url) {
        return Err("the setting node_hosts does not allow it".to_owned());
    }
    let path = url.path_with_query().trim_end_matches('/').to_owned();
    Ok((url.scheme(), url.host().clone(), url.port(), path))
}

/// Where nodes may be called, which Spin must be able to read. It would take the worker's way to
/// everything, Redis too, when it could not, and say so only in the worker's log, while tasks are
/// accepted.
fn hosts(reader: &Reader<'_, impl Source>) -> Result<HostPattern, SettingError> {
    reader.text_or_reason(&NODE_HOSTS, HostPattern::parse)
}
