//! Event: a switch that may be set and cleared, and those who wait for it.
//!
//! ```text
//!   word = SLEEPERS | SET
//! ```
//!
//! # Invariants
//! - V1  SLEEPERS is set, under the queue's lock, by a step that finds the word not SET, before anybody sits down; a `set` that
//!   finds it takes the lock before it sets. May stand with nobody in line, never the reverse, but for those whom a `set` on its
//!   way lets go.
//! - V2  A note is the count of sets its owner found under the lock. A `set` counts, and lets go of those with less: exactly those
//!   who were in line then, however often it opens the lock meanwhile and whoever clears.
//!
//! # Orderings
//! Release of `set` ↔ Acquire of whoever finds SET: `is_set`, a wait that need not sleep. Every change of the word is a
//! read-modify-write, so release sequences stay whole. Sleepers learn from the grant. SLEEPERS is Relaxed: one word, and the
//! lock orders the line.
use crate::error::Stopped;
use crate::signal::Until;
use crate::sys::{AtomicU32, Ordering::*, const_fn, guess};
use crate::wait::{End, Leaves, Stay, Term, Turn, WaitQueue};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

const SET: u32 = 1;
const SLEEPERS: u32 = 2;

/// A switch that threads wait for, and that may be cleared again.
///
/// `set(); clear()` releases everyone who waits at that moment, and nobody else. For what happens once and for all take a
/// [`Signal`](crate::Signal): it can be combined with others, awaited, and end any wait.
///
/// ```
/// use stopwhen::Event;
///
/// static OPEN: Event = Event::new();
///
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         OPEN.wait();
///         assert!(OPEN.is_set());
///     });
///     OPEN.set();
/// });
/// OPEN.clear();
/// assert!(!OPEN.is_set());
/// ```
///
/// # Memory ordering
/// What came before a [`set`](Event::set) happens before the return of a wait that it ended, or that found the event set;
/// and before an [`is_set`](Event::is_set) that says so.
#[doc(alias = "ManualResetEvent")]
#[doc(alias = "ResetEvent")]
pub struct Event {
    word: AtomicU32,
    /// The count of sets that found sleepers; each in line with the count it found.
    queue: WaitQueue<u64, u64>,
}

// Whole whatever panics: no foreign code runs inside.
impl UnwindSafe for Event {}
impl RefUnwindSafe for Event {}

impl Event {
    const_fn! {
        /// Makes an event that is not set.
        pub const fn new() -> Event {
            Event { word: AtomicU32::new(0), queue: WaitQueue::new(0) }
        }
    }

    /// Sets it: everybody who waits is released, and nobody waits until it is cleared.
    ///
    /// With nobody waiting this is one step on one word.
    #[inline]
    pub fn set(&self) {
        let mut seen = guess!(self.word);
        while seen & SLEEPERS == 0 {
            match self.word.compare_exchange(seen, SET, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        self.set_slow();
    }

    #[cold]
    fn set_slow(&self) {
        let mut inside = self.queue.enter();
        self.word.swap(SET, Release);
        *inside += 1;
        let count = *inside;
        inside.grant_each(|_, found| if *found < count { Turn::Yours } else { Turn::Enough });
    }

    /// Clears it: from now on whoever comes waits.
    pub fn clear(&self) {
        self.word.fetch_and(!SET, Relaxed);
    }

    /// Tells whether it is set just now.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.word.load(Acquire) & SET != 0
    }

    /// Waits until it is set.
    ///
    /// # Blocking
    /// Until it is set, or has been while this one waited. [`wait_until`](Event::wait_until) can be ended.
    #[inline]
    pub fn wait(&self) {
        if !self.is_set() {
            self.wait_slow(&Term::never("in Event"));
        }
    }

    /// Waits until it is set, or until `until`. If it is set it does not matter whether `until` has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Event, Stopped};
    ///
    /// let event = Event::new();
    /// assert_eq!(event.wait_until(Duration::from_millis(1)), Err(Stopped));
    /// event.set();
    /// assert_eq!(event.wait_until(Duration::ZERO), Ok(()));
    /// ```
    ///
    /// # Blocking
    /// Until it is set, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came, and the event had not been set while this one waited.
    #[inline]
    pub fn wait_until(&self, until: impl Until) -> Result<(), Stopped> {
        if self.is_set() || self.wait_until_slow(&until) { Ok(()) } else { Err(Stopped) }
    }

    #[cold]
    fn wait_until_slow(&self, until: &dyn Leaves) -> bool {
        let term = Term::of("in Event", until);
        if term.has_come() { self.is_set() } else { self.wait_slow(&term) }
    }

    /// True: it was set.
    #[cold]
    fn wait_slow(&self, term: &Term<'_>) -> bool {
        let inside = self.queue.enter();
        let mut seen = 0;
        while let Err(now) = self.word.compare_exchange(seen, seen | SLEEPERS, Relaxed, Acquire) {
            if now & SET != 0 {
                return true;
            }
            seen = now;
        }
        let found = *inside;
        let end = inside.wait(Stay { note: found, term, patience: None }, || (), |count, _| *count == found);
        end != End::Stopped
    }
}

impl Default for Event {
    fn default() -> Event {
        Event::new()
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}
