use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn create() -> Self {
        Self
    }
}

fn main() {}
