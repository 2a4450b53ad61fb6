use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[minion_step]
    pub async fn get(&self) {}
}

fn main() {}
