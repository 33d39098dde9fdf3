//! Till: time as a Signal.
//!
//! ```text
//!   mod.rs      constructors          wheel.rs   who is due when        process.rs        the clock of the process
//!   clock.rs    which time it is      slab.rs    where wheels keep it   callbacks.rs      who runs what it sets off
//!                                                                      virtual_clock.rs  time in tests and models
//! ```
//! What a Till is, and how it is armed, is the engine's (`wait::timed`); here is who keeps time for it.

mod callbacks;
pub mod clock;
mod process;
mod slab;
#[cfg(any(feature = "test-clock", all(loom, feature = "loom")))]
mod virtual_clock;
mod wheel;

use crate::Signal;
use crate::sys::{self, Moment};
use crate::wait::{Handle, install};
use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

/// A [`Signal`] that goes when its time has come.
///
/// It is a signal like any other, so all of [`Signal`]'s methods and operators are at hand: wait for it, combine it,
/// poll it, or raise it by hand before its time. Made by
///
/// - [`Till::secs(n)`](Signal::secs) and [`Till::millis(n)`](Signal::millis): so long from now;
/// - [`Till::after(d)`](Signal::after): the same for a [`Duration`];
/// - [`Till::at(t)`](Signal::at): at an [`Instant`];
/// - [`Till::at_system(t)`](Signal::at_system): at a time of the wall clock;
/// - [`signal.delayed(d)`](Signal::delayed): so long after another signal.
///
/// A Till never goes early, but for one: when a tree of threads is shut down, the Tills made on its threads (by the first four) go at half
/// the time that the threads are given, so that nobody sleeps through the rest; their [`cause`](Signal::cause) says so.
/// On an idle machine it goes as soon after its time as the platform's timer allows; where Tills go by the thousand each
/// second, they are gathered, and one may go 0.4 ms later.
///
/// Dropping a Till costs the same however many there are, and leaves nothing behind. A process that arms Tills (gives
/// them callbacks, awaits them, polls them in a loop) has one more thread, `stopwhen-clock`, which sleeps while nothing
/// is due. Callbacks of Tills run one after the other on a second one, `stopwhen-callbacks`.
///
/// # Examples
/// ```
/// use stopwhen::{Signal, Till};
///
/// let cancel = Signal::new();
/// let stop = &cancel | Till::secs(360);
/// let mut rounds = 0;
/// while !stop.is_go() {
///     rounds += 1;
///     if rounds == 1000 {
///         cancel.go();
///     }
/// }
/// assert_eq!(rounds, 1000);
/// ```
#[doc(alias = "timeout")]
#[doc(alias = "deadline")]
#[doc(alias = "WithTimeout")]
pub type Till = Signal;

sys::thread_local! {
    /// What lets Tills made on this thread go before their time (T8).
    #[allow(clippy::missing_const_for_thread_local, reason = "loom's has no const form")]
    static RELEASE: Cell<Option<Signal>> = Cell::new(None);
}

/// Lets the Tills that this thread makes from now on go as soon as `release` does; says what did so before.
pub(crate) fn release_with(release: Option<Signal>) -> Option<Signal> {
    RELEASE.try_with(|r| r.replace(release)).ok().flatten()
}

/// A Till at that moment on this thread's clock.
#[track_caller]
fn till(deadline: Moment) -> Till {
    install(&process::Process);
    let till = Handle::till(deadline);
    let release = RELEASE.try_with(Cell::take).ok().flatten();
    let Some(release) = release else { return Signal(till) };
    let either = Handle::either(till, &release.0);
    release_with(Some(release));
    Signal(either)
}

impl Signal {
    /// Makes a Till that goes `n` seconds from now.
    ///
    /// # Examples
    /// ```
    /// use stopwhen::Till;
    ///
    /// let nap = Till::secs(360);
    /// assert!(!nap.is_go());
    /// assert!(Till::secs(0).is_go());
    /// ```
    #[track_caller]
    pub fn secs(n: u64) -> Till {
        Till::after(Duration::from_secs(n))
    }

