//! A small lock with some state inside, and a line of those who wait for it to change.
//!
//! The safe door to lines: a seat lives in `Inside::wait`'s frame and is unlinked there before it ends (U3).
use super::crowd::Crowd;
use super::mutex::{Mutex, MutexGuard};
use super::patience::Patience;
use super::seat::{Granted, Line, Seat, Turn, Wakes};
use super::term::Term;
use super::waiter::Told;
use crate::sys::const_fn;
use std::ops::{Deref, DerefMut};

/// Some state and the line of those who wait, each with a note, guarded by one lock (U1).
pub(crate) struct WaitQueue<S, N>(Mutex<Both<S, N>>);

#[repr(C)]
struct Both<S, N> {
    state: S,
    line: Line<N>,
}

/// How a wait in line ended, with the note as it was left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End<N> {
    /// Granted.
    Granted(N),
    /// Its turn had come, but its term before that: nobody counts on it.
    TooLate(N),
    /// It left.
    Stopped,
}

impl<S, N: Copy> WaitQueue<S, N> {
    const_fn! {
        pub(crate) const fn new(state: S) -> Self {
            WaitQueue(Mutex::new(Both { state, line: Line::new() }))
        }
    }

    pub(crate) fn enter(&self) -> Inside<'_, S, N> {
        Inside { queue: self, guard: self.0.lock() }
    }

    /// As `enter`, with the crowd there is at this one.
    #[inline(always)]
    pub(super) fn enter_in(&self, crowd: &Crowd) -> Inside<'_, S, N> {
        Inside { queue: self, guard: self.0.lock_in(crowd) }
    }
}

/// The one inside a [`WaitQueue`]. No foreign code runs meanwhile, and no other lock is taken.
pub(crate) struct Inside<'a, S, N> {
    queue: &'a WaitQueue<S, N>,
    guard: MutexGuard<'a, Both<S, N>>,
}

impl<S, N> Deref for Inside<'_, S, N> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.guard.state
    }
}

impl<S, N> DerefMut for Inside<'_, S, N> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.guard.state
    }
}

/// A stay in line.
pub(crate) struct Stay<'a, 't, N> {
    pub note: N,
    /// What ends it.
    pub term: &'a Term<'t>,
    /// How long to stay awake first: by what was learned, at that turn.
    pub patience: Option<(&'a Patience, u64)>,
}

impl<'a, S, N: Copy> Inside<'a, S, N> {
    pub(crate) fn is_empty(&self) -> bool {
        self.guard.line.is_empty()
    }

    /// How many in line have such a note.
    pub(crate) fn count(&mut self, mut such: impl FnMut(&N) -> bool) -> usize {
        let mut n = 0;
        self.guard.line.each(|note| n += usize::from(such(note)));
        n
    }

    /// The note of the first in line.
    pub(crate) fn first(&mut self) -> Option<&mut N> {
        self.guard.line.first()
    }

    /// Grants the first in line: as [`Line::grant_first`].
    pub(super) fn grant_first(&mut self) -> Option<Option<Granted>> {
        self.guard.line.grant_first()
    }

    /// Walks the line from the front and grants those whose turn it is; says how many were told, and leaves.
    ///
    /// Wake-ups go out with the lock open, a few at a time; after that it begins anew at the front with what is left, so
    /// that `turn` is asked again, by the state as it is then. A stopped one whose turn comes is not counted.
    pub(crate) fn grant_each(self, mut turn: impl FnMut(&mut S, &mut N) -> Turn) -> usize {
        let Inside { queue, mut guard } = self;
        let mut wakes = Wakes::new();
        loop {
            let Both { state, line } = &mut *guard;
            let done = line.grant_each(&mut wakes, &mut |note| turn(state, note));
            drop(guard);
            wakes.send();
            if done {
                return wakes.granted;
            }
            guard = queue.0.lock();
        }
    }

    /// Waits at the end of the line until granted, or until the term has come and `may_leave`, asked under the lock, lets
    /// it go; else it stays until it is granted.
    ///
    /// `outside` runs once it is in line and the lock is open, before it sleeps. If a panic passes one that is in line,
    /// `may_leave` is asked too, and it leaves whatever the answer.
    pub(crate) fn wait(
        self,
        stay: Stay<'_, '_, N>,
        outside: impl FnOnce(),
        may_leave: impl Fn(&mut S, &mut N) -> bool,
    ) -> End<N> {
        self.wait_or_lose(stay, outside, may_leave, |_| ())
    }

    /// As `wait`; `lost` runs, with the lock open, when a panic passes one whose turn had come, or who might not leave
    /// (`Stopped`), and is told how its wait ended.
    pub(crate) fn wait_or_lose(
        mut self,
        stay: Stay<'_, '_, N>,
        outside: impl FnOnce(),
        may_leave: impl Fn(&mut S, &mut N) -> bool,
        lost: impl Fn(End<N>),
    ) -> End<N> {
        let seat = Seat::new(stay.note);
        let queue = self.queue;
        // SAFETY: `leave`, and what is below, see to U3.
        unsafe { self.guard.line.push(&seat) };
        let leave = Leave { queue, seat: &seat, may_leave: &may_leave, lost: &lost };
        drop(self);
        outside();
        let mut told = Told::Nothing;
        if let Some((patience, turn)) = stay.patience {
            patience.spin(turn, || {
                told = seat.waiter().told();
                told != Told::Nothing
            });
        }
        if told == Told::Nothing {
            told = seat.sleep(stay.term, &mut || false);
        }
        if told == Told::Stopped {
            let mut inside = queue.enter();
            let Both { state, line } = &mut *inside.guard;
            if line.is_linked(&seat) {
                if may_leave(state, line.note(&seat)) {
                    line.remove(&seat);
                    drop(inside);
                    std::mem::forget(leave);
                    return End::Stopped;
                }
                seat.waiter().take_back();
                drop(inside);
                told = seat.sleep(&Term::never(stay.term.subject().0), &mut || false);
            }
        }
        std::mem::forget(leave); // unlinked by who granted it
        // SAFETY: unlinked, seen under the lock or by the grant.
        unsafe { ended(&seat, told) }
    }
}

/// How the wait of one whose turn has come ended.
///
/// # Safety
/// The caller is the owner, and the seat is unlinked.
unsafe fn ended<N: Copy>(seat: &Seat<N>, told: Told) -> End<N> {
    // SAFETY: the caller's promise.
    let note = unsafe { seat.note() };
    if told == Told::Granted { End::Granted(note) } else { End::TooLate(note) }
}

/// Unlinks the seat when a panic passes (U3).
struct Leave<'a, S, N: Copy, M: Fn(&mut S, &mut N) -> bool, L: Fn(End<N>)> {
    queue: &'a WaitQueue<S, N>,
    seat: &'a Seat<N>,
    may_leave: &'a M,
    lost: &'a L,
}

impl<S, N: Copy, M: Fn(&mut S, &mut N) -> bool, L: Fn(End<N>)> Drop for Leave<'_, S, N, M, L> {
    fn drop(&mut self) {
        let mut inside = self.queue.enter();
        let Both { state, line } = &mut *inside.guard;
        if line.is_linked(self.seat) {
            let leaves = (self.may_leave)(state, line.note(self.seat));
            line.remove(self.seat);
            drop(inside);
            if !leaves {
                (self.lost)(End::Stopped);
            }
        } else {
            drop(inside);
            // SAFETY: unlinked, seen under the lock.
            (self.lost)(unsafe { ended(self.seat, self.seat.waiter().told()) });
        }
    }
}
