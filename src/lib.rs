#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

pub mod barrier;
mod bounded_semaphore;
mod condition;
pub mod error;
mod event;
#[allow(unsafe_code)]
mod lock;
pub mod loops;
mod order;
#[cfg(feature = "os-signals")]
mod os;
pub mod queue;
mod report;
mod rlock;
mod semaphore;
pub mod signal;
mod sys;
pub mod thread;
mod till;
#[allow(unsafe_code)]
mod wait;

pub use barrier::Barrier;
pub use bounded_semaphore::BoundedSemaphore;
pub use condition::Condition;
pub use error::{AcquireError, BarrierError, JoinError, OverRelease, PopError, PushError, SpawnError, TryPopError};
pub use error::{Broken, Closed, Ended, Stopped};
pub use event::Event;
pub use lock::{Lock, LockGuard};
pub use loops::{ContinuousThread, OperationThread, PausableThread, PeriodicThread, Timer};
pub use queue::Queue;
pub use rlock::{RLock, RLockGuard};
pub use semaphore::{OwnedPermit, Permit, Semaphore};
pub use signal::{Cause, Signal, Until};
pub use thread::{Main, Root, Thread, ThreadRef, run};
pub use till::{Till, clock};

/// What models of the engine itself ask of it; no part of the crate's face.
#[doc(hidden)]
#[cfg(all(loom, feature = "loom"))]
pub mod model {
    use crate::{Signal, sys};

    /// Whether the lock bits of signals made from now on have a mutex beside them.
    pub fn shadows(on: bool) {
        sys::shadows(on);
    }

    /// Whether everybody who waits for permits or a lock has waited for over a millisecond.
    pub fn aged(yes: bool) {
        sys::set_aged(yes);
    }

    /// Rounds that a waiter stays awake before it sleeps.
    pub fn awake(rounds: usize) {
        sys::set_awake(rounds);
    }

    /// Doubtful changes in a row that a monitor takes at their word.
    pub fn doubts(n: usize) {
        sys::set_doubts(n);
    }

    /// Whether threads of a tree tell what they sleep on.
    pub fn watching(yes: bool) {
        sys::set_watching(yes);
    }

    /// Runs `f` under the lock bit of a signal.
    pub fn locked(signal: &Signal, f: impl FnOnce()) {
        signal.0.locked(f);
    }

    /// Whether a signal's own word says that it is go, whatever its inputs or its clock say.
    pub fn settled(signal: &Signal) -> bool {
        signal.0.settled()
    }

    /// Raises a signal, or finds it go, as a shutdown does; what is left is what hangs on it, if anything does.
    #[track_caller]
    pub fn go_but_callbacks(signal: &Signal, why: &str) -> Option<impl FnOnce() + Send + 'static + use<>> {
        let why: Box<dyn std::error::Error + Send + Sync> = why.into();
        let place = std::panic::Location::caller();
        signal.0.go_but_callbacks(Some(why.into()), place).map(|firing| || firing.finish())
    }

    /// How many nodes hang on a signal.
    pub fn hanging(signal: &Signal) -> usize {
        signal.0.peek().hanging()
    }
}
