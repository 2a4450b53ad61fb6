use minions::prelude::*;

#[minion]
struct Http;

#[resource]
impl Http {}

fn main() {}
