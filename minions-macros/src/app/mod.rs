//! `app!`: the generated orchestrator.

mod model;
