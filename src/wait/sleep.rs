//! Threads asleep: at one signal's gate, or among several signals. The only place that sleeps.
//!
//! Deadlines of the process' clock are folded into the sleep itself. A virtual clock moves by hand: its deadlines are
//! armed, and the thread is counted as a sleeper of that clock.
use super::clock::{Clock, Woken, thread_clock};
use super::core::Core;
use super::handle::{Handle, User};
use super::waiter::{Node, Waiter, Wake};
use crate::sys::{Moment, Shared, now};
use std::time::{Duration, Instant};

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

/// Counts a thread asleep on a virtual clock while it lives, and nothing it sleeps on is go.
struct Asleep<'a>(Option<(&'a dyn Clock, Woken)>);

impl<'a> Asleep<'a> {
    fn new(clock: Option<&'a dyn Clock>, on: impl FnOnce() -> Vec<User>) -> Self {
        Asleep(clock.map(|clock| {
            let on = on();
            let woken: Woken = Shared::new(move || on.iter().any(|signal| signal.core().is_up()));
            clock.sleeps(&woken);
            (clock, woken)
        }))
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        if let Some((clock, woken)) = &self.0 {
            clock.wakes(woken);
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
            let asleep = Asleep::new(clock.as_deref(), || vec![User::of(self)]);
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
            let _asleep = Asleep::new(clock.as_deref().filter(|_| timed), || {
                let mut on = vec![self.user()];
                until.visit(&mut |leaf| {
                    if let Leaf::Signal(s) = leaf {
                        on.push(s.user());
                    }
                });
                on
            });
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
