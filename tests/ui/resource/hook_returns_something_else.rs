use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn startup(&mut self) -> bool {
        true
    }
}

fn main() {}
