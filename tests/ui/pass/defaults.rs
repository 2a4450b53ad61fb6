//! Fields that are the component's own.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use minions::component::Component;
use minions::prelude::*;

const NEEDS: usize = 7;

#[derive(Default)]
struct Cache(Mutex<HashMap<String, usize>>);

#[resource]
struct Http {
    #[default]
    cache: Cache,
    #[default(Duration::from_secs(3))]
    pause: Duration,
    #[default(NEEDS)]
    needs: usize,
    #[cfg(any())]
    missing: DoesNotExist,
    #[cfg(all())]
    #[default(Some(String::from("x")))]
    present: Option<String>,
    #[default]
    nested: Option<Box<Self>>,
}

#[resource]
impl Http {
    pub async fn count(&self) -> usize {
        self.cache.0.lock().map_or(0, |cache| cache.len()) + self.needs
    }
}

fn main() {
    assert!(Http::FIELDS.is_empty());
    let http = Http {
        cache: Cache::default(),
        pause: Duration::ZERO,
        needs: 1,
        present: None,
        nested: None,
    };
    let _ = (http.pause, &http.present, &http.nested);
}
