//! When and how the next process dies; the same seed plans the same deaths.

use std::time::Duration;

use minions::gru::StopMode;

use crate::child::Orders;
use crate::dice::Dice;
use crate::points::{self, Armed};

/// One start of the program.
#[derive(Clone, Debug)]
pub struct Plan {
    pub orders: Orders,
    /// When the parent kills it, if it has not died or ended before.
    pub kill: Option<Duration>,
}

impl Plan {
    /// The plan of one run: of the same numbers the same.
    pub fn throw(seed: u64, life: u64, run: u64, point: Option<&str>) -> Self {
        let mut dice = Dice::new(seed ^ (life << 32) ^ run.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        dice.next();
        let names = points::names();
        let named = dice.chance(65) || point.is_some();
        let name = point.map_or_else(|| dice.pick(&names).clone(), str::to_owned);
        let mode = if dice.chance(50) { StopMode::Park } else { StopMode::Now };
        let stop = Duration::from_millis(dice.roll(120));
        if named {
            let is_at_stop = points::is_at_stop(&name);
            // Mostly the first few times, sometimes one far later.
            let most = 1 << dice.roll(7);
            let armed = Armed { name, nth: 1 + dice.roll(most), micros: dice.roll(3000) };
            let armed = if is_at_stop { Armed { nth: 1, ..armed } } else { armed };
            let kill = Some(Duration::from_millis(150 + dice.roll(350)));
            return Self { orders: Orders { run, point: Some(armed), stop: is_at_stop.then_some((stop, mode)) }, kill };
        }
        // Within the start, anywhere, around a stop, or not at all, because the stop is in order.
        let (kill, stop) = match dice.roll(10) {
            0..=1 => (Some(dice.roll(8_000)), None),
            2..=6 => (Some(dice.roll(250_000)), None),
            7..=8 => (Some(stop.as_micros() as u64 + dice.roll(150_000)), Some((stop, mode))),
            _ => (None, Some((stop, mode))),
        };
        Self { orders: Orders { run, point: None, stop }, kill: kill.map(Duration::from_micros) }
    }

    /// A run that nobody disturbs.
    pub fn peace(run: u64) -> Self {
        Self { orders: Orders { run, point: None, stop: None }, kill: None }
    }

    /// What kills in it.
    pub fn name(&self) -> &str {
        self.orders.point.as_ref().map_or("a random instant", |point| &point.name)
    }
}
