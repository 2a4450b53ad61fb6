use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8, total(concurrency = 64), keys = 9)]
    pub async fn get(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
