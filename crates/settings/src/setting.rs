//! What a row of the table of settings holds.

use crate::kind::{Kind, Text};

/// A component of an application, by its name in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    Api,
    Worker,
    Maintenance,
}

impl Component {
    /// The name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Maintenance => "maintenance",
        }
    }
}

/// A setting, whatever its kind.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The Spin variable.
    pub name: &'static str,
    pub default: &'static str,
    /// Never to be shown.
    pub secret: bool,
    /// The components that are told its value.
    pub needed_by: &'static [Component],
    /// What it is, for people: one sentence. Bounds and unit are its kind's to say.
    pub meaning: &'static str,
    /// What it, or part of it, was called in the FastAPI/Celery service.
    pub celery_names: &'static [&'static str],
    /// A value other than the default, for the example files.
    pub example: Option<&'static str>,
}

/// A setting and its kind, which has the bounds.
#[derive(Clone, Copy, Debug)]
pub struct Setting<K> {
    pub facts: Facts,
    pub kind: K,
}

impl<K: Copy> Setting<K> {
    pub(crate) const fn new(
        name: &'static str,
        default: &'static str,
        kind: K,
        needed_by: &'static [Component],
        meaning: &'static str,
    ) -> Self {
        let facts = Facts {
            name,
            default,
            secret: false,
            needed_by,
            meaning,
            celery_names: &[],
            example: None,
        };
        Self { facts, kind }
    }

    pub(crate) const fn celery(mut self, names: &'static [&'static str]) -> Self {
        self.facts.celery_names = names;
        self
    }
}

impl Setting<Text> {
    pub(crate) const fn secret(mut self) -> Self {
        self.facts.secret = true;
        self
    }

    pub(crate) const fn example(mut self, value: &'static str) -> Self {
        self.facts.example = Some(value);
        self
    }
}

/// A row of the table: a setting whose kind does not matter.
pub trait Row: Sync {
    fn facts(&self) -> &Facts;

    /// What is allowed, for people: unit, bounds, form.
    fn allowed(&self) -> String;
}

impl<K: Kind + Sync> Row for Setting<K> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn allowed(&self) -> String {
        self.kind.allowed()
    }
}

/// Settings that belong together.
pub struct Section {
    pub title: &'static str,
    pub rows: &'static [&'static dyn Row],
}
