use minions::prelude::*;

#[resource(name = "minions")]
struct Http;

#[resource]
impl Http {}

fn main() {}
