//! What may end a wait, and the sleep of a waiter until then.
//!
//! A wait is given signals and times. Signals are hung on; times of the process' clock are folded into the sleep itself. A
//! virtual clock moves by hand: its times are armed, and the thread is counted as a sleeper of that clock.
use super::clock::{Clock, Woken, thread_clock};
use super::core::Core;
use super::handle::{Handle, User};
use super::waiter::{Node, Told, Waiter, Wake};
use super::watch::Posting;
use crate::sys::{Moment, Shared, now};
use std::cell::Cell;
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

/// The end of a wait that has none.
struct Never;

impl Leaves for Never {
    fn visit<'a>(&'a self, _: &mut dyn FnMut(Leaf<'a>)) {}
}

/// What ends a wait, from the first try that failed on: by now a duration is a deadline.
pub(crate) struct Term<'a> {
    until: &'a dyn Leaves,
    /// The one that was asked for, if this was made of it to come earlier.
    of: Option<&'a Term<'a>>,
    /// The earliest time, if it is one of the process' clock.
    end: Moment,
    /// The earliest time, if it is one of a virtual clock: a signal like any other.
    till: Option<Handle>,
    /// The clock this thread lives by, if it is virtual.
    clock: Option<Shared<dyn Clock>>,
    /// What the wait is, in words (`in Queue::pop`, `for its next turn`), and the name of the thing.
    subject: (&'static str, Option<&'a str>),
    /// When it first slept.
    since: Cell<Option<Moment>>,
}

impl<'a> Term<'a> {
    /// The end of such a wait that nothing ends.
    pub(crate) const fn never(what: &'static str) -> Term<'static> {
        Term {
            until: &Never,
            of: None,
            end: Moment::NEVER,
            till: None,
            clock: None,
            subject: (what, None),
            since: Cell::new(None),
        }
    }

    /// The end of such a wait; `None`: never.
    pub(crate) fn maybe(what: &'static str, until: Option<&'a dyn Leaves>) -> Term<'a> {
        until.map_or(Term::never(what), |until| Term::of(what, until))
    }

