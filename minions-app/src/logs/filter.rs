//! Which lines are written: the configured filter, or `RUST_LOG` when that is set.

use std::ffi::OsString;

use tracing_subscriber::EnvFilter;

use super::error::{Kind, LogError};

const CONFIGURED: &str = "`minions.logs.level`";
const ENVIRONMENT: &str = "the environment variable `RUST_LOG`";

/// Builds the filter that counts; the configured one is judged even when the environment overrides it, so that a
/// mistake does not wait for the day the variable is gone.
pub(super) fn effective(configured: &str, environment: Option<OsString>) -> Result<EnvFilter, LogError> {
    refuse_bare_words(configured)?;
    let chosen = parse(configured, CONFIGURED)?;
    match environment {
        Some(value) if !value.is_empty() => {
            let value = value.into_string().map_err(|_| Kind::NotText { origin: ENVIRONMENT })?;
            parse(&value, ENVIRONMENT)
        }
        _ => Ok(chosen),
    }
}

fn parse(filter: &str, origin: &'static str) -> Result<EnvFilter, LogError> {
    let parsed = EnvFilter::builder().parse(filter);
    Ok(parsed.map_err(|source| Kind::Filter { filter: filter.to_owned(), origin, source })?)
}

/// A bare word that is no level would mean "everything of the crate with that name and nothing else", so `wran` would
/// switch all logs off in silence. People rely on that meaning in `RUST_LOG`; in our own configuration it is refused.
fn refuse_bare_words(filter: &str) -> Result<(), LogError> {
    const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];
    for word in filter.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let bare = word.chars().all(|c| c.is_alphanumeric() || c == '_');
        let number = word.parse::<u8>().is_ok_and(|level| level <= 5);
        if bare && !number && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)) {
            return Err(Kind::NotALevel { word: word.to_owned(), filter: filter.to_owned(), origin: CONFIGURED }.into());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn levels_and_targets_are_understood() {
        for filter in ["info", "WARN", "off", "", "info,my_app::fetch=debug", "3", "my_app[step]=trace"] {
            assert!(effective(filter, None).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_misspelt_level_is_refused_instead_of_silencing_everything() {
        let error = effective("wran", None).unwrap_err();
        assert!(error.is_filter());
        assert_eq!(
            error.to_string(),
            "`wran` in the log filter `wran` of `minions.logs.level` is not a level; use one of `error`, `warn`, \
             `info`, `debug`, `trace`, `off`, or write `wran=debug` if it is a crate"
        );
    }

    #[test]
    fn a_bad_filter_is_named_with_its_origin_and_cause() {
        let error = effective("info,x=loud", None).unwrap_err();
        assert!(error.to_string().contains("`info,x=loud` of `minions.logs.level`"));
        assert!(error.source().is_some());

        let error = effective("info", Some("y=loud".into())).unwrap_err();
        assert!(error.to_string().contains("`y=loud` of the environment variable `RUST_LOG`"));
    }

    #[test]
    fn the_environment_wins_when_it_is_not_empty() {
        assert_eq!(effective("info", Some("my_app".into())).unwrap().to_string(), "my_app=trace");
        assert_eq!(effective("info", Some("".into())).unwrap().to_string(), "info");
        assert_eq!(effective("info", None).unwrap().to_string(), "info");
    }
}
