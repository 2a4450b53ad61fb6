//! Figures for programs and for people.

mod json;
mod table;

pub use json::to_json;
pub use table::to_table;
