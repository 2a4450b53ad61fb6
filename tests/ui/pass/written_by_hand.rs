//! What the macros write can be written by hand, and both kinds go together.

use minions::{
    component::{Assembly, Component, Dep, Inject, Location, Need},
    minion::{Flow, IntoFlow, Minion, StepId, StepInfo},
    pipeline::{Next, Pipeline, Produces},
    prelude::{Deserialize, Result, Serialize, resource},
    resource::Resource,
    workflow::Workflow,
};

#[derive(Serialize, Deserialize)]
struct Page;

struct Http;

impl Component for Http {
    const NAME: &'static str = "http";
    const LOCATION: Location = minions::component::Location::new(file!(), line!(), column!());

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Resource for Http {}

#[resource]
struct Archive {
    _http: Dep<Http>,
}

#[resource]
impl Archive {}

struct Sitemap;

impl Component for Sitemap {
    const NAME: &'static str = "sitemap";

    fn assemble(_: &Assembly) -> Result<Self> {
        Ok(Self)
    }
}

impl Pipeline for Sitemap {
    type Event = Page;

    async fn next(&mut self) -> Result<Next<Page>> {
        Ok(Next::End)
    }
}

impl Produces<Page> for Sitemap {}

struct Watcher {
    archive: Dep<Archive>,
}

impl Watcher {
    async fn record(&self, _page: &Page) {
        let _ = &self.archive;
    }
}

impl Component for Watcher {
    const NAME: &'static str = "watcher";
    const FIELDS: &'static [Need] = &[Dep::<Archive>::NEED];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self { archive: Dep::inject(cx)? })
    }
}

impl Minion for Watcher {
    type Event = Page;
    type Context = ();
    const STEPS: &'static [StepInfo] = &[StepInfo::new("record")];

    async fn step<'a>(&'a self, _: usize, page: &'a Page, _: &'a mut (), _: &'a Workflow) -> Result<Flow> {
        self.record(page).await.into_flow()
    }

    fn position(step: StepId) -> Option<usize> {
        (step == StepId::of_fn(&Self::record)).then_some(0)
    }
}

minions::app! {
    #[no_main]
    struct Watch;
    Sitemap => Watcher,
}

fn main() {
    let manifest = Watch::builder().check().expect("the program is right");
    assert_eq!(manifest.levels, [["http"], ["archive"]]);
}