    /// Makes a Till that goes `n` milliseconds from now.
    ///
    /// # Examples
    /// ```
    /// use stopwhen::Till;
    ///
    /// Till::millis(1).wait();
    /// ```
    #[track_caller]
    pub fn millis(n: u64) -> Till {
        Till::after(Duration::from_millis(n))
    }

    /// Makes a Till that goes a [`Duration`] from now.
    ///
    /// After no time at all it is go at once. A duration too long to be added to the clock, some 580 years, never ends.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::Till;
    ///
    /// assert!(Till::after(Duration::ZERO).is_go());
    /// assert_eq!(Till::after(Duration::MAX).deadline(), None);
    /// ```
    #[doc(alias = "WithTimeout")]
    #[doc(alias = "CancelAfter")]
    #[doc(alias = "timeout")]
    #[track_caller]
    pub fn after(d: Duration) -> Till {
        till(clock::moment().after(d))
    }

    /// Makes a Till that goes at an [`Instant`]; at once, if that is past.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Till, clock};
    ///
    /// let noon = clock::now() + Duration::from_secs(3600);
    /// assert_eq!(Till::at(noon).deadline(), Some(noon));
    /// ```
    #[doc(alias = "WithDeadline")]
    #[doc(alias = "sleep_until")]
    #[track_caller]
    pub fn at(t: Instant) -> Till {
        till(Moment::of(t))
    }

    /// Makes a Till that goes at a time of the wall clock; at once, if that is past.
    ///
    /// The wall clock is read once, now: should somebody set it later, the Till keeps to the time as it was. So it is
    /// [`Till::after`](Signal::after) the time that is left.
    ///
    /// # Examples
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use stopwhen::Till;
    ///
    /// let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    /// assert!(!Till::at_system(tomorrow).is_go());
    /// assert!(Till::at_system(SystemTime::UNIX_EPOCH).is_go());
    /// ```
    #[track_caller]
    pub fn at_system(t: SystemTime) -> Till {
        // An error says that it is past.
        Till::after(t.duration_since(SystemTime::now()).unwrap_or_default())
    }

    /// Makes a Signal that goes a [`Duration`] after this one went.
    ///
    /// It only looks at this signal, and cannot be raised by hand. If this signal can never go any more, nor can that. It is
    /// time: with a delay of zero, too, the `go` of this signal may return a moment before that has come.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::Signal;
    ///
    /// let stop = Signal::new();
    /// let late = stop.delayed(Duration::from_millis(1));
    /// stop.go();
    /// late.wait();
    /// ```
    ///
    /// # Panics
    /// If this signal is go and the platform refuses the clock's thread; else the `go` that starts the delay panics then, once it
    /// has done all the rest.
    #[track_caller]
    pub fn delayed(&self, d: Duration) -> Signal {
        install(&process::Process);
        Signal(Handle::delayed(&self.0, d))
    }

    /// Tells when time alone will have made this go, if time alone can.
    ///
    /// Of `a | b` it is the earlier deadline, of `a & b` the later, of "at least k" the k-th. What is go already has
    /// no part in it any more, unless it went by its time. `None` where no time decides: of a signal raised by hand, of a
    /// Till that never goes.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Signal, Till, clock};
    ///
    /// let (soon, late) = (clock::now() + Duration::from_secs(1), clock::now() + Duration::from_secs(2));
    /// assert_eq!((Till::at(soon) | Till::at(late)).deadline(), Some(soon));
    /// assert_eq!((Till::at(soon) & Till::at(late)).deadline(), Some(late));
    /// assert_eq!((Till::at(soon) & Signal::new()).deadline(), None);
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.0.when().and_then(Moment::instant)
    }

    /// Tells how much time is left until the [`deadline`](Self::deadline); zero once that has passed.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::Till;
    ///
    /// let left = Till::secs(360).remaining().unwrap();
    /// assert!(left <= Duration::from_secs(360) && left > Duration::from_secs(300));
    /// ```
    pub fn remaining(&self) -> Option<Duration> {
        let deadline = self.0.when().filter(|&when| when != Moment::NEVER)?;
        Some(deadline.since(clock::moment()))
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests;
