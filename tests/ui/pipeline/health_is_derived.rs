use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[pipeline]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }

    async fn health(&self) -> Health {
        Health::Healthy
    }
}

fn main() {}
