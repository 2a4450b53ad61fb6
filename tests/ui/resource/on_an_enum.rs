use minions::prelude::*;

#[resource]
enum Http {
    Real,
    Fake,
}

#[resource]
impl Http {}

fn main() {}
