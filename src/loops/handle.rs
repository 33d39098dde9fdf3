//! The handle that all loop threads have.
use crate::error::JoinError;
use crate::signal::{Signal, Until};
use crate::thread::{StopOnDrop, Thread, ThreadRef, Tree};
use std::fmt;

/// Where a loop thread stands. Told by [`LoopThread::state`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum State {
    /// It was started, and nothing has asked it to end: it is in `init`, in a turn, or waits for the next one.
    Running,
    /// It was paused, and the turn that was under way has not ended.
    Pausing,
    /// It was paused, and no turn is under way.
    Paused,
    /// An [`OperationThread`](super::OperationThread) that takes no more items, and still runs one or has some queued.
    Closing,
    /// It was asked to stop, or has taken its last turn, and has not stopped: it ends a turn, cleans up, or waits for threads below.
    Stopping,
    /// It has stopped, and has not panicked.
    Ended,
    /// It has stopped, and a turn, `init` or `cleanup` has panicked.
    Panicked,
}

/// What kinds of loop threads do differently.
pub(super) trait Kind {
    /// Where one stands that has not stopped, is to have further turns, and was not asked to stop.
    fn look(&self) -> State {
        State::Running
    }
}

/// A loop thread's handle: what all kinds of them can do.
///
/// It is a [`Thread`] with a body that is run again and again: see [the module](super) for the kinds of them, each with
/// more to it. Dropping the handle changes nothing: the thread is still tracked, and still stopped with its parent.
///
/// # Examples
/// ```
/// use stopwhen::ContinuousThread;
/// use stopwhen::loops::State;
///
/// let waiter = ContinuousThread::run("waiter", |turn| turn.please_stop().wait());
/// assert_eq!(waiter.state(), State::Running);
/// waiter.stop();
/// assert_eq!(waiter.join(), Ok(()));
/// assert_eq!(waiter.state(), State::Ended);
/// ```
pub struct LoopThread<K> {
    pub(super) thread: Thread<()>,
    /// O1.
    pub(super) over: Signal,
    pub(super) kind: K,
}

impl<K> LoopThread<K> {
    /// Asks it and all threads below it to stop; true for the one call that did. Never waits for a thread.
    ///
    /// The turn that is under way ends as it likes (`please_stop` ends its waits); there is no further one.
    ///
    /// # Panics
    /// As [`Signal::go`]: if a callback of a please_stop does.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.thread.stop()
    }

    /// What asks it to stop.
    pub fn please_stop(&self) -> &Signal {
        self.thread.please_stop()
    }

    /// What goes when it has stopped, and all threads below it. A view. Its [cause](Signal::cause) tells where the thread was started.
    ///
    /// # Memory ordering
    /// All that the thread has done happens before whatever sees this go.
    #[doc(alias = "is_alive")]
    #[doc(alias = "is_finished")]
    pub fn stopped(&self) -> &Signal {
        self.thread.stopped()
    }

    /// Waits until it has stopped.
    ///
    /// # Blocking
    /// As long as the thread runs, and those below it: somebody must stop it.
    ///
    /// # Errors
    /// [`JoinError::Panicked`] if a turn, `init` or `cleanup` has panicked, however often it is asked. [`JoinError::Children`], once, if threads
    /// below it have that nobody had joined, or items of an [`OperationThread`](super::OperationThread). [`JoinError::WouldDeadlock`] if it is
    /// this thread, or one above it, which waits for this one.
    ///
    /// # Memory ordering
    /// All that the thread has done happens before this returns.
    pub fn join(&self) -> Result<(), JoinError> {
        again(self.thread.join())
    }

    /// As [`join`](LoopThread::join), or until `until`. If it has stopped it does not matter whether `until` has come.
    ///
    /// # Blocking
    /// As [`join`](LoopThread::join), or until `until`.
    ///
    /// # Errors
    /// [`JoinError::Stopped`] if `until` came first: the thread goes on, and can be joined again. Else as [`join`](LoopThread::join).
    pub fn join_until(&self, until: impl Until) -> Result<(), JoinError> {
        again(self.thread.join_until(until))
    }

    /// The name it was given, in full.
    pub fn name(&self) -> &str {
        self.thread.name()
    }

    /// Its name and those of the threads above: `main/server/worker`.
    pub fn path(&self) -> &str {
        self.thread.path()
    }

    /// It and the threads below it, as [`ThreadRef::tree`].
    pub fn tree(&self) -> Tree {
        self.thread.tree()
    }

    /// Lets go of the handle; the same as dropping it. The thread is still tracked, and still stopped with its parent.
    #[doc(alias = "detach")]
    #[doc(alias = "daemon")]
    pub fn release(self) {}

    /// Ties the thread to a scope: it is stopped and joined when what this returns is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::PeriodicThread;
    ///
    /// let stopped = {
    ///     let hourly = PeriodicThread::run("hourly", Duration::from_secs(3600), |_turn| ()).stop_on_drop();
    ///     hourly.stopped().clone()
    /// };
    /// assert!(stopped.is_go());
    /// ```
    pub fn stop_on_drop(self) -> StopOnDrop<LoopThread<K>> {
        StopOnDrop::new(self)
    }
}

#[allow(private_bounds, reason = "the kinds are those of this module")]
impl<K: Kind> LoopThread<K> {
    /// Tells where it stands just now.
    ///
    /// A stop comes before a pause: once asked to stop it is [`Stopping`](State::Stopping), paused or not. By the time this returns
    /// the thread may be further on, but for [`Ended`](State::Ended) and [`Panicked`](State::Panicked), which are final.
    pub fn state(&self) -> State {
        let me: &ThreadRef = self.as_ref();
        match () {
            () if me.stopped().is_go() && me.has_panicked() => State::Panicked,
            () if me.stopped().is_go() => State::Ended,
            () if me.please_stop().is_go() || self.over.is_go() => State::Stopping,
            () => self.kind.look(),
        }
    }
}

/// There is no result that an earlier join could have taken.
fn again(joined: Result<(), JoinError>) -> Result<(), JoinError> {
    match joined {
        Err(JoinError::AlreadyTaken) => Ok(()),
        joined => joined,
    }
}

impl<K> AsRef<ThreadRef> for LoopThread<K> {
    fn as_ref(&self) -> &ThreadRef {
        self.thread.as_ref()
    }
}

impl<K: Kind> fmt::Debug for LoopThread<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopThread").field("thread", self.as_ref()).field("state", &self.state()).finish()
    }
}
