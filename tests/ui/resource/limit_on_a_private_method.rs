use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8)]
    async fn get(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
