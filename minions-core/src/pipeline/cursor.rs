//! Where a source is: stored with the events that it has given, so that it goes on there after a restart.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::component::{Assembly, Inject, Need};
use crate::error::{Error, Result};
use crate::store::StoredCursor;

use super::Storable;

/// The place of a pipeline in its source: a field, or a parameter of `create`.
///
/// A position travels with its event and is stored in the same commit, so whatever happens to the process, every event is
/// admitted exactly once. `T` is what the source counts by: an offset, the number of a block, the last id. A cursor belongs
/// to the pipeline, by its id: a minion that reacts to it later sees what comes from then on.
///
/// ```
/// use minions_core::Result;
/// use minions_core::pipeline::{Cursor, Delivery, Next};
///
/// struct Lines { text: Vec<String>, read: u64, cursor: Cursor<u64> }
///
/// impl Lines {
///     async fn startup(&mut self) -> Result<()> {
///         self.read = self.cursor.get()?.unwrap_or(0);
///         Ok(())
///     }
///
///     async fn next(&mut self) -> Result<Next<String>> {
///         let Some(line) = self.text.get(usize::try_from(self.read)?) else { return Ok(Next::Idle) };
///         self.read += 1;
///         // Where the source goes on after this line.
///         Ok(Delivery::new(line.clone()).at(self.cursor.position(&self.read)).into())
///     }
/// }
/// # let text = vec!["one".to_owned()];
/// # let mut lines = Lines { text, read: 0, cursor: Cursor::detached() };
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async { lines.startup().await.unwrap(); lines.next().await.unwrap() });
/// ```
///
/// A source with several parts that go on by themselves, such as the partitions of a topic, has a position in each; see
/// [`partition`](Self::partition).
pub struct Cursor<T> {
    places: Arc<Places>,
    partition: Arc<str>,
    position: PhantomData<fn() -> T>,
}

impl<T: Storable> Cursor<T> {
    /// A cursor of no pipeline that has no position yet, for a component that is built by hand in a test.
    #[must_use]
    pub fn detached() -> Self {
        Self::of(Arc::default())
    }

    fn of(places: Arc<Places>) -> Self {
        Self { places, partition: "".into(), position: PhantomData }
    }

    /// The cursor of one part of the source; this one stands for a source that has no parts.
    #[must_use]
    pub fn partition(&self, name: impl Into<Arc<str>>) -> Self {
        Self { places: self.places.clone(), partition: name.into(), position: PhantomData }
    }

    /// The parts of the source that have a position, in order.
    #[must_use]
    pub fn partitions(&self) -> Vec<Arc<str>> {
        self.places.partitions()
    }

    /// The position after the last event that is durable, if there is one: where to go on. Without a store that keeps, the
    /// last one of this process.
    ///
    /// # Errors
    ///
    /// When the position was stored by a version that counted by something else.
    pub fn get(&self) -> Result<Option<T>> {
        let Some(position) = self.places.durable(&self.partition) else { return Ok(None) };
        serde_json::from_slice(&position).map(Some).map_err(|error| {
            let of = if self.partition.is_empty() { String::new() } else { format!(" of `{}`", self.partition) };
            Error::new(error).context(format!("the stored position{of} cannot be read as `{}`", type_name::<T>()))
        })
    }

    /// The position `at`, to be stored with the [`Delivery`](super::Delivery) of the event before it.
    #[must_use = "a position travels with an event: `Delivery::at`"]
    pub fn position(&self, at: &T) -> Position {
        let encoded = serde_json::to_vec(at).map_err(|error| Arc::from(error.to_string()));
        Position { places: self.places.clone(), partition: self.partition.clone(), encoded }
    }
}

impl<T: Storable> Inject for Cursor<T> {
    const NEED: Need = Need::cursor::<Self>();

    fn inject(cx: &Assembly) -> Result<Self> {
        let source = cx.source().ok_or_else(|| format!("`{}` is no pipeline, so it has no cursor", cx.component()))?;
        Ok(Self::of(source.places.clone()))
    }
}

