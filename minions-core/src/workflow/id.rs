//! The identity of a workflow: a UUID version 7 whose leading bits are unique and ordered within one store.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::clock::now_ms;
use crate::random;

/// The globally unique identity of one workflow, ordered by creation within a store.
///
/// It is a UUID version 7 (RFC 9562, section 5.7). The 48 bits of milliseconds and the 12 bits of `rand_a`, which
/// [`WorkflowIds`] uses as a counter (section 6.2, method 1), never repeat within a store; see [`key`](Self::key).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkflowId(Uuid);

impl WorkflowId {
    /// Restores an identity from its sixteen bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The sixteen bytes of the identity.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The 60 leading bits without the version: a positive integer, unique and ascending within one store.
    ///
    /// A store with integer keys uses it as its row key and needs no index on the whole identity.
    #[must_use]
    pub const fn key(&self) -> i64 {
        let (high, _) = self.0.as_u64_pair();
        ((high >> 16 << 12) | (high & 0xfff)) as i64
    }

    /// An identity right before it in the order of the store.
    pub(crate) const fn predecessor(self) -> Self {
        Self::from_parts((self.key() as u64).saturating_sub(1), u64::MAX)
    }

    const fn from_parts(key: u64, tail: u64) -> Self {
        let high = (key >> 12 << 16) | 0x7000 | (key & 0xfff);
        let low = (tail >> 2) | (0b10 << 62);
        Self(Uuid::from_u64_pair(high, low))
    }
}

impl fmt::Display for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_simple().fmt(f)
    }
}

impl fmt::Debug for WorkflowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WorkflowId({self})")
    }
}

impl FromStr for WorkflowId {
    type Err = ParseWorkflowIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text.trim()).map(Self).map_err(|_| ParseWorkflowIdError(text.to_owned()))
    }
}

/// The text is not a workflow identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a workflow id; it has 32 hexadecimal digits, for example 01939d2f8f3a7c5e9b1d2a3f4c5d6e7f")]
pub struct ParseWorkflowIdError(String);

/// Makes identities that ascend strictly, also over a clock that jumps back and over restarts.
#[derive(Debug)]
pub struct WorkflowIds {
    last: AtomicU64,
    seed: u64,
}

impl WorkflowIds {
    /// Starts after `last`, the greatest identity that the store holds, if any.
    #[must_use]
    pub fn after(last: Option<WorkflowId>) -> Self {
        Self { last: AtomicU64::new(last.map_or(0, |id| id.key() as u64)), seed: random::number() }
    }

    /// The next identity.
    pub fn next(&self) -> WorkflowId {
        let now = (now_ms() as u64) << 12;
        let advance = |last: u64| now.max(last + 1);
        let last = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(advance(last)))
            .expect("the closure always answers");
        let key = advance(last);
        WorkflowId::from_parts(key, random::mix(self.seed ^ key))
    }

    /// The greatest identity handed out so far, or known from the store.
    #[must_use]
    pub fn last(&self) -> WorkflowId {
        WorkflowId::from_parts(self.last.load(Ordering::Relaxed), u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_in_both_orders_and_are_version_7() {
        let ids = WorkflowIds::after(None);
        let made: Vec<_> = (0..20_000).map(|_| ids.next()).collect();
        assert!(made.is_sorted_by(|a, b| a < b && a.key() < b.key() && a.key() > 0));
        assert!(made.iter().all(|id| id.0.get_version_num() == 7 && id.0.get_variant() == uuid::Variant::RFC4122));
    }

    #[test]
    fn ids_start_after_the_stored_ones_even_from_the_future() {
        let future = WorkflowId::from_parts(((now_ms() as u64) + 86_400_000) << 12, 7);
        let ids = WorkflowIds::after(Some(future));
        assert_eq!(ids.last().key(), future.key());
        assert!(ids.next().key() > future.key());
    }

    #[test]
    fn text_and_bytes_round_trip() {
        let id = WorkflowIds::after(None).next();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(WorkflowId::from_bytes(*id.as_bytes()), id);
        assert!("nonsense".parse::<WorkflowId>().unwrap_err().to_string().contains("`nonsense`"));
    }
}
