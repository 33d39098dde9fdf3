//! Parties: members that may leave.
use super::{Barrier, Passed};
use crate::error::{BarrierError, Broken};
use crate::signal::Until;
use crate::sys::Shared;
use std::fmt;
use std::thread::panicking;

/// A member of a [`Barrier`] that may leave: dropping it makes the barrier smaller by one.
///
/// If a panic drops it, the barrier is broken: the others do not wait for one that will never come. If all others have
/// arrived when it is dropped, they pass: the first of them is the leader, and runs the action.
///
/// ```
/// use std::sync::Arc;
/// use stopwhen::Barrier;
///
/// let barrier = Arc::new(Barrier::new(3));
/// std::thread::scope(|s| {
///     for rounds in [1, 2, 3] {
///         let mut party = barrier.party();
///         s.spawn(move || (0..rounds).for_each(|_| drop(party.wait())));
///     }
/// });
/// ```
#[must_use = "a party that is dropped at once makes the barrier smaller"]
pub struct Party {
    barrier: Shared<Barrier>,
    /// It was made while a panic passed: that one is none of its own.
    panicking: bool,
}

impl Party {
    pub(super) fn new(barrier: &Shared<Barrier>) -> Party {
        Party { barrier: barrier.clone(), panicking: panicking() }
    }

    /// Arrives, and waits for the others: as [`Barrier::wait`].
    ///
    /// # Blocking
    /// Until all have arrived, or the barrier is broken.
    ///
    /// # Errors
    /// [`Broken`], as of [`Barrier::wait`].
    ///
    /// # Panics
    /// If it leads and the action panics.
    pub fn wait(&mut self) -> Result<Passed, Broken> {
        self.barrier.wait()
    }

    /// Arrives, and waits for the others, or until `until`: as [`Barrier::wait_until`].
    ///
    /// # Blocking
    /// Until all have arrived, the barrier is broken, or `until`.
    ///
    /// # Errors
    /// As [`Barrier::wait_until`].
    ///
    /// # Panics
    /// If it leads and the action panics.
    pub fn wait_until(&mut self, until: impl Until) -> Result<Passed, BarrierError> {
        self.barrier.wait_until(until)
    }

    /// Borrows the barrier.
    pub fn barrier(&self) -> &Shared<Barrier> {
        &self.barrier
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        self.barrier.leave(panicking() && !self.panicking);
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Party").field("barrier", &self.barrier).finish()
    }
}
