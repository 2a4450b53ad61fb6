use minions::prelude::*;

#[pipeline]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn startup(&mut self) -> Result<()> {
        Ok(())
    }
}

fn main() {}
