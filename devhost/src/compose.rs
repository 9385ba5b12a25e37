//! Puts a component and its dependencies together, as Spin does at load.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};
use semver::Version;
use wac_graph::types::{ItemKind, Package, SubtypeChecker};
use wac_graph::{CompositionGraph, NodeId, PackageId};

/// A component that serves imports of another.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The manifest's name for the imports it serves: `package:name/interface@1.2.3`, where
    /// interface and version may be absent.
    pub(crate) name: String,
    /// The export to use; absent: the one named as the import is.
    pub(crate) export: Option<String>,
    /// The component.
    pub(crate) wasm: Vec<u8>,
}

/// What a dependency may use only if it inherits its component's configuration. Folders and
/// sockets are not among them, since this host gives those to nobody.
const CAPABILITIES: [&str; 6] = [
    "fermyon:spin/",
    "spin:",
    "wasi:cli/environment",
    "wasi:config/",
    "wasi:http/outgoing-handler",
    "wasi:keyvalue/",
];

/// What stands before the name of an import that a dependency may not have: the host serves the
/// component's own import under its name, and denies this one.
pub(crate) const DENIED: &str = "denied-";

/// What, beside the components, decides the outcome of [`compose`].
pub(crate) fn rules(inherit: bool) -> String {
    if inherit { "inherit".to_owned() } else { format!("{DENIED}{}", CAPABILITIES.join(",")) }
}

/// Composes `component` with what serves its imports. Fails when a dependency fits no import,
/// lacks the export or has another type.
///
/// `inherit`: whether the dependencies may do what the component may.
pub(crate) fn compose(
    id: &str,
    component: Vec<u8>,
    dependencies: &[Dependency],
    inherit: bool,
) -> Result<Vec<u8>> {
    let mut graph = CompositionGraph::new();
    let (package, root) = instantiate(&mut graph, id, component)?;
    let imports: Vec<String> = graph.types()[graph[package].ty()].imports.keys().cloned().collect();

    let mut served: BTreeMap<&str, &str> = BTreeMap::new();
    for dependency in dependencies {
        let name = dependency.name.as_str();
        let matching: Vec<&String> = imports.iter().filter(|import| serves(name, import)).collect();
        if let (true, Some(other)) = (matching.is_empty(), other_version(name, &imports)) {
            bail!("the dependency `{name}` is of another version than `{id}` imports: `{other}`");
        }
        ensure!(
            !matching.is_empty(),
            "the dependency `{name}` fits no import of `{id}`; it imports {}",
            imports.join(", ")
        );
        let (dependency_package, instance) = instantiate(
            &mut graph,
            &format!("dependency-{}", served.len()),
            dependency.wasm.clone(),
        )
        .with_context(|| format!("dependency `{name}`"))?;
        if !inherit {
            deny(&mut graph, dependency_package, instance)?;
        }
        for import in matching {
            if let Some(other) = served.insert(import, name) {
                bail!("the dependencies `{other}` and `{name}` both fit the import `{import}`");
            }
            let export = dependency.export.as_ref().unwrap_or(import);
            check_type(&graph, package, import, dependency_package, export)
                .with_context(|| format!("dependency `{name}`"))?;
            let alias = graph.alias_instance_export(instance, export)?;
            graph.set_instantiation_argument(root, import, alias)?;
        }
    }

    let exports: Vec<String> = graph.types()[graph[package].ty()].exports.keys().cloned().collect();
    for export in exports {
        let alias = graph.alias_instance_export(root, &export)?;
        graph.export(alias, &export)?;
    }
    graph.encode(wac_graph::EncodeOptions::default()).context("cannot compose")
}

fn instantiate(
    graph: &mut CompositionGraph,
    name: &str,
    wasm: Vec<u8>,
) -> Result<(PackageId, NodeId)> {
    let package = Package::from_bytes(name, None, wasm, graph.types_mut())
        .context("this is not a component")?;
    let package = graph.register_package(package)?;
    Ok((package, graph.instantiate(package)))
}

