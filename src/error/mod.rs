//! Every error of the crate: small, comparable, and giving back what was taken.
mod threads;

pub use threads::{JoinError, Panic, SpawnError, Stuck, StuckThread};

use std::error::Error;
use std::fmt;

/// A wait was ended: by a signal that is go, or out of time.
///
/// It tells neither which of several ends came nor why: ask the signal, `stop.is_go()`, `stop.cause()`.
///
/// ```
/// use stopwhen::{Signal, Stopped};
///
/// let stop = Signal::new();
/// assert_eq!(stop.check(), Ok(()));
/// stop.go();
/// assert_eq!(stop.check(), Err(Stopped));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stopped;

/// The queue is closed, and nothing is left in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Closed;

/// The barrier was broken: by a stopped waiter, an abort, a reset or a panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Broken;

/// More permits were given back than had been forgotten; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OverRelease;

/// Why nothing was taken from a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PopError {
    /// The wait was ended.
    Stopped,
    /// The queue is closed and empty.
    Closed,
}

/// Why nothing was taken from a queue at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TryPopError {
    /// Nothing is in the queue now.
    Empty,
    /// The queue is closed and empty.
    Closed,
}

/// Why an item was not put into a queue; it comes back in the error.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PushError<T> {
    /// The wait for room was ended.
    Stopped(T),
    /// The queue is closed.
    Closed(T),
    /// The queue is full now.
    Full(T),
}

impl<T> PushError<T> {
    /// Gives the item back.
    pub fn into_inner(self) -> T {
        match self {
            PushError::Stopped(item) | PushError::Closed(item) | PushError::Full(item) => item,
        }
    }
}

/// Why a barrier was not passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BarrierError {
    /// The wait was ended.
    Stopped,
    /// The barrier is broken.
    Broken,
}

/// Why permits were not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AcquireError {
    /// The wait was ended.
    Stopped,
    /// More were asked for than there will ever be.
    TooMany,
}

/// Why a worker's loop ended: what `?` gathers from the small errors.
///
/// ```
/// use stopwhen::{Ended, PopError, Stopped};
///
/// fn work() -> Result<(), Ended> {
///     Err(PopError::Stopped)?
/// }
/// assert_eq!(work(), Err(Ended::from(Stopped)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Ended {
    /// A wait was ended.
    Stopped,
    /// A queue was closed.
    Closed,
    /// A barrier was broken.
    Broken,
    /// More was asked for than there will ever be.
    TooMany,
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Ended {
        Ended::Stopped
    }
}

impl From<Closed> for Ended {
    fn from(_: Closed) -> Ended {
        Ended::Closed
    }
}

impl From<Broken> for Ended {
    fn from(_: Broken) -> Ended {
        Ended::Broken
    }
}

impl From<OverRelease> for Ended {
    fn from(_: OverRelease) -> Ended {
        Ended::TooMany
    }
}

impl From<PopError> for Ended {
    fn from(e: PopError) -> Ended {
        match e {
            PopError::Stopped => Ended::Stopped,
            PopError::Closed => Ended::Closed,
        }
    }
}

impl From<BarrierError> for Ended {
    fn from(e: BarrierError) -> Ended {
        match e {
            BarrierError::Stopped => Ended::Stopped,
            BarrierError::Broken => Ended::Broken,
        }
    }
}

impl From<AcquireError> for Ended {
    fn from(e: AcquireError) -> Ended {
        match e {
            AcquireError::Stopped => Ended::Stopped,
            AcquireError::TooMany => Ended::TooMany,
        }
    }
}

/// The item is dropped; a full queue counts as too much asked for.
impl<T> From<PushError<T>> for Ended {
    fn from(e: PushError<T>) -> Ended {
        match e {
            PushError::Stopped(_) => Ended::Stopped,
            PushError::Closed(_) => Ended::Closed,
            PushError::Full(_) => Ended::TooMany,
        }
    }
}

const STOPPED: &str = "stopped, or out of time";
const CLOSED: &str = "the queue is closed";
const BROKEN: &str = "the barrier is broken";
const TOO_MANY: &str = "more was asked for than there will ever be";

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STOPPED)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BROKEN)
    }
}

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("more permits were given back than had been forgotten")
    }
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ended::from(*self).fmt(f)
    }
}

impl fmt::Display for TryPopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TryPopError::Empty => "the queue is empty",
            TryPopError::Closed => CLOSED,
        })
    }
}

impl<T> fmt::Display for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Stopped(_) => STOPPED,
            PushError::Closed(_) => CLOSED,
            PushError::Full(_) => "the queue is full",
        })
    }
}

impl<T> fmt::Debug for PushError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PushError::Stopped(_) => "Stopped(..)",
            PushError::Closed(_) => "Closed(..)",
            PushError::Full(_) => "Full(..)",
        })
    }
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ended::from(*self).fmt(f)
    }
}

impl fmt::Display for AcquireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ended::from(*self).fmt(f)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ended::Stopped => STOPPED,
            Ended::Closed => CLOSED,
            Ended::Broken => BROKEN,
            Ended::TooMany => TOO_MANY,
        })
    }
}

impl Error for Stopped {}
impl Error for Closed {}
impl Error for Broken {}
impl Error for OverRelease {}
impl Error for PopError {}
impl Error for TryPopError {}
impl<T> Error for PushError<T> {}
impl Error for BarrierError {}
impl Error for AcquireError {}
impl Error for Ended {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_item_comes_back() {
        struct Opaque(u8);
        let e = PushError::Closed(Opaque(7));
        assert_eq!((format!("{e:?}"), e.to_string()), ("Closed(..)".into(), CLOSED.into()));
        assert_eq!(e.into_inner().0, 7);
    }

    #[test]
    fn a_worker_gathers_every_end() {
        let ends: [Ended; 6] = [
            super::Stopped.into(),
            super::Closed.into(),
            super::Broken.into(),
            PopError::Closed.into(),
            BarrierError::Stopped.into(),
            PushError::Full(()).into(),
        ];
        let gathered = [Ended::Stopped, Ended::Closed, Ended::Broken, Ended::Closed, Ended::Stopped, Ended::TooMany];
        assert_eq!(ends, gathered);
    }
}
