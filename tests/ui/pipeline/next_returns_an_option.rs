use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[pipeline]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Result<Option<Page>> {
        Ok(None)
    }
}

fn main() {}
