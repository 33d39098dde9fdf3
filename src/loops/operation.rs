//! A worker that is given items.
//!
//! # Invariants
//! - O4  An item that was taken by an `add` is in the queue, in `left`, or with the worker, who runs it; or it was given back by `discard`. Out
//!   of the queue into `left` it goes under the lock of `left`, under which `discard` looks at both.
//! - O5  Before a `go` of please_stop has returned, the queue is closed and empty, unless the thread has not begun: then it is before
//!   anything is taken out. So nothing is begun after a stop; and nothing is added, for who adds looks at please_stop, too.
use super::builder::{Builder, started};
use super::handle::{Kind, LoopThread, State};
use crate::error::{Panic, PushError, SpawnError};
use crate::lock::Lock;
use crate::queue::Queue;
use crate::signal::{Signal, Until};
use crate::sys::Arc;
use crate::thread::{self, ThreadRef};
use std::fmt;

/// A thread that runs its body for each item that is added to it, in order, until it is closed or stopped.
///
/// Items are begun in the order in which they were added, each once, one at a time. There are two ways to end it:
///
/// | | the item at hand | items that wait | an item added later |
/// |--|--|--|--|
/// | [`close`](OperationThread::close) | is finished | are run; then the thread ends | comes back, `Closed` |
/// | [`stop`](LoopThread::stop), and the parent's end | is finished (its `please_stop` is go) | stay for [`discard`](OperationThread::discard) | comes back, `Closed` |
/// | [`discard`](OperationThread::discard) | is finished; then the thread ends | are what it returns | comes back, `Closed` |
///
/// So each item is run, or comes back, or is left for `discard`: exactly one of these. What nobody has asked back when the thread has
/// ended and its handle is gone is dropped then.
///
/// # Panics of an item
/// Are reported at once, and the worker goes on with the next item: one bad item does not keep the others from being run. A
/// [`join`](LoopThread::join) tells all of them, once, as [`JoinError::Children`](crate::JoinError::Children), and if nobody joins, the thread above
/// is told; [`take_panics`](OperationThread::take_panics) tells those so far. They are kept until somebody asks. A panic of `init` or `cleanup` is
/// the thread's own, as ever.
///
/// # Examples
/// ```
/// use std::sync::{Arc, Mutex};
/// use stopwhen::{OperationThread, PushError};
///
/// let written = Arc::new(Mutex::new(String::new()));
/// let writer = OperationThread::run("writer", {
///     let written = written.clone();
///     move |_please_stop, word: &str| written.lock().unwrap().push_str(word)
/// });
/// writer.add("a").unwrap();
/// writer.add("b").unwrap();
/// writer.close();
/// assert_eq!(writer.add("c"), Err(PushError::Closed("c")));
/// assert_eq!(writer.join(), Ok(()));
/// assert_eq!(*written.lock().unwrap(), "ab");
/// ```
#[doc(alias = "Actor")]
#[doc(alias = "ThreadPoolExecutor")]
#[doc(alias = "SingleThreadExecutor")]
#[doc(alias = "Worker")]
pub type OperationThread<T> = LoopThread<Operation<T>>;

/// What who adds waits in, in words.
const ADD: &str = "in OperationThread::add";

/// The kind of an [`OperationThread`].
pub struct Operation<T>(Arc<Work<T>>);

struct Work<T> {
    queue: Queue<T>,
    /// What was queued when the thread was stopped.
    left: Lock<Vec<T>>,
}

impl<T> Work<T> {
    fn new(queue: Queue<T>, name: &str) -> Arc<Work<T>> {
        Arc::new(Work { queue: queue.named(name), left: Lock::new(Vec::new()) })
    }

    /// Nothing is begun or added any more (O4, O5).
    fn shut(&self) {
        let mut left = self.left.lock();
        left.extend(self.queue.close_now());
    }

    /// What was not run and will not be.
    fn take_left(&self) -> Vec<T> {
        let mut left = self.left.lock();
        left.extend(self.queue.close_now());
        std::mem::take(&mut *left)
    }
}

