//! Two threads that take turns on one state, for anything in which one can wait for the other.

use crate::crew::{On, rounds};
use crate::suite::Samples;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Acquire, Ordering::Release};

/// A state that says whose turn it is.
pub trait Turns: Send + Sync + 'static {
    /// One where it is thread 0's.
    fn fresh() -> Self;
    /// Waits for this thread's turn (0 or 1), and makes it the other's.
    fn take(&self, me: u32);
}

/// A round trip: each of two threads has had one turn.
pub fn alternate<T: Turns>(on: On) -> impl FnMut(&mut Samples) {
    let turns = Arc::new(T::fresh());
    rounds(2, on, move |me| {
        let turns = Arc::clone(&turns);
        move |_| turns.take(me as u32)
    })
}

/// The least: the turn is a futex word, and who waits sleeps on it.
pub struct RawTurns(AtomicU32);

impl Turns for RawTurns {
    fn fresh() -> RawTurns {
        RawTurns(AtomicU32::new(0))
    }

    fn take(&self, me: u32) {
        while self.0.load(Acquire) != me {
            crate::limits::futex::wait(&self.0, 1 - me);
        }
        self.0.store(1 - me, Release);
        crate::limits::futex::wake_all(&self.0);
    }
}
