use minions::prelude::*;

struct Page;

#[pipeline]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

fn main() {}
