//! Waiting: threads at a gate, threads in line or on several signals, tasks.
//!
//! A thread that waits for one signal, composite or not, sleeps at that signal's own gate and hangs nothing. One that
//! waits for several, or in line for something (`seat`), has a `Waiter` on its stack, and a node on each signal that
//! leads to it:
//!
//! ```text
//!             queue: call                 queue: grant
//!   WAITING ───────────────► CALLED ─────────────────────► GRANTED   for ever
//!    │ ▲ ▲                   │    │ owner, tried in vain      ▲
//!    ▼ │ └───────────────────┼────┘                           │
//!   ASLEEP                   └──────────► STOPPED ◄── any signal, or the owner whose time has come
//! ```
//!
//! ASLEEP goes wherever WAITING does. Who moves it from there owes one unpark, by a handle cloned before that step and
//! sent after its lock is free. STOPPED is for ever too, but for an owner whom no signal can reach any more, and whose
//! queue has yet to tell it something: it takes the stop back.
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
const CALLED: u32 = 2;
const GRANTED: u32 = 3;
const STOPPED: u32 = 4;

/// What a waiter has been told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// Nothing: its time has come.
    Nothing,
    /// To come and try.
    Called,
    /// That what it waits for is its own.
    Granted,
    /// That it need not wait any longer.
    Stopped,
}

/// A thread that waits in line, or for several signals. Lives on its stack.
pub(super) struct Waiter {
    state: AtomicU32,
    /// N2.
    thread: UnsafeCell<Option<Thread>>,
}

impl Waiter {
    pub fn new() -> Waiter {
        Waiter { state: AtomicU32::new(WAITING), thread: UnsafeCell::new(None) }
    }

    /// Any signal: WAITING, ASLEEP or CALLED → STOPPED.
    pub fn stop(&self) -> Option<Wakeup> {
        self.settle(STOPPED).flatten().map(Wakeup::Thread)
    }

    /// Its queue: WAITING or ASLEEP → CALLED. `None`: too late, it was stopped.
    pub fn call(&self) -> Option<Option<Thread>> {
        self.settle(CALLED)
    }

    /// Its queue: → GRANTED. `None`: too late, it was stopped. Afterwards the waiter may be gone.
    pub fn grant(&self) -> Option<Option<Thread>> {
        self.settle(GRANTED)
    }

    /// One step to `to`, with the thread to unpark if it slept. `None`: somebody else was before.
    fn settle(&self, to: u32) -> Option<Option<Thread>> {
        let mut seen = WAITING;
        loop {
            if seen == to || seen >= GRANTED {
                return None;
            }
            // SAFETY: N2; seen with Acquire: the step below failed and told.
            let thread = if seen == ASLEEP { self.thread.with(|t| unsafe { (*t).clone() }) } else { None };
            // ORDERING: Release: what came before is seen by the owner when it wakes. Acquire: N2.
            match self.state.compare_exchange(seen, to, Release, Acquire) {
                Ok(_) => return Some(thread),
                Err(now) => seen = now,
            }
        }
    }

    /// Whether it was told anything yet. The owner's, or somebody's who knows that the waiter is still there.
    ///
    /// ORDERING: Acquire: what came before it is seen by who was told.
    pub fn told(&self) -> Told {
        Self::meaning(self.state.load(Acquire))
    }

    fn meaning(state: u32) -> Told {
        match state {
            CALLED => Told::Called,
            GRANTED => Told::Granted,
            STOPPED => Told::Stopped,
            _ => Told::Nothing,
        }
    }

    /// Owner: CALLED → WAITING, having tried in vain. Nothing if more was told meanwhile.
    ///
    /// ORDERING: Relaxed: it gives nothing away; who calls again learns all under the queue's lock.
    pub fn wait_on(&self) {
        let _ = self.state.compare_exchange(CALLED, WAITING, Relaxed, Relaxed);
    }

    /// Owner: STOPPED → WAITING, where no signal can reach it any more and only its queue knows it.
    ///
    /// ORDERING: Relaxed: the queue's lock, which the caller holds, orders it before the grant.
    pub fn take_back(&self) {
        self.state.store(WAITING, Relaxed);
    }

    /// Owner: WAITING, ASLEEP or CALLED → STOPPED, as its time has come. False: it was told something final before.
    pub fn give_up(&self) -> bool {
        self.settle(STOPPED).is_some()
    }

    /// Sleeps until told, or `end`.
    pub fn sleep(&self, end: Moment) -> Told {
        // SAFETY: N2: only the owner writes it, once; nobody reads it before ASLEEP.
        unsafe {
            if self.thread.with(|t| (*t).is_none()) {
                self.thread.with_mut(|t| *t = Some(current()));
            }
        }
        // ORDERING: Release: N2. Acquire: what came before it was told.
        if let Err(state) = self.state.compare_exchange(WAITING, ASLEEP, Release, Acquire) {
            return Self::meaning(state);
        }
        loop {
            park_until(end);
            // ORDERING: Acquire: as above.
            let state = self.state.load(Acquire);
            if state != ASLEEP {
                return Self::meaning(state);
            }
            if end != Moment::NEVER && now() >= end {
                return match self.state.compare_exchange(ASLEEP, WAITING, Relaxed, Acquire) {
                    Ok(_) => Told::Nothing,
                    Err(state) => {
                        park(); // the unpark is on its way: the thread's own token stays as it was
                        Self::meaning(state)
                    }
                };
            }
        }
    }
}

/// A frame that is gone: in a model, whoever touches it unordered with this is caught.
#[cfg(all(loom, feature = "loom"))]
impl Drop for Waiter {
    fn drop(&mut self) {
        self.thread.with_mut(|_| ());
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
    /// Wakes a thread; of a task, nothing.
    pub fn unpark(&self) {
        if let Wakeup::Thread(thread) = self {
            thread.unpark();
        }
    }

    pub fn is_task(&self) -> bool {
        matches!(self, Wakeup::Task(_))
    }

    /// Wakes a task, which is foreign code; of a thread, nothing.
    pub fn wake(self) {
        if let Wakeup::Task(waker) = self {
            waker.wake();
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
        Wake::Thread(waiter) if up => unsafe { (*waiter).stop() },
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
