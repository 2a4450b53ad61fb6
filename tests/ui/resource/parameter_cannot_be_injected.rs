use minions::prelude::*;

#[resource]
struct Http {
    calls: usize,
}

#[resource]
impl Http {
    async fn create(calls: usize) -> Result<Self> {
        Ok(Self { calls })
    }
}

fn main() {}
