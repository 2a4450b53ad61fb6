use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(queue = 3)]
    pub async fn get(&self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
