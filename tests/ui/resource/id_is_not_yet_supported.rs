use minions::prelude::*;

#[resource(id = "web")]
struct Http;

#[resource]
impl Http {}

fn main() {}
