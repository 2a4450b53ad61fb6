use minions::prelude::*;

#[resource]
struct Http {
    #[default = 3]
    calls: usize,
}

#[resource]
impl Http {}

fn main() {}
