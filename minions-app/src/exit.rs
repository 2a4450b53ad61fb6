//! How a program ends, as the shell sees it.

use std::process::{ExitCode, Termination};

/// How a command ended; it converts into the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the process should exit with it"]
#[non_exhaustive]
pub enum Exit {
    /// 0: everything went as it should.
    Done,
    /// 1: a component was lost, the stop was not in order or cut short by a second signal, or a command failed.
    Failed,
    /// 2: the arguments or the configuration are wrong; nothing was started.
    Usage,
    /// 3: every source has ended, and workflows are in quarantine.
    Quarantined,
    /// 4: the start failed; nothing is left running.
    NotStarted,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Quarantined => 3,
            Self::NotStarted => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}
