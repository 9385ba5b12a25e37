//! `fermyon:spin/variables`: what a component asks for by name.

use anyhow::Result;
use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use crate::instance::{Instance, Settings};

/// `variables.error`
#[derive(Clone, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "invalid-name")]
    InvalidName(String),
    #[component(name = "undefined")]
    Undefined(String),
    #[component(name = "provider")]
    Provider(String),
    #[component(name = "other")]
    Other(String),
}

/// Gives components the interface.
pub(crate) fn add_to_linker(linker: &mut Linker<Instance>) -> Result<()> {
    linker
        .instance("fermyon:spin/variables@2.0.0")?
        .func_wrap("get", |store, (name,): (String,)| Ok((get(&store.data().settings, &name),)))?;
    Ok(())
}

fn get(settings: &Settings, name: &str) -> Result<String, Error> {
    if let Some(value) = settings.variables.get(name) {
        return Ok(value.clone());
    }
    match crate::manifest::check_variable_name(name) {
        Ok(()) => Err(Error::Undefined(format!("no variable for {:?}.{name:?}", settings.id))),
        Err(error) => Err(Error::InvalidName(error.to_string())),
    }
}