impl<T: Send + 'static> LoopThread<Operation<T>> {
    /// Starts an [`OperationThread`] of that name, under the thread that calls. `body` is run for each item, with what asks it to stop.
    ///
    /// Any number of items may wait; [`Builder::capacity`] sets a bound.
    ///
    /// # Panics
    /// If the platform refuses; [`Builder::try_run`] tells instead.
    #[track_caller]
    pub fn run(name: impl AsRef<str>, mut body: impl FnMut(&Signal, T) + Send + 'static) -> OperationThread<T> {
        LoopThread::<Operation<T>>::builder(name).run(move |please_stop, (), item| body(please_stop, item))
    }

    /// Says more about an [`OperationThread`] before it is started.
    pub fn builder(name: impl AsRef<str>) -> Builder<Operation<T>> {
        let name = thread::or_numbered(name.as_ref()); // the queue's, too
        Builder::new(&name, Operation(Work::new(Queue::unbounded(), &name)))
    }

    /// Adds an item, which is run when all that were added before it have been.
    ///
    /// # Blocking
    /// Only if a [`capacity`](Builder::capacity) was set: until there is room. The body itself must not add to its own thread then, or it
    /// waits for itself: there is [`try_add`](OperationThread::try_add).
    ///
    /// # Errors
    /// [`PushError::Closed`] with the item if the thread was closed or stopped, or comes to be while this waits.
    #[doc(alias = "submit")]
    #[doc(alias = "execute")]
    #[doc(alias = "push")]
    pub fn add(&self, item: T) -> Result<(), PushError<T>> {
        self.refusing_after_stop(item, |queue, item| queue.push_as(ADD, item, self.please_stop()))
    }

    /// Adds an item, unless `until` comes while it waits for room. If there is room it does not matter whether `until` has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{OperationThread, PushError, Signal};
    ///
    /// let gate = Signal::new();
    /// let shown = gate.view();
    /// let writer = OperationThread::builder("writer").capacity(1).run(move |_please_stop, _state, item: u32| {
    ///     shown.wait();
    ///     println!("{item}");
    /// });
    /// writer.add(1).unwrap(); // begun when the thread comes to it
    /// writer.add(2).unwrap(); // there is room once that has begun
    /// assert_eq!(writer.add_until(3, Duration::from_millis(1)), Err(PushError::Stopped(3)));
    /// gate.go();
    /// writer.close();
    /// assert_eq!(writer.join(), Ok(()));
    /// ```
    ///
    /// # Blocking
    /// As [`add`](OperationThread::add), or until `until`.
    ///
    /// # Errors
    /// [`PushError::Closed`] or [`PushError::Stopped`], with the item.
    pub fn add_until(&self, item: T, until: impl Until) -> Result<(), PushError<T>> {
        self.refusing_after_stop(item, |queue, item| queue.push_as(ADD, item, (self.please_stop(), until)))
    }

    /// Adds an item if there is room.
    ///
    /// # Errors
    /// [`PushError::Closed`] or [`PushError::Full`], with the item.
    pub fn try_add(&self, item: T) -> Result<(), PushError<T>> {
        self.refusing_after_stop(item, Queue::try_push)
    }

    /// A stop closes the queue by the thread, which may not have come to that yet (O5).
    fn refusing_after_stop(
        &self,
        item: T,
        add: impl FnOnce(&Queue<T>, T) -> Result<(), PushError<T>>,
    ) -> Result<(), PushError<T>> {
        if self.please_stop().is_go() {
            return Err(PushError::Closed(item));
        }
        match add(&self.kind.0.queue, item) {
            Err(PushError::Stopped(item)) if self.please_stop().is_go() => Err(PushError::Closed(item)),
            added => added,
        }
    }

    /// Adds no more: what is queued is run, and then the thread ends. Does not wait for that.
    ///
    /// ```
    /// use stopwhen::OperationThread;
    ///
    /// let worker = OperationThread::run("worker", |_, n: u32| assert!(n < 3));
    /// (0..3).for_each(|n| worker.add(n).unwrap());
    /// worker.close();
    /// assert_eq!(worker.join(), Ok(()));
    /// ```
    #[doc(alias = "shutdown")]
    pub fn close(&self) {
        self.kind.0.queue.close();
    }

    /// Adds no more and runs no more: gives back what was queued, in order. The thread ends after the item at hand; this does not
    /// wait for it.
    ///
    /// After a stop it gives back what that has left.
    ///
    /// ```
    /// use stopwhen::OperationThread;
    ///
    /// let busy = OperationThread::run("busy", |please_stop, _: u32| please_stop.wait());
    /// (1..=3).for_each(|n| busy.add(n).unwrap());
    /// let left = busy.discard();
    /// assert!(left == [2, 3] || left == [1, 2, 3]);
    /// busy.stop();
    /// assert_eq!(busy.join(), Ok(()));
    /// ```
    #[doc(alias = "shutdownNow")]
    pub fn discard(&self) -> Vec<T> {
        self.kind.0.take_left()
    }

    /// Tells how many items wait: neither the one that is being run nor what a stop has left.
    pub fn len(&self) -> usize {
        self.kind.0.queue.len()
    }

    /// Tells whether no item waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the panics of items so far, and those of threads below that nobody has joined. Each is told once: what was taken no
    /// join tells any more.
    pub fn take_panics(&self) -> Vec<Panic> {
        let me: &ThreadRef = self.as_ref();
        me.take_panics()
    }
}

