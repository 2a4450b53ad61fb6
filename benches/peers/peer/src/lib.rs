//! What the measurements of all engines share: the work, so many of it at once, and what is told.
//!
//! A program is called `peer-NAME about` or `peer-NAME IN_FLIGHT SECONDS`; what it writes is JSON.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

pub mod ends;
mod rate;
mod syncs;
mod work;

pub use work::{Page, Visit};

pub type Error = Box<dyn std::error::Error + Send + Sync>;

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

    /// How many workflows have ended, as its store tells.
    fn ended(&self) -> impl Future<Output = Result<u64, Error>> + Send;
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
    let (in_flight, seconds) = (in_flight.parse()?, std::time::Duration::from_secs_f64(seconds.parse()?));
    let directory = tempfile::tempdir_in(".")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        let engine = open(directory.path().into(), in_flight).await?;
        rate::measure(Arc::new(engine), in_flight, seconds).await
    })?;
    // Some engines have no end.
    runtime.shutdown_background();
    let name = format!("{}_{in_flight}", about.name);
    let syncs = Sample { name: format!("{name}_syncs"), unit: "syncs/workflow", value: measured.syncs };
    let rate = Sample { name, unit: "workflows/s", value: measured.rate };
    println!("{}", serde_json::to_string(&[rate, syncs])?);
    Ok(())
}
