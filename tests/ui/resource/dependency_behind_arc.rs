use minions::prelude::*;

#[resource]
struct Http {
    archive: std::sync::Arc<Archive>,
}

#[resource]
impl Http {}

#[resource]
struct Archive;

#[resource]
impl Archive {}

fn main() {}
