use minions::prelude::*;

#[minion]
struct Watcher;

fn main() {}
