//! What the measurements of all engines share: the work, so many of it at once, and what is told.
//!
//! A program is called `peer-NAME about` or `peer-NAME IN_FLIGHT SECONDS`; what it writes is JSON.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Page {
    pub number: u64,
}

/// The context: about 200 bytes, other ones after every step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Visit {
    pub number: u64,
    pub steps: u32,
    pub text: String,
}

impl Visit {
    pub fn of(page: &Page) -> Self {
        Self { number: page.number, steps: 0, text: "x".repeat(165) }
    }

    /// What each step does.
    #[must_use]
    pub fn step(mut self) -> Self {
        self.steps += 1;
        self
    }

    /// Whether all three have.
    pub fn finish(&self) -> Result<(), Error> {
        if self.steps == 3 { Ok(()) } else { Err(format!("{} steps instead of 3", self.steps).into()) }
    }
}

/// Which engine, and how it was set.
#[derive(Serialize)]
pub struct About {
    pub name: &'static str,
    pub version: &'static str,
    pub settings: &'static str,
}

/// An engine that runs on a file in the directory that it was made for.
pub trait Engine: Send + Sync + 'static {
    /// Starts one workflow and waits until it has ended, durably.
    fn workflow(&self, page: Page) -> impl Future<Output = Result<(), Error>> + Send;
}

#[derive(Serialize)]
struct Sample {
    name: String,
    unit: &'static str,
    value: f64,
}

/// Does what the command line says.
pub fn main<E: Engine, F: Future<Output = Result<E, Error>>>(
    about: &About,
    open: impl FnOnce(Box<Path>, usize) -> F,
) -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [in_flight, seconds] = arguments.as_slice() else {
        println!("{}", serde_json::to_string(about)?);
        return Ok(());
    };
    let (in_flight, seconds) = (in_flight.parse()?, Duration::from_secs_f64(seconds.parse()?));
    let directory = tempfile::tempdir_in(".")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let value = runtime.block_on(async {
        let engine = open(directory.path().into(), in_flight).await?;
        rate(Arc::new(engine), in_flight, seconds).await
    })?;
    // Some engines have no end.
    runtime.shutdown_background();
    let name = format!("{}_{in_flight}", about.name);
    println!("{}", serde_json::to_string(&[Sample { name, unit: "workflows/s", value }])?);
    Ok(())
}

/// Counted after each place has been used once, or after twenty seconds; and until each has been used once more, or for forty.
async fn rate<E: Engine>(engine: Arc<E>, in_flight: usize, seconds: Duration) -> Result<f64, Error> {
    let (through, given) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..in_flight {
        let (engine, through, given, stop) = (engine.clone(), through.clone(), given.clone(), stop.clone());
        tasks.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                engine.workflow(Page { number: given.fetch_add(1, Ordering::Relaxed) }).await?;
                through.fetch_add(1, Ordering::Relaxed);
            }
            Ok::<_, Error>(())
        });
    }
    let count = || through.load(Ordering::Relaxed);
    let warm = Instant::now();
    while count() < in_flight as u64 && warm.elapsed() < Duration::from_secs(20) {
        pause(&mut tasks).await?;
    }
    let (before, began) = (count(), Instant::now());
    while began.elapsed() < seconds
        || (count() - before < in_flight as u64 && began.elapsed() < Duration::from_secs(40))
    {
        pause(&mut tasks).await?;
    }
    let rate = (count() - before) as f64 / began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    if rate > 0.0 { Ok(rate) } else { Err("nothing has come through".into()) }
}

/// A moment, in which a workflow that fails is heard of.
async fn pause(tasks: &mut tokio::task::JoinSet<Result<(), Error>>) -> Result<(), Error> {
    match tokio::time::timeout(Duration::from_millis(5), tasks.join_next()).await {
        Ok(Some(ended)) => ended?,
        _ => Ok(()),
    }
}
