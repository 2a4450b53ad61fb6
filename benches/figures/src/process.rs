//! A measurement in a process of its own, which is this program once more.

use std::process::{Command, Stdio};

use crate::measure::Bench;
use crate::plan::Measurement;
use crate::sample::{Measured, Sample};

/// Starts the process and reads what it has measured.
pub fn run(bench: &Bench, name: &str, telemetry: bool) -> Measured {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.args(["measure", name]).arg("--directory").arg(&bench.directory).stderr(Stdio::inherit());
    if !telemetry {
        command.arg("--silent");
    }
    if bench.quick {
        command.arg("--quick");
    }
    let output = command.output().map_err(|error| format!("no process: {error}"))?;
    if !output.status.success() {
        return Err(format!("its process has ended with {}", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("its process has not told figures: {error}"))
}

/// What such a process does.
///
/// # Errors
///
/// When it cannot be measured.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub fn serve(bench: &Bench, measurement: &Measurement) -> Result<(), String> {
    let samples: Vec<Sample> = measurement.run(bench)?;
    println!("{}", serde_json::to_string(&samples).map_err(|error| error.to_string())?);
    Ok(())
}
