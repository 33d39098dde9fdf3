//! The clock's side of a Till: what it holds, and how it raises what is due.
use super::core::Core;
use super::fire::{NO_CLOCK, Panic, Work, drop_foreign, each, resume};
use super::handle::User;
use super::tale::Reason;
use super::timed::DONE;
use super::word::Story;
use crate::sys::Moment;
use std::panic::catch_unwind;

/// A user of a Till in the hands of its clock; or of another signal whose raising is under way. Dropping it lets the Till go.
pub(crate) struct Armed(User);

impl Armed {
    pub(super) fn of(core: &Core) -> Armed {
        Armed(User::of(core))
    }

    pub(crate) fn deadline(&self) -> Moment {
        self.core().time().unwrap_or(Moment::NEVER)
    }

    pub(super) fn core(&self) -> &Core {
        self.0.core()
    }

    fn into_raw(self) -> *mut Core {
        self.0.into_raw()
    }
}

/// Raises Tills: `raise` each, then `wake`, then `run`, perhaps on another thread. Dropped early, it does the rest itself.
pub(crate) struct Firing {
    /// Taken by the end.
    work: Option<Work>,
    /// To be let go of at the end.
    fired: Vec<Armed>,
    /// As `fired`, of a `go` by hand: it needs no room of its own.
    by_hand: Option<Armed>,
}

impl Firing {
    pub(crate) fn new() -> Firing {
        Firing { work: Some(Work::new()), fired: Vec::new(), by_hand: None }
    }

    /// What a `go` of that signal has begun.
    pub(super) fn of(core: &Core, work: Work) -> Firing {
        Firing { work: Some(work), fired: Vec::new(), by_hand: Some(Armed::of(core)) }
    }

    /// Phase 1: its time has come.
    pub(crate) fn raise(&mut self, till: Armed) {
        self.raise_with(till, None);
    }

    /// Phase 1: it goes before its time, for that reason.
    #[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
    pub(crate) fn raise_early(&mut self, till: Armed, reason: &str) {
        let reason: Box<dyn std::error::Error + Send + Sync> = reason.into();
        self.raise_with(till, Some(reason.into()));
    }

    fn raise_with(&mut self, till: Armed, reason: Option<Reason>) {
        let (Some(work), Some(t)) = (&mut self.work, till.core().as_timed()) else { return };
        let tale = reason.map(|r| (t.core.tale(), r));
        let held = t.core.lock();
        // SAFETY: under LOCK.
        unsafe {
            t.core.timer.set(DONE);
            if let Some((tale, reason)) = tale.filter(|_| held.word().is_down()) {
                tale.set_reason(reason);
            }
        }
        work.raise_at_once(&t.core, held, Story::At(t.place));
        self.fired.push(till);
    }

    /// Phase 2, as far as it is not foreign.
    pub(super) fn unpark(&mut self) {
        self.work.iter_mut().for_each(Work::unpark);
    }

    /// Phase 2. A waker that panics is the hook's to report.
    pub(crate) fn wake(&mut self) {
        if let Some(work) = &mut self.work {
            drop_foreign(work.wake());
        }
    }

    pub(crate) fn has_callbacks(&self) -> bool {
        self.work.as_ref().is_some_and(Work::has_callbacks)
    }

    /// What is left of phases 2 to 4. Resumes the first panic of a callback at the very end (S6).
    pub(crate) fn finish(self) {
        resume(self.finish_caught());
    }

    /// As `finish`, but gives that panic back, which on a thread that unwinds cannot be resumed.
    pub(crate) fn finish_caught(mut self) -> Option<Panic> {
        self.wake();
        let refused = self.work.as_ref().is_some_and(|work| work.refused);
        let no_clock = || catch_unwind(|| panic!("{NO_CLOCK}")).err();
        self.last().or_else(|| if refused { no_clock() } else { None })
    }

    /// As `finish`, one after the other as they come, whatever panics; resumes the first panic when none comes any more.
    pub(crate) fn finish_each(mut next: impl FnMut() -> Option<Firing>) {
        let mut first = None;
        each(&mut first, || next().map(Firing::finish));
        resume(first);
    }

    /// What is left of phase 2, wakers of tasks, apart from the rest; if there is any.
    pub(crate) fn split_wakers(&mut self) -> Option<Firing> {
        let work = self.work.as_mut()?.split_wakes();
        let wakers = Firing { work: Some(work), fired: Vec::new(), by_hand: None };
        wakers.has_callbacks().then_some(wakers)
    }

    /// Phases 3 and 4: says what panicked first.
    fn last(&mut self) -> Option<Panic> {
        let mut work = self.work.take()?;
        let fired = self.fired.drain(..).chain(self.by_hand.take());
        fired.for_each(|signal| work.release(signal.into_raw()));
        work.run(None)
    }

    /// Phases 3 and 4. Never unwinds: a callback that panics is the hook's to report.
    #[inline(never)]
    pub(crate) fn run(self) {
        drop(self);
    }
}

impl Drop for Firing {
    fn drop(&mut self) {
        self.wake();
        drop_foreign(self.last());
    }
}
