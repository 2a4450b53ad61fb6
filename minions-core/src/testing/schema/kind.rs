//! What a minion's types tell, without an instance of it.

use std::marker::PhantomData;

use serde_json::Value;

use crate::error::Result;
use crate::minion::{Minion, Stored, decode};
use crate::panics::contain_sync;

use super::learn::{Learnt, samples};

/// The half of a minion that its stored work meets.
pub(crate) trait Kind: Send + Sync {
    fn version(&self) -> u32;
    fn events(&self) -> Learnt;
    fn contexts(&self) -> Learnt;
    /// Reads an encoded event as a stored one is read.
    fn read_event(&self, event: &Value) -> Result<()>;
    fn read_context(&self, context: &Value) -> Result<()>;
    fn migrate(&self, stored: &mut Stored) -> Result<()>;
}

pub(crate) const fn of<M: Minion>() -> &'static dyn Kind {
    &Of::<M>(PhantomData)
}

struct Of<M>(PhantomData<fn() -> M>);

impl<M: Minion> Kind for Of<M> {
    fn version(&self) -> u32 {
        M::VERSION
    }

    fn events(&self) -> Learnt {
        samples::<M::Event>()
    }

    fn contexts(&self) -> Learnt {
        let mut learnt = samples::<M::Context>();
        // Every workflow begins with it, so it is there even if nothing could be made up.
        let first = contain_sync(|| Ok(serde_json::to_value(M::Context::default())?));
        match first {
            Ok(first) if !learnt.samples.contains(&first) => learnt.samples.push(first),
            Ok(_) => {}
            Err(error) => learnt.refused.push(format!("its default cannot be stored: {error:#}")),
        }
        learnt
    }

    fn read_event(&self, event: &Value) -> Result<()> {
        read::<M::Event>(event, "event")
    }

    fn read_context(&self, context: &Value) -> Result<()> {
        read::<M::Context>(context, "context")
    }

    fn migrate(&self, stored: &mut Stored) -> Result<()> {
        contain_sync(|| M::migrate(stored))
    }
}

fn read<T: serde::de::DeserializeOwned>(value: &Value, what: &str) -> Result<()> {
    let bytes = serde_json::to_vec(value)?;
    contain_sync(|| decode::<T>(&bytes, what).map(drop))
}
