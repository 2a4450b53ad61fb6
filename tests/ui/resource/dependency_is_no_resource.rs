use minions::prelude::*;

struct Client;

#[resource]
struct Http {
    client: Dep<Client>,
}

#[resource]
impl Http {}

fn main() {}
