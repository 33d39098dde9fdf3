//! The clock that a thread lives by: the process', or one that a test has paused.
//!
//! All deadlines of this crate are moments of the monotonic clock. A test that is about time need not wait for it: with
//! the feature `test-clock` it pauses the clock of its thread, and moves it by hand. See `pause`.

#[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
pub use super::virtual_clock::{ClockScope, Paused, PausedHandle, pause};
use crate::sys::{self, Moment};
use crate::wait::thread_clock;
use std::time::Instant;

/// Tells the time that this thread lives by.
///
/// The same as [`Instant::now`], unless the clock was paused for this thread.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// use stopwhen::clock;
///
/// assert!(Instant::now() - clock::now() < Duration::from_secs(60));
/// ```
pub fn now() -> Instant {
    moment().instant().unwrap_or_else(Instant::now)
}

/// `now`, as deadlines are kept.
pub(crate) fn moment() -> Moment {
    thread_clock().map_or_else(sys::now, |clock| clock.now())
}

/// Keeps the process' time on this thread, at a moment so long after its beginning, until `enough`.
///
/// For models of this crate: no thread does it there, and time stands still.
#[cfg(all(loom, feature = "loom"))]
#[doc(hidden)]
pub fn keep_time(after: std::time::Duration, enough: impl FnMut() -> bool) {
    super::process::keep_time(Moment::from_nanos(0).after(after), enough);
}
