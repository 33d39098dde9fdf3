//! What a `go` sets off, in phases, and its mirror image for a signal that nobody can raise any more.
//!
//! 1 flag the signal and all that is linked above it; 2 wake threads and tasks; 3 run callbacks; 4 drop captures, links,
//! memory. All of it is worklists: bounded stack at any depth or width.
//!
//! F1  Phase 1 runs no foreign code. It allocates only to hold wakers.
//! F2  A slot that was taken off carries one pin of its composite, which lives until that pin is dropped.
//! F3  A composite that rises, dies or loses its last user is taken off all its inputs by the thread that did it.
//! F5  Phase 1 is depth first, what hangs on a signal in the order in which it was hung there, but children before all others, the newest first, and a composite is closed (off its inputs, not `busy`) once all above it is UP. Who meets one
//!     that somebody else raised, or loses a `go`, waits until it is closed: so nobody returns before what follows from
//!     its signal has followed (S3). No two wait for each other: what a thread has not closed lies below all that it
//!     can meet, and what it meets, below all that its raiser has yet to close.
//! F4  Freeing is a stack of cores chained through their dead words.
use super::callback;
use super::compose::{Comp, Count, is_closing, owner, set_closing};
use super::core::{Core, Held};
use super::delayed::starting;
use super::node::{self, Chain, Class, Link};
use super::waiter::{Wakeup, take_wakeup};
use super::word::Story;
use crate::sys::{BATCH, Ordering::*};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::null_mut;

pub(super) type Panic = Box<dyn Any + Send>;

pub(super) const NO_CLOCK: &str = "stopwhen: the platform refuses the clock's thread";

/// A `go` (or an abandonment) under way. `finish` it: dropping it would leak what it has taken over.
#[must_use]
pub(super) struct Work {
    /// Slots whose input rose, each with its pin.
    slots: Chain,
    /// Slots whose input died, each with its pin.
    lost: Chain,
    calls: Chain,
    unrun: Chain,
    wakes: Vec<Wakeup>,
    unwoken: Vec<Wakeup>,
    /// Hooks of delayed signals whose source rose, each with a user.
    starts: Chain,
    /// A clock had no thread to start one with.
    pub refused: bool,
    /// Raised composites, each with a pin; chained through `Comp::next`, the last one known for appending.
    raised: (*mut Comp, *mut Comp),
    pub trash: *mut Core,
}

// SAFETY: what it has taken over is its own: nodes off their rings, pinned composites, cores that nobody knows any more.
unsafe impl Send for Work {}

impl Work {
    pub fn new() -> Self {
        Work {
            slots: Chain::new(),
            lost: Chain::new(),
            calls: Chain::new(),
            unrun: Chain::new(),
            wakes: Vec::new(),
            unwoken: Vec::new(),
            starts: Chain::new(),
            refused: false,
            raised: (null_mut(), null_mut()),
            trash: null_mut(),
        }
    }

    // ---- phase 1 -----------------------------------------------------------------------------------

