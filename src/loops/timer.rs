//! Once, after a while.
//!
//! The function is in one place, under a lock: whoever takes it out runs it, or drops it unrun. So cancelled XOR ran.
use super::builder::{Builder, started};
use super::handle::{Kind, LoopThread};
use crate::error::SpawnError;
use crate::lock::{Lock, LockGuard};
use crate::signal::{GoOnDrop, Signal};
use crate::sys::{Arc, Moment};
use crate::thread::{StopOrder, ThreadRef};
use crate::till::clock;
use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

/// A thread that runs a function once, after a while, unless it is cancelled or stopped before.
///
/// The function has a thread of its own in the tree: it may take its time, and holds up no other timer. For something short, or for many
/// timers, a callback of a [`Till`](crate::Till) needs no thread: `Till::secs(5).on_go(f)`.
///
/// Dropping the handle cancels nothing. A stop does, and so the end of the thread above: the function is dropped unrun, unless it has
/// begun. The time is that of the clock that the thread lives by.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use stopwhen::Timer;
///
/// let never = Timer::after(Duration::from_secs(3600), || unreachable!());
/// assert!(never.cancel());
/// assert_eq!(never.join(), Ok(()));
///
/// let soon = Timer::after(Duration::from_millis(1), || println!("now"));
/// soon.fired().wait();
/// assert!(!soon.cancel());
/// ```
#[doc(alias = "setTimeout")]
#[doc(alias = "delay")]
#[doc(alias = "schedule")]
#[doc(alias = "AfterFunc")]
pub type Timer = LoopThread<Once>;

/// The kind of a [`Timer`].
#[derive(Clone)]
pub struct Once {
    job: Arc<Lock<Job>>,
    fired: Signal,
}

enum Job {
    Waits(Box<dyn FnOnce() + Send>),
    /// It will never run.
    Never,
    /// It runs, or has.
    Ran,
}

impl Job {
    /// WAITS → `next`, for one.
    fn take(&mut self, next: Job) -> Option<Box<dyn FnOnce() + Send>> {
        match self {
            Job::Waits(_) => match std::mem::replace(self, next) {
                Job::Waits(f) => Some(f),
                Job::Never | Job::Ran => None,
            },
            Job::Never | Job::Ran => None,
        }
    }
}

impl LoopThread<Once> {
    /// Starts a timer named `timer` under the thread that calls: `f` runs so long from now.
    ///
    /// A duration too long for the clock, some 580 years, never ends. After no time at all `f` runs at once, on that thread.
    ///
    /// # Panics
    /// If the platform refuses; [`TimerBuilder::try_after`] tells instead.
    #[track_caller]
    pub fn after(d: Duration, f: impl FnOnce() + Send + 'static) -> Timer {
        Timer::builder("timer").after(d, f)
    }

    /// Starts a timer named `timer` under the thread that calls: `f` runs then; at once, if that is past.
    ///
    /// # Panics
    /// As [`after`](Timer::after).
    #[track_caller]
    pub fn at(t: Instant, f: impl FnOnce() + Send + 'static) -> Timer {
        Timer::builder("timer").at(t, f)
    }

    /// Says more about a [`Timer`] before it is started.
    pub fn builder(name: impl AsRef<str>) -> TimerBuilder {
        TimerBuilder { thread: Builder::new(name.as_ref(), Once::new()) }
    }

    /// Sees to it that the function does not run. True: it never will; false: it has begun. However often it is asked, the answer
    /// is the same, also if something else has stopped it.
    ///
    /// The function is dropped by this call, if it is the one that made the difference; and the thread ends.
    ///
    /// # Panics
    /// If what the function has captured does when it is dropped.
    #[doc(alias = "clearTimeout")]
    pub fn cancel(&self) -> bool {
        self.kind.cancel()
    }

    /// What goes when the function has run: when it has returned, or panicked. A view, whose [cause](Signal::cause) tells where the timer was
    /// started. If it never runs, this never goes: then [`stopped`](LoopThread::stopped) does.
    ///
    /// # Memory ordering
    /// All that the function has done happens before whatever sees this go.
    pub fn fired(&self) -> &Signal {
        &self.kind.fired
    }
}

