use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn run(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
