//! Settings from Spin's variables.

use spin_sdk::variables;

/// The one variable of a component that holds all its settings.
const NAME: &str = "settings";

/// A component's settings: `spin.toml` puts them into one variable, a line `name=value` each,
/// because asking the host for each costs a request more than its Redis script does.
#[derive(Clone, Debug)]
pub struct Variables(Result<Vec<(&'static str, &'static str)>, String>);

impl Variables {
    /// Asks the host. Whatever goes wrong shows when a setting is asked for.
    #[must_use]
    pub fn read() -> Self {
        let text = variables::get(NAME).map_err(|error| match error {
            variables::Error::InvalidName(reason)
            | variables::Error::Undefined(reason)
            | variables::Error::Provider(reason)
            | variables::Error::Other(reason) => reason,
        });
        // An instance lives for one invocation, and needs its settings for as long.
        Self(text.map(|text| settings::lines(text.leak())))
    }
}

impl settings::Source for Variables {
    fn get(&self, name: &str) -> Result<&str, String> {
        let lines = self.0.as_ref().map_err(Clone::clone)?;
        let line = lines.iter().find(|(own, _)| *own == name);
        let missing = || format!("the component's variable `{NAME}` in spin.toml lacks it");
        line.map(|(_, value)| *value).ok_or_else(missing)
    }
}
