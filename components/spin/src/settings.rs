//! Settings from Spin's variables.

use spin_sdk::variables;

/// The component's variables.
#[derive(Clone, Copy, Debug)]
pub struct Variables;

impl settings::Source for Variables {
    fn get(&self, name: &str) -> Result<String, String> {
        variables::get(name).map_err(|error| match error {
            variables::Error::InvalidName(reason)
            | variables::Error::Undefined(reason)
            | variables::Error::Provider(reason)
            | variables::Error::Other(reason) => reason,
        })
    }
}
