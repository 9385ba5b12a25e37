//! Reads `spin.toml` (manifest version 2) and refuses, by name, every key the dev host does not serve.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// A manifest whose parts refer to each other properly.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    spin_manifest_version: u32,
    /// What `[application]` says.
    pub(crate) application: Application,
    /// The variables an operator may set, by name.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, Variable>,
    /// What makes components run.
    #[serde(default, rename = "trigger")]
    pub(crate) triggers: Triggers,
    /// The components, by id.
    #[serde(default, rename = "component")]
    pub(crate) components: BTreeMap<String, Component>,
}

/// `[application]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Application {
    #[serde(rename = "name")]
    _name: String,
    #[serde(default, rename = "version")]
    _version: String,
    #[serde(default, rename = "description")]
    _description: String,
    #[serde(default, rename = "authors")]
    _authors: Vec<String>,
    /// Settings shared by all triggers of a type.
    #[serde(default, rename = "trigger")]
    pub(crate) triggers: GlobalTriggers,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
}

/// `[application.trigger.*]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GlobalTriggers {
    /// Defaults for the Redis triggers.
    #[serde(default)]
    pub(crate) redis: GlobalRedis,
}

/// `[application.trigger.redis]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GlobalRedis {
    /// The address of triggers that name none (a template).
    pub(crate) address: Option<String>,
}

/// `[variables.*]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Variable {
    /// The value when nobody sets one.
    pub(crate) default: Option<String>,
    /// Whether somebody has to set one.
    #[serde(default)]
    pub(crate) required: bool,
    #[serde(default, rename = "secret")]
    pub(crate) _secret: bool,
    #[serde(default, rename = "description")]
    pub(crate) _description: Option<String>,
}

/// `[[trigger.*]]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Triggers {
    /// Components that answer HTTP requests.
    #[serde(default)]
    pub(crate) http: Vec<HttpTrigger>,
    /// Components that hear Redis messages.
    #[serde(default)]
    pub(crate) redis: Vec<RedisTrigger>,
}

/// `[[trigger.http]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    /// The component's id.
    pub(crate) component: String,
    /// Which paths it answers.
    pub(crate) route: Route,
}

/// Which paths a component answers.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a route is a string, or `{ private = true }`")]
pub(crate) enum Route {
    /// `/exact` or `/below/...`
    Path(String),
    /// `{ private = true }`: none.
    Private(Private),
}

/// `{ private = true }`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Private {
    /// Always true; Spin knows no other value.
    pub(crate) private: bool,
}

/// `[[trigger.redis]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisTrigger {
    #[serde(default, rename = "id")]
    _id: String,
    /// The component's id.
    pub(crate) component: String,
    /// The channel it listens on (a template).
    pub(crate) channel: String,
    /// The Redis URL (a template); absent: the application's.
    pub(crate) address: Option<String>,
}

/// `[component.*]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Component {
    /// The `.wasm` file, from the manifest's folder.
    pub(crate) source: PathBuf,
    #[serde(default, rename = "description")]
    _description: String,
    /// What the component sees of the application's variables (templates).
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    /// Environment variables of the component.
    #[serde(default)]
    pub(crate) environment: BTreeMap<String, String>,
    /// Whom it may call (templates).
    #[serde(default)]
    pub(crate) allowed_outbound_hosts: Vec<String>,
    /// Components that serve its imports, by the name of the import.
    #[serde(default)]
    pub(crate) dependencies: BTreeMap<String, Dependency>,
    /// Whether those may do what this component may.
    #[serde(default)]
    pub(crate) dependencies_inherit_configuration: bool,
    #[serde(default, rename = "build")]
    _build: Option<Build>,
    #[serde(default, rename = "tool")]
    _tool: toml::Table,
}

/// An entry of `[component.*.dependencies]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dependency {
    /// The `.wasm` file, from the manifest's folder.
    pub(crate) path: PathBuf,
    /// The export to use; absent: the one named as the import is.
    pub(crate) export: Option<String>,
}

/// `[component.*.build]`: for those who build; the host only knows what may stand there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Build {
    #[serde(rename = "command")]
    _command: Commands,
    #[serde(default, rename = "workdir")]
    _workdir: Option<String>,
    #[serde(default, rename = "watch")]
    _watch: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a build command is a string or a list of strings")]
enum Commands {
    #[expect(dead_code, reason = "only its shape is checked")]
    One(String),
    #[expect(dead_code, reason = "only its shape is checked")]
    Many(Vec<String>),
}

