use minions::prelude::*;

struct Client;

#[resource]
struct Http {
    calls: usize,
}

#[resource]
impl Http {
    async fn create(_client: Dep<Client>) -> Result<Self> {
        Ok(Self { calls: 0 })
    }
}

fn main() {}
