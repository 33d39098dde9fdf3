//! What a turn is given.
use crate::signal::Signal;
use crate::sys::Moment;
use crate::till::clock;
use std::cell::Cell;
use std::fmt;
use std::time::Instant;

/// One turn of a loop thread, as its body sees it.
///
/// # Examples
/// ```
/// use stopwhen::ContinuousThread;
///
/// let thrice = ContinuousThread::run("thrice", |turn| {
///     if turn.index() == 2 {
///         turn.stop(); // after this turn
///     }
/// });
/// assert_eq!(thrice.join(), Ok(()));
/// ```
pub struct Turn<'a> {
    please_stop: &'a Signal,
    index: u64,
    due: Moment,
    missed: u64,
    last: Cell<bool>,
}

impl Turn<'_> {
    pub(super) fn new(please_stop: &Signal, index: u64, due: Moment, missed: u64) -> Turn<'_> {
        Turn { please_stop, index, due, missed, last: Cell::new(false) }
    }

    /// What asks the thread to stop: for a turn that waits, or takes long.
    pub fn please_stop(&self) -> &Signal {
        self.please_stop
    }

    /// Ends the thread after this turn. This turn goes on, and so do threads that it has started, until it is over.
    ///
    /// Nobody is told by this before: `please_stop` does not go.
    #[doc(alias = "break")]
    pub fn stop(&self) {
        self.last.set(true);
    }

    /// How many turns there were before this one.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// When this turn was to begin. Without a period: when it began.
    ///
    /// Of a [`PeriodicThread`](super::PeriodicThread) that is so many periods after the first turn was due, to the nanosecond, however late
    /// any turn began: see [`Missed`](super::Missed).
    pub fn due(&self) -> Instant {
        self.due.instant().unwrap_or_else(clock::now)
    }

    /// How many turns of a [`PeriodicThread`](super::PeriodicThread) were left out between the last one and this: see [`Missed`](super::Missed).
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// Whether it was said that this is the last one.
    pub(super) fn is_last(&self) -> bool {
        self.last.get()
    }
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("index", &self.index)
            .field("due", &self.due())
            .field("missed", &self.missed)
            .field("please_stop", self.please_stop)
            .finish()
    }
}
