use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8)]
    pub async fn get(&self) -> String {
        String::new()
    }

    #[limit(concurrency = 8)]
    pub async fn post(&self) {}
}

fn main() {}