    /// DOWN → UP, once, under the lock that is handed in; takes over what hangs there. `None`: it was not DOWN.
    /// `Some(true)`: threads may sleep at its gate.
    pub fn raise<'a>(&mut self, core: &'a Core, mut held: Held<'a>, story: Story) -> Option<bool> {
        let word = held.word();
        if !word.is_down() {
            return None;
        }
        core.stamp_now(&held, story);
        let head = word.head();
        if !head.is_null() {
            // ORDERING: Relaxed: published by the Release store of UP, which whoever asks for it has seen.
            core.busy.store(1, Relaxed);
        }
        held.rise(story, !head.is_null());
        self.take_ring(core, held, head, true);
        Some(word.sleeps())
    }

    /// DOWN → DEAD, under the lock that is handed in; takes over what hangs there.
    pub fn kill<'a>(&mut self, core: &'a Core, mut held: Held<'a>) {
        let head = held.word().head();
        held.die();
        self.take_ring(core, held, head, false);
    }

    /// Takes apart the ring that began at `head` and was just cut off its word.
    ///
    /// What must be told is taken off in batches, each under one hold of the lock: meanwhile a sentinel of our own
    /// closes the ring, and whoever leaves takes itself off. The callbacks behind are ours whole (W4).
    fn take_ring<'a>(&mut self, core: &'a Core, mut held: Held<'a>, head: *mut Link, up: bool) {
        if head.is_null() {
            return;
        }
        let calls = if up { &mut self.calls } else { &mut self.unrun };
        // SAFETY: W3: the lock guards the ring; W4: nobody else touches the callbacks of a word that is not DOWN.
        unsafe {
            if (*head).is_callback() {
                return calls.append(head, node::open(head));
            }
            let end = Link::new(Class::Waiter, 0, 0, std::ptr::null());
            let end = &raw const end as *mut Link;
            node::insert_before(head, end);
            let (mut slots, mut children) = (Chain::new(), Chain::new());
            let wakes = if up { &mut self.wakes } else { &mut self.unwoken };
            let first_wake = wakes.len();
            let mut room = BATCH;
            loop {
                let l = (*end).next.get();
                if l == end {
                    break;
                }
                if (*l).is_callback() {
                    node::take_off(end);
                    calls.append(l, node::open(l));
                    break;
                }
                if room == 0 {
                    drop(held);
                    held = core.lock();
                    room = BATCH;
                    continue;
                }
                room -= 1;
                node::take_off(l);
                match (*l).class() {
                    Class::Slot | Class::Start => slots.prepend(l), // the ring's front is in reverse order of arrival
                    Class::Child => children.push(l),
                    _ => wakes.extend(take_wakeup(l, up)),
                }
            }
            wakes[first_wake..].reverse();
            drop(held);
            slots.put_before(children);
            if up { self.slots.put_before(slots) } else { self.lost.put_before(slots) }
        }
    }

    /// Phase 1 beyond the first core: every composite that follows, depth first (F5).
    pub fn spread(&mut self) {
        while let Some(l) = self.slots.pop() {
            // SAFETY: the chain's nodes are ours.
            if unsafe { (*l).class() } == Class::Start {
                // SAFETY: as above.
                unsafe { self.starts.prepend(l) };
                continue;
            }
            // SAFETY: F2: the slot carries a pin; one that closes, a composite of ours.
            let c = unsafe { owner(l) };
            // SAFETY: as above.
            if unsafe { is_closing(l) } {
                self.close(c);
                continue;
            }
            // Asked before it counts: if its linker was through by then, no input that went before ours is uncounted.
            let linked = c.is_linked();
            match c.count_down(1) {
                Count::Complete if self.follow(c, l, linked) => continue, // with the pin
                Count::Missing => {}
                // Another one's, and so is what is above; its end is ours to wait for (F5).
                _ => c.core.wait_for_calm(),
            }
            self.unpin(c, 1);
        }
    }

    /// Raises a composite that is complete, what is above it next, itself closed after that. False: it was raised before.
    ///
    /// While it is being linked, an input that went earlier may not be on its way to it: then all are looked at (S11).
    fn follow(&mut self, c: &Comp, l: *mut Link, linked: bool) -> bool {
        // SAFETY: the slot is ours; as the mark that closes its composite it lies below what that sets off.
        let index = unsafe {
            set_closing(l);
            self.slots.prepend(l);
            (*l).index()
        };
        let index = if linked { index } else { c.choose().map_or(index, |i| i as u32) };
        match self.raise(&c.core, c.core.lock(), Story::Via(index)) {
            Some(sleepers) => self.push_raised(c, sleepers),
            None => {
                self.slots.pop();
                return false;
            }
        }
        true
    }

    /// All above it is UP: it comes off its other inputs, and those who wait for that may go on (F5).
    ///
    /// ORDERING: Release pairs with `wait_for_calm`: what phase 1 flagged is flagged for them too.
    pub fn close(&mut self, c: &Comp) {
        c.unlink(self);
        c.core.busy.store(0, Release);
    }

    /// The last of phase 1: starts the times that were waiting for it. A time that is due at once spreads in turn.
    pub fn start_all(&mut self) {
        while let Some(l) = self.starts.pop() {
            // SAFETY: D2: the node carries a user.
            self.start(unsafe { starting(l) });
        }
    }

    /// Phase 1 for one that turns out to be go while others are being told.
    pub fn raise_at_once<'a>(&mut self, core: &'a Core, held: Held<'a>, story: Story) {
        if let Some(sleepers) = self.raise(core, held, story) {
            self.spread();
            // ORDERING: Release: see `close`.
            core.busy.store(0, Release);
            if sleepers {
                core.gate.wake_all();
            }
        }
    }

    /// Keeps a raised composite, and the pin that brought us there, for phases 2 to 4.
    fn push_raised(&mut self, c: &Comp, sleepers: bool) {
        let this = c.core_ptr().cast::<Comp>();
        // SAFETY: both fields are the raiser's; those pushed before are pinned.
        unsafe {
            c.wake_gate.set(sleepers);
            c.next.set(null_mut());
            match self.raised.1.as_ref() {
                None => self.raised.0 = this,
                Some(last) => last.next.set(this),
            }
        }
        self.raised.1 = this;
    }

    fn raised(&self) -> impl Iterator<Item = &Comp> {
        let mut c = self.raised.0;
        std::iter::from_fn(move || {
            // SAFETY: pinned until phase 4.
            let this = unsafe { c.as_ref() }?;
            // SAFETY: the raiser's field.
            c = unsafe { this.next.get() };
            Some(this)
        })
    }

    // ---- death -------------------------------------------------------------------------------------

    /// Tells the composites above the dead, and those above them.
    pub fn mourn(&mut self) {
        while let Some(l) = self.lost.pop() {
            // SAFETY: the chain's nodes are ours.
            if unsafe { (*l).class() } == Class::Start {
                // SAFETY: D2: the node carries a user.
                self.lose_source(unsafe { starting(l) });
                continue;
            }
            // SAFETY: F2: the slot carries a pin.
            let c = unsafe { owner(l) };
            c.count_dead(1, self);
            self.unpin(c, 1);
        }
    }

    // ---- phases 2 to 4 -----------------------------------------------------------------------------

    fn is_empty(&self) -> bool {
        self.raised.0.is_null()
            && self.starts.is_empty()
            && self.lost.is_empty()
            && self.calls.is_empty()
            && self.unrun.is_empty()
            && self.wakes.is_empty()
            && self.unwoken.is_empty()
            && !self.refused
    }

    /// Whether foreign code is left to run: callbacks, and wakers.
    pub fn has_callbacks(&self) -> bool {
        let chains = [&self.calls, &self.unrun];
        chains.iter().any(|chain| !chain.is_empty()) || !self.unwoken.is_empty() || !self.wakes.is_empty()
    }

    /// Phase 2 of threads, which is all ours; tasks are left to `wake`.
    pub fn unpark(&mut self) {
        self.wake_gates();
        self.wakes.retain(|wakeup| {
            wakeup.unpark();
            wakeup.is_task()
        });
    }

    /// What `wake` would wake, apart from the rest.
    pub fn split_wakes(&mut self) -> Work {
        Work { wakes: std::mem::take(&mut self.wakes), ..Work::new() }
    }

    fn wake_gates(&mut self) {
        self.start_all();
        self.mourn();
        for c in self.raised() {
            // SAFETY: the raiser's field.
            let sleepers = unsafe { c.wake_gate.get() };
            if sleepers {
                // SAFETY: likewise.
                unsafe { c.wake_gate.set(false) };
                c.core.gate.wake_all();
            }
        }
    }

    /// Phase 2. Says what panicked first: a waker is foreign code.
    pub fn wake(&mut self) -> Option<Panic> {
        self.wake_gates();
        if self.wakes.is_empty() {
            return None;
        }
        // Threads first: a waker is foreign code, and may wait for one of them.
        let wakes = std::mem::take(&mut self.wakes);
        wakes.iter().for_each(Wakeup::unpark);
        let mut wakes = wakes.into_iter();
        let mut first = None;
        each(&mut first, || wakes.next().map(Wakeup::wake));
        first
    }

    /// Phases 3 and 4.
    pub fn run(&mut self, mut first: Option<Panic>) -> Option<Panic> {
        callback::run_all(&mut self.calls, &mut first);
        // SAFETY: a chain of callbacks of the dead, each owned by us.
        each(&mut first, || self.unrun.pop().map(|l| unsafe { callback::drop_unrun(l) }));
        if !self.unwoken.is_empty() {
            each(&mut first, || self.unwoken.pop().map(drop));
        }
        let mut c = self.raised.0;
        // SAFETY: pinned until here, by the pins that are dropped now.
        while let Some(this) = unsafe { c.as_ref() } {
            // SAFETY: the raiser's field.
            c = unsafe { this.next.get() };
            self.unpin(this, 1);
        }
        self.sweep();
        first
    }

    /// All that is left to do, for who has not asked for it: what panics has been told by the hook.
    pub fn finish_quietly(mut self) {
        let first = self.wake();
        drop_foreign(self.run(first));
    }

    /// All that is left to do. Resumes the first panic at the very end (S6).
    #[inline]
    pub fn finish(mut self) {
        if self.is_empty() {
            return self.sweep();
        }
        let first = self.wake();
        let refused = self.refused;
        resume(self.run(first));
        assert!(!refused || std::thread::panicking(), "{NO_CLOCK}");
    }
}

/// Calls `step` until it says `None`. A panic costs one step, and the first is kept.
pub(super) fn each(first: &mut Option<Panic>, mut step: impl FnMut() -> Option<()>) {
    loop {
        // May unwind: every step has taken what it works on off its list before it calls foreign code.
        match catch_unwind(AssertUnwindSafe(|| while step().is_some() {})) {
            Ok(()) => return,
            Err(panic) if first.is_none() => *first = Some(panic),
            Err(panic) => drop_foreign(panic),
        }
    }
}

/// Drops what is not ours: a panic of its `Drop`, which the hook has told of, ends here.
pub(super) fn drop_foreign<T>(value: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        std::mem::forget(panic); // its own `Drop` might panic again
    }
}

/// Passes a callback's panic on to whoever raised; unless a panic is on its way already, when the hook has told of this one.
pub(super) fn resume(panic: Option<Panic>) {
    match panic {
        Some(panic) if std::thread::panicking() => drop_foreign(panic),
        Some(panic) => resume_unwind(panic),
        None => {}
    }
}
