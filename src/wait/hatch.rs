//! A hatch: some state under one small lock, and two sides at which threads wait until it has something for them.
//!
//! Whoever is awake tries at once. Those who cannot be served sit in line, a line for each side, and are *called* from its front
//! to try when there is something: they take that themselves, under the lock, so nothing is ever on its way to somebody. A third
//! line is of those who wait for a moment that may pass: they are granted it.
//!
//! # Invariants
//! - X1  Who lets go of the lock leaves nobody uncalled while there is something for more than are called, up to 255 at a side.
//!   (Between two batches of wake-ups it does; it comes back.) Nobody is called beyond that: what those awake see to wakes nobody,
//!   and one who was called and does not come, for want of a core, holds up nobody but itself.
//! - X2  Who was called answers under the lock: it tries, first in line or not, and leaves, or keeps its place. Whoever leaves takes
//!   its call along, and lets go of the lock as X1 says: so a stopped one passes on what it cannot use. One that is stopped before it
//!   could be called counts as called: it is on its way to its last try. Nobody but its owner takes a seat out of these two lines.
//! - X3  SERVING: newcomers of that side do not try. Set when the first, over age, came in vain; cleared when the first is young, or
//!   nobody. The others who are called are no more than there is something for: they take nothing away from it.
//! - X4  When all is over everybody has an answer, for ever: all are called at once, and nobody sits down any more.
//! - X5  Of those who wait for a moment, each has noted how many there were before it came: those with less than there
//!   were by now are let go, and nobody else, in however many batches.
//! - X6  `anybody` is set before somebody sits down in any of the three lines, and cleared under the lock when nobody is in them: it
//!   may say that somebody is there when nobody is, never the reverse. Without it X1 to X5 ask for nothing.
//!
//! # Why not
//! - Handing over what there is to the first in line: a sleeper takes microseconds to come, in which those awake serve hundreds.
//! - Keeping those with something to bring asleep until half of the room is free: cheaper by a few wake-ups, but a wait with room
//!   in front of it is no wait that was asked for. The time that a wake-up takes does much the same.
//! - A lock for each side, so that both are at work at once: what is closed, done, or put in front concerns both, and locks do
//!   not nest. Taking turns at one (`crowd`) does as well as the best of those with one lock.
mod sides;
#[cfg(all(test, not(loom)))]
mod tests;

pub(crate) use sides::{Passage, Side};

use super::crowd::Crowd;
use super::queue::{End, Inside, Stay, WaitQueue};
use super::seat::{Line, Seat, Turn, Wakes};
use super::term::Term;
use super::waiter::Told;
use crate::sys::{Moment, const_fn, is_aged, now, pause, spins};
use sides::{Sides, Wait};

/// What is behind it begins a line of the cache; the lock's word is in another, with what every try looks at beside it. So
/// whoever meets the lock held takes nothing away that the holder is at work on.
#[repr(C, align(64))]
pub(crate) struct Hatch<P> {
    queue: WaitQueue<Sides<P>, u64>,
    crowd: Crowd,
}

impl<P: Passage> Hatch<P> {
    const_fn! {
        pub(crate) const fn new(passage: P) -> Hatch<P> {
            Hatch { queue: WaitQueue::new(Sides::new(passage)), crowd: Crowd::new() }
        }
    }

