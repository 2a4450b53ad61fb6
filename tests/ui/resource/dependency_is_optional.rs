use minions::prelude::*;

#[resource]
struct Http {
    archive: Option<Dep<Archive>>,
}

#[resource]
impl Http {}

#[resource]
struct Archive;

#[resource]
impl Archive {}

fn main() {}
