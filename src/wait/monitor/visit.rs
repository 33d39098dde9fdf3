//! A visit to a monitor: what its end tells, and its waits.
//!
//! # Orderings
//! The door's. `dirt` is Relaxed: its own thread's, but for a remark of another that shares the visit (whose loan ends, in order,
//! before the visit does); `owner` and `panicked` as the monitor says.
use super::Monitor;
use crate::sys::{BareU8, NOBODY, Ordering::*, millis};
use crate::wait::seat::Seat;
use crate::wait::term::Term;
use crate::wait::waiter::Told;
use std::panic::Location;
use std::thread::panicking;

/// What may have become of the state since its visitor came in, or last waited.
const CLEAN: u8 = 0;
/// It was borrowed mutably.
const TOUCHED: u8 = 1;
const CHANGED: u8 = 2;

/// Being inside. Dropping it leaves.
#[must_use]
pub(crate) struct Visit<'a> {
    monitor: &'a Monitor,
    place: &'static Location<'static>,
    dirt: BareU8,
    waited: bool,
    /// It came in while a panic passed: that one is none of the monitor's.
    panicking: bool,
}

impl<'a> Visit<'a> {
    #[inline(always)]
    pub(super) fn new(monitor: &'a Monitor, place: &'static Location<'static>) -> Visit<'a> {
        Visit { monitor, place, dirt: BareU8::new(CLEAN), waited: false, panicking: panicking() }
    }

    /// The state was borrowed mutably.
    #[inline(always)]
    pub(crate) fn touch(&mut self) {
        *self.dirt.get_mut() |= TOUCHED;
    }

    /// It has changed, whatever it looks like. Any thread that shares the visit.
    pub(crate) fn notify_all(&self) {
        self.dirt.store(CHANGED, Relaxed);
    }

    fn take_dirt(&mut self) -> u8 {
        std::mem::replace(self.dirt.get_mut(), CLEAN)
    }

    /// Asks the state something. An answer, or a panic, is a change; `None` says that nothing was changed.
    pub(crate) fn ask<R>(&mut self, f: impl FnOnce() -> Option<R>) -> Option<R> {
        let before = std::mem::replace(self.dirt.get_mut(), CHANGED); // May unwind: by then it counts as changed
        let answer = f();
        if answer.is_none() {
            *self.dirt.get_mut() = before;
        }
        answer
    }

    /// Goes out, waits for a look at a change, and is inside again. False: the term has come.
    pub(crate) fn wait(&mut self, term: &Term<'_>) -> bool {
        self.waited = true;
        let naps = match self.take_dirt() {
            CLEAN => false,
            TOUCHED => self.monitor.doubt(),
            _ => {
                self.monitor.change();
                false
            }
        };
        let napped = if naps { self.nap(term) } else { None };
        napped.unwrap_or_else(|| self.sit(term).0)
    }

    /// One stay in line: whether it was given a look, and whether there is news since it sat down.
    fn sit(&mut self, term: &Term<'_>) -> (bool, bool) {
        let monitor = self.monitor;
        let seen = monitor.inside(|inner| inner.epoch);
        let seat = Seat::new(seen);
        // SAFETY: `Back` sees to U3.
        monitor.inside(|inner| unsafe { inner.line.push(&seat) });
        let back = Back { visit: self, seat: Some(&seat) };
        monitor.exit(monitor.pass());
        let told = seat.sleep(term, &mut || false);
        drop(back);
        (told == Told::Granted, monitor.inside(|inner| inner.epoch != seen))
    }

    /// The stay of who has hidden a change. `None`: it was its own alone, and it goes on waiting.
    #[cold]
    fn nap(&mut self, term: &Term<'_>) -> Option<bool> {
        let monitor = self.monitor;
        // SAFETY: from inside.
        let under_way = unsafe { monitor.passed.get() };
        // With who has left the line for a look, and itself: without them a thousand looks a second would be thousands.
        let waiters = monitor.inside(|inner| inner.line.len()) + usize::from(under_way) + 1;
        /// What a nap ends with, also when a panic passes: all that was hidden is told.
        struct Woken<'a>(&'a Monitor);
        impl Woken<'_> {
            /// Whether others have hidden something, too.
            fn publish(&self) -> bool {
                // SAFETY: from inside.
                let hidden = unsafe {
                    self.0.napping.set(false);
                    self.0.hidden.get()
                };
                if hidden > 0 {
                    self.0.publish();
                }
                hidden > 1
            }
        }
        impl Drop for Woken<'_> {
            fn drop(&mut self) {
                self.publish();
            }
        }
        let woken = Woken(monitor);
        let (looks, news) = self.sit(&term.within(millis(waiters)));
        let others = woken.publish();
        std::mem::forget(woken);
        if looks || term.has_come() {
            return Some(looks);
        }
        (news || others).then_some(true)
    }

    /// Goes out for a while, as it does at its end; dropping what this returns comes back.
    pub(in crate::wait) fn step_out(&mut self) -> Back<'_, 'a> {
        let changed = self.has_changed();
        let passed = self.monitor.part(changed);
        self.waited = true;
        let back = Back { visit: self, seat: None };
        back.visit.monitor.exit(passed);
        back
    }

    /// Runs `f` outside. Then it is as if it had come in anew.
    pub(crate) fn outside<R>(&mut self, f: impl FnOnce() -> R) -> R {
        let back = self.step_out();
        back.visit.waited = false;
        f() // May unwind: `back` comes in again
    }

    /// Leaves without a word.
    pub(crate) fn quiet(mut self) {
        self.waited = true;
        self.take_dirt();
    }

    /// Whether this visit has something to tell.
    #[inline(always)]
    fn has_changed(&mut self) -> bool {
        self.take_dirt() != CLEAN || !self.waited
    }

    pub(in crate::wait) fn monitor(&self) -> &'a Monitor {
        self.monitor
    }
}

impl Drop for Visit<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        let monitor = self.monitor;
        if panicking() && !self.panicking {
            monitor.panicked.store(true, Relaxed);
        }
        if monitor.inside(|inner| inner.line.is_empty() && inner.owed.is_none()) {
            monitor.owner.store(NOBODY, Relaxed);
            return monitor.door.leave();
        }
        monitor.leave_slow(self.has_changed());
    }
}

/// The way back in, also when a panic passes.
pub(in crate::wait) struct Back<'v, 'a> {
    visit: &'v mut Visit<'a>,
    /// To be unlinked (U3).
    seat: Option<&'v Seat<u64>>,
}

impl Drop for Back<'_, '_> {
    fn drop(&mut self) {
        let monitor = self.visit.monitor;
        if !monitor.door.enter() {
            monitor.door.acquire_slow(1, None, "in Lock");
        }
        monitor.settle_in(self.visit.place);
        let Some(seat) = self.seat else { return };
        if seat.waiter().told() == Told::Granted {
            // SAFETY: from inside. M3: the look that was under way is ours.
            unsafe { monitor.passed.set(false) };
        } else {
            monitor.inside(|inner| inner.line.remove(seat));
        }
    }
}
