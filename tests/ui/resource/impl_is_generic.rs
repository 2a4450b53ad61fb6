use minions::prelude::*;

struct Cache<T>(T);

#[resource]
impl<T> Cache<T> {}

fn main() {}
