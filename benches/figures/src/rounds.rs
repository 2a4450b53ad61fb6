//! All measurements once, then once more, and so on: what disturbs one of them for a while disturbs its neighbours too.

use std::time::Instant;

use crate::figures::Figures;
use crate::measure::Bench;
use crate::plan::{Measurement, Place};
use crate::process;
use crate::sample::Measured;

/// Takes every measurement once in each round.
///
/// # Errors
///
/// The first one that fails.
pub fn run(bench: &Bench, measurements: &[Measurement], rounds: usize) -> Result<Figures, String> {
    let mut figures = Figures::default();
    let began = Instant::now();
    for round in 1..=rounds {
        for measurement in measurements {
            let samples = once(bench, measurement).map_err(|error| format!("`{}`: {error}", measurement.name))?;
            if let Some(first) = samples.first() {
                let seconds = began.elapsed().as_secs();
                eprintln!(
                    "{seconds:>4} s  round {round}/{rounds}  {:<28} {:>14.1} {}",
                    first.name, first.value, first.unit
                );
            }
            samples.into_iter().for_each(|sample| figures.add(sample));
        }
    }
    Ok(figures)
}

fn once(bench: &Bench, measurement: &Measurement) -> Measured {
    match measurement.place {
        Place::Here => measurement.run(bench),
        Place::Own => process::run(bench, measurement.name, true),
        Place::Silent => process::run(bench, measurement.name, false),
    }
}
