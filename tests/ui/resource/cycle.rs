use minions::prelude::*;

#[resource]
struct Audit {
    billing: Dep<Billing>,
}

#[resource]
impl Audit {}

#[resource]
struct Billing {
    ledger: Dep<Ledger>,
}

#[resource]
impl Billing {}

#[resource]
struct Ledger {
    audit: Dep<Audit>,
}

#[resource]
impl Ledger {}

fn main() {}
