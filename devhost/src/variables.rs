//! The values of the application's variables: the command line's, else `SPIN_VARIABLE_<NAME>`, else
//! `.env`'s, else the default.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use crate::manifest::Variable;
use crate::template::Template;

/// The name of the file in the working folder that may hold values.
pub(crate) const DOTENV: &str = ".env";

/// The variables of the application, each with its value.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: HashMap<String, String>,
}

impl Variables {
    /// Finds a value for every declared variable; fails naming all that are required and missing.
    ///
    /// `given` is what the command line says, by the variables' own names.
    /// `environment` answers for the process, `dotenv` for the `.env` file; both take the whole
    /// name, `SPIN_VARIABLE_…`.
    pub(crate) fn resolve(
        declared: &BTreeMap<String, Variable>,
        given: &HashMap<String, String>,
        environment: impl Fn(&str) -> Option<String>,
        dotenv: &HashMap<String, String>,
    ) -> Result<Self> {
        let mut values = HashMap::new();
        let mut missing = Vec::new();
        for (name, variable) in declared {
            let key = format!("SPIN_VARIABLE_{}", name.to_ascii_uppercase());
            let value = given
                .get(name)
                .cloned()
                .or_else(|| environment(&key))
                .or_else(|| dotenv.get(&key).cloned())
                .or_else(|| variable.default.clone());
            match value {
                Some(value) => {
                    values.insert(name.clone(), value);
                }
                None => missing.push(format!("{name} (set {key})")),
            }
        }
        ensure!(missing.is_empty(), "required variables have no value: {}", missing.join(", "));
        Ok(Self { values })
    }

    /// Renders a manifest value. Fails on bad templates and on variables nobody declared.
    pub(crate) fn render(&self, text: &str) -> Result<String> {
        Template::parse(text)?.render(|name| self.values.get(name).map(String::as_str))
    }

    /// What a component sees: the values of its own `variables` table.
    pub(crate) fn of_component(
        &self,
        table: &BTreeMap<String, String>,
    ) -> Result<HashMap<String, String>> {
        table
            .iter()
            .map(|(name, text)| {
                let value = self.render(text).with_context(|| format!("variable `{name}`"))?;
                Ok((name.clone(), value))
            })
            .collect()
    }
}

/// Reads `--variable` arguments, of which later ones win: `KEY=VALUE`, or `@FILE` for a JSON or TOML
/// file that maps names to texts. As with Spin, names that nobody declared are of no effect.
pub(crate) fn read_given(arguments: &[String]) -> Result<HashMap<String, String>> {
    let mut given = HashMap::new();
    for argument in arguments {
        let Some(path) = argument.strip_prefix('@') else {
            let (key, value) = argument
                .split_once('=')
                .with_context(|| format!("--variable {argument}: neither KEY=VALUE nor @FILE"))?;
            ensure!(!value.starts_with('@'), "--variable {argument}: KEY=@FILE is not supported");
            given.insert(key.to_owned(), value.to_owned());
            continue;
        };
        given.extend(read_file(Path::new(path)).with_context(|| format!("cannot read {path}"))?);
    }
    Ok(given)
}

fn read_file(path: &Path) -> Result<HashMap<String, String>> {
    let text = std::fs::read_to_string(path)?;
    match path.extension().and_then(OsStr::to_str) {
        Some("json") => Ok(serde_json::from_str(&text)?),
        Some("toml") => Ok(toml::from_str(&text)?),
        _ => bail!("its name ends with neither .json nor .toml"),
    }
}

