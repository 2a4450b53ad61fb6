//! The generated command line: the runtime's commands and options around the program's own arguments.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args as _, Command, FromArgMatches as _, Subcommand};

use crate::args::UserArgs;
use crate::control;
use crate::graph::Format;
use crate::workflows;

/// The directory of the state, where nobody names one.
const STATE: &str = ".minions";
const STATE_VARIABLE: &str = "MINIONS_STATE";

/// What a person asked for.
pub(crate) struct Invocation {
    /// The name of the program as the person calls it.
    pub(crate) program: String,
    pub(crate) global: Global,
    pub(crate) action: Action,
}

/// The options that every command takes.
#[derive(Debug)]
pub(crate) struct Global {
    pub(crate) state: PathBuf,
    pub(crate) config: Option<PathBuf>,
    pub(crate) set: Vec<String>,
}

pub(crate) enum Action {
    /// With the parsed arguments of the program.
    Run(ArgMatches),
    Check,
    Graph(Format),
    Config {
        json: bool,
    },
    Workflows(workflows::Command),
    /// Told to a program that is running.
    Control(control::Command),
}

// The same on every level of the command line, so that they may stand before and after a command. No documentation,
// because clap would take it for the program's.
#[derive(Debug, clap::Args)]
struct Options {
    /// Keep the state in this directory: unfinished work, logs [env: MINIONS_STATE] [default: .minions]
    #[arg(id = "minions.state", long = "state", value_name = "DIR", help_heading = "Configuration")]
    state: Option<PathBuf>,
    /// Read this configuration file [default: minions.toml, .json or .yaml, if it is there]
    #[arg(id = "minions.config", long = "config", value_name = "FILE", help_heading = "Configuration")]
    config: Option<PathBuf>,
    /// Set a key of the configuration; can be repeated
    #[arg(id = "minions.set", long = "set", value_name = "SECTION.KEY=VALUE", help_heading = "Configuration")]
    set: Vec<String>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Say whether the program and its configuration are right; start nothing
    Check,
    /// Draw the pipelines, minions and resources of the program; start nothing
    Graph {
        /// The language of the drawing
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show each value of the configuration and where it came from; start nothing
    Config {
        /// Show where each value came from; always done
        #[arg(long)]
        explain: bool,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Look into stored workflows and decide about them, whether the program runs or not
    #[command(subcommand)]
    Wf(workflows::Command),
    #[command(flatten)]
    Control(control::Command),
}

/// Understands `args`, the first of which is the name of the program.
pub(crate) fn parse(user: &UserArgs, about: Option<&str>, args: Vec<OsString>) -> Result<Invocation, clap::Error> {
    let program = program_name(&args);
    let mut command = command(user, about, &program)?;
    let matches = command.try_get_matches_from_mut(args)?;
    let global = Global::gather(&matches)?;
    let action = match matches.subcommand() {
        None => Action::Run(matches),
        Some((name, inner)) => {
            refuse_misplaced(user, &mut command, &matches, name)?;
            match name {
                "run" => Action::Run(inner.clone()),
                _ => Other::from_arg_matches(&matches)?.into(),
            }
        }
    };
    Ok(Invocation { program, global, action })
}

fn command(user: &UserArgs, about: Option<&str>, program: &str) -> Result<Command, clap::Error> {
    let mut root = (user.augment)(Command::new(program.to_owned()).bin_name(program));
    refuse_taken(&mut root)?;
    if let Some(about) = about {
        root = root.about(about.to_owned());
    }
    let run = (user.augment)(Command::new("run")).about("Run the program; the default").long_about(None);
    let root = Other::augment_subcommands(root.subcommand(run)).subcommand_negates_reqs(true);
    Ok(everywhere(root))
}

fn everywhere(command: Command) -> Command {
    let names: Vec<_> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names.into_iter().fold(Options::augment_args(command), |command, name| command.mut_subcommand(name, everywhere))
}

/// Refuses arguments of the program that have the name of one of ours, before clap meets two of one name.
fn refuse_taken(user: &mut Command) -> Result<(), clap::Error> {
    const TAKEN: [&str; 4] = ["state", "config", "set", "help"];
    let taken = user.get_arguments().filter_map(|arg| arg.get_long()).find(|long| TAKEN.contains(long));
    let Some(taken) = taken else { return Ok(()) };
    let message =
        format!("the program declares the argument `--{taken}`, which every program has; give it another name");
    Err(user.error(ErrorKind::ArgumentConflict, message))
}

/// An argument of the program before a command would not reach it.
fn refuse_misplaced(
    user: &UserArgs,
    command: &mut Command,
    matches: &ArgMatches,
    name: &str,
) -> Result<(), clap::Error> {
    let theirs = (user.augment)(Command::new("theirs"));
    let ids: Vec<_> = theirs.get_arguments().map(Arg::get_id).collect();
    let given = |arg: &&Arg| {
        ids.contains(&arg.get_id()) && matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine)
    };
    // Looked for in the command that has parsed them, because only that one can be shown.
    let Some(misplaced) = command.get_arguments().find(given) else { return Ok(()) };
    let message = match name {
        "run" => format!("`{misplaced}` must stand behind `run`"),
        _ => format!("`{misplaced}` is an argument of `run`, not of `{name}`"),
    };
    Err(command.error(ErrorKind::ArgumentConflict, message))
}

fn program_name(args: &[OsString]) -> String {
    let name = args.first().and_then(|path| Path::new(path).file_stem());
    name.map_or_else(|| "program".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl Global {
    /// Puts together what was given on the levels of the command line; the innermost directory and file count.
    fn gather(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let (mut state, mut config, mut set) = (None, None, Vec::new());
        let levels = std::iter::successors(Some(matches), |outer| outer.subcommand().map(|(_, inner)| inner));
        for level in levels {
            let options = Options::from_arg_matches(level)?;
            state = options.state.or(state);
            config = options.config.or(config);
            set.extend(options.set);
        }
        let from_env = || env::var_os(STATE_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        Ok(Self { state: state.or_else(from_env).unwrap_or_else(|| STATE.into()), config, set })
    }
}

impl From<Other> for Action {
    fn from(other: Other) -> Self {
        match other {
            Other::Check => Self::Check,
            Other::Graph { format } => Self::Graph(format),
            Other::Config { json, .. } => Self::Config { json },
            Other::Wf(command) => Self::Workflows(command),
            Other::Control(command) => Self::Control(command),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoArgs;

    #[derive(clap::Args)]
    struct Own {
        /// How deep to look
        #[arg(long)]
        depth: u8,
        names: Vec<String>,
    }

    fn parsed(line: &str) -> Result<Invocation, clap::Error> {
        parse(&UserArgs::of::<Own>(), None, line.split(' ').map(OsString::from).collect())
    }

    fn refusal(line: &str) -> String {
        parsed(line).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn the_definition_is_sound() {
        command(&UserArgs::of::<Own>(), Some("Looks"), "look").unwrap().debug_assert();
        command(&UserArgs::of::<NoArgs>(), None, "look").unwrap().debug_assert();
    }

    #[test]
    fn own_arguments_stand_without_a_command_and_behind_run() {
        for line in ["/bin/look --depth 3 a b", "look run --depth 3 a b"] {
            let Invocation { program, action: Action::Run(matches), .. } = parsed(line).unwrap() else {
                panic!("{line}")
            };
            let own = Own::from_arg_matches(&matches).unwrap();
            assert_eq!((own.depth, own.names.len(), program.as_str()), (3, 2, "look"));
        }
        assert!(refusal("look").contains("--depth"));
        assert!(refusal("look run").contains("--depth"));
        assert!(matches!(parsed("look check").unwrap().action, Action::Check));
    }

    #[test]
    fn misplaced_arguments_are_refused_instead_of_ignored() {
        assert!(refusal("look --depth 3 run --depth 4").contains("must stand behind `run`"));
        assert!(refusal("look --depth 3 check").contains("`--depth <DEPTH>` is an argument of `run`, not of `check`"));
        assert!(refusal("look check --depth 3").contains("--depth"));
    }

    #[test]
    fn help_begins_with_what_the_program_says_of_itself() {
        let help = |about| command(&UserArgs::of::<NoArgs>(), about, "look").unwrap().render_long_help().to_string();
        assert!(help(Some("Looks")).starts_with("Looks\n\nUsage: look"), "{}", help(Some("Looks")));
        assert!(help(None).starts_with("Usage: look"), "{}", help(None));
    }

    #[test]
    fn orders_are_understood() {
        let order = |line: &str| match parsed(line).unwrap().action {
            Action::Control(command) => command,
            _ => panic!("{line}"),
        };
        assert_eq!(order("look ps --json"), control::Command::Ps { json: true });
        let stop = order("look stop a/b --mode now --state s");
        assert_eq!(stop, control::Command::Stop { id: "a/b".into(), mode: control::Mode::Now, json: false });
        assert_eq!(order("look shutdown"), control::Command::Shutdown { mode: None, json: false });
        let start = parsed("look start a/b --from x.toml --config c.toml --id eu --max-in-flight 8").unwrap();
        assert_eq!(start.global.config, Some(PathBuf::from("c.toml")));
        assert!(refusal("look stop").contains("<ID>"));
        assert!(refusal("look stop a/b --mode never").contains("[possible values: drain, park, now]"));
        assert!(refusal("look start a/b --max-in-flight 0").contains("--max-in-flight"));
    }

    #[test]
    fn options_stand_on_every_level() {
        let global = |line: &str| parsed(line).unwrap().global;
        let all = global("look --set a.b=1 --state s wf --set a.c=2 list --set a.d=3 --state t --config c.toml");
        assert_eq!(all.set, ["a.b=1", "a.c=2", "a.d=3"]);
        assert_eq!((all.state, all.config), (PathBuf::from("t"), Some(PathBuf::from("c.toml"))));
        assert_eq!(global("look --set a.b=1 run --depth 1").set, ["a.b=1"]);
    }

    #[test]
    fn a_name_of_ours_is_refused_with_the_fix() {
        #[derive(clap::Args)]
        struct Taken {
            #[arg(long)]
            state: Option<String>,
        }
        let error = parse(&UserArgs::of::<Taken>(), None, vec!["look".into()]).err().unwrap().to_string();
        assert!(error.contains("`--state`, which every program has"), "{error}");
        assert!(Taken { state: None }.state.is_none());
    }
}
