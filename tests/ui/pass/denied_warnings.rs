//! What the macros write causes no warning in a strict crate.
#![deny(
    warnings,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    single_use_lifetimes,
    unused_lifetimes,
    trivial_casts,
    let_underscore_drop,
    unsafe_code,
    rust_2018_idioms
)]

use minions::prelude::*;

/// An event.
#[derive(Debug, Serialize, Deserialize)]
pub struct Page {
    /// Where.
    pub url: String,
}

/// A resource.
#[resource]
#[derive(Debug)]
pub struct Http {
    #[default]
    calls: usize,
}

#[resource]
impl Http {
    async fn startup(&mut self) -> Result<()> {
        self.calls = 0;
        Ok(())
    }

    async fn run(&self, stop: Stop) {
        stop.requested().await;
    }

    /// Gets.
    pub async fn get(&self, url: &str) -> Result<usize> {
        Ok(url.len() + self.calls)
    }
}

/// A pipeline.
#[pipeline]
#[derive(Debug)]
pub struct Sitemap {
    http: Dep<Http>,
}

#[pipeline(idle = "1s")]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        self.http.get("").await?;
        Ok(Next::End)
    }

    async fn shutdown(&mut self) {}
}

/// A minion.
#[minion]
#[derive(Debug)]
pub struct Watcher {
    http: Dep<Http>,
}

#[minion]
impl Watcher {
    async fn health(&self) -> Health {
        Health::Healthy
    }

    #[minion_step]
    async fn fetch(&self, page: &Page, length: &mut usize) -> Result<Flow> {
        *length = self.http.get(&page.url).await?;
        Ok(Flow::to(Self::record))
    }

    #[minion_step]
    async fn record(&self, _page: &Page, _length: &mut usize, _wf: &Workflow) {}
}

minions::app! {
    /// The program.
    #[derive(Debug)]
    #[no_main]
    pub struct Watch;
    Sitemap => Watcher,
    Sitemap => Watcher { id = "again" },
}

fn main() {
    assert!(Watch::builder().check().is_ok());
}
