//! Those who wait for one word of their own, outside a monitor.
//!
//! Waiting is leaving the monitor and sitting in a line of its own; telling needs no more than that line's lock.
//!
//! # Invariants
//! - E1  While somebody is in line, `monitor` is that of all who are; it is alive: each holds a guard of it, and returns only
//!   when it was granted or has left the line, under its lock. So a teller looks at the monitor under the line's lock, or
//!   while it is inside itself: then who was told cannot have come back in, and holds its guard still.
//! - E2  `occupied` errs one way: to "somebody may wait".
//! - E3  Seats are numbered as they come. A word is for those who are in line when it is said: who was told, looked and sat down
//!   again while others are still being told, waits for the next one. So a word to all has an end.
//! - E4  A word is used up by returning with it. A panic that passes a waiter who was told (a callback that its sleep came to
//!   run) hands it on to the next.
use super::monitor::{Monitor, Visit};
use super::queue::{End, Stay, WaitQueue};
use super::term::Term;
use crate::sys::{AtomicBool, Ordering::*, const_fn};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::null;

pub(crate) struct ConditionQueue {
    /// E2. Written under the line's lock.
    occupied: AtomicBool,
    /// Each with its number (E3).
    queue: WaitQueue<Of, u64>,
}

struct Of {
    /// E1; null at first.
    monitor: *const Monitor,
    /// The number of who comes next.
    next: u64,
}

// SAFETY: followed as E1 says.
unsafe impl Send for Of {}

// No panic leaves anything half done (E4).
impl UnwindSafe for ConditionQueue {}
impl RefUnwindSafe for ConditionQueue {}

impl ConditionQueue {
    const_fn! {
        pub(crate) const fn new() -> ConditionQueue {
            ConditionQueue { occupied: AtomicBool::new(false), queue: WaitQueue::new(Of { monitor: null(), next: 0 }) }
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
        if !inside.is_empty() && inside.monitor != monitor {
            drop(inside);
            panic!("a Condition was waited on with two Locks at once: it is in use with another Lock");
        }
        inside.monitor = monitor;
        let number = inside.next;
        inside.next += 1;
        // ORDERING: Relaxed: whoever is to see it comes later into the monitor, or asks at the same time.
        self.occupied.store(true, Relaxed);
        let mut back = None;
        let stay = Stay { note: number, term, patience: None };
        let pass_on = |end| {
            if matches!(end, End::Granted(_)) {
                self.notify(1);
            }
        };
        let end = inside.wait_or_lose(stay, || back = Some(visit.step_out()), |_, _| true, pass_on);
        drop(back);
        matches!(end, End::Granted(_))
    }

    /// Tells up to `n` of those in line, first come, first served; says how many. They will know.
    #[inline]
    pub(crate) fn notify(&self, n: usize) -> usize {
        // ORDERING: Relaxed: see `wait`.
        if self.occupied.load(Relaxed) { self.notify_slow(n) } else { 0 }
    }

    #[cold]
    fn notify_slow(&self, n: usize) -> usize {
        let (mut told, mut end) = (0, None);
        while told < n {
            let mut inside = self.queue.enter();
            let end = *end.get_or_insert(inside.next);
            if inside.first().is_none_or(|number| *number >= end) {
                break; // E3
            }
            let monitor = inside.monitor;
            // SAFETY: E1.
            let ours = unsafe { (*monitor).is_mine() };
            let granted = inside.grant_first().flatten();
            if inside.is_empty() {
                // ORDERING: Relaxed: E2, under the lock.
                self.occupied.store(false, Relaxed);
            }
            drop(inside);
            let Some(granted) = granted else { continue };
            told += 1;
            // SAFETY: E1: ours, we are inside.
            if ours { unsafe { (*monitor).owe(granted) } } else { granted.wake() }
        }
        told
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::term::{Leaf, Leaves};
    use super::*;
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;
    use std::time::Duration;

    /// Does something each time a wait looks at it: as a callback might that a wait comes to run.
    struct Looked<F: Fn(usize)>(Cell<usize>, F);

    impl<F: Fn(usize)> Leaves for Looked<F> {
        fn visit<'a>(&'a self, _: &mut dyn FnMut(Leaf<'a>)) {
            self.0.set(self.0.get() + 1);
            (self.1)(self.0.get());
        }
    }

    struct Watchdog;

    impl Leaves for Watchdog {
        fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
            leaf(Leaf::After(Duration::from_secs(10)));
        }
    }

    #[test]
    fn r8_a_panic_that_passes_one_who_was_told_hands_the_word_on() {
        let (monitor, line) = (Monitor::new(), ConditionQueue::new());
        thread::scope(|s| {
            let mut visit = monitor.enter();
            // It is told, and then a panic passes; by then another one waits.
            let until = Looked(Cell::new(0), |n| {
                if n != 2 {
                    return;
                }
                s.spawn(|| assert!(line.wait(&mut monitor.enter(), &Term::of("Condition", &Watchdog)), "told in time"));
                while line.queue.enter().count(|_| true) < 2 {
                    thread::yield_now();
                }
                assert_eq!(line.notify(1), 1);
                panic!("planned");
            });
            let term = Term::of("Condition", &until);
            let passed = catch_unwind(AssertUnwindSafe(|| line.wait(&mut visit, &term)));
            assert!(passed.is_err() && monitor.is_mine());
            drop(visit);
        });
        assert!(line.queue.enter().is_empty());
    }

    #[test]
    fn a_panic_that_passes_one_who_was_not_told_hands_on_nothing() {
        let (monitor, line) = (Monitor::new(), ConditionQueue::new());
        let mut visit = monitor.enter();
        let until = Looked(Cell::new(0), |n| assert!(n != 2, "planned"));
        let term = Term::of("Condition", &until);
        assert!(catch_unwind(AssertUnwindSafe(|| line.wait(&mut visit, &term))).is_err());
        assert!(monitor.is_mine() && line.queue.enter().is_empty());
        assert_eq!(line.notify(1), 0);
    }
}
