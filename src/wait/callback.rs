//! Callbacks: one node and one allocation each, with the closure behind the head.
//!
//! A callback without a handle (`Free`) belongs to the list and then to whoever takes the list apart: no state at all.
//! One with a `Then` (`Held`) has two owners, HELD and OWNED; the last to let go frees it. Its state:
//!
//! ```text
//!             ┌─ its signal went ───► RUNNING ─────► RAN
//!   QUEUED ───┼─ its signal died ───► DROPPING ──┬─► REMOVED
//!             └─ its handle cancels ► CANCELLING ┘
//! ```
//!
//! K1  Who moves QUEUED on owns the closure. On the ring iff the word is DOWN and the state QUEUED, both under LOCK.
//! K2  AWAITED is set by one step on the state word, and whoever ends RUNNING, DROPPING or CANCELLING does so by one
//!     step too, so it sees the bit and wakes.
//! K3  Who is at it says so, for those who must not wait for themselves: the list's heir in `prev`, before it claims;
//!     the handle's in `Hook::canceller`, after, where only the thread that wrote it can find itself.
use super::core::Core;
use super::fire::{each, resume};
use super::handle::User;
use super::node::{Chain, Class, Link};
use crate::sys::{AtomicU32, AtomicUsize, Ordering::*, Tracked, UnsafeCell, sleep_at, thread_mark, wake_at};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::any::Any;
use std::mem::{ManuallyDrop, needs_drop, offset_of};
use std::ptr::{null_mut, without_provenance_mut};

const QUEUED: u32 = 0;
const RUNNING: u32 = 1;
const RAN: u32 = 2;
const DROPPING: u32 = 3;
const CANCELLING: u32 = 4;
const REMOVED: u32 = 5;
const STATE: u32 = 7;
const HELD: u32 = 8;
const OWNED: u32 = 16;
const AWAITED: u32 = 32;
/// The closure has nothing to drop.
const PLAIN: u32 = 64;

/// Never as a whole: its memory ends with the closure, not with the padding behind it. Fields are reached by pointer.
#[repr(C)]
struct Callback<F> {
    link: Link,
    tracked: Tracked,
    /// Of whoever moves the state on from QUEUED (K1); of a `Free` one, of its owner.
    f: UnsafeCell<ManuallyDrop<F>>,
}

impl<F> Callback<F> {
    const LAYOUT: Layout = {
        let size = offset_of!(Self, f) + size_of::<UnsafeCell<ManuallyDrop<F>>>();
        match Layout::from_size_align(size, align_of::<Self>()) {
            Ok(layout) => layout,
            Err(_) => panic!("a closure larger than memory"),
        }
    };

    fn alloc(link: Link, f: F) -> *mut Self {
        // SAFETY: the layout holds a Link; the fields are written before anybody sees them.
        unsafe {
            let p = alloc(Self::LAYOUT).cast::<Self>();
            if p.is_null() {
                handle_alloc_error(Self::LAYOUT);
            }
            (&raw mut (*p).link).write(link);
            (&raw mut (*p).tracked).write(Tracked::new());
            (&raw mut (*p).f).write(UnsafeCell::new(ManuallyDrop::new(f)));
            p
        }
    }

    /// # Safety
    /// Made by `alloc`, nobody else has it, and the closure was moved out.
    unsafe fn free(p: *mut Self) {
        // SAFETY: the caller's promise.
        unsafe {
            (&raw mut (*p).link).drop_in_place();
            (&raw mut (*p).tracked).drop_in_place();
            (&raw mut (*p).f).drop_in_place();
            dealloc(p.cast(), Self::LAYOUT);
        }
    }
}

/// What is asked of a callback whose type is forgotten.
#[derive(Clone, Copy, PartialEq)]
enum Op {
    Run,
    /// Drops the closure.
    Drop,
    Free,
    RunAndFree,
    DropAndFree,
}

type Operate = unsafe fn(*mut Link, Op);

