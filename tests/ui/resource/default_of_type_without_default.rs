use minions::prelude::*;

struct Client;

#[resource]
struct Http {
    #[default]
    client: Client,
}

#[resource]
impl Http {}

fn main() {}
