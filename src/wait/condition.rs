//! Those who wait for one word of their own, outside a monitor.
//!
//! Waiting is leaving the monitor and sitting in a line of its own; telling needs no more than that line's lock.
//!
//! # Invariants
//! - E1  While somebody is in line, `monitor` is that of all who are; it is alive: each holds a guard of it, and returns only
//!   when it was granted or has left the line, under its lock.
//! - E2  `occupied` errs one way: to "somebody may wait".
use super::monitor::{Monitor, Visit};
use super::queue::{End, Stay, WaitQueue};
use super::term::Term;
use crate::sys::{AtomicBool, Ordering::*, const_fn};
use std::ptr::null;

pub(crate) struct ConditionQueue {
    /// E2. Written under the line's lock.
    occupied: AtomicBool,
    queue: WaitQueue<Of, ()>,
}

/// E1; null at first.
struct Of(*const Monitor);

// SAFETY: followed as E1 says.
unsafe impl Send for Of {}

impl ConditionQueue {
    const_fn! {
        pub(crate) const fn new() -> ConditionQueue {
            ConditionQueue { occupied: AtomicBool::new(false), queue: WaitQueue::new(Of(null())) }
        }
    }

    /// Leaves the monitor until told or until the term has come, and is inside again. True: told.
    ///
    /// # Panics
    /// If somebody waits here who holds another monitor; then nothing is changed.
    #[track_caller]
    pub(crate) fn wait(&self, visit: &mut Visit<'_>, term: &Term<'_>) -> bool {
        let mut inside = self.queue.enter();
        let monitor: *const Monitor = visit.monitor();
        if !inside.is_empty() && inside.0 != monitor {
            drop(inside);
            panic!("a Condition was waited on with two Locks at once: it is in use with another Lock");
        }
        inside.0 = monitor;
        // ORDERING: Relaxed: whoever is to see it comes later into the monitor, or asks at the same time.
        self.occupied.store(true, Relaxed);
        let mut back = None;
        let end = inside.wait(Stay { note: (), term, patience: None }, || back = Some(visit.step_out()), |_, ()| true);
        drop(back);
        matches!(end, End::Granted(()))
    }

    /// Tells up to `n`, first come, first served; says how many. They will know.
    #[inline]
    pub(crate) fn notify(&self, n: usize) -> usize {
        // ORDERING: Relaxed: see `wait`.
        if self.occupied.load(Relaxed) { self.notify_slow(n) } else { 0 }
    }

    #[cold]
    fn notify_slow(&self, n: usize) -> usize {
        let mut told = 0;
        while told < n {
            let mut inside = self.queue.enter();
            // SAFETY: E1, if somebody is in line. If it is ours we are inside, and it stays: who was told must come in first.
            let ours = !inside.is_empty() && unsafe { (*inside.0).is_mine() };
            let monitor = inside.0;
            let granted = inside.grant_first();
            if inside.is_empty() {
                // ORDERING: Relaxed: E2, under the lock.
                self.occupied.store(false, Relaxed);
            }
            drop(inside);
            match granted {
                None => break,
                Some(None) => {}
                Some(Some(granted)) => {
                    told += 1;
                    // SAFETY: as above.
                    if ours { unsafe { (*monitor).owe(granted) } } else { granted.wake() }
                }
            }
        }
        told
    }
}
