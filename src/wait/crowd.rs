//! How to meet a small lock held that several threads want again and again.
//!
//! A lock that is given back after a few steps is worth a few pauses. Where two cores want it all the time that is the
//! dearest way: what the lock guards goes to and fro between them for every hold, at many times the price of what is done
//! inside. So there, whoever meets it held stays away for a *turn*, in which the holder comes back hundreds of times; and
//! whoever has run out of things to do says so, which ends the turns of all: nobody stays away for one that does nothing.
//!
//! Which of the two it is shows by looking again, twice: a lock in light use is free by then.
//!
//! # Orderings
//! Relaxed: hints, which decide how long one stays away and nothing else. Lost updates do no harm.
//!
//! # Why not
//! - Turns always: a lock in light use that is met held, now and then, would cost microseconds instead of nanoseconds.
//! - Looking again always: nearly twice the time for an item of a queue with two threads a core.
use crate::sys::{BareU8, Ordering::Relaxed, const_fn, patience, pause};

pub(super) struct Crowd {
    /// Moves on when somebody has run out of things to do.
    idle: BareU8,
    /// For so many more times that the lock is met held, it is in heavy use without looking.
    heavy: BareU8,
}

/// Looks, or turns, before the core is offered to others.
const TIMES: u32 = 2;
/// The pauses before a look.
const LOOK: u32 = 4;
/// How many times what the looks showed is believed.
const HEAVY: u8 = 32;
/// Steps of a turn, and the pauses of each: some 3 µs on the machine of `benches/RESULTS.md`, time for 800 holds.
const STEPS: u32 = 16;
const STEP: u32 = 8;

impl Crowd {
    const_fn! {
        pub const fn new() -> Crowd {
            Crowd { idle: BareU8::new(0), heavy: BareU8::new(0) }
        }
    }

    /// Says that one who had the lock has nothing to do with it for now.
    pub fn run_out(&self) {
        self.idle.store(self.idle.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Stays away from a lock that was met held, until `take` has it. False: it has not yet, and the holder may need this core.
    pub fn stay_away(&self, mut take: impl FnMut() -> bool) -> bool {
        let heavy = self.heavy.load(Relaxed);
        let taken = (0..patience(TIMES)).any(|_| {
            if heavy > 0 {
                self.turn()
            } else {
                pause(LOOK)
            }
            take()
        });
        if heavy > 0 {
            self.heavy.store(heavy - 1, Relaxed);
        } else if !taken {
            self.heavy.store(HEAVY, Relaxed);
        }
        taken
    }

    fn turn(&self) {
        let seen = self.idle.load(Relaxed);
        for _ in 0..patience(STEPS) {
            pause(STEP);
            if self.idle.load(Relaxed) != seen {
                return;
            }
        }
    }
}