impl Manifest {
    /// Reads the manifest at `path`. Fails, naming the key, on anything the dev host cannot do.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the manifest {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("cannot use the manifest {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let manifest: Self =
            toml::from_str(text).context("the dev host serves a part of Spin's manifest only")?;
        manifest.validate()?;
        Ok(manifest)
    }

    fn validate(&self) -> Result<()> {
        ensure!(
            self.spin_manifest_version == 2,
            "spin_manifest_version is {}, the dev host knows 2",
            self.spin_manifest_version
        );
        for (name, variable) in &self.variables {
            check_variable_name(name)?;
            ensure!(
                variable.required != variable.default.is_some(),
                "variable `{name}` must be `required` or have a `default`, and not both"
            );
        }
        let http = self.triggers.http.iter().map(|trigger| &trigger.component);
        let redis = self.triggers.redis.iter().map(|trigger| &trigger.component);
        for component in http.chain(redis) {
            ensure!(
                self.components.contains_key(component),
                "a trigger names the component `{component}`, which the manifest does not have"
            );
        }
        for trigger in &self.triggers.http {
            if let Route::Private(Private { private: false }) = trigger.route {
                bail!(
                    "component `{}`: a route is a path or `{{ private = true }}`",
                    trigger.component
                );
            }
        }
        for (id, component) in &self.components {
            check_component_id(id)?;
            component
                .variables
                .keys()
                .try_for_each(|name| check_variable_name(name))
                .with_context(|| format!("component `{id}`"))?;
        }
        Ok(())
    }

    /// Keeps the named components and their triggers, as `spin up -c` does; none named: all.
    pub(crate) fn retain(&mut self, ids: &[String]) -> Result<()> {
        for id in ids {
            ensure!(self.components.contains_key(id), "the manifest has no component `{id}`");
        }
        if !ids.is_empty() {
            self.triggers.http.retain(|trigger| ids.contains(&trigger.component));
            self.triggers.redis.retain(|trigger| ids.contains(&trigger.component));
        }
        let http = self.triggers.http.iter().map(|trigger| trigger.component.clone());
        let redis = self.triggers.redis.iter().map(|trigger| trigger.component.clone());
        let triggered: Vec<String> = http.chain(redis).collect();
        ensure!(!triggered.is_empty(), "no trigger runs any of the chosen components");
        self.components.retain(|id, _| triggered.contains(id));
        Ok(())
    }
}

/// Fails when a name breaks Spin's rule for the names of variables.
pub(crate) fn check_variable_name(name: &str) -> Result<()> {
    let follows = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    ensure!(
        name.split('_').all(|word| {
            word.starts_with(|c: char| c.is_ascii_lowercase()) && word.chars().all(follows)
        }),
        "`{name}` is no name for a variable: words of lower-case letters and digits, a letter \
         first in each, and an underscore between them"
    );
    Ok(())
}

