//! What a running step has asked for, to be done with the checkpoint that follows it.

use crate::minion::Emission;
use crate::store::Work;

/// Collected while a step runs; taken when it has succeeded, forgotten when it has not.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) emits: Vec<Emission>,
    pub(crate) work: Vec<Work>,
}
