//! Rounds of orders and troubles, each followed by rest and by a look at everything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use minions::Gru;
use minions::gru::{Control, RuntimePhase, StartError, StopMode, hooks_under_way};
use minions::sqlite::{Durability, SqliteStore};
use minions::store::{Discard, Filter, Op, StateStore, Status};
use minions::supervise::RestartPolicy;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::chaos::{Chaos, Place, Saboteur, Trouble};
use crate::dice::Dice;
use crate::ledger::{Book, Ledger};
use crate::order::{Came, Order, moment};
use crate::parts::Soak;
use crate::plan::Plan;
use crate::vitals::Vitals;

/// What must not be.
pub type Wrong = String;

/// Within this everything comes back, or it never will.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Driver {
    dice: Dice,
    saboteur: Saboteur,
    book: Book,
    file: PathBuf,
    plan: Arc<Plan>,
    source_of: HashMap<String, String>,
    running: Option<Running>,
    /// How many tasks there are while these run; by their hash, because there are very many sets.
    tasks: HashMap<u64, usize>,
    /// What the process holds while nothing runs.
    baseline: Option<Vitals>,
    /// Resident memory each time that nothing ran.
    pub memory: Vec<u64>,
    pub figures: Figures,
    /// What was done in this round, for whoever has to find out why it went wrong.
    pub diary: Vec<String>,
}

struct Running {
    gru: Gru,
    control: Control,
    store: Arc<dyn StateStore>,
    /// The orchestrations that ran when everything rested last.
    up: BTreeSet<String>,
}

#[derive(Default)]
pub struct Figures {
    pub rounds: u64,
    pub restarts: u64,
    pub orders: u64,
    pub troubles: u64,
    pub lost: u64,
}

impl Driver {
    pub fn new(seed: u64, directory: &std::path::Path) -> Result<Self, Wrong> {
        let manifest = Soak::builder().check().map_err(|error| error.to_string())?;
        let plan = Arc::new(Plan::of(&manifest, 2));
        let source_of =
            plan.orchestrations.iter().map(|(id, (source, _))| (id.clone(), (*source).to_owned())).collect();
        let book = Book::default();
        book.make_nervous();
        Ok(Self {
            dice: Dice::new(seed),
            saboteur: Saboteur::default(),
            book,
            file: directory.join("state.db"),
            plan,
            source_of,
            running: None,
            tasks: HashMap::new(),
            baseline: None,
            memory: Vec::new(),
            figures: Figures::default(),
            diary: Vec::new(),
        })
    }

    pub fn workflows(&self) -> (u64, u64) {
        self.book.ended()
    }

    /// One round; now and then the whole program is taken down and brought up again.
    pub async fn round(&mut self) -> Result<(), Wrong> {
        self.diary.clear();
        self.figures.rounds += 1;
        let running = match self.running.take() {
            Some(running) => running,
            None => self.bring_up().await?,
        };
        let running = self.orders(running).await?;
        let running = self.rest(running).await?;
        if self.dice.chance(15) {
            self.bring_down(running).await?;
        } else {
            self.running = Some(running);
        }
        Ok(())
    }

    /// Takes everything down for good.
    pub async fn end(&mut self) -> Result<(), Wrong> {
        match self.running.take() {
            Some(running) => self.bring_down(running).await,
            None => Ok(()),
        }
    }

    async fn bring_up(&mut self) -> Result<Running, Wrong> {
        let began = Instant::now();
        loop {
            let (saboteur, book) = (self.saboteur.clone(), self.book.clone());
            let builder = Soak::builder()
                .resource(move || Chaos::of(saboteur.clone()))
                .resource(move || Ledger::of(book.clone()))
                .store(SqliteStore::at(&self.file).durability(Durability::Process))
                .max_in_flight(64)
                .startup_deadline(Duration::from_millis(1500))
                .shutdown_deadline(Duration::from_secs(3))
                .restart(
                    RestartPolicy::on_failure().backoff(Duration::from_millis(2), Duration::from_millis(20)).limit(3),
                )
                .restart_of("vault", RestartPolicy::never())
                .restart_of("ending", RestartPolicy::never());
            let store = builder.given_store().ok_or("a store was given")?;
            // Sometimes nobody waits for the end of the start.
            let patience = if self.dice.chance(20) { Duration::from_micros(self.dice.roll(60_000)) } else { PATIENCE };
            self.diary.push(format!("a start of all, dropped after {patience:?}"));
            let up: BTreeSet<_> = self.plan.orchestrations.keys().filter(|id| !id.contains('@')).cloned().collect();
            match timeout(patience, builder.start()).await {
                Ok(Ok(gru)) => {
                    self.figures.restarts += 1;
                    let control = gru.control();
                    up.iter().for_each(|id| self.book.fed(id));
                    return Ok(Running { gru, control, store, up });
                }
                // Whoever has let go of the file is not quite gone.
                Ok(Err(StartError::Store(error))) if began.elapsed() < PATIENCE => {
                    self.diary.push(format!("the store: {error}"));
                    sleep(Duration::from_millis(20)).await;
                }
                Ok(Err(error)) => return Err(format!("the program does not start: {error}")),
                Err(_) if patience == PATIENCE => return Err("the program does not come up".to_owned()),
                Err(_) => up.iter().for_each(|id| self.book.died(id, true)),
            }
        }
    }

