//! Which program an instance of a resource belongs to: for calls from tasks that belong to no program themselves.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use parking_lot::RwLock;

/// The live instances of limited resources in this process, by address.
pub(crate) struct Instances;

struct Instance {
    /// Keeps the address from being used again for as long as it stands here.
    value: Weak<dyn Any + Send + Sync>,
    program: u32,
}

static INSTANCES: LazyLock<RwLock<HashMap<usize, Instance>>> = LazyLock::new(RwLock::default);

impl Instances {
    /// Notes that `value` belongs to a program.
    pub(crate) fn note(value: &Arc<dyn Any + Send + Sync>, program: u32) {
        let address = address(&**value);
        let mut instances = INSTANCES.write();
        instances.retain(|_, instance| instance.value.strong_count() > 0);
        instances.insert(address, Instance { value: Arc::downgrade(value), program });
    }

    /// The program that `value` belongs to.
    pub(super) fn program_of<T: ?Sized>(value: &T) -> Option<u32> {
        INSTANCES.read().get(&address(value)).map(|instance| instance.program)
    }

    /// Forgets those of a program that is gone.
    pub(super) fn forget(program: u32) {
        INSTANCES.write().retain(|_, instance| instance.program != program);
    }
}

fn address<T: ?Sized>(value: &T) -> usize {
    std::ptr::from_ref(value).cast::<()>().addr()
}