/// # Safety
/// `l` heads a `Callback<F>`; but for `Free`, the caller owns the closure; if it frees, the node too.
unsafe fn operate<F: FnOnce()>(l: *mut Link, op: Op) {
    let p = l.cast::<Callback<F>>();
    // SAFETY: the caller's promise; the closure is moved out once (K1).
    let f = (op != Op::Free).then(|| unsafe { (*p).f.with_mut(|f| ManuallyDrop::take(&mut *f)) });
    if matches!(op, Op::Free | Op::RunAndFree | Op::DropAndFree) {
        // SAFETY: made in `attach`, and nobody else has it.
        unsafe { Callback::free(p) };
    }
    // May unwind: the node is whole, or gone.
    match (op, f) {
        (Op::Run | Op::RunAndFree, Some(f)) => f(),
        (_, f) => drop(f),
    }
}

/// # Safety
/// As `operate`.
unsafe fn ask(l: *mut Link, op: Op) {
    // SAFETY: a callback's `aux` is the `operate` it was made with.
    unsafe { std::mem::transmute::<*const (), Operate>((*l).aux)(l, op) }
}

/// What `cancel` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cancel {
    /// The callback never ran and never will.
    Removed,
    /// The callback is running just now.
    Running,
    /// The callback has run.
    Ran,
}

/// The other end of a callback.
pub(crate) struct Hook {
    signal: User,
    /// Null: it ran before `then` returned.
    link: *mut Link,
    /// K3.
    canceller: AtomicUsize,
}

// SAFETY: the node is shared as K1 and K2 say; the closure is Send.
unsafe impl Send for Hook {}
// SAFETY: as above.
unsafe impl Sync for Hook {}

impl Core {
    /// Runs `f` once the signal goes: later by whoever raises it, or now. Null if it ran now, or is gone already.
    #[inline]
    fn attach<F: FnOnce() + Send + 'static>(&self, f: F, class: Class) -> *mut Link {
        if self.is_up() || self.look().asks() && self.observe(true) {
            self.wait_for_calm(); // inside a callback all that is derived is go (S4)
            f();
            return null_mut();
        }
        let plain = if needs_drop::<F>() { 0 } else { PLAIN };
        let state = if class == Class::Held { QUEUED | HELD | OWNED | plain } else { QUEUED };
        let p = Callback::alloc(Link::new(class, 0, state, operate::<F> as Operate as *const ()), f);
        let l = p.cast::<Link>();
        let mut held = self.lock();
        let word = held.word();
        if word.is_down() {
            // SAFETY: DOWN; the node is new and lives until its owner, the list, lets it go.
            unsafe { held.push_back(l) };
            return l;
        }
        drop(held);
        if word.is_up() {
            self.wait_for_calm(); // S4, as above
        }
        // SAFETY: the node never hung anywhere: it is ours.
        unsafe { ask(l, if word.is_up() { Op::RunAndFree } else { Op::DropAndFree }) };
        null_mut()
    }

    pub fn attach_free<F: FnOnce() + Send + 'static>(&self, f: F) {
        self.attach(f, Class::Free);
    }
}

