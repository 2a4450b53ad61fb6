//! Every kind of component may declare its identity and its policy, alone and with everything else.

use std::time::Duration;

use minions::component::Component;
use minions::prelude::*;
use minions::supervise::RestartPolicy;

#[derive(Serialize, Deserialize)]
struct Page;

#[resource(name = "web", id = "http", restart(policy = "always", backoff = "1s..1m", multiplier = 3, jitter = 0, limit = 0, reset = "1d"))]
struct Http;

#[resource]
impl Http {}

#[pipeline(restart = "never")]
struct Sitemap;

#[pipeline]
impl Sitemap {
    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

// The runtime's own section is a name that is taken, not an id.
#[minion(id = "minions", restart(limit = 9))]
struct Watcher {
    http: Dep<Http>,
}

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _page: &Page, (): &mut ()) {
        let _ = &self.http;
    }
}

#[minion(restart())]
struct Auditor;

#[minion]
impl Auditor {
    #[minion_step]
    async fn look(&self, _page: &Page, (): &mut ()) {}
}

minions::app! {
    #[no_main]
    struct App;
    Sitemap => Watcher,
    Sitemap => Auditor { start = false },
}

fn main() {
    let second = Duration::from_secs(1);
    let slow = RestartPolicy::always().backoff(second, 60 * second).multiplier(3.0).jitter(0.0).limit(0);
    assert_eq!(Http::RESTART, Some(slow.reset(86_400 * second)));
    assert_eq!((Http::NAME, Http::ID), ("web", "http"));
    assert_eq!(Sitemap::RESTART, Some(RestartPolicy::never()));
    assert_eq!((Watcher::NAME, Watcher::ID), ("watcher", "minions"));
    assert_eq!(Watcher::RESTART, Some(RestartPolicy::on_failure().limit(9)));
    assert_eq!((Auditor::ID, Auditor::RESTART), ("auditor", Some(RestartPolicy::default())));
    let manifest = App::builder().check().expect("a right program");
    assert_eq!(manifest.orchestrations[0].id, "sitemap/minions");
}
