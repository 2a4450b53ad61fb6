use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[pipeline]
struct Sitemap;

#[pipeline(emits(Page))]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

fn main() {}
