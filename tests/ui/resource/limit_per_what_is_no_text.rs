use minions::prelude::*;

/// Cannot be displayed.
pub struct Host {
    pub name: String,
}

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8, per = host)]
    pub async fn get(&self, host: &Host) -> Result<String> {
        Ok(host.name.clone())
    }
}

fn main() {}
