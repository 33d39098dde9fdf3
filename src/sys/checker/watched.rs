//! Freeing is a write: under the model face, whatever is freed must come after every step that anybody took on it.
//!
//! loom checks that of its own when asked, for one cell at a time; here each asks when it is dropped. So a count that lets
//! go without Release, or frees without Acquire, fails a model though nobody looks at the memory any more.
use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use std::ops::Deref;

/// A cell of loom's.
pub(crate) trait Cell {
    type Value;

    fn new(value: Self::Value) -> Self;

    /// Fails the model unless all that others did with it lies behind the caller.
    fn claim(&mut self);
}

/// A cell that is claimed by whoever drops it.
pub(crate) struct Watched<C: Cell>(C);

impl<C: Cell> Watched<C> {
    pub fn new(value: C::Value) -> Self {
        Watched(C::new(value))
    }
}

impl<C: Cell> Deref for Watched<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C: Cell> Drop for Watched<C> {
    fn drop(&mut self) {
        // A model that has failed already says why itself.
        if !std::thread::panicking() {
            self.0.claim();
        }
    }
}

macro_rules! cells {
    ($([$($t:ident)?] $cell:ty: $value:ty;)*) => {$(
        impl$(<$t>)? Cell for $cell {
            type Value = $value;

            fn new(value: $value) -> Self {
                <$cell>::new(value)
            }

            fn claim(&mut self) {
                self.with_mut(|_| ());
            }
        }
    )*};
}

cells! {
    [] AtomicU8: u8;
    [] AtomicU32: u32;
    [] AtomicU64: u64;
    [] AtomicUsize: usize;
    [T] AtomicPtr<T>: *mut T;
    [T] UnsafeCell<T>: T;
}
