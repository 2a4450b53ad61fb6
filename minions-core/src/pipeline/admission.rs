//! One event on its way from its source to durability.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::error;

use crate::clock::now_ms;
use crate::error::{Error, Result};
use crate::panics::contain_sync;
use crate::store::{Admit, Committed, CursorMove, Dedupe, NewWorkflow, Op};
use crate::store::{Applied, StoreError};
use crate::workflow::{Place, Start};

use super::delivery::Acknowledgement;
use super::drive::Source;
use super::subscribers::Taker;
use super::{Admitted, Delivery, Item, Position, Refused};

/// An event that is in hand. However it ends, the ledger says so and its source is told.
pub(super) struct Admission {
    source: Arc<Source>,
    item: Item,
    key: Option<Arc<str>>,
    position: Option<Position>,
    acknowledgement: Acknowledgement,
    /// One for each minion that accepts the event.
    pub(super) offers: Vec<Offer>,
    /// The operation under way, if something has to be stored.
    pub(super) op: Option<(Answer, Arc<Op>)>,
    /// What is known before the store has answered.
    decided: Option<Result<Admitted, Refused>>,
    /// Where the source is after it, if it has a number.
    pub(super) moved: Option<CursorMove>,
    /// Bounds the events that no minion holds a place for.
    pub(super) room: Option<OwnedSemaphorePermit>,
    is_settled: bool,
    _in_flight: TaskTrackerToken,
}

/// The event for one orchestration.
pub(super) struct Offer {
    pub(super) taker: Taker,
    accepted: bool,
    /// In a box, because it is moved from hand to hand on its way to where it is used.
    pub(super) start: Option<Box<Start>>,
    /// Whether it waits for its turn in its lane once it is stored; nothing if it has no lane.
    waits: Option<bool>,
    /// Its place among the workflows that are awake, once there is one.
    pub(super) place: Option<Place>,
}

impl Offer {
    pub(super) fn new(taker: Taker) -> Self {
        Self { taker, accepted: true, start: None, waits: None, place: None }
    }

    /// Takes its turn in its lane, if it has one; in the order of identities, which is that of the events.
    fn enter_lane(&mut self) {
        if let Some(Start { id, lane: Some(lane), .. }) = self.start.as_deref() {
            self.waits = Some(!self.taker.orchestration.lanes.enter(lane, *id));
        }
    }

    /// Gives it up.
    fn leave_lane(&mut self) {
        if let (Some(_), Some(Start { id, lane: Some(lane), .. })) = (self.waits.take(), self.start.as_deref()) {
            self.taker.orchestration.lanes.withdraw(lane, *id);
        }
    }

    /// Whether it waits for its turn in its lane.
    pub(super) fn waits(&self) -> bool {
        self.waits == Some(true)
    }
}

/// What the store says to an operation.
pub(super) enum Answer {
    Awaited(Committed),
    Known(Result<Applied, StoreError>),
}

impl Admission {
    pub(super) fn new(source: Arc<Source>, delivery: Delivery<Item>) -> Self {
        let Delivery { event: item, key, position, acknowledgement } = delivery;
        source.intake.ledger.book(|ledger| {
            ledger.produced += 1;
            ledger.pending += 1;
        });
        let _in_flight = source.intake.in_flight();
        Self {
            source,
            item,
            key,
            position,
            acknowledgement,
            offers: Vec::new(),
            op: None,
            decided: None,
            moved: None,
            room: None,
            is_settled: false,
            _in_flight,
        }
    }

    /// Whether the source learns that an event was not admitted, and can give it once more.
    pub(super) fn can_come_again(&self) -> bool {
        self.position.is_some() || self.acknowledgement.is_heard()
    }

    /// Makes the workflows of the event and queues what has to be stored.
    pub(super) fn offer(&mut self, offers: Vec<Offer>) {
        for offer in &offers {
            offer.taker.orchestration.ledger.book(|ledger| {
                ledger.offered += 1;
                ledger.pending += 1;
            });
        }
        self.offers = offers;
        if let Some(position) = self.position.take() {
            match self.number(&position) {
                Ok(moved) => self.moved = Some(moved),
                Err(refused) => return self.refuse(refused),
            }
        }
        // A user's `Default` or `Serialize` may panic as well as fail.
        let made = contain_sync(|| self.make());
        let (event, create) = made.unwrap_or_else(|error| {
            self.refuse(Refused::invalid(error));
            Default::default()
        });
        if self.source.engine.keeps && !(create.is_empty() && self.moved.is_none()) {
            let dedupe = self.key.clone().filter(|_| !create.is_empty()).map(|key| Dedupe {
                scope: self.source.intake.scope.clone(),
                key,
                until_ms: self.until_ms(),
            });
            let admit = Admit { event, create, at_ms: now_ms(), cursor: self.moved.clone(), dedupe };
            self.submit(admit.into());
        }
    }

    /// The event's number in its partition.
    fn number(&self, position: &Position) -> Result<CursorMove, Refused> {
        let intake = &self.source.intake;
        let invalid = |why: String| Refused::invalid(Error::new(why));
        if !Arc::ptr_eq(&position.places, &intake.places) {
            return Err(invalid("its position was made by the cursor of another pipeline".to_owned()));
        }
        let encoded = position.encoded.clone();
        let encoded = encoded.map_err(|why| invalid(format!("its position cannot be encoded: {why}")))?;
        // The place of an instance that would not stop is taken.
        let count = intake.places.number(self.source.instance, &position.partition).ok_or(Refused::Stopped)?;
        let (source, partition) = (intake.scope.clone(), position.partition.clone());
        Ok(CursorMove { source, partition, count, position: encoded })
    }

