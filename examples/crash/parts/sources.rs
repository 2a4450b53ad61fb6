//! Where the orders come from: files with a cursor, and a queue that wants acknowledgements.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use minions::pipeline::{Cursor, Delivery};
use minions::prelude::*;
use parking_lot::Mutex;

use super::Journal;
use super::journal::append;
use crate::input::{FILES, Order, QUEUE};
use crate::points::pass;

/// Between two events, so that the input lasts for a few kills.
const PACE: Duration = Duration::from_millis(2);

/// The numbered lines of several files, a line of each in turn.
#[pipeline]
pub struct Lines {
    journal: Dep<Journal>,
    cursor: Cursor<u64>,
    /// The name of each file, its lines, and how many of them are read.
    #[default]
    files: VecDeque<(&'static str, Vec<String>, usize)>,
}

#[pipeline]
impl Lines {
    async fn startup(&mut self) -> Result<()> {
        pass("source", "startup");
        for file in FILES {
            let text = fs::read_to_string(self.journal.directory().join(file))?;
            let read = self.cursor.partition(file).get()?.unwrap_or(0);
            self.files.push_back((file, text.lines().map(str::to_owned).collect(), usize::try_from(read)?));
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<Order>> {
        tokio::time::sleep(PACE).await;
        while let Some((file, lines, read)) = self.files.pop_front() {
            let Some(line) = lines.get(read) else { continue };
            let order = Order::new(file, line.parse()?, 0);
            let position = self.cursor.partition(file).position(&(read as u64 + 1));
            self.files.push_back((file, lines, read + 1));
            pass("source", "line");
            return Ok(Delivery::new(order).at(position).into());
        }
        Ok(Next::End)
    }

    async fn shutdown(&mut self) -> Result<()> {
        pass("source", "shutdown");
        Ok(())
    }
}

/// A queue in a file: what is not acknowledged in another file is delivered, and some of it twice.
#[pipeline]
pub struct Queue {
    journal: Dep<Journal>,
    #[default]
    waiting: VecDeque<u64>,
    #[default]
    broker: Arc<Mutex<Broker>>,
}

/// The other end of the queue.
#[derive(Default)]
struct Broker {
    acknowledgements: Option<File>,
    /// Delivered and not heard of since.
    out: usize,
    /// To be delivered once more.
    refused: Vec<u64>,
}

#[pipeline(idle = "2ms")]
impl Queue {
    async fn startup(&mut self) -> Result<()> {
        let directory = self.journal.directory();
        let acknowledged = directory.join("acknowledged");
        self.broker.lock().acknowledgements = Some(append(&acknowledged)?);
        let acknowledged = numbers(&acknowledged)?;
        let waiting = numbers(&directory.join(QUEUE))?.into_iter().filter(|number| !acknowledged.contains(number));
        self.waiting =
            waiting.flat_map(|number| std::iter::repeat_n(number, if number % 6 == 0 { 2 } else { 1 })).collect();
        Ok(())
    }

    async fn next(&mut self) -> Result<Next<Order>> {
        tokio::time::sleep(PACE).await;
        let mut broker = self.broker.lock();
        self.waiting.extend(std::mem::take(&mut broker.refused));
        let Some(number) = self.waiting.pop_front() else {
            return Ok(if broker.out == 0 { Next::End } else { Next::Idle });
        };
        broker.out += 1;
        drop(broker);
        pass("source", "message");
        let broker = self.broker.clone();
        let delivery = Delivery::new(Order::new(QUEUE, number, 0)).key(number.to_string());
        Ok(delivery.acknowledge(move |outcome| broker.lock().hear(number, outcome.is_ok())).into())
    }
}

impl Broker {
    fn hear(&mut self, number: u64, admitted: bool) {
        pass("acknowledgement", "before");
        self.out -= 1;
        let mut write = || self.acknowledgements.as_mut()?.write_all(format!("{number}\n").as_bytes()).ok();
        if !admitted || write().is_none() {
            self.refused.push(number);
        }
        pass("acknowledgement", "after");
    }
}

fn numbers(file: &Path) -> Result<Vec<u64>> {
    Ok(fs::read_to_string(file)?.lines().map(str::parse).collect::<Result<_, _>>()?)
}
