//! The figures: each a value per run, under a section.

use serde_json::{Map, Value, json};

/// One thing that was measured, once a run.
pub(crate) struct Figure {
    pub(crate) section: &'static str,
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) samples: Vec<f64>,
}

impl Figure {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        }
    }

    pub(crate) fn min(&self) -> f64 {
        self.samples.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.samples.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// Everything measured, in the order first seen.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) figures: Vec<Figure>,
    /// What was measured on, as name and value.
    pub(crate) circumstances: Vec<(&'static str, String)>,
}

/// The section that compares.
pub(crate) const RATIOS: &str = "Ratios";

impl Report {
    /// Adds one run's value.
    pub(crate) fn add(
        &mut self,
        section: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        value: f64,
    ) {
        let name = name.into();
        println!("  {section}: {name} = {value:.3} {unit}");
        let known = self.figures.iter_mut().find(|f| f.section == section && f.name == name);
        match known {
            Some(figure) => figure.samples.push(value),
            None => self.figures.push(Figure { section, name, unit, samples: vec![value] }),
        }
    }

    /// Adds one run's ratio of two values.
    pub(crate) fn ratio(&mut self, name: impl Into<String>, value: f64, other: f64) {
        if other > 0.0 {
            self.add(RATIOS, name, "×", value / other);
        }
    }

    /// How often things were measured.
    pub(crate) fn runs(&self) -> usize {
        self.figures.iter().map(|figure| figure.samples.len()).max().unwrap_or_default()
    }

    /// The sections, ratios first.
    pub(crate) fn sections(&self) -> Vec<&'static str> {
        let mut sections = Vec::new();
        let ratios = self.figures.iter().filter(|figure| figure.section == RATIOS);
        for figure in ratios.chain(&self.figures) {
            if !sections.contains(&figure.section) {
                sections.push(figure.section);
            }
        }
        sections
    }

    pub(crate) fn of<'a>(&'a self, section: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.figures.iter().filter(move |figure| figure.section == section)
    }

    pub(crate) fn json(&self) -> Value {
        let circumstances: Map<String, Value> = self
            .circumstances
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_str().into()))
            .collect();
        let figures = self.figures.iter().map(|figure| {
            json!({
                "section": figure.section,
                "name": figure.name,
                "unit": figure.unit,
                "median": figure.median(),
                "min": figure.min(),
                "max": figure.max(),
                "samples": figure.samples,
            })
        });
        json!({ "circumstances": circumstances, "runs": self.runs(), "figures": figures.collect::<Vec<_>>() })
    }
}
