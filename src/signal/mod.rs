//! The face of the signal: a one-shot condition that composes.
mod cause;
mod compose;
mod display;
mod future;
mod then;
mod until;

pub use cause::Cause;
pub use future::WaitAsync;
pub use then::{Cancel, GoOnDrop, Then};
pub use until::Until;

use crate::error::Stopped;
use crate::wait::Handle;
use std::error::Error;
use std::hash::{Hash, Hasher};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

/// A one-shot condition: it goes once, never back, and composes.
///
/// Anyone may poll it, wait for it, attach work to it, await it, or combine it with others into a signal like any other.
/// It is a cheap handle: clones are the same signal.
///
/// ```
/// use stopwhen::{Signal, Till};
///
/// let user_cancel = Signal::named("user_cancel");
/// let stop = &user_cancel | Till::secs(360);
///
/// assert!(!stop.is_go());
/// assert!(user_cancel.go()); // true for the one who did it
/// assert!(stop.is_go());
/// stop.wait(); // returns at once
/// ```
///
/// # Who can raise it
/// [`go`](Signal::go) raises what [`new`](Signal::new), [`named`](Signal::named), [`child`](Signal::child) and the Till
/// constructors made. An *expression* (`|`, `&`, [`any`](Signal::any), [`all`](Signal::all),
/// [`at_least`](Signal::at_least), [`delayed`](Signal::delayed)) and a [`view`](Signal::view) are raised by what they look
/// at: their `go()` is `false` and changes nothing. To add a switch to an expression, `or` a signal of your own to it,
/// or make a `child` of it.
///
/// # What it keeps
/// An expression that nobody has waited for, awaited, polled over and over or attached work to hangs on nothing, unless it is a
/// [`child`](Signal::child) or looks at more than sixteen signals: those hang from the start. After
/// that it hangs on its inputs until it goes or its last handle is gone: a million short expressions on one long-lived
/// signal leave that as it was. Callbacks and futures look and cannot raise: when the last handle that could raise a
/// signal is gone, its callbacks are dropped unrun. A callback that captures a handle of the signal it hangs on keeps
/// both until it runs.
///
/// # Memory ordering
/// What came before the `go` that won happens before whatever sees the signal as go: a poll that says so, the end of a
/// wait, a callback, a ready future, a `go` that lost. For an OR that is the `go` of the input that decided, for an AND and
/// k-of-n of each that counted.
///
/// # Equality
/// Clones are equal, everything else differs: a view is another signal.
///
/// # Not in signal handlers, not across `fork`
/// `go` and `is_go` may take locks and start a thread: neither may be called from an asynchronous signal handler, and a
/// child process after `fork` has no clock.
#[doc(alias = "CancellationToken")]
#[doc(alias = "StopToken")]
#[doc(alias = "AbortSignal")]
#[doc(alias = "Context")]
#[doc(alias = "AbortController")]
#[doc(alias = "stop_token")]
#[doc(alias = "stop_source")]
#[doc(alias = "latch")]
#[doc(alias = "CancellationTokenSource")]
#[must_use = "a signal does nothing unless somebody looks at it"]
pub struct Signal(pub(crate) Handle);

impl UnwindSafe for Signal {}
impl RefUnwindSafe for Signal {}

impl Signal {
    /// Makes a signal that goes by hand.
    #[inline]
    pub fn new() -> Signal {
        Signal(Handle::leaf())
    }

    /// Makes a signal that goes by hand, with a name that its [`cause`](Signal::cause) and `Display` tell.
    pub fn named(name: impl Into<String>) -> Signal {
        Signal(Handle::named(name.into()))
    }

    /// Makes a signal that is go from the start.
    #[track_caller]
    pub fn done() -> Signal {
        Signal(Handle::done())
    }

    /// Makes a signal that never goes.
    ///
    /// To [`wait`](Signal::wait) for it is to wait for ever; with [`wait_until`](Signal::wait_until) it is a sleep. What is
    /// attached to it is dropped at once.
    pub fn never() -> Signal {
        Signal(Handle::never())
    }

    /// Makes a signal that goes with this one, may go alone, and never raises this one.
    ///
    /// It is what to make to add a switch, and what a library makes of a stop condition it was given. Of several children the
    /// newest is told first, as things are taken down in reverse order of their making.
    ///
    /// ```
    /// use stopwhen::Signal;
    ///
    /// let (parent, other) = (Signal::new(), Signal::new());
    /// let (a, b) = (parent.child(), parent.child());
    /// a.go();
    /// assert!(a.is_go() && !b.is_go() && !parent.is_go());
    /// parent.go();
    /// assert!(b.is_go());
    /// # drop(other);
    /// ```
    ///
    /// # Panics
    /// If this has a time in it and the platform refuses the clock's thread.
    #[doc(alias = "child_token")]
    #[doc(alias = "WithCancel")]
    #[doc(alias = "CreateLinkedTokenSource")]
    pub fn child(&self) -> Signal {
        Signal(self.0.child())
    }

    /// A [`child`](Signal::child) with a name.
    pub(crate) fn named_child(&self, name: String) -> Signal {
        Signal(self.0.named_child(name))
    }

    /// Makes a signal that goes when this one does and cannot be raised itself.
    ///
    /// ```
    /// use stopwhen::Signal;
    ///
    /// let stop = Signal::new();
    /// let shown = stop.view();
    /// assert!(!shown.go() && !stop.is_go());
    /// stop.go();
    /// assert!(shown.is_go());
    /// ```
    #[doc(alias = "stop_token")]
    pub fn view(&self) -> Signal {
        Signal(Handle::view_of(self.0.user()))
    }

