//! Lines: those who wait for their turn, first come, first served, each in a seat on its own stack.
//!
//! # Invariants
//! - U1  Links and note of a seat in a line are touched by the line's guardian alone: whoever has `&mut Line`. A seat is only
//!   ever in lines of one guardian.
//! - U2  Unlink, then grant. After the step to GRANTED the granter never touches the seat: its owner may have returned.
//! - U3  The owner returns on GRANTED without the guardian; on anything else only after it was the guardian and the seat
//!   is unlinked (also when a panic passes).
//! - U4  A stopped seat stays in its line until its owner comes or somebody meets it there: whoever walks the line expects
//!   such seats, and unlinking twice is nothing.
use super::term::{Term, listen};
use super::waiter::{Told, Waiter};
use crate::sys::{Thread, UnsafeCell, WAKES};
use std::ptr::null;

/// Where one thread waits. What the line's guardian needs to know of it is its note.
pub(super) struct Seat<N> {
    waiter: Waiter,
    /// U1.
    links: UnsafeCell<Links<N>>,
    /// U1; the owner's once it is unlinked.
    note: UnsafeCell<N>,
}

struct Links<N> {
    next: *const Seat<N>,
    prev: *const Seat<N>,
    linked: bool,
}

/// What somebody who walks a line says to a seat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// It is your turn: granted.
    Yours,
    /// Stay; the next one.
    NotYet,
    /// Stay, and so do all behind.
    Enough,
}

impl<N: Copy> Seat<N> {
    pub fn new(note: N) -> Seat<N> {
        let links = Links { next: null(), prev: null(), linked: false };
        Seat { waiter: Waiter::new(), links: UnsafeCell::new(links), note: UnsafeCell::new(note) }
    }

    /// Sleeps until granted (true), or until the term has come. Whenever called, it does that, until that says true.
    pub fn sleep(&self, term: &Term<'_>, called: &mut dyn FnMut() -> bool) -> Told {
        let mut end = Told::Nothing;
        listen(term, &self.waiter, &mut || {
            end = loop {
                match term.sleep(&self.waiter, None) {
                    Some(Told::Nothing) => {}
                    Some(Told::Called) if called() => break Told::Called,
                    Some(Told::Called) => {}
                    Some(told) => break told,
                    None if self.waiter.give_up() => break Told::Stopped,
                    None => break self.waiter.told(),
                }
            }
        });
        end
    }

    pub fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    /// What was last noted. The owner's, once it was granted.
    ///
    /// # Safety
    /// The caller is the owner, and the seat is unlinked; or it is the line's guardian.
    pub unsafe fn note(&self) -> N {
        // SAFETY: U1, by the caller's promise.
        self.note.with(|n| unsafe { *n })
    }
}

/// In a model, whoever touches a seat unordered with the end of its frame is caught (U2, U3).
#[cfg(all(loom, feature = "loom"))]
impl<N> Drop for Seat<N> {
    fn drop(&mut self) {
        self.links.with_mut(|_| ());
        self.note.with_mut(|_| ());
    }
}

/// Those who wait, the first in front. It lives inside what guards it (U1).
pub(super) struct Line<N> {
    first: *const Seat<N>,
    last: *const Seat<N>,
}

// SAFETY: seats are followed under the guardian alone (U1).
unsafe impl<N: Send> Send for Line<N> {}