    #[inline(always)]
    fn enter(&self) -> Inside<'_, Sides<P>, u64> {
        self.queue.enter_in(&self.crowd)
    }

    /// Looks, and changes nothing.
    #[inline]
    pub(crate) fn look<R>(&self, f: impl FnOnce(&P) -> R) -> R {
        f(&self.enter().passage)
    }

    /// How many wait to bring something, to take something, for a moment.
    pub(crate) fn waiting(&self) -> [usize; 3] {
        let mut inside = self.enter();
        let [bring, take] = inside.lines.each_mut().map(Line::len);
        [bring, take, inside.count(|_| true)]
    }

    /// Changes something, whoever waits.
    pub(crate) fn change<R>(&self, f: impl FnOnce(&mut P) -> R) -> R {
        let mut inside = self.enter();
        let result = f(&mut inside.passage);
        self.leave(inside);
        result
    }

    /// One try, unless others are served first. No answer: nothing was changed.
    #[inline(always)]
    pub(crate) fn attempt<R>(&self, side: Side, f: impl FnOnce(&mut P) -> Option<R>) -> Option<R> {
        let mut inside = self.enter();
        if inside.keeps_out(side) {
            return None;
        }
        let answer = f(&mut inside.passage)?;
        self.leave(inside);
        Some(answer)
    }

    /// Tries until there is an answer, or until the term has come and the last try, of the first in line, has none either.
    pub(crate) fn wait<R>(&self, side: Side, term: &Term<'_>, f: &mut dyn FnMut(&mut P) -> Option<R>) -> Option<R> {
        self.wait_since(&mut None, side, term, f)
    }

    /// As `wait`, since then; `None`: since now, and that is noted. Who comes back to a wait has its old place in line.
    pub(crate) fn wait_since<R>(
        &self,
        since: &mut Option<Moment>,
        side: Side,
        term: &Term<'_>,
        f: &mut dyn FnMut(&mut P) -> Option<R>,
    ) -> Option<R> {
        if let answer @ Some(_) = self.try_awake(side, f) {
            return answer;
        }
        let (is_back, since) = (since.is_some(), *since.get_or_insert_with(now));
        let seat = Seat::new(Wait { since, called: false });
        let mut inside = self.enter();
        if !inside.keeps_out(side) {
            if let answer @ Some(_) = f(&mut inside.passage) {
                self.leave(inside);
                return answer;
            }
        }
        /// Takes the seat out of line when a panic passes (U3), and its call along (X2).
        struct Leave<'a, P: Passage>(&'a Hatch<P>, Side, &'a Seat<Wait>);
        impl<P: Passage> Drop for Leave<'_, P> {
            fn drop(&mut self) {
                self.0.answer(self.1, self.2, true, &mut |_| None::<()>);
            }
        }
        inside.anybody = true;
        // SAFETY: `leave`, or the answer of who leaves, sees to U3.
        unsafe {
            let line = &mut inside.lines[side as usize];
            if is_back { line.push_before(&seat, |other| other.since > since) } else { line.push(&seat) }
        };
        inside.all_called[side as usize] = false;
        let leave = Leave(self, side, &seat);
        drop(inside);
        let mut answer = None;
        let told = seat.sleep(term, &mut || {
            answer = self.answer(side, &seat, false, f);
            answer.is_some()
        });
        std::mem::forget(leave);
        if told == Told::Called { answer } else { self.answer(side, &seat, true, f) }
    }

    /// Stays awake for a while: offers the core to others, for who is waited for may need it.
    ///
    /// (Pauses before that gained a little on two cores, and cost a sixth more where all share a core.)
    fn try_awake<R>(&self, side: Side, f: &mut dyn FnMut(&mut P) -> Option<R>) -> Option<R> {
        self.crowd.run_out();
        (0..spins()).find_map(|_| {
            pause(0);
            self.attempt(side, &mut *f)
        })
    }

    /// The answer of who was called, or who leaves: a try, of the first in line in any case (R1).
    fn answer<R>(
        &self,
        side: Side,
        seat: &Seat<Wait>,
        leaving: bool,
        f: &mut dyn FnMut(&mut P) -> Option<R>,
    ) -> Option<R> {
        let i = side as usize;
        let mut inside = self.enter();
        let sides = &mut *inside;
        let line = &mut sides.lines[i];
        if !line.is_linked(seat) {
            return None; // it has left already, and a panic passes
        }
        let wait = line.note(seat);
        let (since, called) = (wait.since, std::mem::take(&mut wait.called));
        sides.calling[i] -= u8::from(called);
        let first = line.is_first(seat);
        let tries = first || called || sides.passage.is_over();
        let answer = if tries { f(&mut sides.passage) } else { None };
        if leaving || answer.is_some() {
            line.remove(seat);
            sides.serving[i] = sides.serving[i] && line.first().is_some_and(|next| is_aged(next.since));
        } else {
            seat.waiter().wait_on();
            sides.all_called[i] = false;
            sides.serving[i] = sides.serving[i] || first && is_aged(since);
        }
        self.leave(inside);
        answer
    }

    /// Waits for the next moment, unless it is there, or until the term has come. True: it came.
    pub(crate) fn wait_for_moment(&self, term: &Term<'_>, is_there: impl FnOnce(&P) -> bool) -> bool {
        let mut inside = self.enter();
        if is_there(&inside.passage) {
            return true;
        }
        let note = inside.passage.moments();
        inside.anybody = true;
        // X5: who was let go already stays until it is told.
        let end =
            inside.wait(Stay { note, term, patience: None }, || (), |sides, seen| sides.passage.moments() == *seen);
        end != End::Stopped
    }

    /// Lets go of the lock, and tells whoever is to be told.
    #[inline(always)]
    fn leave(&self, mut inside: Inside<'_, Sides<P>, u64>) {
        if inside.owes_anybody() {
            self.tell(inside);
        }
    }

    /// Wake-ups go out with the lock open, a few at a time.
    #[cold]
    fn tell<'a>(&'a self, mut inside: Inside<'a, Sides<P>, u64>) {
        loop {
            let mut wakes = Wakes::new();
            let done = inside.call(&mut wakes);
            if done && inside.moment_has_come() {
                inside
                    .grant_each(|sides, seen| if *seen < sides.passage.moments() { Turn::Yours } else { Turn::Enough });
            } else {
                drop(inside);
            }
            wakes.send();
            if done {
                return;
            }
            inside = self.enter();
        }
    }
}
