//! How a signal is raised, by hand or by its time, and how it is given up.
use super::callback;
use super::core::{Core, Held, Kind};
use super::fire::Work;
use super::firing::Firing;
use super::node::{self, Chain};
use super::tale::Reason;
use super::timed;
use super::word::Story;
use crate::sys::{Ordering::*, relax};

impl Core {
    /// Draws the place in the order of `go`s, if anybody looks (S11), or takes over that of the input that decided.
    pub fn stamp_now(&self, _held: &Held<'_>, story: Story) {
        let stamp = match (story, self.as_comp()) {
            // SAFETY: an input that counted is UP, seen under its LOCK or through the count: the stamp is frozen.
            (Story::Via(i), Some(c)) => unsafe { c.input(i as usize).stamp.get() },
            _ => self.next_stamp(),
        };
        // SAFETY: under our LOCK, not UP yet.
        unsafe { self.stamp.set(stamp) };
    }

    /// A place, if anybody looks: hands together are one of the users, and every other user looks.
    ///
    /// ORDERING: Relaxed: a composite being built just now may be missed; then this counts as the earlier.
    fn next_stamp(&self) -> u64 {
        if self.users.load(Relaxed) > self.kind.has_hands() as u32 { crate::sys::next_stamp() } else { 0 }
    }

    /// DOWN → UP by hand, once; true for the one who did it.
    #[cold]
    pub fn go_slow(&self, story: Story, reason: Option<Reason>) -> bool {
        match self.kind {
            Kind::Fixed | Kind::Delayed | Kind::Expr => return false,
            Kind::Switch => {
                let hand = self.as_comp().map(|c| c.input(0));
                if self.poll() {
                    self.wait_for_calm();
                    return false;
                }
                return hand.is_some_and(|hand| hand.go_slow(story, reason));
            }
            Kind::Leaf | Kind::Child | Kind::Till => {}
        }
        if !self.is_up() && self.raise_by_hand(story, reason) {
            return true;
        }
        self.wait_for_calm();
        false
    }

    /// Waits until all that follows from an UP signal, or one about to be, has followed: phase 1 of its raiser (F5).
    ///
    /// ORDERING: Acquire pairs with `Work::close`.
    pub fn wait_for_calm(&self) {
        let mut round = 0;
        while !self.is_up() || self.busy.load(Acquire) != 0 {
            relax(&mut round); // bounded, and no foreign code
        }
    }

    /// The lock of a word that is DOWN, and the reason for which it will go; `None`: it is not DOWN, and the reason was dropped, with
    /// no lock held.
    fn lock_to_raise(&self, reason: Option<Reason>) -> Option<Held<'_>> {
        let tale = reason.map(|r| (self.tale(), r));
        let held = self.lock();
        if !held.word().is_down() {
            drop(held);
            return None;
        }
        if let Some((tale, reason)) = tale {
            // SAFETY: under our LOCK, not UP yet.
            unsafe { tale.set_reason(reason) };
        }
        Some(held)
    }

    /// DOWN → UP by hand, as far as threads are woken; `None`: it was not DOWN.
    pub fn raise_and_unpark(&self, story: Story, reason: Option<Reason>) -> Option<Firing> {
        debug_assert!(self.kind.has_hands());
        let Some(held) = self.lock_to_raise(reason) else {
            self.wait_for_calm();
            return None;
        };
        let mut firing = Firing::of(self, self.flag_all(held, story));
        firing.unpark();
        Some(firing)
    }

    fn raise_by_hand(&self, story: Story, reason: Option<Reason>) -> bool {
        let Some(mut held) = self.lock_to_raise(reason) else { return false };
        let word = held.word();
        let head = word.head();
        // SAFETY: under our LOCK the ring's nodes are alive.
        if self.kind == Kind::Leaf && (head.is_null() || unsafe { (*head).is_callback() }) {
            // Nothing to tell above: no phase 1.
            self.stamp_now(&held, story);
            held.rise(story, false);
            let mut calls = Chain::new();
            if !head.is_null() {
                // SAFETY: W4: the callbacks of an UP word are its raiser's, once the lock, which hides it yet, is open.
                unsafe { calls.append(head, node::open(head)) };
            }
            drop(held);
            if word.sleeps() {
                self.gate.wake_all();
            }
            callback::run_last(calls);
            return true;
        }
        self.raise_all(held, story);
        true
    }

    /// The whole of it, for a word that is DOWN.
    pub fn raise_all<'a>(&'a self, held: Held<'a>, story: Story) {
        self.flag_all(held, story).finish();
    }

    /// Phase 1, for a word that is DOWN; and whoever sleeps at its gate is woken.
    fn flag_all<'a>(&'a self, held: Held<'a>, story: Story) -> Work {
        let mut work = Work::new();
        let sleepers = work.raise(self, held, story).unwrap_or(false);
        work.spread();
        work.start_all();
        match self.as_comp() {
            Some(c) => work.close(c),
            // ORDERING: Release: see `Work::close`.
            None => self.busy.store(0, Release),
        }
        if self.kind.is_timed() {
            timed::disarm(self);
        }
        if sleepers {
            self.gate.wake_all();
        }
        work
    }

    /// DOWN → UP by its time.
    pub fn raise_by_time(&self, story: Story) {
        let held = self.lock();
        if held.word().is_down() {
            self.raise_all(held, story);
        }
    }

    /// The last hand is gone.
    #[cold]
    pub fn abandon(&self, work: &mut Work) {
        match self.as_comp() {
            Some(c) => c.count_dead(1, work),
            None => {
                let held = self.lock();
                if held.word().is_down() {
                    work.kill(self, held);
                }
            }
        }
        work.mourn();
    }
}
