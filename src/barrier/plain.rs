//! The plain barrier: arrival by one step on a word, waiting by looking at it, a seat only to sleep.
//!
//! ```text
//!   word = generation << 20 | arrived << 4 | LINED | HURRY | SLEEPERS | BROKEN
//! ```
//!
//! # Invariants
//! - P1  A generation ends in one way only: by the step of its last arrival. So whoever sees another generation in the word
//!   has passed, however late it looks, and needs no verdict.
//! - P2  BROKEN stays until nobody is inside: each member takes its arrival back (that of a sleeper is taken by who grants it),
//!   and only with none left does `reset` begin another generation. It waits for those who look at the word: they are
//!   awake, and run no foreign code.
//! - P3  A member sits down in line under the queue's lock, with SLEEPERS set by then; the last arrival takes the lock if it is
//!   set. So under the lock a generation with somebody in line cannot end, and a stopped one may break it.
//!   SLEEPERS errs one way: to "somebody may sleep".
//! - P4  Indices are the order of arrival: nobody withdraws from a generation that ends.
//! - P5  LINED is for ever, and set while all who have arrived are in line; from then on the line alone decides, and the word
//!   says no more. HURRY asks those who look to sit down, so that this can be.
//!
//! # Orderings
//! Release of each arrival ↔ Acquire of the last arrival's step: what all have done. Its Release ↔ Acquire of whoever sees
//! the new generation, by looking or on the way to its seat. Every change of the word is a read-modify-write, so
//! release sequences stay whole, and those that send nothing themselves are Relaxed. BROKEN is set with Release and
//! believed with Acquire: what came before an abort or a reset. Sleepers learn from the grant.
//!
//! # Why not
//! - A count and a generation beside it (two words): who looks at one must guess the other.
//! - A stop that takes its arrival back from the word at once: the look lasts some 15 µs, and then it sits down anyway.
use super::line::{Limit, Note};
use super::{Barrier, Inside, Passed};
use crate::error::BarrierError;
use crate::sys::{Ordering::*, guess, relax};
use crate::wait::Leaves;

const BROKEN: u64 = 1;
const SLEEPERS: u64 = 2;
const HURRY: u64 = 4;
const LINED: u64 = 8;
const ONE: u64 = 16;
const GENERATION: u32 = 20;
/// The most members.
pub(super) const MOST: u32 = (1 << GENERATION) / ONE as u32 - 1;

/// What the word says.
#[derive(Clone, Copy)]
pub(super) struct Word(u64);

impl Word {
    /// Nobody is there yet.
    pub const NEW: u64 = 0;
    /// The same, and the line decides.
    pub const IN_LINE: u64 = LINED;

    pub fn generation(self) -> u64 {
        self.0 >> GENERATION
    }

    pub fn arrived(self) -> u32 {
        (self.0 / ONE) as u32 & MOST
    }

    pub fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    fn has(self, bits: u64) -> bool {
        self.0 & bits != 0
    }

    /// The next generation, with nobody in it.
    fn next(self) -> u64 {
        next_generation(self.generation()) << GENERATION | self.0 & HURRY
    }
}

/// Generations are counted modulo 2^44.
pub(super) fn next_generation(generation: u64) -> u64 {
    (generation + 1) % (1 << (u64::BITS - GENERATION))
}