/// Reads a `.env` file; a file that is not there holds nothing.
pub(crate) fn read_dotenv(path: &Path) -> Result<HashMap<String, String>> {
    if !path.exists() {
        return Ok(HashMap::new());
    }
    dotenvy::from_path_iter(path)
        .and_then(|lines| lines.collect())
        .with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Manifest;

    fn declared() -> BTreeMap<String, Variable> {
        let default =
            |value: &str| Variable { default: Some(value.to_owned()), ..Default::default() };
        let required = || Variable { required: true, ..Default::default() };
        [("host", default("from-default")), ("api_token", required())]
            .map(|(name, variable)| (name.to_owned(), variable))
            .into()
    }

    fn map(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_given_wins_over_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("@{}", path.display())
        };
        let toml = file("a.toml", "host = \"toml\"\napi_token = \"t=1\"\nnobody = \"declared\"\n");
        let json = file("a.json", "{\"host\": \"json\"}");
        let host = |arguments: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
            let given = read_given(&arguments)?;
            let environment = |_: &str| Some("environment".to_owned());
            let variables =
                Variables::resolve(&declared(), &given, environment, &HashMap::new()).unwrap();
            variables.render("{{ host }} {{ api_token }}")
        };
        assert_eq!(host(&[]).unwrap(), "environment environment");
        assert_eq!(host(&[&toml]).unwrap(), "toml t=1");
        assert_eq!(host(&[&toml, &json, "api_token=a=b"]).unwrap(), "json a=b");
        let unreadable = [file("b.toml", "host = 1"), file("b.txt", ""), "@none.toml".to_owned()];
        for argument in unreadable.iter().map(String::as_str).chain(["host", "host=@file"]) {
            let error = format!("{:#}", host(&[argument]).unwrap_err());
            assert!(error.contains(argument.trim_start_matches('@')), "{error}");
        }
    }

    /// What is left out of the file that ships, Spin looks for elsewhere, and slowly.
    #[test]
    fn the_examples_have_every_setting_and_its_default() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap();
        let manifest = Manifest::load(&root.join("spin.toml")).unwrap();
        let defaults = manifest.variables.into_iter();
        let defaults: HashMap<String, String> =
            defaults.map(|(name, variable)| (name, variable.default.unwrap())).collect();
        let example = format!("@{}", root.join("settings.example.toml").display());
        assert_eq!(read_given(&[example]).unwrap(), defaults);

        // Much of the other one is commented out.
        let example = std::fs::read_to_string(root.join(".env.example")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let dotenv = folder.path().join(DOTENV);
        std::fs::write(&dotenv, example.replace("#SPIN_VARIABLE_", "SPIN_VARIABLE_")).unwrap();
        let key = |name: &str| format!("SPIN_VARIABLE_{}", name.to_uppercase());
        let defaults = defaults.into_iter().map(|(name, value)| (key(&name), value)).collect();
        assert_eq!(read_dotenv(&dotenv).unwrap(), defaults);
    }

    #[test]
    fn environment_wins_over_dotenv_over_default() {
        let token = ("SPIN_VARIABLE_API_TOKEN", "t");
        let host = |environment: &[(&str, &str)], dotenv: &[(&str, &str)]| {
            let environment = map(environment);
            let variables = Variables::resolve(
                &declared(),
                &map(&[]),
                |key| environment.get(key).cloned(),
                &map(dotenv),
            )
            .unwrap();
            variables.render("{{ host }}").unwrap()
        };
        assert_eq!(host(&[token], &[]), "from-default");
        assert_eq!(host(&[token], &[("SPIN_VARIABLE_HOST", "file")]), "file");
        assert_eq!(
            host(&[token, ("SPIN_VARIABLE_HOST", "env")], &[("SPIN_VARIABLE_HOST", "file")]),
            "env"
        );
        assert_eq!(host(&[token, ("SPIN_VARIABLE_HOST", "")], &[]), "", "empty counts as set");
        assert_eq!(host(&[], &[token]), "from-default", "required may come from the file");
    }

    #[test]
    fn names_what_is_missing() {
        let error =
            Variables::resolve(&declared(), &map(&[]), |_| None, &HashMap::new()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("api_token") && error.contains("SPIN_VARIABLE_API_TOKEN"),
            "{error}"
        );
    }

    #[test]
    fn gives_components_their_table_only() {
        let variables =
            Variables::resolve(&declared(), &map(&[]), |_| Some("v".to_owned()), &HashMap::new())
                .unwrap();
        let table = BTreeMap::from([("url".to_owned(), "http://{{ host }}/".to_owned())]);
        let seen = variables.of_component(&table).unwrap();
        assert_eq!(seen, map(&[("url", "http://v/")]));

        let table = BTreeMap::from([("url".to_owned(), "{{ nobody }}".to_owned())]);
        let error = format!("{:#}", variables.of_component(&table).unwrap_err());
        assert!(error.contains("`url`") && error.contains("`nobody`"), "{error}");
    }

    #[test]
    fn reads_dotenv_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(DOTENV);
        assert!(read_dotenv(&path).unwrap().is_empty());
        std::fs::write(&path, "# comment\nSPIN_VARIABLE_HOST=a\nexport B='c d'\n").unwrap();
        assert_eq!(read_dotenv(&path).unwrap(), map(&[("SPIN_VARIABLE_HOST", "a"), ("B", "c d")]));
        std::fs::write(&path, "no equals sign").unwrap();
        assert!(read_dotenv(&path).is_err());
    }
}
