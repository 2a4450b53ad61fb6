use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8)]
    pub async fn get(&self) {}

    #[limit(concurrency = 8)]
    pub async fn count(&self) -> usize {
        1
    }
}

fn main() {}
