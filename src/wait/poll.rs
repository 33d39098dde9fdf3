//! Asking: is it go, and if so, by what?
//!
//! A poll of a word that tells is one load. A word that ASKs has its inputs or its clock asked; after `MANY_POLLS`
//! such questions the signal arranges to be told instead. What a question finds true is made so in the word before the
//! poll returns: so no answer goes back, and its cause stays what it was (S3, S11).
//!
//! A1  Where ASK is set nothing but threads waits, at any height above: callbacks and tasks have all below them told
//!     before they hang. So what a poll finds true it may raise, and runs no foreign code. Except: a composite above that
//!     is dropped while its slot travels with the poll is freed by it, and with it perhaps the last user of a signal that
//!     went for a reason. That reason's `Drop` runs here, like all of phase 4 with no lock held; `go_because` says so.
//! A2  Where ASK was cleared meanwhile somebody else is in phase 1 with it: the poll waits for that.
use super::compose::Comp;
use super::core::Core;
use super::word::Story;
use crate::order::sort;
use crate::sys::{MANY_POLLS, Ordering::*, relax};

impl Core {
    /// Whether it is go, now.
    #[inline(always)]
    pub fn poll(&self) -> bool {
        let word = self.look();
        word.up_or_asks() && (word.is_up() || self.ask_counting())
    }

    #[inline(never)]
    fn ask_counting(&self) -> bool {
        // ORDERING: Relaxed, and not even one step: a hint.
        let polls = self.polls.load(Relaxed);
        if polls < MANY_POLLS {
            self.polls.store(polls + 1, Relaxed);
            if polls + 1 == MANY_POLLS {
                self.be_told();
                return self.poll_quiet();
            }
        }
        self.ask()
    }

    /// As `poll`, from above: it is not this signal that is polled often.
    #[inline(always)]
    pub fn poll_quiet(&self) -> bool {
        let word = self.look();
        word.up_or_asks() && (word.is_up() || self.ask())
    }

    /// The answer of a word that ASKs; if it is yes, the word says so now.
    fn ask(&self) -> bool {
        let Some(c) = self.as_comp() else { return self.ask_clock() };
        if !self.seems_go() {
            return false;
        }
        // A time that seemed to have come may be its clock's to raise by now: only words count.
        c.poll_inputs();
        let chosen = c.choose();
        chosen.map(|i| self.settle(i)).is_some()
    }

    /// Whether a poll is worth its steps; looks at words and clocks, and raises nothing.
    fn seems_go(&self) -> bool {
        let word = self.look();
        word.is_up()
            || word.asks()
                && match self.as_comp() {
                    Some(c) => c.inputs().filter(|i| i.seems_go()).take(c.need()).count() == c.need(),
                    None => self.is_due(),
                }
    }

    /// ASKing → UP: enough inputs are UP, and the `i`-th decided. (A2)
    #[cold]
    pub fn settle(&self, i: usize) {
        let story = Story::Via(i as u32);
        let mut round = 0;
        loop {
            let held = self.lock();
            if !held.word().is_down() {
                return;
            }
            if held.word().asks() {
                return self.raise_all(held, story);
            }
            drop(held);
            relax(&mut round);
        }
    }

    /// The leaf, or the child raised by hand, that decided a signal that is UP. A chain of any length costs no stack.
    pub fn decisive(&self) -> &Core {
        let mut core = self;
        while let (Some(c), Story::Via(i)) = (core.as_comp(), core.look().story(core.kind)) {
            core = c.input(i as usize);
        }
        core
    }
}

impl Comp {
    /// Polls the inputs: times that nobody has looked at yet last, in their order, and so they get their places in it.
    fn poll_inputs(&self) {
        let mut times = Vec::new();
        for i in 0..self.len() {
            match self.input(i).unseen_time().nanos() {
                0 => _ = self.input(i).poll_quiet(),
                time => times.push((time, i)),
            }
        }
        sort(&mut times);
        times.iter().for_each(|&(_, i)| _ = self.input(i).poll_quiet());
    }

    /// The input that decided it: the need-th in the order of `go`s, ties to the lowest index. `None`: too few are go.
    pub fn choose(&self) -> Option<usize> {
        let up = (0..self.len()).filter(|&i| self.input(i).is_up());
        let mut order: Vec<(u64, usize)> = up.map(|i| (self.place_of(i), i)).collect();
        sort(&mut order);
        order.get(self.need() - 1).map(|&(_, i)| i)
    }

    /// The place of an input that is UP in the order of `go`s; all that went before we were built are at its begin.
    fn place_of(&self, i: usize) -> u64 {
        // SAFETY: UP was seen with Acquire: the stamp is frozen.
        if self.went_before(i) { 0 } else { unsafe { 1 + self.input(i).stamp.get() } }
    }
}
