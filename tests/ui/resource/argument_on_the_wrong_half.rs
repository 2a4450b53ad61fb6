use minions::prelude::*;

#[resource]
struct Http;

#[resource(name = "web")]
impl Http {}

fn main() {}
