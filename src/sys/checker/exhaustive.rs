//! loom.
#[path = "watched.rs"]
mod watched;
use watched::Watched;

pub(crate) use loom::{lazy_static, sync, thread, thread_local};

pub(crate) type UnsafeCell<T> = Watched<loom::cell::UnsafeCell<T>>;

pub(crate) type AtomicPtr<T> = Watched<sync::atomic::AtomicPtr<T>>;
pub(crate) type AtomicU8 = Watched<sync::atomic::AtomicU8>;
pub(crate) type AtomicU32 = Watched<sync::atomic::AtomicU32>;
pub(crate) type AtomicU64 = Watched<sync::atomic::AtomicU64>;
pub(crate) type AtomicUsize = Watched<sync::atomic::AtomicUsize>;

/// What loom says about memory that nobody freed.
pub(crate) struct Tracked(#[allow(dead_code, reason = "its drop is what counts")] loom::alloc::Track<()>);

impl Tracked {
    pub fn new() -> Self {
        Tracked(loom::alloc::Track::new(()))
    }
}

/// Rounds of a spin that are explored. Who looks once more than that sees what another execution shows with fewer looks:
/// that one goes on, but what else might follow it is not explored, or spinners would take turns for ever.
const ROUNDS: u32 = 2;

/// Ends the search where a spin has looked often enough.
pub(crate) fn give_up_spinning(round: u32) {
    if round > ROUNDS {
        loom::skip_branch();
    }
}
