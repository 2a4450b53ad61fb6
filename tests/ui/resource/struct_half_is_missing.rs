use minions::prelude::*;

struct Http;

#[resource]
impl Http {}

fn main() {}
