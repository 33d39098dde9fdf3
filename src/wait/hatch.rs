//! A hatch: some state under one small lock, and two sides at which threads wait until it has something for them.
//!
//! Whoever is awake tries at once. Those who cannot be served sit in line, a line for each side, and the first is *called*
//! to try when there is something: it takes that itself, under the lock, so nothing is ever on its way to somebody. A third line
//! is of those who wait for a moment that may pass: they are granted it.
//!
//! # Invariants
//! - X1  Who lets go of the lock leaves no side ready with a line whose first was not called. (Between two batches of wake-ups
//!   it does; it comes back.) One call is under way at each side at most: a busy hatch wakes nobody for each item.
//! - X2  Who was called answers under the lock: it takes and leaves, or keeps its place. Whoever leaves takes its call along, and
//!   lets go of the lock as X1 says: so a stopped one passes on what it cannot use. One that is stopped before it could be called
//!   counts as called: it is on its way to its last try. Nobody but its owner takes a seat out of these two lines.
//! - X3  SERVING: newcomers of that side do not try. Set when the first, called and over age, found nothing; cleared when the first
//!   is young, or nobody.
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
use super::crowd::Crowd;
use super::queue::{End, Inside, Stay, WaitQueue};
use super::seat::{Line, Seat, Turn, Wakes};
use super::term::Term;
use super::waiter::Told;
use crate::sys::{Moment, is_aged, now, pause, spins};

/// Where one waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum Side {
    /// To bring something.
    In,
    /// To take something.
    Out,
}

const SIDES: [Side; 2] = [Side::In, Side::Out];

/// What is behind a hatch.
pub(crate) trait Passage {
    /// Whether one who waits there would get an answer.
    fn is_ready(&self, side: Side) -> bool;
    /// Whether everybody gets an answer, for ever.
    fn is_over(&self) -> bool;
    /// How many of the moments that are waited for there were.
    fn moments(&self) -> u64;
}

/// What is behind it begins a line of the cache; the lock's word is in another, with what every try looks at beside it. So
/// whoever meets the lock held takes nothing away that the holder is at work on.
#[repr(C, align(64))]
pub(crate) struct Hatch<P> {
    queue: WaitQueue<Sides<P>, u64>,
    crowd: Crowd,
}

/// What the lock guards. In this order: see [`Hatch`].
#[repr(C)]
struct Sides<P> {
    passage: P,
    lines: [Line<Wait>; 2],
    /// X1.
    calling: [bool; 2],
    /// X3.
    serving: [bool; 2],
    /// X4: all were called.
    rung: bool,
    /// X6.
    anybody: bool,
}

/// What is known of one in line.
#[derive(Clone, Copy)]
struct Wait {
    since: Moment,
    /// X2: it is the one that was called.
    called: bool,
}

impl<P: Passage> Sides<P> {
    fn keeps_out(&self, side: Side) -> bool {
        self.serving[side as usize] && !self.passage.is_over()
    }

    /// Whether somebody there is to be called (X1).
    #[inline(always)]
    fn owes(&self, side: Side) -> bool {
        let i = side as usize;
        !self.lines[i].is_empty() && !self.calling[i] && self.passage.is_ready(side)
    }

    /// Calls whom X1 and X4 say, as long as there is room for wake-ups. False: it broke off for want of that.
    fn call(&mut self, wakes: &mut Wakes) -> bool {
        if self.passage.is_over() {
            self.rung = self.rung || self.lines.iter_mut().all(|line| line.call_each(wakes));
            return self.rung;
        }
        for side in SIDES {
            if !self.owes(side) {
                continue;
            }
            if wakes.is_full() {
                return false;
            }
            self.calling[side as usize] = true;
            let line = &mut self.lines[side as usize];
            line.first().expect("owed, so there").called = true;
            if let Some(called) = line.call_first().flatten() {
                wakes.add(called); // none: stopped, so on its way (X2)
            }
        }
        true
    }
}

impl<P: Passage> Inside<'_, Sides<P>, u64> {
    /// Whether anybody is to be told before the lock is let go of.
    #[inline(always)]
    fn owes_anybody(&mut self) -> bool {
        self.anybody && self.owes_one_there()
    }

    #[inline(never)]
    fn owes_one_there(&mut self) -> bool {
        self.anybody = !(self.lines.iter().all(Line::is_empty) && self.is_empty());
        let calls = if self.passage.is_over() { !self.rung } else { self.owes(Side::In) || self.owes(Side::Out) };
        calls || self.moment_has_come()
    }

    fn moment_has_come(&mut self) -> bool {
        let moments = self.passage.moments();
        self.first().is_some_and(|seen| *seen < moments)
    }
}

