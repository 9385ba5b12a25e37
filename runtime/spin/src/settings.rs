//! Settings from Spin's variables.

use spin_sdk::variables;

/// The one variable of a component that holds all its settings.
const NAME: &str = "settings";

/// A component's settings: `spin.toml` puts them into one variable, a line `name=value` each,
/// because asking the host for each costs a request more than its Redis script does.
#[derive(Clone, Debug)]
pub struct Variables(Result<Vec<(&'static [u8], &'static str)>, String>);

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
        Self(text.map(|text| lines(text.leak().as_bytes())))
    }
}

/// The name and the value of each line. In lines this short, looking at bytes costs less than looking
/// for characters.
fn lines(text: &'static [u8]) -> Vec<(&'static [u8], &'static str)> {
    let line = |line: &'static [u8]| {
        let mut parts = line.splitn(2, |byte| *byte == b'=');
        Some((parts.next()?, std::str::from_utf8(parts.next()?).ok()?))
    };
    text.split(|byte| *byte == b'\n').filter_map(line).collect()
}

impl settings::Source for Variables {
    fn get(&self, name: &str) -> Result<&str, String> {
        let lines = self.0.as_ref().map_err(Clone::clone)?;
        let line = lines.iter().find(|(own, _)| *own == name.as_bytes());
        let missing = || format!("the component's variable `{NAME}` in spin.toml lacks it");
        line.map(|(_, value)| *value).ok_or_else(missing)
    }
}
