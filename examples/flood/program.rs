//! The program that is flooded.

use minions::prelude::*;

#[derive(Serialize, Deserialize)]
pub struct Raindrop {
    number: u64,
    payload: String,
}

#[derive(Deserialize)]
struct TorrentSettings {
    payload: usize,
}

/// Is always ready.
#[pipeline]
pub struct Torrent {
    settings: Config<TorrentSettings>,
    #[default]
    number: u64,
}

#[pipeline]
impl Torrent {
    async fn next(&mut self) -> Result<Next<Raindrop>> {
        self.number += 1;
        Ok(Next::Event(Raindrop { number: self.number, payload: "x".repeat(self.settings.payload) }))
    }
}

/// Never gets anything done.
#[minion]
pub struct Stuck {}

#[minion]
impl Stuck {
    #[minion_step]
    async fn wait(&self, drop: &Raindrop, _seen: &mut ()) -> Result<()> {
        debug_assert!(drop.number > 0 && !drop.payload.is_empty());
        std::future::pending().await
    }
}

minions::app! {
    /// Is flooded.
    #[no_main]
    pub struct Flood;
    Torrent => Stuck,
}
