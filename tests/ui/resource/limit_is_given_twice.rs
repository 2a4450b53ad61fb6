use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8)]
    #[limit(rate = "20/s")]
    pub async fn get(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
