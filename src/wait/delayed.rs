//! Delayed signals: a Till whose time another signal sets by going.
use super::callback::Hook;
use super::cell::Guarded;
use super::core::{Core, Kind};
use super::fire::Work;
use super::firing::Armed;
use super::handle::Handle;
use super::timed::{DONE, HOOKED, IDLE, Timed};
use crate::sys::{Moment, Ordering::*};
use std::panic::Location;
use std::ptr::{null_mut, with_exposed_provenance};
use std::time::Duration;

#[repr(C)]
struct Delayed {
    timed: Timed,
    /// On the source; null once that went. Under LOCK.
    hook: Guarded<*mut Hook>,
}

/// Takes the hook on the source; the caller holds the LOCK, or the core is its alone.
pub(super) fn take_hook(core: &Core) -> Option<Box<Hook>> {
    debug_assert!(core.kind == Kind::Delayed);
    // SAFETY: the kind says so; exposed at birth; guarded by the LOCK, or sole ownership.
    unsafe {
        let delayed = &*with_exposed_provenance::<Delayed>((core as *const Core).addr());
        let hook = delayed.hook.get();
        delayed.hook.set(null_mut());
        if core.timer.get() == HOOKED {
            core.timer.set(DONE);
        }
        (!hook.is_null()).then(|| Box::from_raw(hook))
    }
}

/// # Safety
/// Nobody refers to the core any more.
pub(super) unsafe fn free(core: *mut Core) {
    // SAFETY: the caller's promise; made by `Box::into_raw` in `delayed`.
    unsafe {
        drop(take_hook(&*core));
        drop(Box::from_raw(core.cast::<Delayed>()));
    }
}

/// What the source's going sets off; dropped unrun, when the source is dead, it lets the delayed one die too.
struct Start(Option<Armed>, Duration);

impl Start {
    fn run(mut self) {
        let Some(till) = self.0.take() else { return };
        let Some(t) = till.core().as_timed() else { return };
        let held = t.core.lock();
        // ORDERING: Release: who sees the deadline sees the source go.
        t.deadline.store(t.clock.get().now().after(self.1).nanos(), Release);
        let hook = take_hook(&t.core);
        // SAFETY: under LOCK.
        unsafe { t.core.timer.set(IDLE) };
        drop(held);
        drop(hook);
        assert!(t.arm(), "stopwhen: the platform refuses the clock's thread");
    }
}

impl Drop for Start {
    fn drop(&mut self) {
        if let Some(till) = self.0.take() {
            let mut work = Work::new();
            let held = till.core().lock();
            if held.word().is_down() {
                work.kill(till.core(), held);
            } else {
                drop(held);
            }
            work.mourn();
            drop(till);
            work.finish();
        }
    }
}

impl Handle {
    /// Goes `d` after `source` went.
    #[track_caller]
    pub(crate) fn delayed(source: &Handle, d: Duration) -> Handle {
        let timed = Timed::new(Kind::Delayed, Moment::NEVER, Location::caller());
        let p = Box::into_raw(Box::new(Delayed { timed, hook: Guarded::new(null_mut()) }));
        p.expose_provenance();
        let delayed = Handle::adopt(p.cast());
        // SAFETY: nobody else knows it yet.
        unsafe { delayed.core().timer.set(HOOKED) };
        let start = Start(Some(Armed::of(delayed.core())), d);
        let hook = Hook::new(source.user(), move || start.run());
        let held = delayed.core().lock();
        // SAFETY: under LOCK; `p` lives by the handle.
        let too_late = unsafe {
            if delayed.core().timer.get() == HOOKED && held.word().is_down() {
                (*p).hook.set(Box::into_raw(Box::new(hook)));
                None
            } else {
                Some(hook)
            }
        };
        drop(held);
        drop(too_late); // the source went, or died, meanwhile
        delayed
    }
}
