//! Waiting: threads at a gate, threads on several signals, tasks.
//!
//! A thread that waits for one signal, composite or not, sleeps at that signal's own gate and hangs nothing. One that
//! waits for several hangs a node on each; all its nodes lead to one `Waiter` on its stack:
//!
//! ```text
//!   WAITING ──owner──► ASLEEP        any signal: WAITING or ASLEEP ──► STOPPED, once;
//!      ▲                  │          from ASLEEP it also owes one unpark, by a handle cloned before that step,
//!      └──owner, late─────┘          sent after the signal's lock is free
//! ```
//!
//! N1  A node's `wake` is guarded by the LOCK of the signal it hangs on. Its owner takes that LOCK before the node goes,
//!     so a raiser may use node and waiter under LOCK, and never after.
//! N2  `thread` is written by its owner before ASLEEP and read by who saw ASLEEP.
use super::core::Core;
use super::node::{Class, Link};
use crate::sys::{AtomicU32, Moment, Ordering::*, Thread, UnsafeCell, current, now, park, park_until};
use std::task::Waker;

const WAITING: u32 = 0;
const ASLEEP: u32 = 1;
const STOPPED: u32 = 2;

/// A thread that waits for several signals. Lives on its stack.
pub(super) struct Waiter {
    state: AtomicU32,
    /// N2.
    thread: UnsafeCell<Option<Thread>>,
}

impl Waiter {
    pub fn new() -> Waiter {
        Waiter { state: AtomicU32::new(WAITING), thread: UnsafeCell::new(None) }
    }

    /// WAITING or ASLEEP → STOPPED, once. The thread to unpark, if it slept.
    pub fn stop(&self) -> Option<Thread> {
        let mut seen = WAITING;
        loop {
            let thread = match seen {
                STOPPED => return None,
                // SAFETY: N2; seen with Acquire: the step below failed and told.
                ASLEEP => self.thread.with(|t| unsafe { (*t).clone() }),
                _ => None,
            };
            // ORDERING: Release: what came before the `go` that stops it is seen when it wakes. Acquire: N2.
            match self.state.compare_exchange(seen, STOPPED, Release, Acquire) {
                Ok(_) => return thread,
                Err(now) => seen = now,
            }
        }
    }

    /// Sleeps until stopped or `end`.
    pub fn sleep(&self, end: Moment) {
        // SAFETY: N2: only the owner writes it, once; nobody reads it before ASLEEP.
        unsafe {
            if self.thread.with(|t| (*t).is_none()) {
                self.thread.with_mut(|t| *t = Some(current()));
            }
        }
        // ORDERING: Release: N2. Acquire: what came before the `go` that stopped it.
        if self.state.compare_exchange(WAITING, ASLEEP, Release, Acquire).is_err() {
            return;
        }
        loop {
            park_until(end);
            // ORDERING: Acquire: as above.
            if self.state.load(Acquire) == STOPPED {
                return;
            }
            if end != Moment::NEVER && now() >= end {
                if self.state.compare_exchange(ASLEEP, WAITING, Relaxed, Acquire).is_err() {
                    park(); // the unpark is on its way: the thread's own token stays as it was
                }
                return;
            }
        }
    }
}

/// What a node's firing sets off.
pub(super) enum Wake {
    Task(Waker),
    Thread(*const Waiter),
}

/// A node that lives in a future or on a sleeping thread's stack.
#[repr(C)]
pub(super) struct Node {
    pub link: Link,
    /// N1.
    pub wake: UnsafeCell<Option<Wake>>,
}

/// A wake-up that is owed once the lock is free.
pub(super) enum Wakeup {
    Task(Waker),
    Thread(Thread),
}

impl Wakeup {
    pub fn send(self) {
        match self {
            Wakeup::Task(waker) => waker.wake(),
            Wakeup::Thread(thread) => thread.unpark(),
        }
    }
}

/// Takes the wake-up out of a node that is being taken off: of a signal that rose, or (not `up`) died.
///
/// # Safety
/// `l` heads a `Node`, and the caller holds the LOCK of the signal it hung on.
pub(super) unsafe fn take_wakeup(l: *mut Link, up: bool) -> Option<Wakeup> {
    // SAFETY: N1.
    let wake = unsafe { (*l.cast::<Node>()).wake.with_mut(|w| (*w).take()) };
    match wake? {
        Wake::Task(waker) => Some(Wakeup::Task(waker)),
        // SAFETY: N1: the waiter outlives its nodes.
        Wake::Thread(waiter) if up => unsafe { (*waiter).stop() }.map(Wakeup::Thread),
        Wake::Thread(_) => None,
    }
}

impl Node {
    pub fn new() -> Node {
        Node { link: Link::new(Class::Waiter, 0, 0, std::ptr::null()), wake: UnsafeCell::new(None) }
    }

    fn link(&self) -> *mut Link {
        (self as *const Node).cast_mut().cast()
    }

    /// Hangs it on a signal. Gives the wake-up back if that is not DOWN.
    ///
    /// # Safety
    /// The node stays where it is until `leave`.
    pub unsafe fn hang(&self, core: &Core, wake: Wake) -> Result<(), Wake> {
        let mut held = core.lock();
        if !held.word().is_down() {
            return Err(wake);
        }
        // SAFETY: N1; the caller's promise.
        unsafe {
            self.wake.with_mut(|w| *w = Some(wake));
            held.push_front(self.link());
        }
        Ok(())
    }

    /// Takes it off, if it still hangs; then nobody knows it any more.
    ///
    /// # Safety
    /// It was hung on `core`.
    pub unsafe fn leave(&self, core: &Core) {
        let mut held = core.lock();
        // SAFETY: N1, W3.
        let wake = unsafe {
            if !self.link.prev.get().is_null() {
                held.remove(self.link());
            }
            self.wake.with_mut(|w| (*w).take())
        };
        drop(held);
        drop(wake); // foreign code
    }
}