impl Hook {
    pub fn new<F: FnOnce() + Send + 'static>(signal: User, f: F) -> Hook {
        let link = signal.core().attach(f, Class::Held);
        Hook { signal, link, canceller: AtomicUsize::new(0) }
    }

    fn tag(&self) -> Option<&AtomicU32> {
        // SAFETY: HELD keeps the node.
        unsafe { self.link.as_ref() }.map(|l| &l.tag)
    }

    /// Removes the callback, unless it is running or has run. Never waits for foreign code.
    pub fn cancel(&self) -> Cancel {
        let Some(tag) = self.tag() else { return self.gone() };
        let mut held = self.signal.core().lock();
        // ORDERING: Relaxed: on the ring the state changes under LOCK only.
        let state = tag.load(Relaxed);
        if held.word().is_down() && state & STATE == QUEUED {
            // SAFETY: it is on the ring (K1); off it, it is ours alone.
            unsafe { held.remove(self.link) };
            let then = if state & PLAIN == 0 { CANCELLING } else { REMOVED };
            // ORDERING: Relaxed, and a plain store: ours alone; the unlock publishes it to the next under LOCK.
            tag.store(state & PLAIN | HELD | then, Relaxed);
            drop(held);
            return if then == REMOVED { Cancel::Removed } else { self.drop_closure() };
        }
        drop(held);
        // SAFETY: HELD keeps the node.
        match unsafe { claim(self.link, CANCELLING) } {
            Ok(()) => self.drop_closure(),
            Err(RUNNING) => Cancel::Running,
            Err(RAN) => Cancel::Ran,
            Err(_) => Cancel::Removed,
        }
    }

    /// As `cancel`, but returns only when the callback has returned, or been dropped; unless this thread is at it.
    pub fn cancel_and_wait(&self) -> Cancel {
        let said = self.cancel();
        let Some(tag) = self.tag() else { return said };
        let mut seen = RUNNING | OWNED | HELD;
        // ORDERING: Acquire pairs with whoever claimed it, before `prev` is read, and with whoever ended it. A step that
        // fails is taken again.
        while let Err(now) = tag.compare_exchange(seen, seen | AWAITED, Acquire, Relaxed) {
            seen = now;
        }
        let me = thread_mark();
        let mine = match seen & STATE {
            // SAFETY: K3: written before the state was seen, and not again while it lasts.
            RUNNING | DROPPING => unsafe { (*self.link).prev.get() }.addr() == me,
            // ORDERING: Relaxed: only our own store could make it so.
            CANCELLING => self.canceller.load(Relaxed) == me,
            _ => true,
        };
        if !mine {
            sleep_at(self.link.addr(), || {
                // ORDERING: Acquire: the callback's end lies behind whoever sees it.
                seen = tag.load(Acquire);
                matches!(seen & STATE, RUNNING | DROPPING | CANCELLING)
            });
        }
        match seen & STATE {
            RUNNING => Cancel::Running,
            RAN => Cancel::Ran,
            _ => Cancel::Removed,
        }
    }

    /// It ran inline, or its signal was dead.
    fn gone(&self) -> Cancel {
        if self.signal.core().is_up() { Cancel::Ran } else { Cancel::Removed }
    }

    /// CANCELLING → REMOVED, with the closure's captures.
    fn drop_closure(&self) -> Cancel {
        struct Dropped(*mut Link);
        impl Drop for Dropped {
            fn drop(&mut self) {
                // SAFETY: HELD keeps the node; K2.
                unsafe { finish(self.0, CANCELLING, REMOVED, 0) };
            }
        }
        // ORDERING: Relaxed: for this thread's own eyes (K3).
        self.canceller.store(thread_mark(), Relaxed);
        let _dropped = Dropped(self.link);
        // SAFETY: we moved the state on from QUEUED (K1). May unwind: the guard ends the state.
        unsafe { ask(self.link, Op::Drop) };
        Cancel::Removed
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        let Some(tag) = self.tag() else { return };
        // ORDERING: Acquire pairs with the owner's letting go: nobody else has it, no step needed.
        if tag.load(Acquire) & OWNED == 0 {
            // SAFETY: HELD was the last.
            unsafe { ask(self.link, Op::Free) };
        } else {
            // SAFETY: HELD is ours to let go.
            unsafe { let_go(self.link, HELD) };
        }
    }
}

/// Lets go of HELD or OWNED; frees the node if that was the last of the two.
///
/// # Safety
/// `bit` is the caller's to let go.
unsafe fn let_go(l: *mut Link, bit: u32) {
    // SAFETY: until `bit` is gone the node lives. ORDERING: AcqRel: the last one has seen all that the other did.
    unsafe {
        if (*l).tag.fetch_and(!bit, AcqRel) & (HELD | OWNED) == bit {
            ask(l, Op::Free);
        }
    }
}

