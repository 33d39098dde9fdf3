//! The door: permits in a word, and a line of those who wait for some. The one gate under Semaphore and Lock.
//!
//! ```text
//!   word = permits << 3 | SERVING | CALLING | QUEUED
//! ```
//!
//! Permits go to whoever is awake: newcomers take what is free, and the first in line is *called* to try. Once it has waited
//! a millisecond and was found unserved, permits are *served*: newcomers queue, and releases hand over in order.
//!
//! # Invariants
//! - G1  QUEUED is set while somebody is in line; a newcomer sets it by the step that finds too few permits, so a release
//!   either comes before (that step fails) or sees it. May stand with nobody in line, never the reverse.
//! - G2  CALLING: the first in line was called and has not answered; releases leave it alone meanwhile. It answers under
//!   the line's lock, by one step on the word that takes or clears CALLING: no release falls between.
//! - G3  SERVING: newcomers do not take. Set when the first in line is over age and unserved, cleared with the first young one.
//!   Never together with CALLING.
//! - G4  Who unlinks the first in line (it took, was served, or was stopped) serves those behind before it is done.
//! - G5  Permits out and in the word together never exceed the total: serving takes first, and gives back on a lost race.
//!
//! # Orderings
//! Release of the giver's step ↔ Acquire of the taker's step; every change of the word is a read-modify-write, so
//! release sequences stay whole. Served: the same pair for who serves, then the grant's Release ↔ the waiter's Acquire.
//! Steps that only change bits are Relaxed: the line's lock orders the line, and there is one word.
use super::mutex::{Mutex, MutexGuard};
use super::seat::{Granted, Line, Seat};
use super::term::{Leaves, Term};
use super::waiter::Told;
use crate::sys::{AtomicUsize, Moment, Ordering::*, const_fn, guess, is_aged, now, pause, spins};
use std::panic::{RefUnwindSafe, UnwindSafe};

const QUEUED: usize = 1;
const CALLING: usize = 2;
const SERVING: usize = 4;
const SHIFT: u32 = 3;
const ONE: usize = 1 << SHIFT;

pub(crate) struct Door {
    word: AtomicUsize,
    line: Mutex<Line<Want>>,
}

// No foreign code runs with the line open: a panic that passes finds it whole.
impl UnwindSafe for Door {}
impl RefUnwindSafe for Door {}

/// What one in line wants, and since when.
#[derive(Clone, Copy)]
struct Want {
    permits: usize,
    since: Moment,
    /// G2: it is the one that was called.
    called: bool,
}

impl Want {
    fn is_aged(&self) -> bool {
        is_aged(self.since)
    }
}

/// More permits than a door can count.
pub(crate) struct TooMany;

impl Door {
    /// The most permits that may be in a door: what is given back may pass it for a moment, and still be counted.
    pub(crate) const MOST: usize = usize::MAX >> (SHIFT + 1);

    const_fn! {
        /// A door with so many permits, `MOST` at most.
        pub(crate) const fn new(permits: usize) -> Door {
            Door { word: AtomicUsize::new(permits << SHIFT), line: Mutex::new(Line::new()) }
        }
    }

    pub(crate) fn available(&self) -> usize {
        self.word.load(Relaxed) >> SHIFT
    }

    /// How many are in line.
    pub(crate) fn waiting(&self) -> usize {
        self.line.lock().len()
    }

    /// Takes the only permit of a door where nobody else is.
    #[inline(always)]
    pub(super) fn enter(&self) -> bool {
        self.word.compare_exchange(ONE, 0, Acquire, Relaxed).is_ok()
    }

