//! The monitor: one thread inside at a time, and those who wait for what the others change.
//!
//! A door of one permit lets in; being inside guards all the rest (U1). After a *change* each waiter gets one look at the
//! state as it is then, one after the other, in the order in which they last looked.
//!
//! # Invariants
//! - M1  `owner` is written by the thread inside alone: who reads its own mark there is inside.
//! - M2  `epoch` counts the changes that waiters must look at; it need not move while nobody waits. A seat's note is the
//!   epoch it has seen. The line is sorted by that, since a seat is appended with the present one: only the first can be owed
//!   a look.
//! - M3  One look is under way at a time (`passed`): from the grant until its holder is inside. A holder leaves or waits sooner
//!   or later, and both pass it on. So all who are owed a look get it, and nobody is woken twice for one change.
//! - M4  A change is *sure*, or a *doubt*: a wait after the state was borrowed mutably, which may have been a look in vain. After
//!   `DOUBTS` doubts with no sure change between that anybody waited for, the next is *hidden*: the epoch does not move. Who hides while nobody naps
//!   is the napper: it waits in line like anyone, but for a millisecond per waiter at most; inside again, whatever ended its
//!   wait, it moves the epoch for all that was hidden. So nothing is lost, and passing on knows nothing of it.
//!
//! # Orderings
//! The door's, which make all that is guarded visible to the next inside. `owner` is Relaxed: only one's own mark counts,
//! and one's own stores are seen in order. `panicked` is Relaxed: a remark.
//!
//! # Why not
//! - Waking all at every change: a look in vain for each; with hundreds of waiters nothing else happens.
//! - Running the waiters' predicates in the leaver (nsync): foreign code under the lock of others.
//! - Holding back the look itself instead of hiding a doubt: then leaving, passing and being granted must all know of naps.
#[cfg(all(test, not(loom)))]
mod tests;
mod visit;

pub(crate) use visit::Visit;

use super::cell::Guarded;
use super::door::Door;
use super::seat::{Granted, Line};
use super::term::Leaves;
use crate::sys::{BareBool, BareUsize, NOBODY, Ordering::*, Thread, UnsafeCell, const_fn, doubts, thread_mark};
use std::panic::Location;

#[repr(C)]
pub(crate) struct Monitor {
    door: Door,
    /// M1.
    owner: BareUsize,
    /// Guarded by being inside.
    inner: UnsafeCell<Inner>,
    /// M4: doubts since the last sure change. Guarded likewise, as are the three below.
    doubts: Guarded<u8>,
    /// M4: none, one, several.
    hidden: Guarded<u8>,
    napping: Guarded<bool>,
    /// M3.
    passed: Guarded<bool>,
    /// Somebody was inside when a panic passed.
    panicked: BareBool,
    /// E1: nothing, but models see when it is looked at, and its end.
    alive: Guarded<()>,
}

struct Inner {
    line: Line<u64>,
    epoch: u64,
    /// To be woken by who leaves next.
    owed: Option<Thread>,
    /// Where the one inside came in; if anybody is.
    place: Option<&'static Location<'static>>,
}

// SAFETY: all but the door and the bare atomics is touched by the one inside alone.
unsafe impl Send for Monitor {}
// SAFETY: as above.
unsafe impl Sync for Monitor {}

impl Monitor {
    const_fn! {
        pub(crate) const fn new() -> Monitor {
            Monitor {
                door: Door::new(1),
                owner: BareUsize::new(NOBODY),
                inner: UnsafeCell::new(Inner { line: Line::new(), epoch: 0, owed: None, place: None }),
                doubts: Guarded::new(0),
                hidden: Guarded::new(0),
                napping: Guarded::new(false),
                passed: Guarded::new(false),
                panicked: BareBool::new(false),
                alive: Guarded::new(()),
            }
        }
    }

