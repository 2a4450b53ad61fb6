use std::cell::Cell;

use minions::prelude::*;

#[resource]
struct Counter {
    #[default]
    count: Cell<usize>,
}

#[resource]
impl Counter {
    pub async fn next(&self) -> usize {
        self.count.replace(self.count.get() + 1)
    }
}

fn main() {}
