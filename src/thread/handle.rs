//! A thread's handle, by which it is joined.
use super::here::waits_for_here;
use super::node::Node;
use super::reference::{ThreadRef, Tree};
use super::start::Builder;
use crate::error::{JoinError, Stopped};
use crate::signal::{Signal, Until};
use crate::sys::Arc;
use crate::wait::Leaves;
use crate::wait::Mutex;
use std::fmt;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Where a thread leaves its result.
pub(super) struct Packet<R>(Mutex<Option<R>>);

impl<R> Packet<R> {
    pub(super) fn new() -> Packet<R> {
        Packet(Mutex::new(None))
    }

    /// Leaves it there, and lets go of the packet; a result that nobody can have any more is dropped by that.
    pub(super) fn fill(packet: Arc<Self>, result: Option<R>) {
        *packet.0.lock() = result;
    }

    pub(super) fn take(&self) -> Option<R> {
        self.0.lock().take()
    }
}

/// A thread with a name, a parent and a signal that asks it to stop.
///
/// [`run`](Thread::run) starts it under the thread that calls, which will not end before it. Dropping the handle changes nothing about
/// that: the thread is still tracked, and still stopped with its parent.
///
/// ```
/// use stopwhen::Thread;
///
/// let counter = Thread::run("counter", |please_stop| {
///     let mut n = 0_u64;
///     while !please_stop.is_go() {
///         n += 1;
///     }
///     n
/// });
/// counter.stop();
/// println!("counted to {}", counter.join().unwrap());
/// ```
///
/// # Its end
/// When its body returns or panics, the thread stops and joins its own children, and only then has it [`stopped`](Thread::stopped).
///
/// # Panics of its body
/// Are reported when they happen, and told to whoever [joins](Thread::join). Those of threads that nobody has joined by the time
/// their parent ends travel up, to the first that is joined ([`JoinError::Children`]), or to [`run`](crate::run)'s report. A program
/// built with `panic = "abort"` ends at the first, as any does.
///
/// # Without a tree
/// Started on a thread of no tree it makes a root of its own: it is nobody's child, and nobody waits for it but who joins it. Threads
/// below it are its children as ever.
#[doc(alias = "spawn")]
#[doc(alias = "JoinHandle")]
#[doc(alias = "jthread")]
pub struct Thread<R> {
    pub(super) me: ThreadRef,
    pub(super) packet: Arc<Packet<R>>,
}

impl<R> UnwindSafe for Thread<R> {}
impl<R> RefUnwindSafe for Thread<R> {}

impl<R: Send + 'static> Thread<R> {
    /// Starts a thread of that name, under the thread that calls.
    ///
    /// `f` is given what asks the thread to stop. It runs even if that is go from the start. The platform's name for the thread
    /// may be shorter; without a name it is `thread-N`.
    ///
    /// # Panics
    /// If the platform refuses, or if all threads above have ended their bodies (a root: was shut down): [`Builder::try_run`] tells instead.
    #[track_caller]
    pub fn run(name: impl AsRef<str>, f: impl FnOnce(&Signal) -> R + Send + 'static) -> Thread<R> {
        Thread::builder(name).run(f)
    }
}

impl Thread<()> {
    /// Says more about a thread before it is started.
    pub fn builder(name: impl AsRef<str>) -> Builder {
        Builder::new(name.as_ref())
    }
}

impl<R> Thread<R> {
    /// Waits until the thread has stopped, and takes its result.
    ///
    /// # Blocking
    /// As long as the thread runs, and those below it, and what is attached to [`stopped`](Thread::stopped). The first join also waits for
    /// what the thread's locals do when they are dropped, but in a [`scope`](fn@super::scope).
    ///
    /// # Errors
    /// [`JoinError::Panicked`] if its body did, however often it is asked. [`JoinError::Children`] if threads below it did that nobody had
    /// joined: once, and the next join takes the result. (If its body did, too, those are for who joins the thread above; without one, for
    /// the next join.) [`JoinError::AlreadyTaken`] if an earlier one did. [`JoinError::WouldDeadlock`] if it
    /// is this thread, or one above it, which waits for this one.
    ///
    /// # Memory ordering
    /// All that the thread has done happens before this returns.
    pub fn join(&self) -> Result<R, JoinError> {
        self.node().wait_from_here(None)?;
        self.take()
    }

    /// As [`join`](Thread::join), or until `until`. If it has stopped it does not matter whether `until` has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{JoinError, Thread};
    ///
    /// let worker = Thread::run("worker", |please_stop| {
    ///     please_stop.wait();
    ///     42
    /// });
    /// assert_eq!(worker.join_until(Duration::from_millis(1)), Err(JoinError::Stopped)); // it goes on
    /// worker.stop();
    /// assert_eq!(worker.join(), Ok(42));
    /// ```
    ///
    /// # Blocking
    /// As [`join`](Thread::join), or until `until`.
    ///
    /// # Errors
    /// [`JoinError::Stopped`] if `until` came first: the thread goes on, and can be joined again. Else as [`join`](Thread::join).
    pub fn join_until(&self, until: impl Until) -> Result<R, JoinError> {
        self.node().wait_from_here(Some(&until))?;
        self.take()
    }

    /// What a thread that has stopped left.
    fn take(&self) -> Result<R, JoinError> {
        let (panic, below) = self.node().account();
        match panic {
            Some(panic) => {
                self.node().pass_up(below);
                Err(JoinError::Panicked(panic))
            }
            None if !below.is_empty() => Err(JoinError::Children(below)),
            None => self.packet.take().ok_or(JoinError::AlreadyTaken),
        }
    }

