//! The barrier whose line decides: with an action, with members that withdraw, or with parties.
//!
//! Whoever has arrived is in line, with its generation and in the end its verdict in its note.
//!
//! # Invariants
//! - D1  A generation ends once, under the lock: by its last arrival, by the party that leaves it complete, or by `reset`; a
//!   broken one by `reset` alone. Who ends or breaks it lets go of those in line whose note has that generation, and of
//!   nobody else.
//! - D2  Whoever is in line with the note of a generation that has ended, or is broken, cannot leave: it gets the verdict,
//!   which stands in its note when it is granted.
//! - D3  The action runs in the leader, without the lock, after the end of the generation and before any of its members is
//!   let go of; a panic in it is a verdict.
use super::plain::{Word, next_generation};
use super::{Barrier, Inside, OnStop, Passed};
use crate::error::BarrierError;
use crate::wait::{End, Leaves, Patience, Stay, Term, Turn};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What the queue's lock guards. Of a plain barrier, its size alone.
pub(super) struct State {
    pub generation: u64,
    pub arrived: u32,
    pub size: u32,
    /// How many of those are parties.
    pub parties: u32,
    pub broken: bool,
    pub on_stop: OnStop,
}

impl State {
    pub const fn new(size: u32, on_stop: OnStop) -> State {
        State { generation: 0, arrived: 0, size, parties: 0, broken: false, on_stop }
    }

    /// Goes on where the word has come to.
    pub fn take_over(&mut self, word: Word) {
        self.generation = word.generation();
        self.broken = word.is_broken();
        self.arrived = if self.broken { 0 } else { word.arrived() };
    }

    /// Ends the generation, and says which it was.
    pub fn end(&mut self) -> u64 {
        let ended = self.generation;
        self.arrived = 0;
        self.generation = next_generation(ended);
        ended
    }

    /// Nobody passes any more.
    pub fn break_up(&mut self) -> u64 {
        self.broken = true;
        self.arrived = 0;
        self.generation
    }
}

/// What is known of a member in line.
#[derive(Clone, Copy)]
pub(super) struct Note {
    pub generation: u64,
    index: u32,
    verdict: Verdict,
}

#[derive(Clone, Copy)]
enum Verdict {
    /// Unless somebody says otherwise.
    Broken,
    Passed,
    /// It is to run the action and let the others pass.
    Leader,
}

impl Note {
    pub fn of(passed: Passed) -> Note {
        Note { generation: passed.generation, index: passed.index, verdict: Verdict::Broken }
    }
}

/// What may end a wait. Made before the arrival, with no lock held: whoever looks at signals and clocks may come to run
/// callbacks, which may panic; the last to arrive looks at none.
pub(super) struct Limit<'a> {
    pub term: Term<'a>,
    pub has_come: bool,
}

impl<'a> Limit<'a> {
    pub fn of(until: Option<&'a dyn Leaves>) -> Limit<'a> {
        let term = Term::maybe("in Barrier", until);
        let has_come = until.is_some() && term.has_come();
        Limit { term, has_come }
    }
}

impl Barrier {
    /// Arrives where the line decides.
    #[cold]
    pub(super) fn meet_in_line(&self, until: Option<&dyn Leaves>) -> Result<Passed, BarrierError> {
        let mut limit = until.is_none().then(|| Limit::of(None));
        loop {
            let mut inside = self.queue.enter();
            if inside.broken {
                return Err(BarrierError::Broken);
            }
            let index = inside.arrived;
            if index + 1 >= inside.size {
                let generation = inside.end();
                return Ok(self.lead(inside, Passed { index, is_leader: true, generation }));
            }
            if let Some(Limit { term, has_come }) = &limit {
                inside.arrived += 1;
                let note = Note { generation: inside.generation, index, verdict: Verdict::Broken };
                let patience = (!has_come).then_some((&self.patience, note.generation));
                return self.sit(inside, note, term, patience);
            }
            drop(inside);
            limit = Some(Limit::of(until));
        }
    }

