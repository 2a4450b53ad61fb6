//! Components without field names, and without fields.

use minions::component::Component;
use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page;

#[resource]
struct Http;

#[resource]
impl Http {}

#[resource]
struct Empty {}

#[resource]
impl Empty {}

#[minion(name = "observer")]
struct Watcher(Dep<Http>, Dep<Empty>, #[default] usize, #[default("start")] &'static str);

#[minion]
impl Watcher {
    #[minion_step]
    async fn fetch(&self, _: &Page, _: &mut ()) {
        let _ = (&self.0, &self.1, self.2, self.3);
    }
}

fn main() {
    assert_eq!(Watcher::NAME, "observer");
    assert_eq!(Watcher::FIELDS.len(), 2);
}
