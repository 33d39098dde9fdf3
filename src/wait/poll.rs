//! Asking: is it go, and if so, by what?
//!
//! A poll of a word that tells is one load. A word that ASKs has its inputs or its clock asked; after `MANY_POLLS`
//! such questions the signal arranges to be told instead. What a question finds true is fixed in the word, or at least
//! in `decided`, so that the answer and its cause stay what they were (S3, S11).
//!
//! No poll runs foreign code: it raises only what nothing hangs on.
use super::compose::Comp;
use super::core::Core;
use super::word::{Story, Word};
use crate::sys::{MANY_POLLS, Ordering::*};

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

    /// The answer of a word that ASKs.
    fn ask(&self) -> bool {
        let yes = match self.as_comp() {
            Some(c) => c.pull(),
            None => self.is_due(),
        };
        if yes {
            self.settle();
        }
        yes
    }

    /// As `poll`, from above: it is not this signal that is polled often.
    #[inline(always)]
    pub fn poll_quiet(&self) -> bool {
        let word = self.look();
        word.up_or_asks() && (word.is_up() || self.ask())
    }

    /// Fixes what was found true. UP, unless something hangs here: then its raiser is on the way and owns what hangs.
    #[cold]
    pub fn settle(&self) {
        let (story, stamp) = match self.as_comp() {
            Some(c) => {
                let i = c.decide(|| c.choose());
                (Story::Via(i as u32), c.input(i).stamp_of())
            }
            None => (Story::At(self.place()), self.next_stamp()),
        };
        let mut held = self.lock();
        if !held.word().is_down() || !held.word().head().is_null() {
            return;
        }
        let sleepers = held.word().sleeps();
        // SAFETY: under our LOCK, not UP yet.
        unsafe { self.stamp.set(stamp) };
        held.rise(story, false);
        drop(held);
        if sleepers {
            self.gate.wake_all();
        }
        if let Some(c) = self.as_comp().filter(|c| c.is_linked()) {
            let mut work = super::fire::Work::new();
            c.unlink(&mut work);
            work.finish();
        }
    }

    /// The place in the order of `go`s of what decided this: 0 if nothing was built on that when it went.
    pub fn stamp_of(&self) -> u64 {
        if self.is_up() {
            // SAFETY: UP was seen with Acquire: the stamp is frozen.
            return unsafe { self.stamp.get() };
        }
        match self.as_comp() {
            // Decided, but its raiser is still on the way to it.
            Some(c) => c.input(c.decide(|| c.choose())).stamp_of(),
            // Due, and nobody has looked: later than all that went.
            None => u64::MAX,
        }
    }

    /// The leaf that decided a signal that is go; a chain of any length costs no stack.
    pub fn decisive(&self) -> &Core {
        let mut core = self;
        while let Some(c) = core.as_comp() {
            let word: Word = core.look();
            let i = if !word.is_up() {
                c.decide(|| c.choose())
            } else if let Story::Via(i) = word.story() {
                i as usize
            } else {
                break; // a child, raised by hand
            };
            core = c.input(i);
        }
        core
    }
}

impl Comp {
    /// Asks the inputs.
    fn pull(&self) -> bool {
        let mut missing = self.need();
        for input in self.inputs() {
            if input.poll_quiet() {
                missing -= 1;
                if missing == 0 {
                    return true;
                }
            }
        }
        false
    }

    /// The input that decided a composite found true: the need-th in the order of `go`s, ties to the lowest index.
    ///
    /// Times that nobody has looked at yet are looked at in their order, and so get their places in it.
    fn choose(&self) -> usize {
        let mut by_time: Vec<usize> = (0..self.len()).collect();
        by_time.sort_by_key(|&i| self.input(i).unseen_time());
        let up = by_time.into_iter().filter(|&i| self.input(i).poll_quiet());
        let mut order: Vec<(u64, usize)> = up.map(|i| (self.place_of(i), i)).collect();
        order.sort_unstable();
        order[self.need() - 1].1
    }
}
