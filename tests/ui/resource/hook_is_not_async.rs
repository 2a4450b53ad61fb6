use minions::prelude::*;

#[resource]
struct Http;

#[resource]
impl Http {
    fn startup(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