/// Gives a dependency other imports, which the host denies, in place of its component's.
fn deny(graph: &mut CompositionGraph, package: PackageId, instance: NodeId) -> Result<()> {
    let imports = graph.types()[graph[package].ty()].imports.clone();
    for (import, kind) in imports {
        let ItemKind::Instance(interface) = kind else { continue };
        if !CAPABILITIES.iter().any(|capability| import.starts_with(capability)) {
            continue;
        }
        let denied = format!("{DENIED}{import}");
        let imported = |node: &NodeId| graph.get_import_name(*node) == Some(denied.as_str());
        let known = graph.node_ids().find(imported);
        let node = match known {
            Some(node) => node,
            None => {
                // An interface of its own: two imports of one interface would become one.
                let mut interface = graph.types()[interface].clone();
                interface.id = Some(denied.clone());
                let interface = graph.types_mut().add_interface(interface);
                graph.import(denied, ItemKind::Instance(interface))?
            }
        };
        graph.set_instantiation_argument(instance, &import, node)?;
    }
    Ok(())
}

fn check_type(
    graph: &CompositionGraph,
    component: PackageId,
    import: &str,
    dependency: PackageId,
    export: &str,
) -> Result<()> {
    let types = graph.types();
    let exports = &types[graph[dependency].ty()].exports;
    let Some(offered) = exports.get(export) else {
        if let Some(other) = other_version(export, exports.keys()) {
            bail!("it exports `{other}` and must be built anew for `{export}`");
        }
        bail!("it does not export `{export}`");
    };
    let wanted = types[graph[component].ty()].imports.get(import).context("no such import")?;
    let mut cache = Default::default();
    SubtypeChecker::new(&mut cache)
        .is_subtype(*offered, types, *wanted, types)
        .with_context(|| format!("its export `{export}` does not fit the import `{import}`"))
}

/// Whether a dependency's name covers an import.
fn serves(name: &str, import: &str) -> bool {
    let name = Name::parse(name);
    let import = Name::parse(import);
    name.package == import.package
        && (name.interface.is_none() || name.interface == import.interface)
        && (name.version.is_none() || name.version == import.version)
}

/// The one of `names` that is of the same package and interface, and of another version.
fn other_version<'a>(
    name: &str,
    names: impl IntoIterator<Item = &'a String>,
) -> Option<&'a String> {
    let name = Name::parse(name);
    names.into_iter().find(|other| {
        let other = Name::parse(other);
        (other.package, other.interface) == (name.package, name.interface)
            && other.version != name.version
    })
}

/// `package:name/interface@1.2.3`
#[derive(Debug)]
struct Name<'a> {
    package: &'a str,
    interface: Option<&'a str>,
    version: Option<Version>,
}

impl<'a> Name<'a> {
    fn parse(text: &'a str) -> Self {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, Version::parse(version).ok()),
            None => (text, None),
        };
        match path.split_once('/') {
            Some((package, interface)) => Self { package, interface: Some(interface), version },
            None => Self { package: path, interface: None, version },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cover_imports() {
        for (name, import) in [
            ("a:b/c@0.1.0", "a:b/c@0.1.0"),
            ("a:b/c", "a:b/c@0.1.0"),
            ("a:b/c", "a:b/c"),
            ("a:b", "a:b/c@0.1.0"),
            ("a:b@0.1.0", "a:b/c@0.1.0"),
            ("plain", "plain"),
        ] {
            assert!(serves(name, import), "{name} should serve {import}");
        }
        for (name, import) in [
            ("a:b/c@0.1.0", "a:b/c"),
            ("a:b/c@0.1.0", "a:b/c@0.1.1"),
            ("a:b/c", "a:b/d"),
            ("a:b", "a:x/c"),
            ("plain", "other"),
            ("plain", "a:plain/c"),
        ] {
            assert!(!serves(name, import), "{name} should not serve {import}");
        }
    }

    #[test]
    fn another_version_is_told_from_another_interface() {
        let names = ["a:b/d@0.1.0", "a:b/c@0.1.0", "x:b/c@0.1.0"].map(str::to_owned);
        assert_eq!(other_version("a:b/c@0.2.0", &names), Some(&names[1]));
        assert_eq!(other_version("a:b/c@0.1.0", &names), None);
        assert_eq!(other_version("a:b/e@0.2.0", &names), None);
    }

    #[test]
    fn refuses_what_is_no_component() {
        let error = compose("x", b"\0asm junk".to_vec(), &[], true).unwrap_err();
        assert!(error.to_string().contains("not a component"), "{error:#}");
    }
}
