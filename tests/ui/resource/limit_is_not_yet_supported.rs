use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8, rate = "20/s")]
    pub async fn get(&self) {}
}

fn main() {}
