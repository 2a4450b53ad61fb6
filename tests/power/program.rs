//! The program that is traced: one workflow after the other, so that what was written before a mark is what it depends on.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use minions::gru::Finished;
use minions::pipeline::Delivery;
use minions::prelude::*;
use minions::sqlite::{Durability, SqliteStore};

pub(crate) const EVENTS: usize = 8;
/// The acknowledgement, and the beginning of each step.
pub(crate) const MARKS_OF_EVENT: usize = 4;

/// The file with the marks; each is one `write`.
#[resource]
pub(crate) struct Marks {
    file: Arc<File>,
    /// How many workflows have come to their last step.
    through: AtomicUsize,
}

#[resource]
impl Marks {
    async fn create() -> Result<Self> {
        Err("the program makes it, because it knows where".into())
    }
}

impl Marks {
    fn make(&self, what: &str) -> Result<()> {
        Ok((&*self.file).write_all(format!("{what}\n").as_bytes())?)
    }
}

#[pipeline]
pub(crate) struct Count {
    marks: Dep<Marks>,
    #[default]
    given: usize,
}

#[pipeline(idle = "1ms")]
impl Count {
    async fn next(&mut self) -> Result<Next<usize>> {
        if self.given == EVENTS {
            return Ok(Next::End);
        }
        if self.marks.through.load(Ordering::SeqCst) < self.given {
            return Ok(Next::Idle);
        }
        self.given += 1;
        let marks = self.marks.clone();
        Ok(Delivery::new(self.given)
            .acknowledge(move |admitted| {
                admitted.expect("nothing is refused here");
                marks.make("acknowledged").expect("the mark is written");
            })
            .into())
    }
}

#[minion]
pub(crate) struct Walker {
    marks: Dep<Marks>,
}

#[minion]
impl Walker {
    #[minion_step]
    async fn first(&self, _: &usize, (): &mut ()) -> Result<Flow> {
        self.marks.make("first")?;
        Ok(Flow::sleep(Duration::from_millis(2)))
    }

    #[minion_step]
    async fn second(&self, _: &usize, (): &mut ()) -> Result<()> {
        self.marks.make("second")
    }

    #[minion_step]
    async fn third(&self, _: &usize, (): &mut ()) -> Result<()> {
        self.marks.make("third")?;
        self.marks.through.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

minions::app! {
    #[no_main]
    struct Traced;
    Count => Walker,
}

pub(crate) fn run(directory: &Path, durability: Durability) {
    let marks = OpenOptions::new().append(true).create(true).open(directory.join("marks"));
    let marks = Arc::new(marks.expect("the directory is there"));
    let store = SqliteStore::at(directory.join("state.db")).durability(durability);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let marks = move || Marks { file: marks.clone(), through: AtomicUsize::new(0) };
        let gru = Traced::builder().resource(marks).store(store).start().await.expect("it starts");
        assert_eq!(gru.finished().await, Finished::Done);
        assert!(gru.shutdown().await.is_clean());
    });
}
