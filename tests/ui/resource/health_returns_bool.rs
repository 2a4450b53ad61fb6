use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn health(&self) -> bool {
        true
    }
}

fn main() {}