    #[inline]
    pub(crate) fn try_acquire(&self, n: usize) -> bool {
        let mut word = guess!(self.word);
        while word >> SHIFT >= n && word & SERVING == 0 {
            match self.word.compare_exchange_weak(word, word - (n << SHIFT), Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        n == 0
    }

    /// Takes `n` permits of such a thing; `until` (`None`: never) may end the wait for them: false.
    #[inline]
    pub(crate) fn acquire(&self, n: usize, until: Option<&dyn Leaves>, what: &'static str) -> bool {
        self.try_acquire(n) || self.acquire_slow(n, until, what)
    }

    #[cold]
    pub(super) fn acquire_slow(&self, n: usize, until: Option<&dyn Leaves>, what: &'static str) -> bool {
        let term = Term::maybe(what, until);
        if term.has_come() {
            return false;
        }
        if self.spin(n) {
            return true;
        }
        let seat = Seat::new(Want { permits: n, since: now(), called: false });
        if self.take_or_queue(&seat) {
            return true;
        }
        /// Takes the seat out of the line when a panic passes (U3), and nothing with it.
        struct Leave<'a>(&'a Door, &'a Seat<Want>, usize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                if self.0.answer(self.1, true) {
                    self.0.release(self.2);
                }
            }
        }
        let leave = Leave(self, &seat, n);
        let mut took = false;
        let told = seat.sleep(&term, &mut || {
            took = self.answer(&seat, false);
            took
        });
        std::mem::forget(leave);
        match told {
            Told::Granted => true,
            Told::Called => took,
            _ => self.answer(&seat, true),
        }
    }

    /// Stays awake for a while, unless somebody queues.
    ///
    /// The first pauses are long on purpose: a short one steals the line back before the holder has got anything done.
    fn spin(&self, n: usize) -> bool {
        for round in 0..spins() {
            let word = self.word.load(Relaxed);
            if word >> SHIFT >= n && word & SERVING == 0 {
                if self.try_acquire(n) {
                    return true;
                }
            } else if word & QUEUED != 0 {
                return false;
            }
            pause(if round < 3 { 16 << round } else { 0 });
        }
        false
    }

    /// The last look of a newcomer: takes, or is in line.
    fn take_or_queue(&self, seat: &Seat<Want>) -> bool {
        let mut line = self.line.lock();
        let permits = line.note(seat).permits;
        let mut word = guess!(self.word);
        loop {
            let takes = word >> SHIFT >= permits && word & SERVING == 0;
            let to = if takes { word - (permits << SHIFT) } else { word | QUEUED };
            match self.word.compare_exchange(word, to, Acquire, Relaxed) {
                Ok(_) if takes => return true,
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        // SAFETY: `acquire_slow` keeps the seat until it was granted, or answers that it leaves.
        unsafe { line.push(seat) };
        false
    }

    /// The answer of who was called, or who leaves: one last try of the first in line (R1). True: it has its permits.
    fn answer(&self, seat: &Seat<Want>, leaving: bool) -> bool {
        let mut line = self.line.lock();
        if !line.is_linked(seat) {
            return seat.waiter().told() == Told::Granted;
        }
        let first = line.is_first(seat);
        let want = line.note(seat);
        let called = std::mem::take(&mut want.called);
        let want = *want;
        let mut word = guess!(self.word);
        let takes = loop {
            let takes = first && word >> SHIFT >= want.permits;
            let mut to = if takes { word - (want.permits << SHIFT) } else { word };
            if called {
                to &= !CALLING;
            }
            if !takes && !leaving && want.is_aged() {
                to |= SERVING;
            }
            match self.word.compare_exchange(word, to, Acquire, Relaxed) {
                Ok(_) => break takes,
                Err(now) => word = now,
            }
        };
        if takes || leaving {
            line.remove(seat);
            self.serve(line); // G4
        } else {
            seat.waiter().wait_on();
        }
        takes
    }

    /// Gives permits back that came from here.
    ///
    /// # Panics
    /// If there would be more than `MOST` then: permits that were taken while others were made. They are lost.
    #[inline(always)]
    pub(crate) fn release(&self, n: usize) {
        if self.add(n).is_err() {
            full(n);
        }
    }

    /// As `release`, of the only permit.
    #[inline(always)]
    pub(super) fn leave(&self) {
        let word = self.word.fetch_add(ONE, Release);
        if word & QUEUED != 0 {
            self.released(word);
        }
    }

    #[cold]
    fn released(&self, word: usize) {
        if word & CALLING == 0 {
            self.serve(self.line.lock()); // G2: who is called takes it
        }
    }

    /// Makes `n` new permits.
    ///
    /// # Errors
    /// If there would be more than `MOST`; then nothing is changed.
    #[inline(always)]
    pub(crate) fn add(&self, n: usize) -> Result<(), TooMany> {
        let mut word = guess!(self.word);
        loop {
            if n > Door::MOST || word >> SHIFT > Door::MOST - n {
                return Err(TooMany);
            }
            match self.word.compare_exchange_weak(word, word + (n << SHIFT), Release, Relaxed) {
                Ok(_) => break,
                Err(now) => word = now,
            }
        }
        if word & QUEUED != 0 {
            self.released(word);
        }
        Ok(())
    }

    /// Takes up to `n` of the permits that are there now, whoever waits for them.
    pub(crate) fn take_up_to(&self, n: usize) -> usize {
        let mut word = guess!(self.word);
        loop {
            let taken = n.min(word >> SHIFT);
            match self.word.compare_exchange_weak(word, word - (taken << SHIFT), Acquire, Relaxed) {
                Ok(_) => return taken,
                Err(now) => word = now,
            }
        }
    }

    /// Sees to whoever is first in line by now; wake-ups go out with the line open.
    fn serve<'a>(&'a self, mut line: MutexGuard<'a, Line<Want>>) {
        while let Some((granted, more)) = self.serve_first(&mut line) {
            drop(line);
            granted.wake();
            if !more {
                return;
            }
            line = self.line.lock();
        }
    }

    /// One step for the first in line: who was granted or called, and whether there may be more to do.
    fn serve_first(&self, line: &mut Line<Want>) -> Option<(Granted, bool)> {
        loop {
            let Some(first) = line.first() else {
                self.word.fetch_and(!(QUEUED | CALLING | SERVING), Relaxed);
                return None;
            };
            let word = guess!(self.word);
            let enough = word >> SHIFT >= first.permits;
            if word & SERVING != 0 && !first.is_aged() {
                self.word.fetch_and(!SERVING, Relaxed); // G3
                continue;
            }
            if word & SERVING != 0 {
                if !enough {
                    return None;
                }
                let Some(granted) = self.hand_over(line, word) else { continue };
                return Some((granted, true));
            }
            if word & CALLING != 0 {
                return None;
            }
            if enough {
                if self.word.compare_exchange(word, word | CALLING, Relaxed, Relaxed).is_err() {
                    continue;
                }
                first.called = true;
                if let Some(granted) = line.call_first().flatten() {
                    return Some((granted, false));
                }
                line.drop_first();
                self.word.fetch_and(!CALLING, Relaxed);
                continue;
            }
            if !first.is_aged() {
                return None;
            }
            self.word.fetch_or(SERVING, Relaxed);
        }
    }

    /// Gives the first in line what it wants of a word that has it. `None`: the word has changed, or it was stopped (G5).
    fn hand_over(&self, line: &mut Line<Want>, word: usize) -> Option<Granted> {
        let first = *line.first()?;
        debug_assert!(word & CALLING == 0, "G3");
        let to = word - (first.permits << SHIFT);
        self.word.compare_exchange(word, to, Acquire, Relaxed).ok()?;
        let granted = line.grant_first().flatten();
        if granted.is_none() {
            self.word.fetch_add(first.permits << SHIFT, Relaxed); // the sequences of those who gave them go on
        }
        if line.first().is_none_or(|next| !next.is_aged()) {
            self.word.fetch_and(!SERVING, Relaxed);
        }
        granted
    }
}

#[cold]
fn full(n: usize) -> ! {
    panic!("{n} permits were given back to where there is no room for them: the most is {}", Door::MOST)
}
