use minions::prelude::*;

#[resource(name = "web", name = "http")]
struct Http;

#[resource]
impl Http {}

fn main() {}