    /// Asks it and all threads below it to stop; true for the one call that did. Never waits for a thread.
    ///
    /// # Panics
    /// As [`Signal::go`]: if a callback of a please_stop does.
    #[doc(alias = "request_stop")]
    #[doc(alias = "interrupt")]
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.me.stop()
    }

    /// What asks it to stop.
    ///
    /// It lives as long as whatever is above: what is attached to it and not [cancelled](crate::signal::Then::cancel) is kept, and run
    /// when those above are asked to stop, even if this thread has stopped long before. A thread that comes and goes should cancel what it
    /// attaches (`then`, not `on_go`).
    #[doc(alias = "stop_token")]
    #[doc(alias = "get_stop_token")]
    pub fn please_stop(&self) -> &Signal {
        self.me.please_stop()
    }

    /// What goes when it has stopped, and all threads below it. A view. Its [cause](Signal::cause) tells where the thread was started.
    ///
    /// What is attached to it runs on the thread itself; [`join`](Thread::join), the end of the parent and a
    /// [shutdown](super::Root::shutdown) wait for that, [`join_until`](Thread::join_until) for this signal. A panic of what is attached is
    /// reported, and goes up, but may come too late for who was woken by this. What is attached may join the thread, but must not wait for
    /// another that does (a [`scope`](fn@super::scope) waits for its threads): they would wait for each other.
    ///
    /// # Memory ordering
    /// All that the thread has done happens before whatever sees this go.
    #[doc(alias = "is_alive")]
    #[doc(alias = "is_finished")]
    pub fn stopped(&self) -> &Signal {
        self.me.stopped()
    }

    /// The name it was given, in full.
    pub fn name(&self) -> &str {
        self.me.name()
    }

    /// Its name and those of the threads above: `main/server/worker`.
    pub fn path(&self) -> &str {
        self.me.path()
    }

    /// It and the threads below it, as [`ThreadRef::tree`].
    pub fn tree(&self) -> Tree {
        self.me.tree()
    }

    /// Lets go of the handle; the same as dropping it. The thread is still tracked, and still stopped with its parent.
    #[doc(alias = "detach")]
    #[doc(alias = "daemon")]
    pub fn release(self) {}

    /// Ties the thread to a scope: it is stopped and joined when what this returns is dropped.
    ///
    /// ```
    /// use stopwhen::Thread;
    ///
    /// let stopped = {
    ///     let ticker = Thread::run("ticker", |please_stop| please_stop.wait()).stop_on_drop();
    ///     ticker.stopped().clone()
    /// };
    /// assert!(stopped.is_go());
    /// ```
    pub fn stop_on_drop(self) -> StopOnDrop<Thread<R>> {
        StopOnDrop::new(self)
    }

    fn node(&self) -> &Arc<Node> {
        &self.me.0
    }
}

impl Node {
    /// Waits until it has stopped, unless this is a thread that it waits for.
    pub(super) fn wait_from_here(&self, until: Option<&dyn Leaves>) -> Result<(), JoinError> {
        if !self.has_stopped() && waits_for_here(self) {
            return Err(JoinError::WouldDeadlock);
        }
        match until {
            None => self.join(),
            Some(until) => self.stopped().wait_until(until).map_err(|Stopped| JoinError::Stopped)?,
        }
        Ok(())
    }
}

impl<R> Drop for Thread<R> {
    fn drop(&mut self) {
        self.node().let_go();
    }
}

impl<R> AsRef<ThreadRef> for Thread<R> {
    fn as_ref(&self) -> &ThreadRef {
        &self.me
    }
}

impl<R> fmt::Debug for Thread<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Thread").field(&self.me).finish()
    }
}

/// What can be tied to a scope: a thread's handle, or a loop thread's.
pub trait Stop: sealed::Sealed {}

mod sealed {
    pub trait Sealed {
        /// Asks it to stop, and waits until it has. From inside, it just asks.
        fn stop_and_wait(&self);
    }
}
pub(crate) use sealed::Sealed as StopAndWait;

impl<T: AsRef<ThreadRef>> Stop for T {}

impl<T: AsRef<ThreadRef>> StopAndWait for T {
    fn stop_and_wait(&self) {
        let node = &self.as_ref().0;
        node.ask(node, "its scope has ended");
        let _ = node.wait_from_here(None); // it would deadlock: then it is enough that it was asked
    }
}

/// Stops a thread, and waits until it has stopped, when dropped. Made by [`Thread::stop_on_drop`].
///
/// If the thread panics, that is for whoever joins its parent.
///
/// # Blocking
/// Dropping it does, as long as the thread runs. Dropped by the thread itself, or one below it, it does not wait.
#[must_use = "dropped at once, it stops the thread at once"]
pub struct StopOnDrop<T: Stop> {
    /// None: disarmed.
    thread: Option<T>,
}

impl<T: Stop> StopOnDrop<T> {
    pub(crate) fn new(thread: T) -> StopOnDrop<T> {
        StopOnDrop { thread: Some(thread) }
    }

    /// Gives the handle back: dropping that stops nothing.
    pub fn disarm(mut self) -> T {
        self.thread.take().expect("it is taken by the end alone")
    }
}

impl<T: Stop> Deref for StopOnDrop<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.thread.as_ref().expect("it is taken by the end alone")
    }
}

impl<T: Stop> Drop for StopOnDrop<T> {
    fn drop(&mut self) {
        self.thread.iter().for_each(StopAndWait::stop_and_wait);
    }
}

impl<T: Stop + fmt::Debug> fmt::Debug for StopOnDrop<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StopOnDrop").field(&self.thread).finish()
    }
}
