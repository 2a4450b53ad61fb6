use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8)]
    pub async fn get(&self) -> Result<(), std::num::ParseIntError> {
        Ok(())
    }
}

fn main() {}
