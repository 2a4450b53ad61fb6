//! Public async methods of a resource keep their signatures, whatever these are.

use std::{fmt::Display, future::Future};

use minions::prelude::*;

#[resource]
struct Http {
    #[default]
    name: String,
}

#[resource]
impl Http {
    pub async fn get(&self, url: &str) -> Result<usize, std::num::ParseIntError> {
        let length: usize = url.parse()?;
        Ok(length)
    }

    pub async fn generic<'a, T: Display + Sync, const N: usize>(&'a self, (value, mut call): (&T, [u8; N])) -> &'a str
    where
        T: ?Sized,
    {
        call.reverse();
        assert_eq!(value.to_string().len(), call.len());
        &self.name
    }

    pub async fn borrows(&self, _other: &str) -> &str {
        &self.name
    }

    pub(crate) async fn takes_impl(&self, answer: impl Fn() -> usize + Send) -> usize {
        answer()
    }

    pub async fn opaque(&self) -> Result<impl Iterator<Item = usize> + use<>, std::io::Error> {
        std::env::current_dir()?;
        Ok(0..3)
    }

    pub async fn returns_a_future(&self) -> impl Future<Output = usize> + use<> {
        async { 3 }
    }

    pub async fn returns_early(&self, early: bool) {
        if early {
            return;
        }
        let answer = ();
        answer
    }

    pub async fn never(&self) -> ! {
        std::future::pending().await
    }

    pub async fn calls_itself(&self) -> usize {
        self.takes_impl(|| 4).await
    }

    #[untracked]
    pub async fn start_up(&self) {}

    pub fn immediate(&self) -> usize {
        1
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let http = Http { name: "x".to_owned() };
    assert_eq!(is_send(http.get("12")).await, Ok(12));
    assert!(http.get("twelve").await.is_err());
    assert_eq!(is_send(http.generic(("ab", [1, 2]))).await, "x");
    assert_eq!(http.borrows("y").await, "x");
    assert_eq!(http.opaque().await.map_or(0, Iterator::sum), 3);
    assert_eq!(http.returns_a_future().await.await, 3);
    http.returns_early(true).await;
    drop(http.never());
    assert_eq!(http.calls_itself().await + http.immediate(), 5);
    http.start_up().await;
}
