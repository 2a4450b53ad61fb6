//! A pipeline that says what the test pushes.

use std::sync::Arc;

use minions_core::Result;
use minions_core::component::{Assembly, Component, Need};
use minions_core::pipeline::{Next, Pipeline, Produces};
use tokio::sync::{Mutex, mpsc};

use super::Job;

type Said = Result<Next<Job>>;

/// The test's end of a [`Feed`]; the source ends when it is dropped.
pub(crate) struct Feeder {
    say: mpsc::UnboundedSender<Said>,
    source: FeedSource,
}

#[derive(Clone)]
pub(crate) struct FeedSource(Arc<Mutex<mpsc::UnboundedReceiver<Said>>>);

impl Feeder {
    pub(crate) fn new() -> Self {
        let (say, said) = mpsc::unbounded_channel();
        Self { say, source: FeedSource(Arc::new(Mutex::new(said))) }
    }

    pub(crate) fn source(&self) -> FeedSource {
        self.source.clone()
    }

    pub(crate) fn push(&self, number: u64) {
        self.say(Ok(Next::Event(Job { number })));
    }

    pub(crate) fn say(&self, said: Said) {
        self.say.send(said).expect("the source outlives the test");
    }

    /// Pushes `numbers` and then the end.
    pub(crate) fn all(numbers: impl IntoIterator<Item = u64>) -> Self {
        let feeder = Self::new();
        numbers.into_iter().for_each(|number| feeder.push(number));
        feeder.say(Ok(Next::End));
        feeder
    }
}

pub(crate) struct Feed(FeedSource);

impl Component for Feed {
    const NAME: &'static str = "feed";
    const FIELDS: &'static [Need] = &[Need::provided::<FeedSource>()];

    fn assemble(cx: &Assembly) -> Result<Self> {
        Ok(Self(FeedSource::clone(&*cx.provided::<FeedSource>().expect("checked by the resolver"))))
    }
}

impl Pipeline for Feed {
    type Event = Job;

    async fn next(&mut self) -> Result<Next<Job>> {
        // A feeder that is gone has nothing more to say.
        self.0.0.lock().await.recv().await.unwrap_or(Ok(Next::End))
    }
}

impl Produces<Job> for Feed {}
