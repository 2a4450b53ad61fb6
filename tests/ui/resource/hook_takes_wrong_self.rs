use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn shutdown(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
