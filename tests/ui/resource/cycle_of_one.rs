use minions::prelude::*;

#[resource]
struct Mirror {
    mirror: Dep<Mirror>,
}

#[resource]
impl Mirror {}

fn main() {}