    /// Waits in line for a verdict.
    pub(super) fn sit(
        &self,
        inside: Inside<'_>,
        note: Note,
        term: &Term<'_>,
        patience: Option<(&Patience, u64)>,
    ) -> Result<Passed, BarrierError> {
        let Note { generation, .. } = note;
        let leaving = Leaving { barrier: self, generation, left: Cell::new(false) };
        let may_leave = |state: &mut State, note: &mut Note| {
            let leaves = self.may_leave(state, note);
            leaving.left.set(leaves);
            leaves
        };
        // A panic that passes the one appointed is as good as one in the action. One that passes a sleeper of a plain barrier
        // that is broken, but has yet to send it home, takes its arrival back (P2).
        let lost = |end| match end {
            End::Granted(Note { verdict: Verdict::Leader, .. })
            | End::TooLate(Note { verdict: Verdict::Leader, .. }) => self.fail(generation),
            End::Stopped if self.plain().is_some_and(|seen| seen.generation() == generation && seen.is_broken()) => {
                self.take_back()
            }
            _ => {}
        };
        let end = inside.wait_or_lose(Stay { note, term, patience }, || (), may_leave, lost); // May unwind: `leaving`
        drop(leaving);
        let (End::Granted(Note { index, verdict, .. }) | End::TooLate(Note { index, verdict, .. })) = end else {
            return Err(BarrierError::Stopped);
        };
        match verdict {
            Verdict::Broken => Err(BarrierError::Broken),
            Verdict::Leader => {
                self.conduct(generation, 1);
                Ok(Passed { index, is_leader: true, generation })
            }
            Verdict::Passed => Ok(Passed { index, is_leader: false, generation }),
        }
    }

    /// The last has arrived: lets the others pass, after the action.
    fn lead(&self, inside: Inside<'_>, mine: Passed) -> Passed {
        if self.action.is_none() {
            self.let_pass(inside, mine.generation, Some(0));
        } else {
            drop(inside);
            self.conduct(mine.generation, 0);
        }
        mine
    }

    /// Runs the action, then lets those of an ended generation pass, with indices from `first` on.
    fn conduct(&self, generation: u64, first: u32) {
        // Caught, so that the others are woken before the panic goes on.
        let outcome = self.action.as_ref().map_or(Ok(()), |action| catch_unwind(AssertUnwindSafe(action)));
        if let Err(panic) = outcome {
            self.fail(generation);
            resume_unwind(panic);
        }
        self.let_pass(self.queue.enter(), generation, Some(first));
    }

    /// The action of a generation that has ended failed.
    fn fail(&self, generation: u64) {
        self.abort();
        self.send_home(self.queue.enter(), generation);
    }

    /// All in line of that generation pass. With `first`, indices are given now, from there on.
    pub(super) fn let_pass(&self, inside: Inside<'_>, generation: u64, first: Option<u32>) {
        let mut next = first;
        inside.grant_each(|_, note| {
            if note.generation != generation {
                return Turn::NotYet;
            }
            if let Some(next) = &mut next {
                note.index = *next;
                *next += 1;
            }
            note.verdict = Verdict::Passed;
            Turn::Yours
        });
    }

    /// All in line of that generation find it broken.
    pub(super) fn send_home(&self, inside: Inside<'_>, generation: u64) {
        inside.grant_each(|_, note| {
            if note.generation != generation {
                return Turn::NotYet;
            }
            if self.plain().is_some() {
                self.take_back();
            }
            Turn::Yours
        });
    }

    /// A party has left, and all others are there: the first in line leads.
    pub(super) fn appoint(&self, inside: Inside<'_>, generation: u64) {
        let mut appointed = false;
        inside.grant_each(|_, note| {
            if appointed {
                return Turn::Enough;
            }
            if note.generation != generation {
                return Turn::NotYet;
            }
            appointed = true;
            (note.index, note.verdict) = (0, Verdict::Leader);
            Turn::Yours
        });
    }

    /// One in line whose until has come takes its arrival back, unless its generation has ended or is broken (D2).
    fn may_leave(&self, state: &mut State, note: &Note) -> bool {
        if let Some(seen) = self.plain() {
            let stays = seen.generation() != note.generation || seen.is_broken();
            if !stays {
                self.mark_broken();
                self.take_back();
            }
            return !stays;
        }
        if state.generation != note.generation || state.broken {
            return false;
        }
        match state.on_stop {
            OnStop::Withdraw => state.arrived -= 1,
            OnStop::Break => drop(state.break_up()),
        }
        true
    }
}

/// Once a member has left, and if that broke the barrier, the others go home. Also when a panic passes.
struct Leaving<'a> {
    barrier: &'a Barrier,
    generation: u64,
    left: Cell<bool>,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if self.left.get() {
            let inside = self.barrier.queue.enter();
            if inside.on_stop == OnStop::Break {
                self.barrier.send_home(inside, self.generation);
            }
        }
    }
}
