use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn create(&self) -> Result<Self> {
        Ok(Self)
    }
}

fn main() {}
