//! The facade under another name: the macros are told its path.

extern crate minions as gru;

use gru::prelude::{Dep, Deserialize, Next, Result, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Page;

#[gru::resource(crate = gru)]
struct Http;

#[gru::resource(crate = gru)]
impl Http {
    pub async fn get(&self) {}
}

mod inner {
    use super::*;

    #[gru::pipeline(name = "pages", crate = crate::gru)]
    pub struct Sitemap {
        pub http: Dep<Http>,
    }

    #[gru::pipeline(background, crate = crate::gru)]
    impl Sitemap {
        async fn next(&mut self) -> Result<Next<Page>> {
            self.http.get().await;
            Ok(Next::End)
        }
    }
}

#[gru::minion(crate = gru)]
struct Watcher;

#[gru::minion(crate = gru)]
impl Watcher {
    #[gru::minion_step]
    async fn fetch(&self, _page: &Page, _: &mut ()) {}
}

gru::app! {
    #[no_main]
    struct Watch;
    inner::Sitemap => Watcher,
}

fn main() {
    let manifest = Watch::builder().check().expect("the program is right");
    assert!(manifest.component("pages").is_some_and(|pages| pages.background));
}
