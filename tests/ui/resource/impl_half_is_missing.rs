use minions::prelude::*;

#[resource]
struct Http;

fn main() {}
