//! What a hatch's lock guards, and who is to be called.
use super::super::queue::Inside;
use super::super::seat::{Line, Wakes};
use crate::sys::Moment;

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
/// X1.
const MOST: u8 = u8::MAX;

/// What is behind a hatch.
pub(crate) trait Passage {
    /// How many who wait there would get an answer.
    fn ready(&self, side: Side) -> usize;
    /// Whether everybody gets an answer, for ever.
    fn is_over(&self) -> bool;
    /// How many of the moments that are waited for there were.
    fn moments(&self) -> u64;
}

/// What the lock guards. In this order: see [`super::Hatch`].
#[repr(C)]
pub(super) struct Sides<P> {
    pub passage: P,
    pub lines: [Line<Wait>; 2],
    /// X1: how many calls are under way.
    pub calling: [u8; 2],
    /// X1: all in line are called. It may be false when they are, never the reverse.
    pub all_called: [bool; 2],
    /// X3.
    pub serving: [bool; 2],
    /// X4: all were called.
    rung: bool,
    /// X6.
    pub anybody: bool,
}

/// What is known of one in line.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub since: Moment,
    /// X2: its call is one of those under way.
    pub called: bool,
}

impl<P: Passage> Sides<P> {
    pub const fn new(passage: P) -> Sides<P> {
        let lines = [Line::new(), Line::new()];
        let (calling, all_called, serving) = ([0; 2], [true; 2], [false; 2]);
        Sides { passage, lines, calling, all_called, serving, rung: false, anybody: false }
    }

    pub fn keeps_out(&self, side: Side) -> bool {
        self.serving[side as usize] && !self.passage.is_over()
    }

    /// Whether somebody there is to be called (X1).
    #[inline(always)]
    fn owes(&self, side: Side) -> bool {
        let i = side as usize;
        !self.all_called[i] && self.calling[i] < MOST && self.passage.ready(side) > self.calling[i].into()
    }

    /// Calls whom X1 and X4 say, as long as there is room for wake-ups. False: it broke off for want of that.
    pub fn call(&mut self, wakes: &mut Wakes) -> bool {
        if self.passage.is_over() {
            self.rung = self.rung || self.lines.iter_mut().all(|line| line.call_each(wakes));
            return self.rung;
        }
        for side in SIDES {
            while self.owes(side) {
                if wakes.is_full() {
                    return false;
                }
                self.call_one(side, wakes);
            }
        }
        true
    }

    /// Calls the first who is not called yet, or finds that all are.
    fn call_one(&mut self, side: Side, wakes: &mut Wakes) {
        let i = side as usize;
        let called = self.lines[i].call_one(|wait| !std::mem::replace(&mut wait.called, true));
        self.all_called[i] = called.is_none();
        if let Some(called) = called {
            self.calling[i] += 1;
            if let Some(called) = called {
                wakes.add(called); // none: stopped, so on its way (X2)
            }
        }
    }
}

impl<P: Passage> Inside<'_, Sides<P>, u64> {
    /// Whether anybody is to be told before the lock is let go of.
    #[inline(always)]
    pub fn owes_anybody(&mut self) -> bool {
        self.anybody && self.owes_one_there()
    }

    #[inline(never)]
    fn owes_one_there(&mut self) -> bool {
        self.anybody = !(self.lines.iter().all(Line::is_empty) && self.is_empty());
        let calls = if self.passage.is_over() { !self.rung } else { self.owes(Side::In) || self.owes(Side::Out) };
        calls || self.moment_has_come()
    }

    pub fn moment_has_come(&mut self) -> bool {
        let moments = self.passage.moments();
        self.first().is_some_and(|seen| *seen < moments)
    }
}