impl Barrier {
    /// Arrives, and waits for the others.
    #[inline]
    pub(super) fn meet(&self, until: Option<&dyn Leaves>) -> Result<Passed, BarrierError> {
        let mut seen = Word(guess!(self.word));
        let mut limit = None;
        loop {
            if seen.has(LINED) {
                return self.meet_in_line(until);
            }
            if seen.is_broken() {
                let now = Word(self.word.load(Acquire));
                if now.is_broken() && !now.has(LINED) {
                    return Err(BarrierError::Broken);
                }
                seen = now;
                continue;
            }
            let is_leader = seen.arrived() + 1 == self.size;
            let mine = Passed { index: seen.arrived(), is_leader, generation: seen.generation() };
            if !is_leader {
                let limit = limit.get_or_insert_with(|| Limit::of(until));
                match self.word.compare_exchange(seen.0, seen.0 + ONE, Release, Relaxed) {
                    Ok(_) => return self.stay(mine, limit),
                    Err(now) => seen = Word(now),
                }
                continue;
            }
            // Under the lock the bit stays; the rest may change, and then we look again.
            let inside = seen.has(SLEEPERS).then(|| self.queue.enter());
            match self.word.compare_exchange(seen.0, seen.next(), AcqRel, Relaxed) {
                Ok(_) => {
                    if let Some(inside) = inside {
                        self.let_pass(inside, mine.generation, None);
                    }
                    return Ok(mine);
                }
                Err(now) => seen = Word(now),
            }
        }
    }

    /// Looks for a while, then sits down.
    fn stay(&self, mine: Passed, limit: &Limit<'_>) -> Result<Passed, BarrierError> {
        let mut verdict = None;
        if !limit.has_come {
            self.patience.spin(mine.generation, || {
                let seen = Word(self.word.load(Acquire));
                verdict = self.verdict(mine, seen);
                verdict.is_some() || seen.has(HURRY)
            });
        }
        verdict.unwrap_or_else(|| {
            let inside = self.queue.enter();
            let seen = Word(self.word.fetch_or(SLEEPERS, Acquire));
            self.verdict(mine, seen).unwrap_or_else(|| self.sit(inside, Note::of(mine), &limit.term, None))
        })
    }

    /// What the word tells one who has arrived and is not in line: P1, P2.
    fn verdict(&self, mine: Passed, seen: Word) -> Option<Result<Passed, BarrierError>> {
        if seen.generation() != mine.generation {
            return Some(Ok(mine));
        }
        if !seen.is_broken() {
            return None;
        }
        self.take_back();
        Some(Err(BarrierError::Broken))
    }

    /// One who had arrived is not inside any more.
    pub(super) fn take_back(&self) {
        self.word.fetch_sub(ONE, Relaxed);
    }

    /// Nobody passes any more.
    pub(super) fn mark_broken(&self) -> Word {
        Word(self.word.fetch_or(BROKEN, Release))
    }

    /// What the word says; `None`: that the line decides.
    pub(super) fn plain(&self) -> Option<Word> {
        let seen = Word(self.word.load(Relaxed));
        (!seen.has(LINED)).then_some(seen)
    }

    /// Has the present generation end, if nobody else ends it first: P2. `None`: the line decides.
    ///
    /// Resets that meet are one: who breaks and who resets what it finds broken would else send each other home.
    pub(super) fn reset_plain(&self) -> Option<()> {
        let (mut seen, mut round) = (self.plain()?, 0);
        let generation = seen.generation();
        while seen.generation() == generation {
            if seen.arrived() > 0 {
                let inside = self.queue.enter();
                let marks = || self.word.compare_exchange(seen.0, seen.0 | BROKEN, Release, Relaxed).is_ok();
                if seen.is_broken() || marks() {
                    self.send_home(inside, generation);
                }
                relax(&mut round);
            } else if self.word.compare_exchange(seen.0, seen.next(), Relaxed, Relaxed).is_ok() {
                break;
            }
            seen = self.plain()?;
        }
        Some(())
    }

    /// Has the line decide from now on, if it does not already: P5.
    pub(super) fn decide_in_line(&self) -> Inside<'_> {
        let mut round = 0;
        loop {
            let mut inside = self.queue.enter();
            let Some(seen) = self.plain() else { return inside };
            let in_line = inside.count(|note| note.generation == seen.generation());
            if in_line == seen.arrived() as usize
                && self.word.compare_exchange(seen.0, seen.0 | LINED, Relaxed, Relaxed).is_ok()
            {
                inside.take_over(seen);
                return inside;
            }
            self.word.fetch_or(HURRY, Relaxed);
            drop(inside);
            relax(&mut round);
        }
    }
}
