use minions::prelude::*;

#[resource(nmae = "web")]
struct Http;

#[resource]
impl Http {}

fn main() {}
