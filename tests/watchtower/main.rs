//! `examples/watchtower`: the tests of its parts, and the program itself on real trees.
//!
//! The program is the one that `cargo test` builds with the examples; `cargo build --example watchtower` does it alone.

#![expect(clippy::print_stdout, reason = "seeds and timings, for whoever reads the output of a test")]

// Its own tests run here, because those of an example run only if the example is then no longer built as a program.
#[path = "../../examples/watchtower/main.rs"]
#[allow(dead_code, reason = "what `main` alone calls")]
mod program;

#[path = "../example/mod.rs"]
mod example;
mod follow;
mod kill;
mod pass;
mod support;
mod tree;
