use minions::prelude::*;

#[resource]
struct Cache<'a> {
    #[default]
    name: &'a str,
}

fn main() {}
