use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[pipeline]
struct Sitemap {}

#[pipeline(restart = "always")]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

fn main() {}
