use minions::prelude::*;

#[resource]
struct Audit {
    ledger: Dep<Ledger>,
}

#[resource]
impl Audit {}

#[resource]
struct Ledger {
    lines: usize,
}

#[resource]
impl Ledger {
    async fn create(_audit: Dep<Audit>) -> Result<Self> {
        Ok(Self { lines: 0 })
    }
}

fn main() {}
