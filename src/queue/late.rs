//! A value that is set once, by one of many threads, and then only read.
use crate::sys::Ordering::{Acquire, Release};
use crate::sys::{AtomicBool, OnceLock, const_fn};

/// std's once-cell with a word of our own before it: of what std's does to publish, neither loom nor ThreadSanitizer sees anything.
pub(super) struct Late<T> {
    is_set: AtomicBool,
    value: OnceLock<T>,
}

impl<T> Late<T> {
    const_fn! {
        pub const fn new() -> Late<T> {
            Late { is_set: AtomicBool::new(false), value: OnceLock::new() }
        }
    }

    pub fn get(&self) -> Option<&T> {
        // ORDERING: Acquire, with the Release of who set it. What came before that happens before the return.
        if self.is_set.load(Acquire) { self.value.get() } else { None }
    }

    /// Sets it; gives the value back if another was first, whose call may not have returned yet.
    pub fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        // ORDERING: Release, to the Acquire of who gets it: what came before this call.
        self.is_set.store(true, Release);
        Ok(())
    }
}
