use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[pipeline(background)]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

fn main() {}