/// QUEUED → `to`, once: the closure is the caller's then. Else says the state.
///
/// # Safety
/// The caller keeps the node alive.
unsafe fn claim(l: *mut Link, to: u32) -> Result<(), u32> {
    // SAFETY: alive, by the caller's promise.
    let tag = unsafe { &(*l).tag };
    let mut seen = QUEUED | HELD | OWNED;
    while seen & STATE == QUEUED {
        // ORDERING: Release for who meets the new state. Who claims needs nothing of the other owner: the closure came to
        // him with the ring, or with the handle. Acquire, if it is too late: the end that is told lies behind.
        match tag.compare_exchange(seen, seen | to, Release, Acquire) {
            Ok(_) => return Ok(()),
            Err(now) => seen = now,
        }
    }
    Err(seen & STATE)
}

/// `from` → `to`, lets go of `bits`, and wakes who waits for it (K2). Frees the node if `bits` were the last.
///
/// # Safety
/// The caller made the state `from`, and `bits` are its to let go.
unsafe fn finish(l: *mut Link, from: u32, to: u32, bits: u32) {
    // SAFETY: alive until `bits` are gone. ORDERING: AcqRel, as `let_go`; who finds `to` has the callback behind it.
    let was = unsafe { (*l).tag.fetch_add(to.wrapping_sub(from).wrapping_sub(bits), AcqRel) };
    if was & AWAITED != 0 {
        wake_at(l.addr());
    }
    if bits != 0 && was & HELD == 0 {
        // SAFETY: ours was the last.
        unsafe { ask(l, Op::Free) };
    }
}

/// Ends a callback's state when it returns or unwinds.
struct Ending(*mut Link, u32, u32);

impl Drop for Ending {
    fn drop(&mut self) {
        // SAFETY: made by whoever claimed it, which owns OWNED.
        unsafe { finish(self.0, self.1, self.2, OWNED) }
    }
}

/// # Safety
/// The caller owns the node as the list does.
unsafe fn dispose(l: *mut Link, op: Op, while_at_it: u32, then: u32) {
    // SAFETY: the caller's promise. May unwind: the guard ends the state, `operate` frees before it calls.
    unsafe {
        if (*l).class() == Class::Free {
            return ask(l, if op == Op::Run { Op::RunAndFree } else { Op::DropAndFree });
        }
        (*l).prev.set(without_provenance_mut(thread_mark())); // K3
        match claim(l, while_at_it) {
            Ok(()) => {
                let _ending = Ending(l, while_at_it, then);
                ask(l, op);
            }
            Err(_) => let_go(l, OWNED),
        }
    }
}

/// Runs a chain of callbacks, each whatever became of the one before.
#[inline]
pub(super) fn run_all(calls: &mut Chain, first: &mut Option<Box<dyn Any + Send>>) {
    if !calls.is_empty() {
        // SAFETY: the chain's nodes were the list's and are the caller's now.
        each(first, || calls.pop().map(|l| unsafe { dispose(l, Op::Run, RUNNING, RAN) }));
    }
}

/// As `run_all`, where nothing is left to be done after it: passes the first panic on.
#[inline]
pub(super) fn run_last(mut calls: Chain) {
    match calls.pop() {
        None => {}
        // A lone one may unwind right through us, unless a panic is on its way already.
        // SAFETY: as `run_all`.
        Some(l) if calls.is_empty() && !std::thread::panicking() => unsafe { dispose(l, Op::Run, RUNNING, RAN) },
        Some(l) => {
            let mut first = None;
            // SAFETY: the node is ours, and was the first of the chain.
            unsafe { calls.prepend(l) };
            run_all(&mut calls, &mut first);
            resume(first);
        }
    }
}

/// Drops a callback that nobody will ever run.
///
/// # Safety
/// The caller owns the node as the list did.
pub(super) unsafe fn drop_unrun(l: *mut Link) {
    // SAFETY: the caller's promise.
    unsafe { dispose(l, Op::Drop, DROPPING, REMOVED) }
}
