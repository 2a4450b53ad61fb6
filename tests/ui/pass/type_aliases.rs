//! Fields, events, contexts and results are judged by their types, not by how they are spelt.

use minions::prelude::*;
use minions::{minion::Minion, pipeline::Produces, resource::Resource};

type Shared<T> = Dep<T>;
type HttpDep = Shared<Http>;
type Found = Page;
type Answer<T> = Result<Next<T>, std::io::Error>;
type Nothing = ();

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

#[resource]
struct Http;

#[resource]
impl Http {
    pub async fn get(&self, url: &str) -> usize {
        url.len()
    }
}

#[pipeline]
struct Sitemap {
    http: HttpDep,
}

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Answer<Found> {
        self.http.get("").await;
        Ok(Next::End)
    }
}

#[minion]
struct Watcher {
    http: Shared<Http>,
}

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, page: &Page, _: &mut ()) {
        self.http.get(&page.url).await;
    }

    #[minion_step]
    async fn record(&self, _page: &Found, _: &mut Nothing) {}
}

fn produces<P: Produces<Page>>() {}

fn main() {
    produces::<Sitemap>();
    assert_eq!(<Watcher as Minion>::NEEDS.len(), 1);
    assert!(<Http as Resource>::NEEDS.is_empty());
}
