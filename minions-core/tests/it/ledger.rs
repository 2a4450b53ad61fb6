//! Nothing goes missing: the ledgers balance at every moment, and say what the store and the source say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use minions_core::gru::{Control, OrchestrationStatus, State, StopMode};
use minions_core::minion::Flow;
use minions_core::pipeline::{Admitted, Delivery, Next, Refused};
use minions_core::store::MemoryStore;
use minions_core::telemetry::WorkflowLedger;
use minions_core::testing::{Events, FaultyStore, simulate};
use minions_core::{Error, GruBuilder};

use crate::support::sources::Picky;
use crate::support::{Feed, ID, Job, Script, program, rows};

const PICKY: &str = "source/picky";

/// How many programs a normal run tries; `MINIONS_SEEDS` says otherwise.
const SEEDS: u64 = 40;

#[test]
fn the_ledgers_balance_at_every_moment_of_random_programs() {
    let seeds = std::env::var("MINIONS_SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        println!("seed {seed}");
        simulate(seed, random_program(seed));
    }
}

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What became of the events, as their acknowledgements say.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Told {
    fn hear(&self, outcome: &Result<Admitted, Refused>) {
        let word = match outcome {
            Ok(Admitted::New) => "admitted",
            Ok(Admitted::Duplicate) => "duplicates",
            Ok(Admitted::Filtered) => "filtered",
            _ => "refused",
        };
        *self.0.lock().entry(word).or_default() += 1;
    }

    fn count(&self, word: &str) -> u64 {
        self.0.lock().get(word).copied().unwrap_or_default()
    }
}

/// Steps that succeed, take time, sleep, abort, fail and panic, as the number of the job and the step say.
fn script(seed: u64) -> Script {
    Script::new(move |workflow, job, trail| {
        let mut dice = Dice(seed ^ (job.number << 8) ^ (workflow.step().len() as u64) << 40);
        let (luck, time) = (dice.below(12), Duration::from_millis(dice.below(40)));
        async move {
            tokio::time::sleep(time).await;
            match luck {
                0 => Ok((Flow::Abort("no luck".to_owned()), trail)),
                1 => Err(Error::new("no luck")),
                2 => panic!("no luck at all"),
                3 => Ok((Flow::Sleep(Duration::from_millis(300)), trail)),
                4 => Ok((Flow::Sleep(Duration::from_secs(86_400)), trail)),
                5 => Ok((Flow::Done, trail)),
                _ => Ok((Flow::Continue, trail)),
            }
        }
    })
}

