//! How long to stay awake for what is about to come: a learned bound.
//!
//! Staying awake gains much where the other one runs on another core, and loses as much where it waits for ours. So the
//! bound follows what came of it; and now and then the full bound is tried again, or two threads that once slept would
//! find each other asleep for ever.
use crate::sys::{AtomicU32, Ordering::*, const_fn, patience, pause};

/// The bound, in rounds; a hint, lost updates do no harm.
pub(crate) struct Patience(AtomicU32);

/// Some 15 µs, most of it spent in yields: outlasts a wake-up.
const FULL: u32 = 120;
/// Always tried: a hand-over between two running cores.
const LEAST: u32 = 8;
/// Rounds of one pause each, before the core is offered to others.
const SHORT: u32 = 24;
/// Every so many turns the full bound is tried.
const AGAIN: u64 = 64;

impl Patience {
    const_fn! {
        pub(crate) const fn new() -> Patience {
            Patience(AtomicU32::new(FULL))
        }
    }

    /// Stays awake for a while, at that turn of many; true if it came.
    ///
    /// ORDERING: Relaxed: a hint, and the only word in play; what came is published by whoever made it so.
    pub(crate) fn spin(&self, turn: u64, mut came: impl FnMut() -> bool) -> bool {
        let learned = self.0.load(Relaxed);
        let rounds = patience(if turn % AGAIN == 0 { FULL } else { learned });
        for round in 0..rounds {
            if came() {
                if learned < FULL {
                    self.0.store(FULL.min(learned + 16), Relaxed);
                }
                return true;
            }
            pause((round < SHORT) as u32);
        }
        if rounds > 0 {
            self.0.store(LEAST.max(learned - learned / 8), Relaxed);
        }
        false
    }
}
