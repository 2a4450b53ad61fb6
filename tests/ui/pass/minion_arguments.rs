//! What a minion and its steps may declare, and how it arrives.

use std::time::Duration;

use minions::error::{Failure, Verdict};
use minions::minion::{Emits, History, Lanes, Minion, Retry, StepId, Stored};
use minions::prelude::*;

#[derive(Serialize, Deserialize)]
struct Page {
    url: String,
}

mod other {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Alert;
}

type Found = Page;

#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl Failure for Refused {
    fn verdict(&self) -> Verdict {
        Verdict::Terminal
    }
}

#[minion]
struct Watcher;

#[minion(
    emits(Page, other::Alert),
    version = 2,
    lane(concurrency = 2, rate = "5/s", queue = 9, quarantined = "pass"),
    history(last = 100, age = "7d"),
    failures(Refused)
)]
impl Watcher {
    fn accept(&self, page: &Found) -> bool {
        !page.url.is_empty()
    }

    fn lane(page: &Found) -> &str {
        &page.url
    }

    fn migrate(stored: &mut Stored) -> Result<()> {
        stored.context = 7.into();
        Ok(())
    }

    #[minion_step(on_failure, timeout = "1d")]
    async fn tell(&self, _page: &Page, (): &mut (), wf: &Workflow) {
        self.emit(wf, other::Alert).key("gone");
    }

    #[minion_step(retry(attempts = 5, backoff = "200ms..30s"), timeout = "10s", alias("get", "load"))]
    async fn fetch(&self, page: &Page, (): &mut (), wf: &Workflow) -> Result<()> {
        self.emit(wf, Page { url: page.url.clone() }).after(Duration::from_secs(1));
        "7".parse::<u8>().terminal()?;
        Ok(())
    }

    #[minion_step(retry(backoff = "1s"), alias = "store")]
    async fn record(&self, _page: &Page, (): &mut ()) -> Result<Flow, Refused> {
        Err(Refused)
    }

    #[minion_step(retry(attempts = 1))]
    async fn last(&self, _page: &Page, (): &mut ()) -> Owned<()> {
        Err(Refused)
    }
}

type Owned<T> = std::result::Result<T, Refused>;

#[minion]
struct Plain;

#[minion(history = 5)]
impl Plain {
    #[minion_step]
    async fn only(&self, _alert: &other::Alert, (): &mut ()) {}
}

fn emits<M: Emits<E>, E: minions::pipeline::Storable>() {}

fn main() {
    let [fetch, record, last, tell] = Watcher::STEPS else { panic!("{:?}", Watcher::STEPS) };
    assert_eq!((fetch.name, fetch.aliases, fetch.timeout), ("fetch", &["get", "load"][..], Some(Duration::from_secs(10))));
    let seconds = Duration::from_secs;
    assert_eq!(fetch.retry, Some(Retry::attempts(5).backoff(Duration::from_millis(200), seconds(30))));
    assert_eq!(record.retry, Some(Retry::DEFAULT.backoff(seconds(1), seconds(1))));
    assert_eq!((record.aliases, last.retry), (&["store"][..], Some(Retry::attempts(1))));
    assert_eq!((tell.name, tell.on_failure, tell.timeout), ("tell", true, Some(seconds(86_400))));
    assert!(!fetch.on_failure && last.timeout.is_none());
    let (jump, hidden) = (StepId::of_fn(&Watcher::last), StepId::of_fn(&Watcher::tell));
    assert_eq!(Watcher::position(jump), Some(2));
    assert_eq!(Watcher::position(hidden), None, "a jump to the step for failures is one to no step");

    assert_eq!((Watcher::VERSION, Plain::VERSION), (2, 0));
    let lanes = Lanes::ONE_BY_ONE.concurrency(2).rate(5, seconds(1)).queue(9).pass();
    assert_eq!((Watcher::LANES, Plain::LANES), (Some(lanes), None));
    assert_eq!(<Watcher as Minion>::lane(&Page { url: "a".into() }), "a");
    assert_eq!(Watcher::HISTORY, History::last(100).for_at_most(seconds(7 * 86_400)));
    assert_eq!(Plain::HISTORY, History::last(5));
    assert_eq!(Watcher::EMITS.len(), 2);
    assert!(Watcher::EMITS[1].type_name().ends_with("other::Alert"));
    assert!(Plain::EMITS.is_empty() && Plain::FAILURES.is_empty());
    assert!(Watcher::FAILURES[0].type_name().ends_with("Refused"));
    emits::<Watcher, Page>();

    assert!(Minion::accept(&Watcher, &Page { url: "x".to_owned() }));
    assert!(!Minion::accept(&Watcher, &Page { url: String::new() }));
    let mut stored = Stored::new(1, "fetch", ().into(), "old".into());
    <Watcher as Minion>::migrate(&mut stored).unwrap();
    assert_eq!(stored.context.as_u64(), Some(7));
    let _ = minions::Gru::builder().orchestrate::<Watcher, Watcher>().orchestrate::<Watcher, Plain>();
}
