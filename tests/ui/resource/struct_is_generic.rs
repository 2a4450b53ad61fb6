use minions::prelude::*;

#[resource]
struct Cache<T> {
    #[default]
    values: Vec<T>,
}

fn main() {}
