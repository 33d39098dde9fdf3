//! The only place that names `std::sync`, thread parking or loom: two faces with the same names.
//!
//! `real` is what programs run; `model` is what loom explores, chosen by `cfg(all(loom, feature = "loom"))`. Whatever
//! the faces share (moments of time) stands in a file of its own.
#[cfg(stopwhen_tsan)]
mod arc;
mod moment;

#[cfg(all(loom, feature = "loom"))]
mod checker;
#[cfg(all(loom, feature = "loom"))]
mod model;
#[cfg(not(all(loom, feature = "loom")))]
mod real;

#[cfg(all(loom, feature = "loom"))]
pub(crate) use model::*;
pub(crate) use moment::Moment;
#[cfg(not(all(loom, feature = "loom")))]
pub(crate) use real::*;

/// Shared plain data (a name, a reason, a clock): std's `Arc` under both faces, so that models do not branch on it.
pub(crate) use std::sync::Arc as Shared;
/// Set once, then only read; outside the models' view for the same reason.
pub(crate) use std::sync::OnceLock;
/// Words of which only one thread knows anything (its own mark, a remark), or hints by which nothing is decided but how long
/// one stays awake. Under models they are no branches.
pub(crate) use std::sync::atomic::{AtomicBool as BareBool, AtomicU8 as BareU8, AtomicUsize as BareUsize};

/// The mark, or number, of no thread.
pub(crate) const NOBODY: usize = 0;

use std::sync::atomic::{AtomicU64 as Counter, Ordering::Relaxed};

/// The next place in the order of `go`s. Relaxed: the order of one counter is all that is asked; it publishes nothing.
pub(crate) fn next_stamp() -> u64 {
    static STAMPS: Counter = Counter::new(1);
    STAMPS.fetch_add(1, Relaxed)
}

/// The number a person sees for an unnamed signal. Relaxed: only distinctness is asked.
pub(crate) fn next_number() -> u64 {
    static NUMBERS: Counter = Counter::new(1);
    NUMBERS.fetch_add(1, Relaxed)
}

/// Numbers threads as they come: 0, 1, 2, …
///
/// Relaxed: only distinctness is asked.
pub(crate) fn thread_number() -> usize {
    static THREADS: Counter = Counter::new(0);
    std::thread_local! {
        static NUMBER: usize = THREADS.fetch_add(1, Relaxed) as usize;
    }
    NUMBER.with(|number| *number)
}
