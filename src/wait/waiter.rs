//! Waiting: threads at a gate, threads on several signals, tasks. The only place that sleeps.
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
use super::clock::{Clock, thread_clock};
use super::core::Core;
use super::handle::{Handle, User};
use super::node::{Class, Link};
use crate::sys::{AtomicU32, Moment, Ordering::*, Shared, Thread, UnsafeCell, current, guess, now, park, park_until};
use std::future::Future;
use std::marker::{PhantomData, PhantomPinned};
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const WAITING: u32 = 0;
const ASLEEP: u32 = 1;
const STOPPED: u32 = 2;

/// A thread that waits for several signals. Lives on its stack.
struct Waiter {
    state: AtomicU32,
    /// N2.
    thread: UnsafeCell<Option<Thread>>,
}

impl Waiter {
    fn new() -> Waiter {
        Waiter { state: AtomicU32::new(WAITING), thread: UnsafeCell::new(None) }
    }

    /// WAITING or ASLEEP → STOPPED, once. The thread to unpark, if it slept.
    fn stop(&self) -> Option<Thread> {
        let mut seen = guess(&self.state, WAITING);
        loop {
            let thread = match seen {
                STOPPED => return None,
                // SAFETY: N2; seen with Acquire, or the step below fails and tells anew.
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
    fn sleep(&self, end: Moment) {
        // SAFETY: N2: only the owner comes here, and nobody reads it before ASLEEP.
        self.thread.with_mut(|t| unsafe { (*t).get_or_insert_with(current) });
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
enum Wake {
    Task(Waker),
    Thread(*const Waiter),
}

/// A node that lives in a future or on a sleeping thread's stack.
#[repr(C)]
struct Node {
    link: Link,
    /// N1.
    wake: UnsafeCell<Option<Wake>>,
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
    fn new() -> Node {
        Node { link: Link::new(Class::Waiter, 0, 0, std::ptr::null()), wake: UnsafeCell::new(None) }
    }

    fn link(&self) -> *mut Link {
        &raw const self.link as *mut Link
    }

    /// Hangs it on a signal. Gives the wake-up back if that is not DOWN.
    ///
    /// # Safety
    /// The node stays where it is until `leave`.
    unsafe fn hang(&self, core: &Core, wake: Wake) -> Result<(), Wake> {
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
    unsafe fn leave(&self, core: &Core) {
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

// ---- threads -------------------------------------------------------------------------------------------

/// One thing that may end a wait.
pub enum Leaf<'a> {
    Signal(&'a Handle),
    After(Duration),
    At(Instant),
}

/// Whatever may end a wait, as its leaves.
pub trait Leaves {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>));
}

/// The time this thread lives by.
fn now_on(clock: &Option<Shared<dyn Clock>>) -> Moment {
    clock.as_ref().map_or_else(now, |c| c.now())
}

/// Counts a thread asleep on a virtual clock while it lives.
struct Asleep<'a>(Option<&'a dyn Clock>);

impl<'a> Asleep<'a> {
    fn new(clock: &'a Option<Shared<dyn Clock>>, timed: bool) -> Self {
        let clock = clock.as_deref().filter(|_| timed);
        if let Some(c) = clock {
            c.sleeper(1);
        }
        Asleep(clock)
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        if let Some(c) = self.0 {
            c.sleeper(-1);
        }
    }
}

impl Core {
    /// Whether time may end a wait here.
    fn is_timed(&self) -> bool {
        self.kind.is_timed() || self.as_comp().is_some_and(|c| c.timed)
    }

    /// Sleeps at the gate until it is go, or `end` has come. True: go.
    fn wait_at_gate(&self, end: Moment) -> bool {
        let clock = if self.is_timed() { thread_clock() } else { None };
        if self.observe(false) {
            return true;
        }
        loop {
            let tick = self.next_tick();
            if self.poll() {
                return true; // arming may have found it due
            }
            let asleep = Asleep::new(&clock, true);
            self.gate.sleep(end.min(tick), || self.mark_sleep());
            drop(asleep);
            if self.poll() {
                return true;
            }
            if end != Moment::NEVER && now() >= end {
                return false;
            }
        }
    }

    pub(super) fn count_hanging(&self) -> usize {
        let held = self.lock();
        let head = held.word().head();
        let (mut l, mut n) = (head, 0);
        while !l.is_null() {
            n += 1;
            // SAFETY: W3.
            l = unsafe { (*l).next.get() };
            if l == head {
                break;
            }
        }
        n
    }

    pub(super) fn remaining(&self) -> Option<Duration> {
        Some(self.time()?.since(self.its_now()?))
    }
}

impl Handle {
    /// Sleeps until it is go.
    #[inline]
    pub(crate) fn wait(&self) {
        if !self.core().is_up() {
            self.core().wait_at_gate(Moment::NEVER);
        }
    }

    /// Sleeps until it is go, or what `until` names has come. True: go; it wins a tie.
    pub(crate) fn wait_until(&self, until: &dyn Leaves) -> bool {
        self.core().poll() || self.wait_until_slow(until)
    }

    #[cold]
    fn wait_until_slow(&self, until: &dyn Leaves) -> bool {
        let clock = thread_clock();
        let begin = now_on(&clock);
        let (mut end, mut signals, mut gone) = (Moment::NEVER, 0, false);
        until.visit(&mut |leaf| match leaf {
            Leaf::Signal(s) => {
                signals += 1;
                gone |= s.is_go();
            }
            Leaf::After(d) => end = end.min(begin.after(d)),
            Leaf::At(t) => end = end.min(Moment::of(t)),
        });
        if gone || end <= begin {
            return self.core().poll();
        }
        if clock.is_some() && end != Moment::NEVER {
            // A virtual clock moves by hand: its deadline is a signal like any other.
            let end = Handle::till(end);
            return self.wait_for_several(&(until, &end), Moment::NEVER, &clock);
        }
        if signals == 0 { self.core().wait_at_gate(end) } else { self.wait_for_several(until, end, &clock) }
    }

    fn wait_for_several(&self, until: &dyn Leaves, end: Moment, clock: &Option<Shared<dyn Clock>>) -> bool {
        let waiter = Waiter::new();
        let mut go = false;
        listen(&(self, until), 0, &waiter, &mut || go = self.sleep_among(until, end, &waiter, clock));
        go
    }

    /// The sleep itself, once the waiter hangs on all.
    fn sleep_among(&self, until: &dyn Leaves, end: Moment, waiter: &Waiter, clock: &Option<Shared<dyn Clock>>) -> bool {
        loop {
            let mut tick = end.min(self.core().next_tick());
            let (mut gone, mut timed) = (false, self.core().is_timed());
            until.visit(&mut |leaf| {
                if let Leaf::Signal(s) = leaf {
                    tick = tick.min(s.core().next_tick());
                    timed |= s.core().is_timed();
                    gone |= s.is_go();
                }
            });
            if self.core().poll() {
                return true;
            }
            if gone || end != Moment::NEVER && now() >= end {
                return self.core().poll();
            }
            let _asleep = Asleep::new(clock, timed);
            waiter.sleep(tick);
        }
    }
}

/// Runs `f` while the waiter hangs on the k-th signal of `all` and on all behind it: one frame, one node for each.
fn listen(all: &dyn Leaves, k: usize, waiter: &Waiter, f: &mut dyn FnMut()) {
    let (mut i, mut found) = (0, None);
    all.visit(&mut |leaf| {
        if let Leaf::Signal(s) = leaf {
            if i == k {
                found = Some(s);
            }
            i += 1;
        }
    });
    let Some(signal) = found else { return f() };
    let core = signal.core();
    core.observe(false);
    let node = Node::new();
    /// Takes the node off, also when a panic passes.
    struct Leave<'a>(&'a Node, &'a Core);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            // SAFETY: hung below, or refused: then it just is not on the ring.
            unsafe { self.0.leave(self.1) }
        }
    }
    let leave = Leave(&node, core);
    // SAFETY: the node stays in this frame until `leave` is dropped.
    if unsafe { node.hang(core, Wake::Thread(waiter)) }.is_err() && core.is_up() {
        drop(waiter.stop());
    }
    listen(all, k + 1, waiter, f);
    drop(leave);
}

impl Leaves for Handle {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        leaf(Leaf::Signal(self));
    }
}

impl<L: Leaves + ?Sized> Leaves for &L {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        (**self).visit(leaf);
    }
}

impl<A: Leaves, B: Leaves> Leaves for (A, B) {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.0.visit(leaf);
        self.1.visit(leaf);
    }
}