/// Fails when an id breaks Spin's rule for the ids of components.
fn check_component_id(id: &str) -> Result<()> {
    let one_case = |word: &str| {
        !word.contains(|c: char| c.is_ascii_lowercase())
            || !word.contains(|c: char| c.is_ascii_uppercase())
    };
    ensure!(
        id.split('-').all(|word| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.chars().all(|c| c.is_ascii_alphanumeric())
                && one_case(word)
        }),
        "`{id}` is no id for a component: words of letters in one case and digits, a letter first \
         in each, and a hyphen between them"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        spin_manifest_version = 2
        [application]
        name = "shop"
        version = "1.0.0"
        description = "d"
        authors = ["a"]
        [application.trigger.redis]
        address = "redis://{{ host }}"
        [variables]
        host = { default = "localhost", description = "where" }
        token = { required = true, secret = true }
        [[trigger.http]]
        id = "web-http"
        route = "/..."
        component = "web"
        [[trigger.http]]
        route = { private = true }
        component = "inner"
        [[trigger.redis]]
        channel = "{{ host }}:jobs"
        component = "inner"
        [component.web]
        description = "d"
        source = "web.wasm"
        allowed_outbound_hosts = ["http://{{ host }}:*"]
        environment = { RUST_BACKTRACE = "1" }
        [component.web.variables]
        token = "{{ token }}"
        [component.web.build]
        command = "make"
        workdir = "x"
        watch = ["src/**"]
        [component.web.tool.something]
        any = 1
        [component.inner]
        source = "inner.wasm"
        [component.inner.dependencies]
        "a:b/c@0.1.0" = { path = "dep.wasm", export = "d:e/f" }
        [component.inner.build]
        command = ["make", "make install"]
    "#;

    fn error_of(text: &str) -> String {
        format!("{:#}", Manifest::parse(text).unwrap_err())
    }

    /// The least manifest, with `extra` in the component.
    fn with_component_key(extra: &str) -> String {
        format!(
            "spin_manifest_version = 2\n[application]\nname = \"n\"\n\
             [[trigger.http]]\nroute = \"/\"\ncomponent = \"c\"\n\
             [component.c]\nsource = \"c.wasm\"\n{extra}\n"
        )
    }

    #[test]
    fn reads_all_it_knows() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        assert_eq!(manifest.application._name, "shop");
        assert_eq!(
            manifest.application.triggers.redis.address.as_deref(),
            Some("redis://{{ host }}")
        );
        assert_eq!(manifest.triggers.http.len(), 2);
        assert_eq!(manifest.triggers.redis.len(), 1);
        let inner = &manifest.components["inner"];
        assert_eq!(inner.dependencies["a:b/c@0.1.0"].path, Path::new("dep.wasm"));
    }

    #[test]
    fn refuses_unknown_keys_by_name() {
        let unknown = |place: &str, key: &str, text: &str| {
            let changed = WHOLE.replacen(place, &format!("{text}\n{place}"), 1);
            assert_ne!(changed, WHOLE, "{place} is not in the sample");
            let error = error_of(&changed);
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        };
        unknown("[application]", "unheard", "unheard = 1");
        unknown("version = \"1.0.0\"", "licence", "licence = \"MIT\"");
        unknown("[application.trigger.redis]", "http", "[application.trigger.http]\nbase = \"/\"");
        unknown("address =", "database", "database = 1");
        unknown("[[trigger.redis]]", "cron", "[[trigger.cron]]\ncomponent = \"web\"");
        unknown("route = \"/...\"", "executor", "executor = { type = \"wagi\" }");
        unknown("channel =", "pattern", "pattern = \"x\"");
        unknown("command = \"make\"", "profile", "profile = \"debug\"");
        let error = error_of(&WHOLE.replace("export = ", "inherit_configuration = "));
        assert!(error.contains("`inherit_configuration`"), "{error}");
        let error = error_of(&WHOLE.replace("secret = true", "hidden = true"));
        assert!(error.contains("`hidden`"), "{error}");
    }

    #[test]
    fn refuses_component_keys_that_spin_has_and_the_dev_host_has_not() {
        for (key, text) in [
            ("files", "files = [\"a/*\"]"),
            ("exclude_files", "exclude_files = []"),
            ("allowed_http_hosts", "allowed_http_hosts = [\"a\"]"),
            ("key_value_stores", "key_value_stores = [\"default\"]"),
            ("sqlite_databases", "sqlite_databases = [\"default\"]"),
            ("ai_models", "ai_models = [\"m\"]"),
            ("targets", "targets = [\"t\"]"),
            ("profile", "[component.c.profile.debug]\nsource = \"d.wasm\""),
        ] {
            let error = error_of(&with_component_key(text));
            assert!(error.contains(&format!("`{key}`")), "{key}: {error}");
        }
        Manifest::parse(&with_component_key("")).unwrap();
    }

    #[test]
    fn refuses_sources_and_dependencies_from_afar() {
        let text = with_component_key("").replace("\"c.wasm\"", "{ url = \"u\", digest = \"d\" }");
        assert!(error_of(&text).contains("source"));
        let error = error_of(&with_component_key("dependencies = { \"a:b\" = \"1.0\" }"));
        assert!(error.contains("a:b"), "{error}");
    }

    #[test]
    fn refuses_other_manifest_versions() {
        let error = error_of(&with_component_key("").replace("= 2", "= 1"));
        assert!(error.contains("spin_manifest_version is 1"), "{error}");
    }

    #[test]
    fn refuses_triggers_without_component() {
        let error = error_of(&WHOLE.replace("component = \"inner\"", "component = \"outer\""));
        assert!(error.contains("`outer`"), "{error}");
    }

    #[test]
    fn refuses_route_that_is_not_private() {
        let error = error_of(&WHOLE.replace("private = true", "private = false"));
        assert!(error.contains("private"), "{error}");
    }

    #[test]
    fn wants_variables_required_or_with_default() {
        let both = error_of(&WHOLE.replace("required = true", "required = true, default = \"\""));
        assert!(both.contains("`token`"), "{both}");
        let none = error_of(&WHOLE.replace("required = true, ", ""));
        assert!(none.contains("`token`"), "{none}");
    }

    #[test]
    fn refuses_names_no_variable_may_have() {
        for name in ["Host", "ho-st", "1host", "_host", "host_", "ho__st", "host_1"] {
            let text = WHOLE.replace("host = {", &format!("{name} = {{"));
            assert!(error_of(&text).contains(name), "{name}");
        }
    }

    #[test]
    fn refuses_ids_no_component_may_have() {
        for id in ["in_ner", "in--ner", "1nner", "inner-", "inNer"] {
            let text = WHOLE.replace("\"inner\"", &format!("\"{id}\""));
            let error = error_of(&text.replace("component.inner", &format!("component.{id}")));
            assert!(error.contains(&format!("`{id}` is no id")), "{error}");
        }
        Manifest::parse(&with_component_key("[component.API-v2]\nsource = \"v2.wasm\"")).unwrap();
    }

    #[test]
    fn keeps_chosen_components() {
        let mut manifest = Manifest::parse(WHOLE).unwrap();
        manifest.retain(&["inner".to_owned()]).unwrap();
        assert_eq!(manifest.components.keys().collect::<Vec<_>>(), ["inner"]);
        assert_eq!(manifest.triggers.http.len(), 1);

        let mut manifest = Manifest::parse(WHOLE).unwrap();
        manifest.retain(&[]).unwrap();
        assert_eq!(manifest.components.len(), 2);

        let error = manifest.retain(&["other".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("`other`"), "{error}");
    }
}
