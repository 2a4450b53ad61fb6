use minions::prelude::*;

/// Takes no `Rejected`.
#[derive(Debug)]
pub struct PageError;

#[resource]
struct Http;

#[resource]
impl Http {
    #[limit(concurrency = 8)]
    pub async fn get(&self) -> Result<String, PageError> {
        Err(PageError)
    }
}

fn main() {}