impl<T> Clone for Cursor<T> {
    fn clone(&self) -> Self {
        Self { places: self.places.clone(), partition: self.partition.clone(), position: PhantomData }
    }
}

impl<T> fmt::Debug for Cursor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("partition", &self.partition).finish_non_exhaustive()
    }
}

/// A position of a [`Cursor`].
#[derive(Clone)]
pub struct Position {
    pub(crate) places: Arc<Places>,
    pub(crate) partition: Arc<str>,
    pub(crate) encoded: Result<Vec<u8>, Arc<str>>,
}

impl PartialEq for Position {
    fn eq(&self, other: &Self) -> bool {
        self.partition == other.partition && self.encoded == other.encoded
    }
}

impl Eq for Position {}

impl fmt::Debug for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let position = self.encoded.as_ref().map(|position| String::from_utf8_lossy(position));
        f.debug_struct("Position").field("partition", &self.partition).field("position", &position).finish()
    }
}

/// The positions of one pipeline, over all of its instances.
#[derive(Default)]
pub(crate) struct Places(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Counts the instances; only the last one goes on.
    instance: u64,
    partitions: BTreeMap<Arc<str>, Place>,
}

#[derive(Default)]
struct Place {
    /// The number of the last event that was queued for the store.
    queued: u64,
    /// Where the source is after the last durable event.
    durable: Option<Vec<u8>>,
}

impl Places {
    /// A new instance takes over: earlier ones get no number any more.
    pub(crate) fn take_over(&self) -> u64 {
        let mut inner = self.0.lock();
        inner.instance += 1;
        inner.instance
    }

    /// Goes on from what the store has.
    pub(crate) fn restore(&self, stored: Vec<StoredCursor>) {
        let place = |stored: StoredCursor| {
            (stored.partition.into(), Place { queued: stored.count, durable: Some(stored.position) })
        };
        self.0.lock().partitions = stored.into_iter().map(place).collect();
    }

    /// The number of the next event of a partition; none for an instance that has been replaced.
    pub(crate) fn number(&self, instance: u64, partition: &Arc<str>) -> Option<u64> {
        let mut inner = self.0.lock();
        if inner.instance != instance {
            return None;
        }
        let place = inner.partitions.entry(partition.clone()).or_default();
        place.queued += 1;
        Some(place.queued)
    }

    /// An event is durable, and the source is at `position` after it.
    pub(crate) fn reached(&self, partition: &Arc<str>, position: Vec<u8>) {
        self.0.lock().partitions.entry(partition.clone()).or_default().durable = Some(position);
    }

    fn durable(&self, partition: &str) -> Option<Vec<u8>> {
        self.0.lock().partitions.get(partition)?.durable.clone()
    }

    fn partitions(&self) -> Vec<Arc<str>> {
        let inner = self.0.lock();
        let known = inner.partitions.iter().filter(|(_, place)| place.durable.is_some());
        known.map(|(partition, _)| partition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_instance_gets_numbers_and_goes_on_from_the_store() {
        let (places, partition) = (Places::default(), Arc::from("p"));
        let first = places.take_over();
        assert_eq!((places.number(first, &partition), places.number(first, &partition)), (Some(1), Some(2)));
        let second = places.take_over();
        places.restore(vec![StoredCursor::new("p", 1, b"10".to_vec())]);
        assert_eq!((places.number(first, &partition), places.number(second, &partition)), (None, Some(2)));
    }

    #[test]
    fn a_position_of_another_type_is_an_error_that_names_both() {
        let cursor = Cursor::<u64>::detached();
        assert_eq!((cursor.get().unwrap(), cursor.partitions().len()), (None, 0));
        cursor.places.restore(vec![StoredCursor::new("p", 1, b"\"ten\"".to_vec())]);
        let error = cursor.partition("p").get().unwrap_err();
        assert_eq!(error.to_string(), "the stored position of `p` cannot be read as `u64`");
        assert_eq!(cursor.partitions(), ["p".into()]);
    }
}
