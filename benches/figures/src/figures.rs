//! All values of each figure, and what they come to.

use crate::plan::{GOALS, Goal, RATIOS};
use crate::sample::Sample;
use crate::stats::{Summary, quotients};

/// Figures in the order in which they were first measured.
#[derive(Debug, Default)]
pub struct Figures(Vec<Values>);

#[derive(Debug)]
struct Values {
    name: String,
    unit: String,
    values: Vec<f64>,
}

/// What is told of a figure.
#[derive(Debug, PartialEq)]
pub struct Figure {
    pub name: String,
    pub unit: String,
    pub summary: Summary,
    /// What it is compared to, and how it does.
    pub reference: Option<Reference>,
    pub goal: Option<Goal>,
}

#[derive(Debug, PartialEq)]
pub struct Reference {
    pub name: &'static str,
    /// The median of the ratios of each round.
    pub ratio: f64,
}

impl Figures {
    pub fn add(&mut self, sample: Sample) {
        match self.0.iter_mut().find(|known| known.name == sample.name) {
            Some(known) => known.values.push(sample.value),
            None => self.0.push(Values { name: sample.name, unit: sample.unit, values: vec![sample.value] }),
        }
    }

    fn values(&self, name: &str) -> Option<&[f64]> {
        self.0.iter().find(|known| known.name == name).map(|known| &*known.values)
    }

    /// Everything measured, and then the ratios, whose unit is `ratio` and whose ratio is their median.
    pub fn summarize(&self) -> Vec<Figure> {
        let ratios: Vec<_> = RATIOS
            .iter()
            .filter_map(|ratio| {
                let quotients = quotients(self.values(ratio.over)?, self.values(ratio.under)?);
                Some((ratio, Summary::of(&quotients)?))
            })
            .collect();
        let goal = |name: &str| GOALS.iter().find(|(figure, _)| *figure == name).map(|(_, goal)| *goal);
        let measured = self.0.iter().filter_map(|Values { name, unit, values }| {
            let compared = ratios.iter().find(|(ratio, _)| ratio.over == name);
            let reference = compared.map(|(ratio, summary)| Reference { name: ratio.under, ratio: summary.median });
            let (name, unit, summary) = (name.clone(), unit.clone(), Summary::of(values)?);
            Some(Figure { goal: goal(&name), name, unit, summary, reference })
        });
        let divided = ratios.iter().map(|(ratio, summary)| Figure {
            name: ratio.name.to_owned(),
            unit: "ratio".to_owned(),
            summary: *summary,
            reference: Some(Reference { name: ratio.under, ratio: summary.median }),
            goal: goal(ratio.name),
        });
        measured.chain(divided).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(values: &[(&str, f64)]) -> Vec<Figure> {
        let mut figures = Figures::default();
        values.iter().for_each(|(name, value)| figures.add(Sample::new(*name, "workflows/s", *value)));
        figures.summarize()
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_and_not_of_the_medians() {
        let measured = figures(&[
            ("ceiling_64", 100.0),
            ("durable_64", 90.0),
            ("ceiling_64", 10.0),
            ("durable_64", 5.0),
            ("ceiling_64", 1000.0),
            ("durable_64", 100.0),
        ]);
        let ratio = measured.iter().find(|figure| figure.name == "durable_vs_ceiling_64").unwrap();
        assert_eq!(ratio.summary, Summary { median: 0.5, min: 0.1, max: 0.9 });
        assert_eq!(ratio.reference, Some(Reference { name: "ceiling_64", ratio: 0.5 }));
        assert_eq!(ratio.goal, Some(Goal::AtLeast(0.8)));
        let durable = measured.iter().find(|figure| figure.name == "durable_64").unwrap();
        assert_eq!(durable.summary.median, 90.0);
        assert_eq!(durable.reference, Some(Reference { name: "ceiling_64", ratio: 0.5 }));
    }

    #[test]
    fn without_a_reference_there_is_no_ratio() {
        let measured = figures(&[("durable_64", 90.0)]);
        assert_eq!(measured.len(), 1);
        assert_eq!(measured[0].reference, None);
    }
}
