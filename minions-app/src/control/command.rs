//! The commands that a running program is given.

use std::num::NonZeroUsize;

use minions_core::gru::StopMode;

use crate::config::unlimited;

// What a running program is told; an ID is what `ps` shows. No documentation, because clap would take it for the program's.
#[derive(Clone, Debug, PartialEq, Eq, clap::Subcommand)]
#[cfg_attr(not(unix), expect(dead_code, reason = "only a system with Unix sockets carries them out"))]
pub(crate) enum Command {
    /// Show what the running program does, and what is wrong with it
    Ps {
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Start an orchestration in the running program
    Start {
        /// The orchestration: PIPELINE/MINION, or PIPELINE/MINION@CONFIGURATION as the program declares it
        #[arg(value_name = "ID")]
        orchestration: String,
        /// Overlay the configuration with this file; a pattern starts one orchestration for each file, all or none
        #[arg(long, value_name = "FILE")]
        from: Option<String>,
        /// Name the configuration so in the orchestration's id, instead of after its file
        #[arg(long)]
        id: Option<String>,
        /// Let so many workflows be awake at once, or `unlimited`
        #[arg(long, value_name = "N", value_parser = unlimited::parse)]
        max_in_flight: Option<NonZeroUsize>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop an orchestration of the running program
    Stop {
        /// The orchestration
        id: String,
        /// What becomes of its workflows
        #[arg(long, value_enum, default_value_t)]
        mode: Mode,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a pipeline of the running program take no more events; workflows go on
    Pause {
        /// The pipeline
        #[arg(value_name = "PIPELINE")]
        id: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a paused pipeline take events again
    Resume {
        /// The pipeline
        #[arg(value_name = "PIPELINE")]
        id: String,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Stop the running program and wait for its end
    Shutdown {
        /// What becomes of workflows [default: park, or drain where nothing is stored]
        #[arg(long, value_enum, hide_default_value = true)]
        mode: Option<Mode>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
}

/// What becomes of workflows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// They run to their end
    Drain,
    /// Each finishes its step and stays stored at the next one
    #[default]
    Park,
    /// They are dropped where they are; interrupted steps run again
    Now,
}

impl From<Mode> for StopMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Drain => Self::Drain,
            Mode::Park => Self::Park,
            Mode::Now => Self::Now,
        }
    }
}
