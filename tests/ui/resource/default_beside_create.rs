use minions::prelude::*;

#[resource]
struct Http {
    #[default]
    calls: usize,
}

#[resource]
impl Http {
    async fn create() -> Result<Self> {
        Ok(Self { calls: 0 })
    }
}

fn main() {}