impl<T: Send + 'static, S: 'static> Builder<Operation<T>, S> {
    /// Sets how many items may wait; who adds more waits until some have been begun, and is reported as by
    /// [`Queue::push`](crate::Queue::push) if that takes over five seconds.
    ///
    /// # Panics
    /// If `n` is zero.
    #[track_caller]
    pub fn capacity(mut self, n: usize) -> Builder<Operation<T>, S> {
        self.kind = Operation(Work::new(Queue::bounded(n), self.name()));
        self
    }

    /// Starts it. `body` is run for each item.
    ///
    /// ```
    /// use stopwhen::OperationThread;
    ///
    /// let sum = OperationThread::builder("sum")
    ///     .capacity(2)
    ///     .init(|_| 0)
    ///     .cleanup(|sum: u32| assert_eq!(sum, 6))
    ///     .run(|_please_stop, sum, n: u32| *sum += n);
    /// (1..=3).for_each(|n| sum.add(n).unwrap());
    /// sum.close();
    /// assert_eq!(sum.join(), Ok(()));
    /// ```
    ///
    /// # Panics
    /// If the platform refuses, or if the parent it was to have has ended: [`try_run`](Builder::try_run) tells.
    #[track_caller]
    pub fn run(self, body: impl FnMut(&Signal, &mut S, T) + Send + 'static) -> OperationThread<T> {
        started(self.try_run(body))
    }

    /// Starts it, if that can be done.
    ///
    /// # Errors
    /// [`SpawnError`] if the platform refuses, or if the thread it was to be [`under`](Builder::under) has ended its body. Then
    /// `body`, `init` and `cleanup` are dropped.
    #[track_caller]
    pub fn try_run(
        self,
        mut body: impl FnMut(&Signal, &mut S, T) + Send + 'static,
    ) -> Result<OperationThread<T>, SpawnError> {
        let work = self.kind.0.clone();
        let shut = Shut(work.clone());
        let kind = Operation(work);
        self.start(kind, move |please_stop, state| {
            Work::run(&shut.0, please_stop, |item| body(please_stop, state, item));
        })
    }
}

/// Shuts when the worker has ended, or has never begun: nobody is to wait for a thread that takes nothing.
struct Shut<T>(Arc<Work<T>>);

impl<T> Drop for Shut<T> {
    fn drop(&mut self) {
        self.0.shut();
    }
}

impl<T: Send + 'static> Work<T> {
    /// Runs items until it is closed and empty, or stopped.
    fn run(work: &Arc<Work<T>>, please_stop: &Signal, mut body: impl FnMut(T)) {
        let me = thread::current().expect("it was started in a tree");
        let at_stop = work.clone();
        let told = please_stop.then(move || at_stop.shut());
        while !please_stop.is_go() {
            let Ok(item) = work.queue.pop_as("for an item", please_stop) else { break };
            me.caught(|| body(item));
        }
        told.cancel(); // or it would keep the items for as long as somebody keeps the signal
    }
}

impl<T> Kind for Operation<T> {
    fn look(&self) -> State {
        if self.0.queue.closed().is_go() { State::Closing } else { State::Running }
    }
}

impl<T> fmt::Debug for Operation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Operation").field(&self.0.queue).finish()
    }
}
