//! Threads that wait for a signal: at its gate, or for it among several.
use super::clock::thread_clock;
use super::core::Core;
use super::handle::{Handle, User};
use super::term::{Asleep, Leaves, Term, listen};
use super::waiter::Waiter;
use super::watch::Posting;
use crate::sys::{Moment, now};
use std::time::Duration;

impl Core {
    /// Sleeps at the gate until it is go, or `end` has come. True: go.
    fn wait_at_gate(&self, end: Moment) -> bool {
        let clock = if self.is_timed() { thread_clock() } else { None };
        if self.observe(false) {
            return true;
        }
        let mut since = None;
        loop {
            let tick = self.next_tick();
            if self.poll() {
                return true; // arming may have found it due
            }
            let posting = Posting::at_gate(self, end, &mut since); // first, as in `Term::sleep`
            let asleep = Asleep::new(clock.as_deref(), None, || vec![User::of(self)]);
            self.gate.sleep(end.min(tick), || self.mark_sleep());
            drop(asleep);
            drop(posting);
            if self.poll() {
                return true;
            }
            if end != Moment::NEVER && now() >= end {
                return false;
            }
        }
    }

    pub(super) fn count_hanging(&self) -> usize {
        let held = self.lock();
        let head = held.word().head();
        let (mut l, mut n) = (head, 0);
        while !l.is_null() {
            n += 1;
            // SAFETY: W3.
            l = unsafe { (*l).next.get() };
            if l == head {
                break;
            }
        }
        n
    }

    pub(super) fn remaining(&self) -> Option<Duration> {
        Some(self.time()?.since(self.its_now()?))
    }
}

impl Handle {
    /// Sleeps until it is go.
    #[inline]
    pub(crate) fn wait(&self) {
        if !self.core().is_up() {
            self.core().wait_at_gate(Moment::NEVER);
        }
    }

    /// Sleeps until it is go, or what `until` names has come. True: go; it wins a tie.
    pub(crate) fn wait_until(&self, until: &dyn Leaves) -> bool {
        self.core().poll() || self.wait_until_slow(until)
    }

    #[cold]
    fn wait_until_slow(&self, until: &dyn Leaves) -> bool {
        let term = Term::of("for a signal", until);
        if term.has_come() {
            self.core().poll()
        } else if term.has_signals() {
            self.wait_for_several(&term)
        } else {
            self.core().wait_at_gate(term.end())
        }
    }

    fn wait_for_several(&self, term: &Term<'_>) -> bool {
        let waiter = Waiter::new();
        let mut go = false;
        listen(&(self, term), &waiter, &mut || {
            go = loop {
                // Its own turn to sleep comes first: that may find a time due, and raise it.
                let slept = term.sleep(&waiter, Some(self));
                if self.core().poll() {
                    break true;
                }
                if slept.is_none() {
                    break false;
                }
            }
        });
        go
    }
}