    async fn bring_down(&mut self, running: Running) -> Result<(), Wrong> {
        let Running { gru, control, store, .. } = running;
        for source in self.plan.sources.clone() {
            self.book.allow(source, self.dice.roll(300));
        }
        let mode = *self.dice.pick(&[StopMode::Drain, StopMode::Park, StopMode::Now]);
        moment(&mut self.dice).await;
        let dropped = self.dice.chance(25);
        self.diary.push(format!("a stop of all, {mode:?}, dropped: {dropped}"));
        let mut rough = true;
        if dropped {
            drop(gru);
            let mut waited = Duration::ZERO;
            while control.snapshot().phase != RuntimePhase::Stopped {
                sleep(Duration::from_millis(5)).await;
                waited += Duration::from_millis(5);
                if waited > PATIENCE {
                    return Err(format!("a dropped program does not go: {:?}", control.snapshot()));
                }
            }
        } else {
            let report = timeout(PATIENCE, gru.shutdown_with(mode)).await;
            let report = report.map_err(|_| format!("the shutdown does not end: {:?}", hooks_under_way()))?;
            rough = mode == StopMode::Now || report.interrupted > 0;
            if report.durability != minions::gru::Durability::Intact {
                return Err(format!("the state is not intact: {report}"));
            }
        }
        self.book.no_more();
        // The file is ours now, to look into it.
        drop((control, store));
        let store = SqliteStore::at(&self.file).durability(Durability::Process);
        let began = Instant::now();
        while let Err(error) = store.open().await {
            if began.elapsed() > PATIENCE {
                return Err(format!("the store cannot be opened: {error}"));
            }
            sleep(Duration::from_millis(5)).await;
        }
        let ids: Vec<_> = self.plan.orchestrations.keys().cloned().collect();
        if rough {
            // What comes after the events is not told one from the other.
            ids.iter().for_each(|id| self.book.unfed(id));
        }
        self.settle(&store).await?;
        ids.iter().for_each(|id| self.book.died(id, rough));
        store.close().await.map_err(|error| error.to_string())?;
        drop(store);
        self.empty().await
    }

