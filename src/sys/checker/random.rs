//! shuttle.
pub(crate) use shuttle::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
pub(crate) use shuttle::{lazy_static, sync, thread, thread_local};

/// loom's cell, without its checks.
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Nobody watches for leaks here.
pub(crate) struct Tracked;

impl Tracked {
    pub fn new() -> Self {
        Tracked
    }
}

/// Dice come to an end of themselves.
pub(crate) fn give_up_spinning(_round: u32) {}
