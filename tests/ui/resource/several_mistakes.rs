use minions::prelude::*;

#[resource(nmae = "web")]
struct Http;

#[resource]
impl Http {
    fn startup(&mut self) -> Result<()> {
        Ok(())
    }

    async fn shut_down(&self) {}

    #[limit(rate = "fast")]
    pub async fn get(&self) -> Result<()> { Ok(()) }
}

fn main() {}
