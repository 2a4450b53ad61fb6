//! The ceiling: the least that SQLite has to do for the same rows, and nothing else.
//!
//! So many tasks each do again and again what one workflow of three steps writes: a new row, two changes of it, and its
//! removal, awaiting each until it is durable. One thread owns the connection: prepared statements, one transaction for
//! whatever has queued up meanwhile, no timer. Rows are found by an ascending integer, nothing is indexed, the event is
//! written once, and nothing is encoded. It is what `PERFORMANCE` of the field knows as the best way to use SQLite; whoever
//! finds a better one puts it here.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::clock::{Waits, now_ns};

mod writer;

pub use writer::{Synchronous, rows};

use writer::{Write, Writer};

/// What every task shares.
#[derive(Debug)]
pub struct Ceiling {
    writer: Writer,
    /// Of the contexts, in bytes.
    context: usize,
    keys: AtomicU64,
    stop: AtomicBool,
    /// Workflows that are through.
    pub through: AtomicU64,
    /// How long changes of a row waited until they were durable.
    pub waits: Waits,
}

impl Ceiling {
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn open(path: &Path, synchronous: Synchronous, context: usize, waits: Waits) -> Result<Arc<Self>, String> {
        let writer = Writer::start(path, synchronous)?;
        let (keys, stop, through) = (AtomicU64::new(1), AtomicBool::new(false), AtomicU64::new(0));
        Ok(Arc::new(Self { writer, context, keys, stop, through, waits }))
    }

    /// Lets the tasks end after the workflow that each is at.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// One workflow after another.
    ///
    /// # Errors
    ///
    /// When the database refuses anything.
    pub async fn work(self: Arc<Self>) -> Result<(), String> {
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.keys.fetch_add(1, Ordering::Relaxed);
            let key = i64::try_from(number).map_err(|error| error.to_string())?;
            let measured = self.waits.takes(number);
            let event = format!("{{\"number\":{number},\"sampled\":{measured}}}").into_bytes();
            self.writer.durable(Write::Insert { key, event, context: self.context_at(number, 0) }).await?;
            for step in 1..=2 {
                let began = if measured { now_ns() } else { 0 };
                self.writer.durable(Write::Update { key, step, context: self.context_at(number, step) }).await?;
                if measured {
                    self.waits.waited_since(began);
                }
            }
            self.writer.durable(Write::Delete { key }).await?;
            self.through.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bytes that differ from step to step, because SQLite does not write a page that has not changed.
    fn context_at(&self, number: u64, step: i64) -> Vec<u8> {
        let mut context = vec![b'x'; self.context];
        context[..8].copy_from_slice(&number.to_le_bytes());
        context[8..16].copy_from_slice(&step.to_le_bytes());
        context
    }
}
