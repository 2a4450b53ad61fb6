//! Counting under callgrind.

use std::path::Path;
use std::process::Command;

use super::scenarios::{COUNTED, Scenario};

/// Instructions each time the path is taken; with `profile` callgrind's file is left in that directory.
pub fn count(scenario: &Scenario, profile: Option<&Path>) -> Result<u64, String> {
    let [few, many] = scenario.times;
    let before = once(scenario, few, None)?;
    let after = once(scenario, many, profile)?;
    Ok(after.saturating_sub(before) / (many - few))
}

fn once(scenario: &Scenario, times: u64, profile: Option<&Path>) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let out = profile.map_or_else(
        || "/dev/null".to_owned(),
        |directory| directory.join(format!("callgrind.out.{}", scenario.name)).display().to_string(),
    );
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", &format!("--callgrind-out-file={out}")]);
    if !scenario.threads {
        command.args(["--collect-atstart=no", &format!("--toggle-collect={COUNTED}")]);
    }
    command.arg(program).args(["scenario", scenario.name, &times.to_string()]).env_remove("RUST_LOG");
    let output = command.output().map_err(|error| format!("valgrind cannot be started ({error}); install it"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("`{}` under valgrind has ended with {}:\n{told}", scenario.name, output.status));
    }
    parse(&told).ok_or_else(|| format!("callgrind has told no count of `{}`:\n{told}", scenario.name))
}

fn parse(told: &str) -> Option<u64> {
    told.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn the_count_is_read_from_its_line() {
        assert_eq!(parse("==1== Events    : Ir\n==1== Collected : 123456\n==1== \n"), Some(123_456));
        assert_eq!(parse("==1== nothing\n"), None);
    }
}