async fn random_program(seed: u64) {
    let mut dice = Dice(seed);
    let (keeps, store) = (dice.below(4) > 0, FaultyStore::new());
    for round in 0..3 {
        let before = rows(store.inner()).await.len() as u64;
        let (events, told) = (Events::new(), Told::default());
        let mut builder: GruBuilder = program(&events, script(seed)).orchestrate::<Feed, Picky>();
        builder = builder.max_in_flight(1 + dice.below(6) as usize).shutdown_deadline(Duration::from_secs(3));
        if keeps {
            builder = builder.store(store.clone());
        }
        let gru = builder.start().await.unwrap();
        let control = gru.control();
        let watch = tokio::spawn(watch(control.clone()));
        for _ in 0..dice.below(30) {
            let number = dice.below(20);
            let told = told.clone();
            let mut delivery = Delivery::new(Job { number }).acknowledge(move |outcome| told.hear(&outcome));
            if dice.below(3) == 0 {
                delivery = delivery.key(number.to_string());
            }
            events.say(Ok(Next::Delivery(delivery)));
            match dice.below(14) {
                0 => store.fail(),
                1 => store.hang(),
                2 => store.reject_admissions(),
                3 => store.reject_checkpoints(),
                4..7 => store.work(),
                _ => {}
            }
            tokio::time::sleep(Duration::from_millis(dice.below(60))).await;
            if dice.below(25) == 0 && round < 2 {
                let mode = [StopMode::Drain, StopMode::Park, StopMode::Now][dice.below(3) as usize];
                let _ = control.stop(PICKY, mode).await;
            }
        }
        store.work();
        // Longer than the store is tried again after, and than what is under way takes.
        tokio::time::sleep(Duration::from_secs(6)).await;
        control.pause("source").unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let pipeline = control.snapshot().pipelines[0].ledger;
        let what = format!("seed {seed}, round {round}: {pipeline}");
        assert_eq!(pipeline.pending, 0, "{what}");
        let said = ["admitted", "duplicates", "filtered", "refused"].map(|word| told.count(word));
        assert_eq!([pipeline.admitted, pipeline.duplicates, pipeline.filtered, pipeline.refused], said, "{what}");
        assert_eq!(said.iter().sum::<u64>(), pipeline.produced, "{what}");
        for id in [ID, PICKY] {
            let _ = control.stop(id, [StopMode::Park, StopMode::Now][dice.below(2) as usize]).await;
        }
        assert!(ended(&control, ID).offered == pipeline.produced, "{what}: {}", ended(&control, ID));
        let mut found = 0;
        for id in [ID, PICKY] {
            let (ledger, stored) = (ended(&control, id), stored(store.inner(), id).await);
            assert_eq!((ledger.pending, ledger.running), (0, 0), "{what}; {id}: {ledger}");
            assert_eq!(ledger.stored, if keeps { stored } else { 0 }, "{what}; {id}: {ledger}");
            assert!(!keeps || ledger.dropped == 0, "{what}; {id}: {ledger}");
            found += ledger.found;
        }
        assert_eq!(found, before, "{what}");
        watch.abort();
        let watched = watch.await.unwrap_err();
        assert!(watched.is_cancelled(), "{what}: {watched}");
        gru.shutdown().await;
    }
}

/// Looks at every moment at which the program waits.
async fn watch(control: Control) {
    loop {
        let snapshot = control.snapshot();
        for pipeline in &snapshot.pipelines {
            assert!(pipeline.ledger.is_balanced(), "{}: {}", pipeline.id, pipeline.ledger);
        }
        for orchestration in &snapshot.orchestrations {
            let OrchestrationStatus { id, ledger, .. } = orchestration;
            assert!(ledger.is_balanced(), "{id}: {ledger}");
            assert!(
                orchestration.state != State::Running || ledger.running >= orchestration.in_flight as u64,
                "{ledger}"
            );
        }
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
}

fn ended(control: &Control, id: &str) -> WorkflowLedger {
    let snapshot = control.snapshot();
    let status = snapshot.orchestrations.iter().find(|status| status.id == id);
    let status = status.unwrap_or_else(|| panic!("`{id}` has left no trace"));
    assert!(matches!(status.state, State::Stopped | State::Ended), "{:?}", status.state);
    status.ledger
}

async fn stored(store: &MemoryStore, id: &str) -> u64 {
    rows(store).await.iter().filter(|row| row.orchestration == id).count() as u64
}

#[tokio::test]
async fn a_ledger_says_in_words_what_became_of_everything() {
    let events = Events::all([1, 2, 3, 13].map(|number| Job { number }));
    let builder = program(&events, Script::plain()).orchestrate_with::<Feed, Picky>(|options| options.start(true));
    let gru = builder.store(MemoryStore::new()).start().await.unwrap();
    let control = gru.control();
    gru.finished().await;
    assert_eq!(
        ended(&control, PICKY).to_string(),
        "offered 4 + found 0 + emitted 0 = running 0 + stored 0 + succeeded 1 + aborted 0 + failed 0 + filtered 2 + refused \
         1 + duplicates 0 + dropped 0 + pending 0"
    );
    let ledger = serde_json::to_value(ended(&control, ID)).unwrap();
    assert_eq!((&ledger["offered"], &ledger["succeeded"], &ledger["refused"]), (&4.into(), &3.into(), &1.into()));
    gru.shutdown().await;
}
