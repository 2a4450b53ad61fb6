//! Limited methods keep their signatures, and take whatever error has a place for a refusal.

#![deny(warnings)]

use std::fmt::{self, Display};

use minions::limit::Rejected;
use minions::prelude::*;

#[derive(Debug)]
pub enum HttpError {
    Limited(Rejected),
    Broken,
}

impl Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no page")
    }
}

impl std::error::Error for HttpError {}

impl From<Rejected> for HttpError {
    fn from(rejected: Rejected) -> Self {
        Self::Limited(rejected)
    }
}

/// Not an error of the standard library.
pub struct Odd;

impl From<Rejected> for Odd {
    fn from(_: Rejected) -> Self {
        Self
    }
}

type Answer = Result<usize, HttpError>;

#[resource]
pub struct Http;

fn host(url: &str) -> &str {
    url
}

#[resource]
impl Http {
    #[limit(concurrency = 8, rate = "20/s", burst = 5, per = host(url), total(concurrency = 64, rate = "100/s"))]
    pub async fn get(&self, url: &str) -> Answer {
        if url.is_empty() { Err(HttpError::Broken) } else { Ok(url.len()) }
    }

    #[limit(concurrency = 1, queue = 3, max_wait = "30s", circuit(failures = 5, open = "1m"))]
    pub(crate) async fn post(&self, body: String) -> Result<String> {
        Ok(body)
    }

    #[limit(rate = "5000/h", per = (id, "x").0, keys = 10)]
    pub async fn generic<'a, T: Display + Sync>(&'a self, id: u64, (value, _): (&T, u8)) -> Result<&'a Self, Odd> {
        let _ = (id, value.to_string());
        Ok(self)
    }

    #[limit(circuit(ratio = 0.5, calls = 10, window = "1m", probes = 2))]
    pub async fn opaque(&self) -> Result<impl Iterator<Item = usize> + use<>> {
        Ok(0..3)
    }

    #[cfg(any())]
    #[limit(concurrency = 1)]
    pub async fn absent(&self) -> Result<()> {
        Ok(())
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = Http;
    assert!(matches!(is_send(http.get("12")).await, Ok(2)));
    assert!(http.get("").await.is_err());
    assert_eq!(is_send(http.post("x".to_owned())).await.unwrap(), "x");
    assert!(is_send(http.generic(1, (&2, 3))).await.is_ok());
    assert_eq!(http.opaque().await.map_or(0, Iterator::sum), 3);
}
