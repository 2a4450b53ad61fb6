use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(rate = "20/day")]
    pub async fn get(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