    /// Nothing must be left of it.
    async fn empty(&mut self) -> Result<(), Wrong> {
        let first = self.baseline.is_none();
        let began = Instant::now();
        loop {
            let now = Vitals::now();
            let alive = crate::chaos::Alive::all();
            let baseline = *self.baseline.get_or_insert(now);
            let same = now.tasks <= baseline.tasks
                && now.threads <= baseline.threads
                && now.descriptors <= baseline.descriptors + 2
                && alive.is_empty()
                // The program itself, which knows how to make a ledger, is gone as well.
                && self.book.holders() == 1
                && hooks_under_way().is_empty();
            // The pool of the runtime keeps idle threads for ten seconds.
            if same && !first {
                self.memory.push(now.memory);
                return Ok(());
            }
            if first && began.elapsed() > Duration::from_secs(12) {
                self.baseline = Some(now);
                return if alive.is_empty() { Ok(()) } else { Err(format!("values are left: {alive:?}")) };
            }
            if began.elapsed() > PATIENCE {
                return Err(format!(
                    "something is left: {now:?}, at first {baseline:?}; values {alive:?}; {} hold the ledger; hooks {:?}",
                    self.book.holders(),
                    hooks_under_way()
                ));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn orders(&mut self, running: Running) -> Result<Running, Wrong> {
        for source in self.plan.sources.clone() {
            self.book.allow(source, self.dice.roll(400));
        }
        let mut victims = BTreeSet::from(["panicky", "ending"]);
        let mut work: JoinSet<(String, Option<Came>)> = JoinSet::new();
        for _ in 0..self.dice.roll(4) {
            let (victim, place, trouble) = self.trouble();
            victims.insert(victim);
            self.figures.troubles += 1;
            self.diary.push(format!("trouble: {victim} {trouble:?} in {place:?}"));
            let (saboteur, after) = (self.saboteur.clone(), Duration::from_micros(self.dice.roll(30_000)));
            work.spawn(async move {
                sleep(after).await;
                saboteur.arm(victim, place, trouble);
                (String::new(), None)
            });
        }
        if self.dice.chance(40) {
            let (source, control) = (*self.dice.pick(&self.plan.sources), running.control.clone());
            let (after, again) = (Duration::from_micros(self.dice.roll(20_000)), self.dice.chance(50));
            self.diary.push(format!("pause: {source}"));
            work.spawn(async move {
                sleep(after).await;
                // It may not be there.
                let _ = control.pause(source);
                if again {
                    sleep(after).await;
                    let _ = control.resume(source);
                }
                (String::new(), None)
            });
        }
        let ids: Vec<_> = self.plan.orchestrations.keys().cloned().collect();
        let affected = |id: &str| self.plan.below(id).iter().any(|name| victims.contains(name));
        let chosen: BTreeSet<_> = (0..self.dice.roll(8)).map(|_| self.dice.pick(&ids).clone()).collect();
        for id in chosen {
            let was_up = running.up.contains(&id);
            let order = Order::throw(&mut self.dice, was_up);
            self.figures.orders += 1;
            self.diary.push(format!("order: {id} (up: {was_up}) {order:?}"));
            let up = Some(was_up).filter(|_| !affected(&id));
            let (control, book) = (running.control.clone(), self.book.clone());
            let after = Duration::from_micros(self.dice.roll(30_000));
            work.spawn(async move {
                sleep(after).await;
                let came = order.give(&control, &book, &id, up).await;
                (id, Some(came))
            });
        }
        let mut came = BTreeMap::new();
        let all = async {
            while let Some(done) = work.join_next().await {
                if let Ok((id, Some(outcome))) = done {
                    came.insert(id, outcome);
                }
            }
        };
        if timeout(PATIENCE, all).await.is_err() {
            return Err(format!("orders do not come back: {:?}\n{:#?}", hooks_under_way(), running.control.snapshot()));
        }
        self.diary.extend(came.iter().map(|(id, outcome)| format!("came: {id} {outcome:?}")));
        self.calm(running, &came, &victims).await
    }

    /// Somewhere something goes wrong.
    fn trouble(&mut self) -> (&'static str, Place, Trouble) {
        let block = |dice: &mut Dice| match dice.roll(8) {
            // Longer than a startup may take.
            0 => Trouble::Blocks(Duration::from_millis(2000)),
            _ => Trouble::Blocks(Duration::from_millis(dice.roll(150))),
        };
        let brief = |dice: &mut Dice| Trouble::Blocks(Duration::from_millis(dice.roll(150)));
        let slow = Trouble::Dawdles(Duration::from_millis(self.dice.roll(100)));
        let dice = &mut self.dice;
        let resources: Vec<_> = self.plan.resources.iter().filter(|name| !["chaos", "ledger"].contains(name)).collect();
        match dice.roll(3) {
            0 => {
                let name = **dice.pick(&resources);
                let place =
                    *dice.pick(&[Place::Startup, Place::Shutdown, Place::Run, Place::Run, Place::Task, Place::Health]);
                let trouble = match (place, dice.roll(6)) {
                    (_, 0) => Trouble::Panics,
                    (_, 1) => Trouble::Hangs,
                    (Place::Startup | Place::Shutdown, 2) => block(dice),
                    (_, 2) => brief(dice),
                    (Place::Startup | Place::Shutdown, 3) => slow,
                    _ => Trouble::Fails,
                };
                (name, place, trouble)
            }
            1 => {
                let place = *dice.pick(&[Place::Startup, Place::Shutdown, Place::Next, Place::Next]);
                let trouble = match (place, dice.roll(6)) {
                    (Place::Next, 0) => Trouble::Hangs,
                    (_, 0) => block(dice),
                    (_, 1) => brief(dice),
                    (_, 2) => slow,
                    (_, 3) => Trouble::Fails,
                    _ => Trouble::Panics,
                };
                (*dice.pick(&self.plan.sources), place, trouble)
            }
            _ => {
                let place = *dice.pick(&[Place::Startup, Place::Shutdown, Place::Run, Place::Step, Place::Step]);
                let trouble = match (place, dice.roll(6)) {
                    (_, 0) => Trouble::Hangs,
                    (_, 1) => brief(dice),
                    (_, 2) => slow,
                    (_, 3) => Trouble::Panics,
                    _ => Trouble::Fails,
                };
                (*dice.pick(&self.plan.minions), place, trouble)
            }
        }
    }

    /// Ends all trouble, waits until everything rests, and compares it with what was ordered.
    async fn calm(
        &mut self,
        mut running: Running,
        came: &BTreeMap<String, Came>,
        victims: &BTreeSet<&str>,
    ) -> Result<Running, Wrong> {
        if self.dice.chance(50) {
            moment(&mut self.dice).await;
        }
        self.book.no_more();
        self.saboteur.disarm();
        for source in &self.plan.sources {
            // It may not be there.
            let _ = running.control.resume(source);
        }
        let up = self.at_rest(&running).await?;
        for id in self.plan.orchestrations.keys() {
            let affected = self.plan.below(id).iter().any(|name| victims.contains(name));
            let (was, is) = (running.up.contains(id), up.contains(id));
            let right = match came.get(id) {
                Some(Came::Wrong(what)) => return Err(format!("{id}: {what}")),
                Some(Came::Failed(why)) if !affected => {
                    return Err(format!("{id} failed to start for no reason: {why}"));
                }
                Some(Came::Down) => !is,
                Some(Came::Unknown) => true,
                Some(Came::Up) => is || affected,
                Some(Came::Failed(_)) => !is,
                Some(Came::AsItWas) | None => was == is || affected,
            };
            if !right {
                return Err(format!("{id}: it was up: {was}, it is up: {is}, after {:?}", came.get(id)));
            }
            if was && !is && affected && !came.contains_key(id) {
                self.figures.lost += 1;
            }
            if !is {
                self.book.unfed(id);
            }
        }
        self.settle(&*running.store).await?;
        for id in self.plan.orchestrations.keys() {
            match (came.get(id), up.contains(id)) {
                (Some(Came::Down), _) => {}
                (Some(_), true) => {
                    self.book.died(id, true);
                    self.book.fed(id);
                }
                (Some(_), false) => self.book.died(id, true),
                (None, true) => self.book.fed(id),
                (None, false) => self.book.died(id, true),
            }
        }
        running.up = up;
        Ok(running)
    }

    /// Waits until nothing moves any more; answers what runs.
    async fn at_rest(&self, running: &Running) -> Result<BTreeSet<String>, Wrong> {
        let began = Instant::now();
        let mut before = None;
        loop {
            let seen = self.plan.compare(&running.control.snapshot());
            let seen = match seen {
                Ok(up) => self.unfinished(running, &up).await.map(|()| up),
                Err(error) => Err(error),
            };
            match (&seen, before) {
                (Ok(up), Some(Ok(same))) if *up == same => return Ok(same),
                (Err(error), _) if began.elapsed() > PATIENCE => {
                    return Err(format!("it does not come to rest: {error}\nhooks: {:?}", hooks_under_way()));
                }
                _ => {}
            }
            before = Some(seen);
            sleep(Duration::from_millis(12)).await;
        }
    }

    /// What runs has nothing left to do.
    async fn unfinished(&self, running: &Running, up: &BTreeSet<String>) -> Result<(), Wrong> {
        let counts = running.store.counts().await.map_err(|error| error.to_string())?;
        let left = counts.iter().find(|count| count.status == Status::Running && up.contains(&count.orchestration));
        match left {
            Some(left) => Err(format!("{} workflows of {} are stored and do not run", left.count, left.orchestration)),
            None => Ok(()),
        }
    }

    /// Compares the ledger with what is stored, and throws away what is in quarantine.
    async fn settle(&self, store: &dyn StateStore) -> Result<(), Wrong> {
        let rows = store.scan(Filter::all(), usize::MAX).await.map_err(|error| error.to_string())?;
        let quarantined = self.book.settle(&rows, &self.source_of).map_err(|wrong| wrong.join("\n"))?;
        let discards = quarantined.into_iter().map(|id| Arc::new(Op::from(Discard::new(id))));
        let results = store.commit(discards.collect()).await;
        results.into_iter().collect::<Result<Vec<_>, _>>().map(drop).map_err(|error| error.to_string())
    }

    /// While the same runs, there are as many tasks as ever.
    async fn rest(&mut self, running: Running) -> Result<Running, Wrong> {
        let began = Instant::now();
        let mut least = usize::MAX;
        let mut these = DefaultHasher::new();
        running.up.hash(&mut these);
        let these = these.finish();
        loop {
            least = least.min(Vitals::now().tasks);
            let known = *self.tasks.entry(these).or_insert(least);
            if least <= known {
                self.tasks.insert(these, least);
                return Ok(running);
            }
            if began.elapsed() > PATIENCE {
                return Err(format!("{least} tasks, and there were {known} when the same ran before"));
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}
