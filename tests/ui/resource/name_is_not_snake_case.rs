use minions::prelude::*;

#[resource(name = "Web-Client")]
struct Http;

#[resource]
impl Http {}

fn main() {}
