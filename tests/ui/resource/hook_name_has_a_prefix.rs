use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    pub async fn on_shutdown(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