    /// Raises it; true for the one caller that did.
    ///
    /// In order: it and all that is derived from it become go; threads and tasks are woken; callbacks run, on this thread,
    /// in order of registration; links, captures and memory are let go of. So when it returns, everything that follows
    /// from this signal has followed. On an expression or view it is `false` and changes nothing.
    ///
    /// # Blocking
    /// A call that loses may wait until the winner has flagged what is derived, never for a callback.
    ///
    /// # Panics
    /// If a callback panics: with the first such panic, after all others have run and everybody was woken. If the thread
    /// is unwinding already, the panic hook's word is all there is.
    ///
    /// # Memory ordering
    /// What came before the call that wins happens before whatever sees the signal as go, a losing call included.
    #[doc(alias = "cancel")]
    #[doc(alias = "set")]
    #[doc(alias = "abort")]
    #[doc(alias = "request_stop")]
    #[inline]
    #[track_caller]
    pub fn go(&self) -> bool {
        self.0.go(Location::caller())
    }

    /// As [`go`](Signal::go), and leaves a reason that [`cause`](Signal::cause) tells. A loser's reason is dropped.
    ///
    /// The winner's is dropped with the signal, on whichever thread lets go of that last; this may be one that raises, or
    /// polls, something built on it. Its `Drop` should neither block nor take locks that others hold while they poll.
    ///
    /// ```
    /// use stopwhen::Signal;
    ///
    /// let stop = Signal::new();
    /// assert!(stop.go_because("the disk is full"));
    /// let cause = stop.cause().expect("it is go");
    /// assert_eq!(cause.reason().expect("given").to_string(), "the disk is full");
    /// ```
    ///
    /// # Panics
    /// As [`go`](Signal::go).
    #[doc(alias = "WithCancelCause")]
    #[track_caller]
    pub fn go_because(&self, reason: impl Into<Box<dyn Error + Send + Sync>>) -> bool {
        self.0.go_because(reason.into().into(), Location::caller())
    }

    /// Tells whether it is go: about a nanosecond, and never a lock held by user code.
    ///
    /// Of an expression it asks the inputs, at most sixteen; a heavier one, or one that is polled over and over, is told by
    /// its inputs, and then a poll is one load. Runs no foreign code, unless it is the last to let go of what has a
    /// [reason](Signal::go_because); may wait, as a losing `go` does, until another thread has flagged what is derived.
    ///
    /// # Memory ordering
    /// If true: what came before the `go` happens before this returns.
    #[doc(alias = "is_cancelled")]
    #[doc(alias = "is_set")]
    #[doc(alias = "stop_requested")]
    #[doc(alias = "IsCancellationRequested")]
    #[doc(alias = "aborted")]
    #[inline(always)]
    pub fn is_go(&self) -> bool {
        self.0.is_go()
    }

    /// Is an error once it is go: for `?` between two steps of a long job.
    ///
    /// ```
    /// use stopwhen::{Signal, Stopped};
    ///
    /// fn sum(parts: &[u64], stop: &Signal) -> Result<u64, Stopped> {
    ///     let mut sum = 0;
    ///     for part in parts {
    ///         stop.check()?;
    ///         sum += part;
    ///     }
    ///     Ok(sum)
    /// }
    ///
    /// let stop = Signal::new();
    /// assert_eq!(sum(&[1, 2], &stop), Ok(3));
    /// stop.go();
    /// assert_eq!(sum(&[1, 2], &stop), Err(Stopped));
    /// ```
    ///
    /// # Errors
    /// [`Stopped`] if it is go.
    #[doc(alias = "throw_if_cancelled")]
    #[doc(alias = "throwIfAborted")]
    #[doc(alias = "ThrowIfCancellationRequested")]
    #[inline]
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_go() { Err(Stopped) } else { Ok(()) }
    }

    /// Sleeps until it is go.
    ///
    /// # Blocking
    /// For as long as that takes: for ever, if nothing can raise it. There are no spurious returns.
    ///
    /// # Memory ordering
    /// What came before the `go` happens before this returns.
    #[inline]
    pub fn wait(&self) {
        self.0.wait();
    }

    /// Sleeps until it is go, or something else has come. If both, it is go.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Signal, Stopped};
    ///
    /// let (loaded, stop) = (Signal::new(), Signal::new());
    /// assert_eq!(loaded.wait_until((&stop, Duration::from_millis(1))), Err(Stopped));
    /// assert!(!stop.is_go()); // so it was time that ended it
    /// stop.go();
    /// loaded.go();
    /// assert_eq!(loaded.wait_until(&stop), Ok(()));
    /// ```
    ///
    /// # Errors
    /// [`Stopped`] if `until` came first.
    ///
    /// # Blocking
    /// Until one of the two. `until` gone already, or zero: just a look. The wait allocates nothing and starts no timer thread;
    /// an expression of expressions does so for a moment when it is first linked or found go, and one whose times come
    /// without making it go may arm the rest.
    #[doc(alias = "wait_timeout")]
    #[doc(alias = "wait_for")]
    pub fn wait_until(&self, until: impl Until) -> Result<(), Stopped> {
        if self.0.wait_until(&until) { Ok(()) } else { Err(Stopped) }
    }

    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.0.name()
    }
}

impl Clone for Signal {
    #[inline]
    fn clone(&self) -> Signal {
        Signal(self.0.clone())
    }
}

impl Default for Signal {
    fn default() -> Signal {
        Signal::new()
    }
}

impl From<&Signal> for Signal {
    fn from(signal: &Signal) -> Signal {
        signal.clone()
    }
}

impl PartialEq for Signal {
    fn eq(&self, other: &Signal) -> bool {
        self.0.address() == other.0.address()
    }
}

impl Eq for Signal {}

impl Hash for Signal {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.address().hash(state);
    }
}
