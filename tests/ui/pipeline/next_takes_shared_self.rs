use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[pipeline]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

fn main() {}