/// How a [`Timer`] is to be started. Made by [`Timer::builder`].
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use stopwhen::{Signal, Timer};
///
/// let done = Signal::new();
/// let alarm = Timer::builder("alarm").stop_when(&done).after(Duration::from_secs(3600), || unreachable!());
/// done.go();
/// assert_eq!(alarm.join(), Ok(()));
/// assert!(!alarm.fired().is_go());
/// ```
#[derive(Debug)]
#[must_use = "it starts nothing before `after` or `at`"]
pub struct TimerBuilder {
    thread: Builder<Once>,
}

impl TimerBuilder {
    /// Also asks it to stop when `cond` goes. Its own `stop` does not raise `cond`. Of several, each does.
    pub fn stop_when(self, cond: impl Into<Signal>) -> TimerBuilder {
        TimerBuilder { thread: self.thread.stop_when(cond) }
    }

    /// The size of its stack in bytes; by default the platform's, or what `RUST_MIN_STACK` says.
    pub fn stack_size(self, bytes: usize) -> TimerBuilder {
        TimerBuilder { thread: self.thread.stack_size(bytes) }
    }

    /// Starts it under that thread, not under the one that calls.
    pub fn under(self, parent: &ThreadRef) -> TimerBuilder {
        TimerBuilder { thread: self.thread.under(parent) }
    }

    /// In which order it stops threads that the function has started.
    pub fn order(self, order: StopOrder) -> TimerBuilder {
        TimerBuilder { thread: self.thread.order(order) }
    }

    /// How long those threads may take to stop, before that is reported.
    pub fn grace(self, d: Duration) -> TimerBuilder {
        TimerBuilder { thread: self.thread.grace(d) }
    }

    /// Starts it: `f` runs so long from now.
    ///
    /// # Panics
    /// If the platform refuses, or if the parent it was to have has ended: [`try_after`](TimerBuilder::try_after) tells.
    #[track_caller]
    pub fn after(self, d: Duration, f: impl FnOnce() + Send + 'static) -> Timer {
        started(self.try_after(d, f))
    }

    /// Starts it: `f` runs then; at once, if that is past.
    ///
    /// # Panics
    /// As [`after`](TimerBuilder::after).
    #[track_caller]
    pub fn at(self, t: Instant, f: impl FnOnce() + Send + 'static) -> Timer {
        started(self.start(Moment::of(t), f))
    }

    /// Starts it, if that can be done.
    ///
    /// # Errors
    /// [`SpawnError`] if the platform refuses, or if the thread it was to be [`under`](TimerBuilder::under) has ended its body. Then `f`
    /// is dropped.
    #[track_caller]
    pub fn try_after(self, d: Duration, f: impl FnOnce() + Send + 'static) -> Result<Timer, SpawnError> {
        self.start(clock::moment().after(d), f)
    }

    #[track_caller]
    fn start(self, end: Moment, f: impl FnOnce() + Send + 'static) -> Result<Timer, SpawnError> {
        let (fired, place) = (Signal::named("timer fired"), Location::caller());
        let kind = Once { job: Arc::new(Lock::new(Job::Waits(Box::new(f)))), fired: fired.view() };
        let over = Over(kind.clone());
        let fires = move || fired.go_on_drop_from(place);
        self.thread.start(kind, move |please_stop, ()| over.0.wait_and_run(end, please_stop, fires))
    }
}

/// A thread that has ended, or was never started, runs nothing.
struct Over(Once);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

impl Once {
    /// Of a builder, which knows nothing yet.
    fn new() -> Once {
        Once { job: Arc::new(Lock::new(Job::Never)), fired: Signal::never() }
    }

    fn cancel(&self) -> bool {
        let mut job = self.job.lock();
        let f = job.take(Job::Never);
        let never = !matches!(*job, Job::Ran);
        drop(job);
        drop(f); // may unwind: it is cancelled
        never
    }

    /// The whole of the thread's body.
    fn wait_and_run(&self, end: Moment, please_stop: &Signal, fires: impl FnOnce() -> GoOnDrop) {
        let taken = |job: &mut Job| (!matches!(job, Job::Waits(_))).then_some(());
        let mut job = self.job.lock();
        let until = (please_stop, end.instant());
        let cancelled = LockGuard::wait_some_as(&mut job, ("for its time", None), taken, until).is_ok();
        if cancelled || please_stop.is_go() {
            return;
        }
        let f = job.take(Job::Ran);
        drop(job);
        let _fired = fires();
        f.into_iter().for_each(|f| f());
    }
}

impl Kind for Once {}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").field("fired", &self.fired).finish_non_exhaustive()
    }
}