    /// Asks who accepts the event and makes their workflows; answers what is to be stored, if the store keeps anything.
    fn make(&mut self) -> Result<(Arc<[u8]>, Vec<NewWorkflow>)> {
        for offer in &mut self.offers {
            offer.accepted = offer.taker.orchestration.seat.minion().accept(&*self.item.event)?;
        }
        self.offers.retain(|offer| {
            if !offer.accepted {
                let orchestration = &offer.taker.orchestration;
                orchestration.metrics.filtered.increment(1);
                orchestration.ledger.book(|ledger| {
                    ledger.pending -= 1;
                    ledger.filtered += 1;
                });
            }
            offer.accepted
        });
        if self.offers.is_empty() {
            self.decided = Some(Ok(Admitted::Filtered));
            return Ok(Default::default());
        }
        let engine = &self.source.engine;
        for offer in &mut self.offers {
            let seat = &offer.taker.orchestration.seat;
            let instance = seat.instance();
            let loaded = seat.minion().begin(self.item.event.clone())?;
            let lane =
                if offer.taker.orchestration.lanes.is_on() { seat.minion().lane(&*self.item.event)? } else { None };
            let id = engine.ids.next();
            offer.start = Some(Box::new(Start { lane, ..Start::new(id, loaded, instance, now_ms()) }));
        }
        self.offers.iter_mut().for_each(Offer::enter_lane);
        if !engine.keeps {
            if let Some(key) = &self.key
                && !self.source.intake.admit_key(key, now_ms(), self.until_ms())
            {
                self.decided = Some(Ok(Admitted::Duplicate));
            }
            return Ok(Default::default());
        }
        let starts = self.offers.iter().filter_map(|offer| Some((offer, offer.start.as_deref()?)));
        let row = |(offer, start): (&Offer, &Start)| offer.taker.orchestration.row(start, offer.waits());
        let rows = starts.map(row).collect::<Result<Vec<_>>>()?;
        let event = self.item.encode()?;
        let starts = self.offers.iter_mut().filter_map(|offer| offer.start.as_mut());
        for (start, row) in starts.zip(&rows) {
            start.event_weight = event.len() as u64;
            start.weight = start.event_weight + row.context.len() as u64;
        }
        Ok((event.into(), rows))
    }

    fn until_ms(&self) -> i64 {
        now_ms().saturating_add(i64::try_from(self.source.keep_keys.as_millis()).unwrap_or(i64::MAX))
    }

    fn refuse(&mut self, refused: Refused) {
        let cause: &dyn std::error::Error = &refused;
        error!(error = cause, "an event is refused");
        self.decided = Some(Err(refused));
    }

    fn submit(&mut self, op: Op) {
        let op = Arc::new(op);
        self.op = Some((Answer::Awaited(self.source.engine.share(&op)), op));
    }

    /// The operation that only moves the cursor past this event, when the store rejects the event itself.
    pub(super) fn skip(&self) -> Option<Op> {
        let cursor = Some(self.moved.clone()?);
        Some(Admit { event: Arc::default(), create: Vec::new(), at_ms: now_ms(), cursor, dedupe: None }.into())
    }

    /// What it comes to if `stored` is what the store says; nothing if that was decided before.
    pub(super) fn verdict(&mut self, stored: Applied) -> Result<Admitted, Refused> {
        self.decided.take().unwrap_or(Ok(match stored {
            Applied::Duplicate => Admitted::Duplicate,
            Applied::Done => Admitted::New,
        }))
    }

    /// The cursor is past the event, whatever became of it.
    pub(super) fn has_moved(&mut self) {
        if let Some(moved) = self.moved.take() {
            self.source.intake.places.reached(&moved.partition, moved.position);
        }
    }

    /// Books the event where it belongs, then tells whoever gave it.
    pub(super) fn settle(&mut self, verdict: Result<Admitted, Refused>) {
        self.is_settled = true;
        let metrics = &self.source.metrics;
        match verdict {
            Ok(Admitted::New) => metrics.fanned_out.increment(self.offers.len() as u64),
            Ok(Admitted::Duplicate) => metrics.duplicates.increment(1),
            Ok(Admitted::Filtered) => {}
            Err(_) => metrics.refused.increment(1),
        }
        self.source.intake.ledger.book(|ledger| {
            ledger.pending -= 1;
            *match verdict {
                Ok(Admitted::New) => &mut ledger.admitted,
                Ok(Admitted::Duplicate) => &mut ledger.duplicates,
                Ok(Admitted::Filtered) => &mut ledger.filtered,
                Err(_) => &mut ledger.refused,
            } += 1;
        });
        for offer in &mut self.offers {
            if !matches!(verdict, Ok(Admitted::New)) {
                offer.leave_lane();
            }
            offer.taker.orchestration.ledger.book(|ledger| {
                ledger.pending -= 1;
                match verdict {
                    // It is stored from now on, which is not booked.
                    Ok(Admitted::New | Admitted::Filtered) => {}
                    Ok(Admitted::Duplicate) => ledger.duplicates += 1,
                    Err(_) => ledger.refused += 1,
                }
            });
        }
        self.acknowledgement.tell(verdict);
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if !self.is_settled {
            self.settle(Err(Refused::Stopped));
        }
    }
}
