use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    async fn start_up(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