// ---- tasks ---------------------------------------------------------------------------------------------

/// A future that is ready once a signal is go.
///
/// Made by [`Signal::wait_async`](crate::Signal::wait_async) and by awaiting a signal. It looks, and cannot raise: a
/// task that awaits the last handle of a signal awaits what nobody can raise any more.
///
/// # Cancel safety
/// Dropping it at any point leaves nothing behind. Polled with another waker, it forgets the one before.
#[must_use = "futures do nothing unless awaited"]
pub struct WaitAsync<'a> {
    core: NonNull<Core>,
    /// Ours to drop, if it is not borrowed.
    _user: Option<User>,
    node: Node,
    hung: bool,
    _borrows: PhantomData<&'a Handle>,
    _pin: PhantomPinned,
}

// SAFETY: the node is shared with raisers as N1 says; wakers are Send and Sync.
unsafe impl Send for WaitAsync<'_> {}
// SAFETY: a shared WaitAsync offers nothing.
unsafe impl Sync for WaitAsync<'_> {}

impl<'a> WaitAsync<'a> {
    pub(crate) fn borrowing(signal: &'a Handle) -> Self {
        Self::new(NonNull::from(signal.core()), None)
    }

    pub(crate) fn owning(signal: Handle) -> Self {
        let user = signal.into_user();
        Self::new(NonNull::from(user.core()), Some(user))
    }

