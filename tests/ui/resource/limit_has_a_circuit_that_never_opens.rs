use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 0, burst = 3, circuit(open = "30s"))]
    pub async fn get(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