    /// The end of such a wait.
    pub(crate) fn of(what: &'static str, until: &'a dyn Leaves) -> Term<'a> {
        let clock = thread_clock();
        let now = || clock.as_ref().map_or_else(now, |c| c.now());
        let mut end = Moment::NEVER;
        until.visit(&mut |leaf| match leaf {
            Leaf::Signal(_) => {}
            Leaf::After(d) => end = end.min(now().after(d)),
            Leaf::At(t) => end = end.min(Moment::of(t)),
        });
        let till = (clock.is_some() && end != Moment::NEVER).then(|| Handle::till(end));
        if till.is_some() {
            end = Moment::NEVER;
        }
        Term { until, of: None, end, till, clock, subject: (what, None), since: Cell::new(None) }
    }

    /// The end of such a wait, whose time is known: that is what it says, and nothing waits for it.
    pub(crate) fn told(what: &'static str, until: &'a dyn Leaves, end: Moment) -> Term<'a> {
        Term { until, end, ..Term::never(what) }
    }

    /// The same, and the thing has that name.
    pub(crate) fn named(mut self, name: Option<&'a str>) -> Term<'a> {
        self.subject.1 = name;
        self
    }

    /// What the wait is, in words, and the name of the thing.
    pub(super) fn subject(&self) -> (&'static str, Option<&str>) {
        self.subject
    }

    /// When it first slept: now, if it has not.
    pub(super) fn since(&self, now: impl FnOnce() -> Moment) -> Moment {
        let since = self.since.get().unwrap_or_else(now);
        self.since.set(Some(since));
        since
    }

    /// The one that was asked for: what a person is told of.
    pub(super) fn asked(&self) -> &Term<'_> {
        self.of.map_or(self, Term::asked)
    }

    /// The same, but no later than at a moment of the process' clock.
    pub(super) fn within(&self, end: Moment) -> Term<'_> {
        Term {
            until: self,
            of: Some(self),
            end: self.end.min(end),
            till: None,
            clock: self.clock.clone(),
            subject: self.subject,
            since: Cell::new(None),
        }
    }

    /// The same, but no later than so long from now, on the clock this thread lives by.
    pub(crate) fn or_after(&self, d: Duration) -> Term<'_> {
        match thread_clock() {
            None => self.within(now().after(d)),
            Some(clock) => {
                let till = Some(Handle::till(clock.now().after(d)));
                Term { till, clock: Some(clock), ..self.within(Moment::NEVER) }
            }
        }
    }

    /// Visits the signals; times are in `end`.
    fn signals<'s>(&'s self, visit: &mut dyn FnMut(&'s Handle)) {
        self.visit(&mut |leaf| {
            if let Leaf::Signal(signal) = leaf {
                visit(signal);
            }
        });
    }

    /// Whether there is more than a deadline to it.
    pub(super) fn has_signals(&self) -> bool {
        let mut any = false;
        self.signals(&mut |_| any = true);
        any
    }

    /// The earliest time of the process' clock.
    pub(super) fn end(&self) -> Moment {
        self.end
    }

    /// Whether it has come.
    pub(crate) fn has_come(&self) -> bool {
        let mut come = false;
        self.signals(&mut |signal| come |= signal.is_go());
        come || self.end != Moment::NEVER && now() >= self.end
    }

    /// One sleep of a waiter that hangs on all signals, and perhaps on one `more`: until told, or until time may have
    /// changed something. `None`: the term has come.
    pub(super) fn sleep(&self, waiter: &Waiter, more: Option<&Handle>) -> Option<Told> {
        let (mut tick, mut come, mut timed) = (self.end, false, false);
        let mut see = |core: &Core| {
            tick = tick.min(core.next_tick());
            timed |= core.is_timed();
        };
        more.into_iter().for_each(|signal| see(signal.core()));
        self.signals(&mut |signal| {
            see(signal.core());
            come |= signal.is_go();
        });
        if come || self.end != Moment::NEVER && now() >= self.end {
            return None;
        }
        let _posting = Posting::in_line(self, more); // before it is counted: whoever waits for sleepers finds the note
        let _asleep = Asleep::new(self.clock.as_deref().filter(|_| timed), Some(waiter), || {
            let mut on: Vec<User> = more.into_iter().map(Handle::user).collect();
            self.signals(&mut |signal| on.push(signal.user()));
            on
        });
        Some(waiter.sleep(tick))
    }
}

impl Leaves for Term<'_> {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.until.visit(leaf);
        self.till.iter().for_each(|till| leaf(Leaf::Signal(till)));
    }
}

impl Core {
    /// Whether time may end a wait here.
    pub(super) fn is_timed(&self) -> bool {
        self.kind.is_timed() || self.as_comp().is_some_and(|c| c.timed)
    }
}

/// Counts a thread asleep on a virtual clock while it lives, it was told nothing, and nothing it sleeps on is go.
pub(super) struct Asleep<'a>(Option<(&'a dyn Clock, Woken)>);

/// A waiter on the stack of the thread that sleeps.
struct OnStack(*const Waiter);

// SAFETY: it is looked at by the clock alone, before `wakes` has taken the question back, and the waiter lives longer.
unsafe impl Send for OnStack {}
// SAFETY: as above; a look is one load.
unsafe impl Sync for OnStack {}

impl OnStack {
    fn was_told(&self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.0).told() != Told::Nothing }
    }
}

impl<'a> Asleep<'a> {
    pub fn new(clock: Option<&'a dyn Clock>, waiter: Option<&'a Waiter>, on: impl FnOnce() -> Vec<User>) -> Self {
        Asleep(clock.map(|clock| {
            let (on, waiter) = (on(), waiter.map(|w| OnStack(w)));
            let woken: Woken = Shared::new(move || {
                on.iter().any(|signal| signal.core().is_up()) || waiter.as_ref().is_some_and(OnStack::was_told)
            });
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

/// Runs `f` while the waiter hangs on all signals, so that each that goes stops it.
pub(super) fn listen(all: &dyn Leaves, waiter: &Waiter, f: &mut dyn FnMut()) {
    listen_from(all, 0, waiter, f);
}

/// As `listen`, from the k-th signal on: one frame, one node for each.
fn listen_from(all: &dyn Leaves, k: usize, waiter: &Waiter, f: &mut dyn FnMut()) {
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
    listen_from(all, k + 1, waiter, f);
    drop(leave);
}