    fn new(core: NonNull<Core>, user: Option<User>) -> Self {
        let node = Node::new();
        WaitAsync { core, _user: user, node, hung: false, _borrows: PhantomData, _pin: PhantomPinned }
    }

    /// Hangs the node, or changes its waker. True: go.
    fn hang(&mut self, waker: Waker) -> bool {
        // SAFETY: borrowed or owned: alive.
        let core = unsafe { self.core.as_ref() };
        if !self.hung {
            self.hung = true;
            // SAFETY: pinned (called from `poll` only), and `drop` leaves.
            return unsafe { self.node.hang(core, Wake::Task(waker)) }.is_err() && core.is_up();
        }
        let held = core.lock();
        let word = held.word();
        let old = if word.is_down() {
            // SAFETY: N1.
            self.node.wake.with_mut(|w| unsafe { (*w).replace(Wake::Task(waker)) })
        } else {
            Some(Wake::Task(waker))
        };
        drop(held);
        drop(old); // foreign code
        word.is_up()
    }
}

impl Future for WaitAsync<'_> {
    type Output = ();

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: nothing is moved out of it.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: borrowed or owned: alive.
        let core = unsafe { this.core.as_ref() };
        if core.is_up() || !this.hung && core.look().asks() && core.observe(true) {
            return Poll::Ready(());
        }
        // The waker is cloned before any lock is taken: foreign code.
        if this.hang(cx.waker().clone()) { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for WaitAsync<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.hung {
            // SAFETY: hung on that core, which is alive; the user is dropped after us.
            unsafe { self.node.leave(self.core.as_ref()) };
        }
    }
}

impl std::fmt::Debug for WaitAsync<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // SAFETY: borrowed or owned: alive.
        let go = unsafe { self.core.as_ref() }.is_up();
        f.debug_struct("WaitAsync").field("is_go", &go).finish_non_exhaustive()
    }
}