impl<N: Copy> Line<N> {
    pub const fn new() -> Line<N> {
        Line { first: null(), last: null() }
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    pub fn len(&mut self) -> usize {
        let mut n = 0;
        self.each(|_| n += 1);
        n
    }

    /// # Safety
    /// The seat is in no line, stays where it is until it is unlinked, and its owner does as U3 says.
    pub unsafe fn push(&mut self, seat: &Seat<N>) {
        // SAFETY: the caller's promise.
        unsafe { self.link(seat, null()) }
    }

    /// As `push`, in front of the first of whom `goes_behind` says so.
    ///
    /// # Safety
    /// As `push`.
    pub unsafe fn push_before(&mut self, seat: &Seat<N>, goes_behind: impl Fn(&N) -> bool) {
        let mut at = self.first;
        // SAFETY: U1: linked, so alive; and the caller's promise.
        unsafe {
            while let Some(other) = at.as_ref().filter(|other| !other.note.with(|n| goes_behind(&*n))) {
                at = other.links.with(|l| (*l).next);
            }
            self.link(seat, at)
        }
    }

    /// # Safety
    /// As `push`; and `next` is in this line, or null for its end.
    unsafe fn link(&mut self, seat: &Seat<N>, next: *const Seat<N>) {
        // SAFETY: U1, by the caller's promise.
        unsafe {
            let prev = next.as_ref().map_or(self.last, |next| next.links.with(|l| (*l).prev));
            seat.links.with_mut(|l| *l = Links { next, prev, linked: true });
            match prev.as_ref() {
                Some(prev) => prev.links.with_mut(|l| (*l).next = seat),
                None => self.first = seat,
            }
            match next.as_ref() {
                Some(next) => next.links.with_mut(|l| (*l).prev = seat),
                None => self.last = seat,
            }
        }
    }

    /// Unlinks a seat of this line; false if that was done before.
    pub fn remove(&mut self, seat: &Seat<N>) -> bool {
        // SAFETY: U1.
        unsafe {
            let (next, prev) = match seat.links.with_mut(|l| (std::mem::replace(&mut (*l).linked, false), l)) {
                (false, _) => return false,
                (true, l) => ((*l).next, (*l).prev),
            };
            match prev.as_ref() {
                Some(prev) => prev.links.with_mut(|l| (*l).next = next),
                None => self.first = next,
            }
            match next.as_ref() {
                Some(next) => next.links.with_mut(|l| (*l).prev = prev),
                None => self.last = prev,
            }
        }
        true
    }

    /// Whether a seat is in this line.
    pub fn is_linked(&self, seat: &Seat<N>) -> bool {
        // SAFETY: U1.
        seat.links.with(|l| unsafe { (*l).linked })
    }

    pub fn is_first(&self, seat: &Seat<N>) -> bool {
        std::ptr::eq(self.first, seat)
    }

    /// The note of the first in line.
    pub fn first(&mut self) -> Option<&mut N> {
        // SAFETY: U1: linked, so alive, and the note is the guardian's.
        unsafe { self.first.as_ref().map(|seat| seat.note.with_mut(|n| &mut *n)) }
    }

    /// The note of a seat of this line.
    pub fn note(&mut self, seat: &Seat<N>) -> &mut N {
        // SAFETY: U1; the owner lends it.
        seat.note.with_mut(|n| unsafe { &mut *n })
    }

    /// Unlinks the first, then grants it (U2). `Some(None)`: it was stopped before. `None`: nobody is there.
    pub fn grant_first(&mut self) -> Option<Option<Granted>> {
        // SAFETY: U1.
        unsafe { self.first.as_ref() }.map(|seat| self.grant(seat))
    }

    fn grant(&mut self, seat: &Seat<N>) -> Option<Granted> {
        self.remove(seat);
        seat.waiter.grant().map(Granted)
    }

    /// Calls the first to come and try; it stays where it is. `Some(None)`: it was stopped. `None`: nobody is there.
    pub fn call_first(&mut self) -> Option<Option<Granted>> {
        // SAFETY: U1.
        unsafe { self.first.as_ref() }.map(|seat| seat.waiter.call().map(Granted))
    }

    /// Calls the first of whom `is_next` says so to come and try; it stays where it is. `Some(None)`: it was stopped. `None`: it
    /// says so of nobody.
    pub fn call_one(&mut self, mut is_next: impl FnMut(&mut N) -> bool) -> Option<Option<Granted>> {
        let mut at = self.first;
        // SAFETY: U1: linked, so alive.
        while let Some(seat) = unsafe { at.as_ref() } {
            // SAFETY: U1.
            if unsafe { is_next(seat.note.with_mut(|n| &mut *n)) } {
                return Some(seat.waiter.call().map(Granted));
            }
            // SAFETY: U1.
            at = seat.links.with(|l| unsafe { (*l).next });
        }
        None
    }

    /// Calls all who were told nothing yet, as long as there is room for wake-ups; they stay where they are.
    ///
    /// False: it broke off for want of room.
    pub fn call_each(&mut self, wakes: &mut Wakes) -> bool {
        let mut at = self.first;
        // SAFETY: U1: linked, so alive.
        while let Some(seat) = unsafe { at.as_ref() } {
            if wakes.is_full() {
                return false;
            }
            if let Some(called) = seat.waiter.call().map(Granted) {
                wakes.add(called);
            }
            // SAFETY: U1.
            at = seat.links.with(|l| unsafe { (*l).next });
        }
        true
    }

    /// Unlinks the first.
    pub fn drop_first(&mut self) {
        // SAFETY: U1.
        if let Some(seat) = unsafe { self.first.as_ref() } {
            self.remove(seat);
        }
    }

    pub fn each(&mut self, mut f: impl FnMut(&mut N)) {
        let mut at = self.first;
        // SAFETY: U1.
        while let Some(seat) = unsafe { at.as_ref() } {
            // SAFETY: U1.
            unsafe {
                f(seat.note.with_mut(|n| &mut *n));
                at = seat.links.with(|l| (*l).next);
            }
        }
    }

    /// Walks the line from the front and grants those whose turn it is, as long as there is room for wake-ups.
    ///
    /// The turn of a stopped one comes too: it is unlinked, its note tells, and it is not counted.
    /// False: it broke off for want of room.
    pub fn grant_each(&mut self, wakes: &mut Wakes, turn: &mut dyn FnMut(&mut N) -> Turn) -> bool {
        let mut at = self.first;
        // SAFETY: U1: linked, so alive.
        while let Some(seat) = unsafe { at.as_ref() } {
            if wakes.is_full() {
                return false;
            }
            // SAFETY: U1.
            let (next, turn) = unsafe { (seat.links.with(|l| (*l).next), seat.note.with_mut(|n| turn(&mut *n))) };
            match turn {
                Turn::Yours => {
                    if let Some(granted) = self.grant(seat) {
                        wakes.add(granted);
                    }
                }
                Turn::NotYet => {}
                Turn::Enough => return true,
            }
            at = next;
        }
        true
    }
}

/// Somebody was granted, or called; if it slept, a wake-up is owed, to be sent once all locks are free.
#[must_use = "a sleeper would sleep on"]
pub(super) struct Granted(Option<Thread>);

impl Granted {
    pub fn wake(self) {
        if let Some(thread) = self.0 {
            thread.unpark();
        }
    }

    pub fn into_thread(self) -> Option<Thread> {
        self.0
    }
}

/// Wake-ups that are owed, as many as go out at a time: nothing is allocated for them.
#[must_use = "sleepers would sleep on"]
pub(super) struct Wakes {
    owed: [Option<Thread>; WAKES],
    n: usize,
    /// How many were granted or called, asleep or not.
    pub granted: usize,
}

impl Wakes {
    pub fn new() -> Wakes {
        Wakes { owed: [const { None }; WAKES], n: 0, granted: 0 }
    }

    pub fn is_full(&self) -> bool {
        self.n == WAKES
    }

    pub fn add(&mut self, granted: Granted) {
        self.granted += 1;
        if granted.0.is_some() {
            self.owed[self.n] = granted.0;
            self.n += 1;
        }
    }

    /// Sends them; with every lock open.
    pub fn send(&mut self) {
        self.owed[..self.n].iter_mut().filter_map(Option::take).for_each(|thread| thread.unpark());
        self.n = 0;
    }
}
