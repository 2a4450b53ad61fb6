use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8, per = bytes)]
    pub async fn get(&self, bytes: &[u8]) -> Result<()> {
        let _ = bytes;
        Ok(())
    }
}

fn main() {}
