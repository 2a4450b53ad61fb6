//! The program, as it was and as it became: each module is what its source would be at one time.

use std::env;
use std::path::Path;

use minions::prelude::*;
use minions::sqlite::SqliteStore;
use minions::{Gru, GruBuilder};

use super::process::say;

/// Where a child finds the state, and which version it is.
pub(crate) const STATE: &str = "MINIONS_UPGRADE_STATE";
pub(crate) const VERSION: &str = "MINIONS_UPGRADE_VERSION";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    First,
    Second,
    Third,
    /// The third one, which stays in every step.
    ThirdHeld,
}

impl Version {
    pub(crate) fn name(self) -> String {
        format!("{self:?}")
    }
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Order {
    item: String,
    /// The step at which the first version stays with it.
    stays_at: String,
}

/// Brings four orders to the first version, and none to the others.
#[pipeline]
struct Orders {
    #[default(orders())]
    left: Vec<(&'static str, &'static str)>,
}

fn orders() -> Vec<(&'static str, &'static str)> {
    let first = env::var(VERSION).is_ok_and(|version| version == Version::First.name());
    let orders = [("tea", "charge"), ("milk", "wrap"), ("book", "price"), ("cake", "send")];
    if first { orders.to_vec() } else { Vec::new() }
}

#[pipeline]
impl Orders {
    async fn next(&mut self) -> Result<Next<Order>> {
        let order = |(item, at): (&str, &str)| Order { item: item.to_owned(), stays_at: at.to_owned() };
        Ok(self.left.pop().map_or(Next::End, |next| Next::Event(order(next))))
    }
}

/// Stays in the step for ever.
async fn hold(step: &str, order: &Order) {
    say(&format!("holds at {step}: {}", order.item));
    std::future::pending().await
}

mod first {
    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub(super) struct Sale {
        cents: u64,
        note: String,
    }

    #[minion]
    pub(super) struct Shop {}

    #[minion]
    impl Shop {
        #[minion_step]
        async fn price(&self, order: &Order, sale: &mut Sale) {
            sale.cents = 7;
            sale.note = format!("for {}", order.item);
            stay("price", order).await;
        }

        #[minion_step]
        async fn charge(&self, order: &Order, _sale: &mut Sale) {
            stay("charge", order).await;
        }

        #[minion_step]
        async fn wrap(&self, order: &Order, _sale: &mut Sale) {
            stay("wrap", order).await;
        }

        #[minion_step]
        async fn send(&self, order: &Order, _sale: &mut Sale) {
            stay("send", order).await;
        }
    }

    async fn stay(step: &str, order: &Order) {
        if order.stays_at == step {
            hold(step, order).await;
        }
    }
}

mod second {
    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub(super) struct Sale {
        cents: u64,
        #[serde(default)]
        paid: bool,
    }

    #[minion]
    pub(super) struct Shop {}

    #[minion]
    impl Shop {
        #[minion_step]
        async fn send(&self, order: &Order, sale: &mut Sale) -> Flow {
            ran("send", order, sale);
            Flow::Done
        }

        #[minion_step]
        async fn price(&self, order: &Order, sale: &mut Sale) {
            sale.cents = 8;
            ran("price", order, sale);
        }

        #[minion_step(alias = "charge")]
        async fn collect(&self, order: &Order, sale: &mut Sale) {
            ran("collect", order, sale);
        }
    }

    fn ran(step: &str, order: &Order, sale: &Sale) {
        say(&format!("ran {step}: {}, paid {}", order.item, sale.paid));
    }
}

mod third {
    use minions::minion::Stored;

    use super::*;

    #[derive(Default, Serialize, Deserialize)]
    pub(super) struct Sale {
        euros: f64,
    }

    #[minion]
    pub(super) struct Shop {}

    #[minion(version = 1)]
    impl Shop {
        fn migrate(stored: &mut Stored) -> Result<()> {
            say(&format!("migrates {}", stored.event["item"].as_str().unwrap_or_default()));
            let cents = stored.context["cents"].as_f64().ok_or("a sale without its price")?;
            stored.context = serde_json::json!({"euros": cents / 100.0});
            if stored.step == "wrap" {
                stored.step = "send".to_owned();
            }
            Ok(())
        }

        #[minion_step]
        async fn send(&self, order: &Order, sale: &mut Sale) {
            if env::var(VERSION).is_ok_and(|version| version == Version::ThirdHeld.name()) {
                hold("send", order).await;
            }
            ran("send", order, sale);
        }

        #[minion_step]
        async fn price(&self, _order: &Order, _sale: &mut Sale) -> Flow {
            Flow::to(Self::collect)
        }

        #[minion_step(alias = "charge")]
        async fn collect(&self, order: &Order, sale: &mut Sale) {
            ran("collect", order, sale);
        }
    }

    fn ran(step: &str, order: &Order, sale: &Sale) {
        say(&format!("ran {step}: {}, euros {}", order.item, sale.euros));
    }
}

/// Runs the version that this process is, until it has nothing left to do.
pub(crate) fn run(state: &Path) {
    let program: fn() -> GruBuilder = match env::var(VERSION).expect("the parent says which").as_str() {
        "First" => || Gru::builder().orchestrate::<Orders, first::Shop>(),
        "Second" => || Gru::builder().orchestrate::<Orders, second::Shop>(),
        _ => || Gru::builder().orchestrate::<Orders, third::Shop>(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let gru = program().store(SqliteStore::at(state.join("state.db"))).start().await.unwrap();
        gru.finished().await;
        gru.shutdown().await;
        say("finished");
    });
}
