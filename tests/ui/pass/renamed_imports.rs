//! Nothing of the prelude has to keep its name.

use minions::{
    component::{Dep as Shared, Health as Wellbeing, Stop as Ending},
    config::Config as Settings,
    minion, pipeline as source,
    pipeline::Next as Following,
    resource as shared,
    workflow::Workflow as Identity,
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Page;

#[derive(Deserialize)]
struct HttpSettings {
    agent: Option<String>,
}

#[shared]
struct Http {
    settings: Settings<HttpSettings>,
}

#[shared]
impl Http {
    async fn run(&self, ending: Ending) {
        ending.requested().await;
    }

    async fn health(&self) -> Wellbeing {
        if self.settings.agent.is_some() { Wellbeing::Healthy } else { Wellbeing::unhealthy("no agent") }
    }
}

#[source]
struct Sitemap {
    _http: Shared<Http>,
}

#[source]
impl Sitemap {
    async fn next(&mut self) -> Result<Following<Page>, &'static str> {
        Err("nothing yet")
    }
}

#[minion]
struct Watcher;

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, _: &mut (), identity: &Identity) -> std::io::Result<()> {
        assert_eq!(identity.attempt(), 1);
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    Watcher.fetch(&Page, &mut (), &Identity::detached()).await.expect("the step works");
    let http = Http { settings: Settings::from(HttpSettings { agent: None }) };
    assert!(!http.health().await.is_healthy());
    let mut sitemap = Sitemap { _http: Shared::new(http) };
    assert!(sitemap.next().await.is_err());
}
