//! Delayed signals: a Till whose time another signal sets by going.
//!
//! ```text
//!   HOOKED ──source went──► IDLE ──► ARMED or go, at once       HOOKED ──source died──► DEAD
//! ```
//!
//! D1  It hangs on its source from birth, by a node of its own in its own allocation, and holds one user of the source.
//! D2  The node, hung or travelling, carries one user of the delayed core. T-c takes it off when nobody else looks.
//! D3  Its word never ASKs, so callbacks may hang here before it is armed: it is started by the raiser of its source, as
//!     part of the same work, and whatever follows follows there.
use super::core::{Core, Kind};
use super::fire::Work;
use super::handle::Handle;
use super::node::{Class, Link};
use super::timed::{DONE, HOOKED, IDLE, Timed, Told};
use super::word::Story;
use crate::sys::{Moment, Ordering::*};
use std::panic::Location;
use std::ptr::with_exposed_provenance_mut;
use std::time::Duration;

#[repr(C)]
pub(super) struct Delayed {
    timed: Timed,
    delay: Duration,
    /// D1. Its `aux` is the source.
    node: Link,
}

/// Where the node lies.
const NODE: usize = std::mem::offset_of!(Delayed, node);

/// The whole of a delayed core.
///
/// To be followed only if `core` is one (its kind says so) and alive.
fn whole(core: *const Core) -> *mut Delayed {
    with_exposed_provenance_mut(core.addr())
}

/// The delayed core whose node that is.
///
/// # Safety
/// `l` is of class `Start` and carries a user of it.
pub(super) unsafe fn starting<'a>(l: *mut Link) -> &'a Core {
    // SAFETY: the node lies in the Delayed (D1), which begins with its core.
    unsafe { &*l.byte_sub(NODE).cast::<Core>() }
}

/// The source, whose user is to be released with the core.
///
/// # Safety
/// `core` is a delayed one and alive.
pub(super) unsafe fn source(core: *mut Core) -> *mut Core {
    // SAFETY: the caller's promise; `aux` is the source (D1).
    unsafe { (*whole(core)).node.aux.cast_mut().cast() }
}

/// # Safety
/// Nobody refers to the core any more, and its source was released.
pub(super) unsafe fn free(core: *mut Core) {
    // SAFETY: made by `Box::into_raw` below.
    drop(unsafe { Box::from_raw(whole(core)) });
}

/// Takes the node off the source, if it hangs there still; then the user it carried is the caller's.
pub(super) fn unhook(core: &Core) -> bool {
    debug_assert!(core.kind == Kind::Delayed);
    // SAFETY: the kind says so, and `core` is alive; the source by our user of it (D1).
    let (node, source) = unsafe { (&raw mut (*whole(core)).node, &*source((core as *const Core).cast_mut())) };
    let mut held = source.lock();
    // SAFETY: under the source's LOCK (W3).
    unsafe {
        let hangs = !(*node).prev.get().is_null();
        if hangs {
            held.remove(node);
        }
        hangs
    }
}

impl Work {
    /// HOOKED → IDLE and on: the source went. The user that the node carried is ours.
    pub fn start(&mut self, core: &Core) {
        let Some(t) = core.as_timed() else { return };
        // SAFETY: whoever started it is a Delayed.
        let delay = unsafe { (*whole(core)).delay };
        let deadline = t.clock.get().now().after(delay);
        let held = core.lock();
        // ORDERING: Release: who sees the deadline sees the source go.
        t.deadline.store(deadline.nanos(), Release);
        // SAFETY: under LOCK.
        unsafe { core.timer.set(IDLE) };
        drop(held);
        match t.arm() {
            Told::Armed => {}
            Told::Due => self.raise_at_once(core, core.lock(), Story::At(t.place)),
            Told::Refused => self.refused = true,
        }
        self.release((core as *const Core).cast_mut());
    }

    /// The source died. The user that the node carried is ours.
    pub fn lose_source(&mut self, core: &Core) {
        let held = core.lock();
        // SAFETY: under LOCK.
        unsafe { core.timer.set(DONE) };
        if held.word().is_down() {
            self.kill(core, held);
        } else {
            drop(held);
        }
        self.release((core as *const Core).cast_mut());
    }
}

impl Handle {
    /// Goes `delay` after `source` went.
    #[track_caller]
    pub(crate) fn delayed(source: &Handle, delay: Duration) -> Handle {
        source.core().observe(true);
        let place = Location::caller();
        let timed = Timed::new(Kind::Delayed, Moment::NEVER, place);
        let from = source.user().into_raw();
        let node = Link::new(Class::Start, 0, 0, from.cast_const().cast());
        let p = Box::into_raw(Box::new(Delayed { timed, delay, node }));
        p.expose_provenance();
        let delayed = Handle::adopt(p.cast());
        let core = delayed.core();
        Core::one_more(&core.users); // D2
        // SAFETY: nobody else knows it yet.
        unsafe { core.timer.set(HOOKED) };
        let mut held = source.core().lock();
        if held.word().is_down() {
            // SAFETY: DOWN; the node is on no ring and stays with the core, which D2 keeps.
            unsafe { held.push_front(&raw mut (*p).node) };
            return delayed;
        }
        let up = held.word().is_up();
        drop(held);
        let mut work = Work::new();
        if up {
            work.start(core)
        } else {
            work.lose_source(core)
        }
        work.finish();
        delayed
    }
}
