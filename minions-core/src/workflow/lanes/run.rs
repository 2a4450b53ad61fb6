//! Gives the workflows of an orchestration their turns, one task for all of its lanes.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::backoff::Backoff;
use crate::clock::now_ms;
use crate::store::{Begin, InLanes, LaneMember, Op, Status, StoreError, StoredWorkflow};
use crate::workflow::engine::NotDurable;
use crate::workflow::load::wake_at;
use crate::workflow::places::Place;
use crate::workflow::{Orchestration, WorkflowId};

use super::Lanes;
use super::table::{Content, Next, WINDOW};

/// So many members are read at once when all lanes are gone through.
const PAGE: usize = 1024;

/// Lets workflows begin as their turns come, until the orchestration stops. Without a store, until nobody waits as well.
pub(crate) async fn run(o: Arc<Orchestration>) {
    if o.engine.keeps {
        tokio::select! {
            () = async {
                o.engine.recovery.over().await;
                give_turns(&o).await;
            } => {}
            () = o.stopping.cancelled() => {}
        }
    } else if o.lanes.is_on() {
        give_turns(&o).await;
    }
}

async fn give_turns(o: &Arc<Orchestration>) {
    loop {
        // Before it is asked what there is to do, so that nothing is missed.
        let stirred = o.lanes.stirred.notified();
        let next = o.lanes.state.lock().table.next(o.lanes.now());
        match next {
            Next::Begin => begin(o, o.room().await),
            Next::Read(lane) => read(o, &lane).await,
            Next::Sweep(after) => {
                let is_over = sweep(o, after).await;
                if is_over && !o.lanes.is_on() && o.lanes.is_empty() {
                    // Its minion has no lanes, and nothing is left of those that it had.
                    return;
                }
            }
            Next::Rest(None) => stirred.await,
            Next::Rest(Some(at)) => {
                let pause = Duration::from_micros(at.saturating_sub(o.lanes.now()));
                tokio::select! {
                    () = stirred => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        }
    }
}

/// Lets the next one begin, in a task of its own, because what it needs is several awaits away.
fn begin(o: &Arc<Orchestration>, place: Place) {
    // Whoever was next may have been taken away while the place was waited for.
    let Some((lane, id, kept)) = o.lanes.pick() else { return };
    let beginning = Beginning(o.clone());
    if let Some(start) = kept {
        o.metrics.started.increment(1);
        o.spawn(start, place);
        return;
    }
    o.assist(async move {
        let o = &beginning.0;
        let _turn = o.lanes.turns.read().await;
        if !begins(o, &lane, id, place).await {
            o.lanes.leave(&lane, id);
        }
    });
}

/// Makes the turn of a workflow durable, and runs it; false if it holds its lane no more.
async fn begins(o: &Arc<Orchestration>, lane: &Arc<str>, id: WorkflowId, place: Place) -> bool {
    let row = match o.stored(id).await {
        Some(Some(row)) => row,
        Some(None) => return false,
        None => return true,
    };
    if row.status != Status::Waiting {
        // It was told of twice, and has had its turn since.
        return false;
    }
    // Whoever takes up what was awake when an earlier run ended may read it as one that runs, as soon as it does.
    o.taken_up.add(id);
    let op = Op::from(Begin { id, revision: row.revision + 1, at_ms: now_ms() });
    match o.engine.commit(&Arc::new(op), || o.stopping.cancelled()).await {
        Ok(_) => {}
        Err(NotDurable::Stopping(_)) => return true,
        Err(NotDurable::Rejected(error)) => {
            info!(workflow = %id, orchestration = &*o.id, %error, "a workflow cannot begin any more");
            return false;
        }
    }
    o.lanes.is_stored(lane, id);
    let row = StoredWorkflow { status: Status::Running, wake_ms: None, revision: row.revision + 1, ..row };
    // If it goes into quarantine instead, its lane is told by whoever puts it there.
    wake_at(o, row, place, true).await;
    true
}

/// Lies in a turn that was given until its workflow is awake.
struct Beginning(Arc<Orchestration>);

impl Drop for Beginning {
    fn drop(&mut self) {
        self.0.lanes.begun();
    }
}

/// Reads one lane.
async fn read(o: &Orchestration, lane: &Arc<str>) {
    o.lanes.state.lock().table.begin_read();
    let which = InLanes::of(o.id.clone(), now_ms()).lane(lane.clone());
    // Who waits is of interest only where fewer have begun than may.
    let limit = o.lanes.options.at_once() as usize + WINDOW;
    let members = patiently(o, || o.engine.store.lanes(which.clone(), limit)).await;
    let is_cut = members.len() == limit;
    let more = if is_cut { Some(count(o, which).await) } else { None };
    let content = content(&o.lanes, members, more);
    o.lanes.change(|table, now| table.has_read(lane, content, now));
}

/// Reads a page of the lanes after this one; whether there are no more.
async fn sweep(o: &Orchestration, after: Option<Arc<str>>) -> bool {
    o.lanes.state.lock().table.begin_read();
    let mut which = InLanes::of(o.id.clone(), now_ms());
    which.after = after;
    let limit = PAGE + o.lanes.options.at_once() as usize;
    let members = patiently(o, || o.engine.store.lanes(which.clone(), limit)).await;
    let is_cut = members.len() == limit;
    let mut lanes: Vec<(Arc<str>, Vec<LaneMember>)> = Vec::new();
    for member in members {
        match lanes.last_mut() {
            Some((lane, of_lane)) if **lane == *member.lane => of_lane.push(member),
            _ => lanes.push((member.lane.as_str().into(), vec![member])),
        }
    }
    let last = lanes.len().saturating_sub(1);
    let mut contents = Vec::with_capacity(lanes.len());
    for (at, (lane, members)) in lanes.into_iter().enumerate() {
        let more = if at == last && is_cut {
            Some(count(o, InLanes { after: None, ..which.clone() }.lane(lane.clone())).await)
        } else {
            None
        };
        contents.push((lane, content(&o.lanes, members, more)));
    }
    let is_over = contents.is_empty();
    o.lanes.change(|table, now| table.has_swept(contents, now));
    is_over
}

/// What a lane holds; `members` says how many members it has where not all were read.
fn content(lanes: &Lanes, read: Vec<LaneMember>, members: Option<u64>) -> Content {
    let mut content = Content::default();
    for member in read {
        match member.status {
            Status::Running => content.begun.push(member.id),
            Status::Quarantined if lanes.holds() => content.begun.push(member.id),
            Status::Quarantined => {}
            Status::Waiting => content.waiting.push(member.id),
        }
    }
    content.more = members.map(|members| members.saturating_sub(content.begun.len() as u64));
    content
}

async fn count(o: &Orchestration, which: InLanes) -> u64 {
    patiently(o, || o.engine.store.count_in_lanes(which.clone())).await
}

/// Reads on however long the store fails; whoever stops the orchestration drops it.
async fn patiently<T, F: Future<Output = Result<T, StoreError>>>(o: &Orchestration, read: impl Fn() -> F) -> T {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        match read().await {
            Ok(answer) => return answer,
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                warn!(orchestration = &*o.id, error = cause, "lanes cannot be read; trying again");
            }
        }
        tokio::time::sleep(backoff.next()).await;
    }
}
