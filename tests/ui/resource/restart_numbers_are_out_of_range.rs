use minions::prelude::*;

#[resource(restart(backoff = "30s..200ms", multiplier = 0.5, jitter = 1.5, limit = -1, reset = "0s"))]
struct Http;

#[resource]
impl Http {}

fn main() {}
