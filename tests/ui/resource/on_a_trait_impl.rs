use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {}

#[resource]
impl Clone for Http {
    fn clone(&self) -> Self {
        Self
    }
}

fn main() {}
