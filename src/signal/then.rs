//! Callbacks: `then`, its handle, and the guard that goes on drop.
use super::Signal;
pub use crate::wait::Cancel;
use crate::wait::Hook;
use std::fmt;
use std::panic::Location;

/// The handle of a callback. Dropping it leaves the callback where it is.
///
/// ```
/// use stopwhen::{Signal, signal::Cancel};
///
/// let stop = Signal::new();
/// let hello = stop.then(|| println!("time to stop"));
/// assert_eq!(hello.cancel(), Cancel::Removed); // it will never run
/// stop.go();
/// ```
#[doc(alias = "stop_callback")]
#[doc(alias = "CancellationTokenRegistration")]
#[must_use = "dropping it detaches the callback: use `on_go`, which is cheaper"]
pub struct Then(pub(super) Hook);

impl Then {
    /// Removes the callback unless it is running or has run.
    ///
    /// Of *removed* and *ran* exactly one comes true: `Removed` is final, `Running` becomes `Ran`. Its captures are dropped
    /// by whoever removes it, on that thread, before that call returns; another call may find it `Removed` meanwhile. Never waits for user code, and for other threads
    /// only as long as one of them is at the signal's list (64 waiters at a time).
    #[doc(alias = "Unregister")]
    pub fn cancel(&self) -> Cancel {
        self.0.cancel()
    }

    /// As [`cancel`](Then::cancel), and returns only once the callback has returned and its captures are dropped.
    ///
    /// From inside the callback itself it returns `Running` at once.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use stopwhen::{Signal, signal::Cancel};
    ///
    /// let (log, lines) = channel();
    /// let stop = Signal::new();
    /// let closing = stop.then(move || log.send("closing").unwrap());
    /// std::thread::scope(|s| {
    ///     s.spawn(|| stop.go());
    ///     let end = closing.cancel_and_wait(); // from here on nobody has `log`
    ///     assert_eq!(lines.try_iter().count(), usize::from(end == Cancel::Ran));
    /// });
    /// ```
    ///
    /// # Blocking
    /// As long as the callback runs. Two callbacks that wait so for each other wait for ever.
    pub fn cancel_and_wait(&self) -> Cancel {
        self.0.cancel_and_wait()
    }
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Then").finish_non_exhaustive()
    }
}

/// Raises a signal when dropped, on a panic too. Made by [`Signal::go_on_drop`].
///
/// ```
/// use stopwhen::Signal;
///
/// let done = Signal::named("worker done");
/// {
///     let _guard = done.go_on_drop();
///     // … work that may return early, or panic …
/// }
/// assert!(done.is_go());
/// ```
#[doc(alias = "DropGuard")]
#[must_use = "dropped at once, it raises the signal at once"]
#[derive(Debug)]
pub struct GoOnDrop {
    /// None once disarmed.
    signal: Option<Signal>,
    place: &'static Location<'static>,
}

impl GoOnDrop {
    /// Lets the signal be as it is.
    pub fn disarm(mut self) {
        self.signal = None;
    }
}

impl Drop for GoOnDrop {
    fn drop(&mut self) {
        if let Some(signal) = &self.signal {
            signal.0.go(self.place);
        }
    }
}

impl Signal {
    /// Runs `f` once this goes: on the thread that raises it, or now if it is go.
    ///
    /// Callbacks run once, in order of registration, after every thread and task was woken; inside one, all that is
    /// derived from this signal is go already. `f` may do anything: raise, wait, register, drop the last handle. It is
    /// dropped unrun when nothing can raise this signal any more. Use [`on_go`](Signal::on_go) if nothing will cancel it.
    ///
    /// # Panics
    /// If `f` runs now and panics. One that panics later is passed on to whoever called `go`, after all others have run.
    /// If a time is involved and the platform refuses the clock's thread.
    ///
    /// # Memory ordering
    /// What came before the `go` happens before `f`.
    #[doc(alias = "stop_callback")]
    #[doc(alias = "AfterFunc")]
    #[inline]
    pub fn then(&self, f: impl FnOnce() + Send + 'static) -> Then {
        Then(self.0.then(f))
    }

    /// As [`then`](Signal::then) with nothing to hold, and the cheaper one.
    ///
    /// ```
    /// use stopwhen::Signal;
    /// use std::sync::mpsc;
    ///
    /// let (tell, told) = mpsc::channel();
    /// let (a, b) = (Signal::new(), Signal::new());
    /// (&a | &b).on_go(move || tell.send("either").unwrap()); // fires although its handle is gone
    /// b.go();
    /// assert_eq!(told.recv(), Ok("either"));
    /// ```
    ///
    /// # Panics
    /// As [`then`](Signal::then).
    #[inline]
    pub fn on_go(&self, f: impl FnOnce() + Send + 'static) {
        self.0.on_go(f);
    }

    /// Raises this when the guard is dropped, on a panic too.
    ///
    /// The cause's place is that of this call. The guard is a handle: as long as it lives the signal can go.
    #[doc(alias = "drop_guard")]
    #[track_caller]
    pub fn go_on_drop(&self) -> GoOnDrop {
        self.go_on_drop_from(Location::caller())
    }

    /// The same, from that place.
    pub(crate) fn go_on_drop_from(&self, place: &'static Location<'static>) -> GoOnDrop {
        GoOnDrop { signal: Some(self.clone()), place }
    }
}