    /// Comes in.
    ///
    /// # Panics
    /// If this thread is inside already.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn enter(&self) -> Visit<'_> {
        if !self.door.enter() {
            self.enter_slow(None);
        }
        self.arrive()
    }

    /// Comes in, unless `until` comes first.
    ///
    /// # Panics
    /// If this thread is inside already.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn enter_until(&self, until: &dyn Leaves) -> Option<Visit<'_>> {
        (self.door.enter() || self.enter_slow(Some(until))).then(|| self.arrive())
    }

    #[inline]
    #[track_caller]
    pub(crate) fn try_enter(&self) -> Option<Visit<'_>> {
        (self.door.enter() || self.door.try_acquire(1)).then(|| self.arrive())
    }

    #[cold]
    #[track_caller]
    fn enter_slow(&self, until: Option<&dyn Leaves>) -> bool {
        if self.is_mine() {
            // SAFETY: M1: this thread is inside.
            let place = unsafe { self.inner.with(|i| (*i).place) };
            let (here, there) = (Location::caller(), place.unwrap_or(Location::caller()));
            panic!("this thread holds this Lock already: locked at {there}, and again at {here}");
        }
        self.door.acquire(1, until, "in Lock")
    }

    #[inline(always)]
    #[track_caller]
    fn arrive(&self) -> Visit<'_> {
        let place = Location::caller();
        self.settle_in(place);
        Visit::new(self, place)
    }

    /// This thread is inside now.
    #[inline(always)]
    fn settle_in(&self, place: &'static Location<'static>) {
        self.owner.store(thread_mark(), Relaxed);
        self.inside(|inner| inner.place = Some(place));
    }

    /// Whether this thread is inside.
    pub(super) fn is_mine(&self) -> bool {
        // SAFETY: nobody ever writes it.
        unsafe { self.alive.get() };
        self.owner.load(Relaxed) == thread_mark()
    }

    pub(crate) fn is_entered(&self) -> bool {
        self.door.available() == 0
    }

    pub(crate) fn panicked_inside(&self) -> bool {
        self.panicked.load(Relaxed)
    }

    /// Only from inside, and not within itself.
    #[inline(always)]
    fn inside<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        // SAFETY: guarded by being inside; `f` is one of ours and calls nothing that comes back here.
        self.inner.with_mut(|inner| f(unsafe { &mut *inner }))
    }

    /// Leaves that wake-up to who leaves next. Only from inside.
    pub(super) fn owe(&self, granted: Granted) {
        let Some(thread) = granted.into_thread() else { return };
        if let Some(before) = self.inside(|inner| inner.owed.replace(thread)) {
            before.unpark();
        }
    }

    /// Goes out.
    #[inline(always)]
    fn exit(&self, passed: Option<Granted>) {
        let owed = self.inside(|inner| inner.owed.take());
        self.owner.store(NOBODY, Relaxed);
        self.door.leave();
        if let Some(granted) = passed {
            granted.wake();
        }
        if let Some(thread) = owed {
            thread.unpark();
        }
    }

    /// Gives a look to the first in line, if it has not seen the present state and no look is under way (M3).
    fn pass(&self) -> Option<Granted> {
        // SAFETY: from inside.
        while !unsafe { self.passed.get() } {
            let granted = self.inside(|inner| match inner.line.first() {
                Some(seen) if *seen < inner.epoch => inner.line.grant_first(),
                _ => None,
            })?;
            if granted.is_some() {
                // SAFETY: from inside.
                unsafe { self.passed.set(true) };
                return granted;
            }
        }
        None
    }

    /// Tells of what has changed, if so: whom first.
    fn part(&self, changed: bool) -> Option<Granted> {
        if changed {
            self.change();
        }
        self.pass()
    }

    /// Given what the visit has to tell, not the visit: that stays in registers.
    #[cold]
    fn leave_slow(&self, changed: bool) {
        self.exit(self.part(changed));
    }

    /// All are owed a look at what has come up to now.
    fn publish(&self) {
        self.inside(|inner| inner.epoch += 1);
        // SAFETY: from inside.
        unsafe { self.hidden.set(0) };
    }

    /// A sure change.
    fn change(&self) {
        // SAFETY: from inside.
        unsafe { self.doubts.set(0) };
        self.publish();
    }

    /// A change that may be none. True: it was hidden, and the caller naps (M4).
    fn doubt(&self) -> bool {
        if self.inside(|inner| inner.line.is_empty()) {
            return false; // nobody to tell
        }
        // SAFETY: from inside.
        unsafe {
            if self.doubts.get() < doubts() {
                self.doubts.set(self.doubts.get() + 1);
                self.publish();
                return false;
            }
            self.hidden.set(2.min(self.hidden.get() + 1));
            let naps = !self.napping.get();
            self.napping.set(true);
            naps
        }
    }
}