impl<P: Passage> Hatch<P> {
    pub(crate) fn new(passage: P) -> Hatch<P> {
        let lines = [Line::new(), Line::new()];
        let sides = Sides { passage, lines, calling: [false; 2], serving: [false; 2], rung: false, anybody: false };
        Hatch { queue: WaitQueue::new(sides), crowd: Crowd::new() }
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
        if let answer @ Some(_) = self.try_awake(side, f) {
            return answer;
        }
        let seat = Seat::new(Wait { since: now(), called: false });
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
        unsafe { inside.lines[side as usize].push(&seat) };
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

    /// The answer of who was called, or who leaves: a try of the first in line (R1).
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
        let since = wait.since;
        if std::mem::take(&mut wait.called) {
            sides.calling[i] = false;
        }
        let tries = line.is_first(seat) || sides.passage.is_over();
        let answer = if tries { f(&mut sides.passage) } else { None };
        if leaving || answer.is_some() {
            line.remove(seat);
            sides.serving[i] = sides.serving[i] && line.first().is_some_and(|next| is_aged(next.since));
        } else {
            seat.waiter().wait_on();
            sides.serving[i] = sides.serving[i] || is_aged(since);
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

    /// Wake-ups go out with the lock open, a few at a time. (The first alone would do: whoever is told tells the next when it leaves.
    /// All at once is what a close promises.)
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::term::{Leaf, Leaves};
    use super::*;
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread;
    use std::time::Duration;

    /// Does something each time a wait looks at it: as a callback might that a wait comes to run.
    struct Looked<F: Fn(usize)>(Cell<usize>, F);

    impl<F: Fn(usize)> Leaves for Looked<F> {
        fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
            self.0.set(self.0.get() + 1);
            (self.1)(self.0.get());
            leaf(Leaf::After(Duration::from_secs(10)));
        }
    }

    /// So many are there.
    struct Few(usize);

    impl Passage for Few {
        fn is_ready(&self, side: Side) -> bool {
            side == Side::Out && self.0 > 0
        }

        fn is_over(&self) -> bool {
            false
        }

        fn moments(&self) -> u64 {
            0
        }
    }

    fn take(few: &mut Few) -> Option<()> {
        few.0 = few.0.checked_sub(1)?;
        Some(())
    }

    #[test]
    fn r8_a_panic_that_passes_one_who_was_called_passes_the_call_on() {
        let hatch = Hatch::new(Few(0));
        thread::scope(|s| {
            // It is called, and then a panic passes; by then another one waits.
            let until = Looked(Cell::new(0), |n| {
                if n != 3 {
                    return;
                }
                s.spawn(|| {
                    let patient = Looked(Cell::new(0), |_| ());
                    assert_eq!(hatch.wait(Side::Out, &Term::of("Queue", &patient), &mut take), Some(()), "in time");
                });
                while hatch.waiting() != [0, 2, 0] {
                    thread::yield_now();
                }
                hatch.change(|few| few.0 += 1);
                panic!("planned");
            });
            let term = Term::of("Queue", &until);
            assert!(catch_unwind(AssertUnwindSafe(|| hatch.wait(Side::Out, &term, &mut take))).is_err());
        });
        assert_eq!((hatch.waiting(), hatch.look(|few| few.0)), ([0; 3], 0));
    }

    /// X3: the first, over age, is called and finds nothing; then what is there is kept for it, until it is gone.
    #[test]
    fn newcomers_do_not_try_once_an_old_one_came_in_vain() {
        let (hatch, begun) = (Hatch::new(Few(0)), now());
        let serving = || hatch.queue.enter().serving[Side::Out as usize];
        thread::scope(|s| {
            s.spawn(|| {
                let patient = Looked(Cell::new(0), |_| ());
                assert_eq!(hatch.wait(Side::Out, &Term::of("Queue", &patient), &mut take), Some(()), "in time");
            });
            while hatch.waiting() != [0, 1, 0] || now().since(begun) < Duration::from_millis(5) {
                thread::yield_now();
            }
            // It sits down some time after it began to be waited for, so: until it is old enough.
            while !serving() {
                let (mut inside, mut wakes) = (hatch.queue.enter(), Wakes::new());
                inside.passage.0 = 1;
                assert!(inside.call(&mut wakes));
                inside.passage.0 = 0;
                drop(inside);
                wakes.send();
                thread::yield_now();
            }
            hatch.queue.enter().passage.0 = 1;
            assert_eq!(hatch.attempt(Side::Out, take), None, "kept for the one in line");
            hatch.change(|_| ());
        });
        assert!(!serving());
        hatch.change(|few| few.0 = 1);
        assert_eq!(hatch.attempt(Side::Out, take), Some(()));
    }
}
