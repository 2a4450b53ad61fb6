use minions::prelude::*;

struct Client;

#[resource]
struct Http {
    client: Client,
}

#[resource]
impl Http {}

fn main() {}
