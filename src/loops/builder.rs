//! Starting a loop thread.
use super::handle::{Kind, LoopThread};
use super::turn::Turn;
use crate::error::SpawnError;
use crate::signal::Signal;
use crate::thread::{self, StopOrder, Thread, ThreadRef};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

type Init<S> = Box<dyn FnOnce(&Signal) -> S + Send>;
type Cleanup<S> = Box<dyn FnOnce(S) + Send>;

/// How a loop thread is to be started. Made by the `builder` of its kind.
///
/// `S` is the state that [`init`](Builder::init) makes; without one, it is `()`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use stopwhen::loops::Missed;
/// use stopwhen::{PeriodicThread, Signal};
///
/// let enough = Signal::named("enough");
/// let sampler = PeriodicThread::builder("sampler", Duration::from_millis(1))
///     .missed(Missed::Burst)
///     .stop_when(&enough)
///     .init(|_please_stop| 0.0)
///     .run(move |turn, sum| {
///         *sum += 1.5;
///         if turn.index() == 3 {
///             assert_eq!(*sum, 6.0);
///             enough.go();
///         }
///     });
/// assert_eq!(sampler.join(), Ok(()));
/// ```
#[must_use = "it starts nothing before `run`"]
pub struct Builder<K, S = ()> {
    pub(super) kind: K,
    thread: thread::Builder,
    life: Life<S>,
}

/// How a state begins and ends.
struct Life<S> {
    init: Init<S>,
    cleanup: Option<Cleanup<S>>,
}

/// What the body of a loop thread is, between `init` and `cleanup`.
pub(super) trait Turns: Kind + Clone + Send + 'static {
    /// Takes turns, until there is to be no more of them.
    fn drive(&self, please_stop: &Signal, body: &mut dyn FnMut(&Turn<'_>));
}

impl<K> Builder<K> {
    pub(super) fn new(name: &str, kind: K) -> Builder<K> {
        let life = Life { init: Box::new(|_| ()), cleanup: None };
        Builder { kind, thread: Thread::builder(name), life }
    }

    /// Has `f` make the state of the loop on the thread, before the first turn. It is given what asks the thread to stop.
    ///
    /// Each turn is lent the state. In the end [`cleanup`](Builder::cleanup) gets it; without one it is dropped. It never leaves the thread,
    /// and so need not be `Send`. If `f` panics, that is all that the thread does.
    ///
    /// A `cleanup` that was said before this has no state to get: it runs when the state has been cleaned up.
    pub fn init<S: 'static>(self, f: impl FnOnce(&Signal) -> S + Send + 'static) -> Builder<K, S> {
        let Builder { kind, thread, life } = self;
        let cleanup = life.cleanup.map(|before| -> Cleanup<S> {
            Box::new(move |state| {
                let dropped = catch_unwind(AssertUnwindSafe(|| drop(state)));
                before(());
                dropped.unwrap_or_else(|payload| resume_unwind(payload));
            })
        });
        Builder { kind, thread, life: Life { init: Box::new(f), cleanup } }
    }
}

impl<K, S: 'static> Builder<K, S> {
    /// Has `f` clean up on the thread after the last turn, whatever ended it: a stop, the turn itself, a panic.
    ///
    /// It runs once if [`init`](Builder::init) has returned, and before any join returns. Of several the last one said counts.
    pub fn cleanup(mut self, f: impl FnOnce(S) + Send + 'static) -> Builder<K, S> {
        self.life.cleanup = Some(Box::new(f));
        self
    }

    /// Also asks it to stop when `cond` goes. Its own `stop` does not raise `cond`. Of several, each does.
    pub fn stop_when(self, cond: impl Into<Signal>) -> Builder<K, S> {
        self.with(|thread| thread.stop_when(cond))
    }

    /// The size of its stack in bytes; by default the platform's, or what `RUST_MIN_STACK` says.
    pub fn stack_size(self, bytes: usize) -> Builder<K, S> {
        self.with(|thread| thread.stack_size(bytes))
    }

    /// Starts it under that thread, not under the one that calls.
    pub fn under(self, parent: &ThreadRef) -> Builder<K, S> {
        self.with(|thread| thread.under(parent))
    }

    /// In which order it stops threads that its turns have started.
    pub fn order(self, order: StopOrder) -> Builder<K, S> {
        self.with(|thread| thread.order(order))
    }

    /// How long those threads may take to stop, before that is reported.
    pub fn grace(self, d: Duration) -> Builder<K, S> {
        self.with(|thread| thread.grace(d))
    }

    fn with(self, say: impl FnOnce(thread::Builder) -> thread::Builder) -> Builder<K, S> {
        Builder { thread: say(self.thread), ..self }
    }

    pub(super) fn name(&self) -> &str {
        self.thread.name()
    }

    /// A thread that does all of that, with those turns.
    #[track_caller]
    pub(super) fn start(
        self,
        kind: K,
        turns: impl FnOnce(&Signal, &mut S) + Send + 'static,
    ) -> Result<LoopThread<K>, SpawnError> {
        let Life { init, cleanup } = self.life;
        let over = Signal::named("over");
        let seen = over.view();
        let thread = self.thread.try_run(move |please_stop| {
            let over = over.go_on_drop(); // O1, of an `init` that panics, too
            let mut state = init(please_stop);
            let me = thread::current().expect("it was started in a tree");
            let well = me.body(|| turns(please_stop, &mut state)).is_some();
            drop(over);
            let clean = move || match cleanup {
                Some(cleanup) => cleanup(state),
                None => drop(state),
            };
            // May unwind: that is the thread's panic then, or one more beside it.
            if well { clean() } else { me.caught(clean) }
        })?;
        Ok(LoopThread { thread, over: seen, kind })
    }
}

#[allow(private_bounds, reason = "the kinds are those of this module")]
impl<K: Turns, S: 'static> Builder<K, S> {
    /// Starts it. `body` is run for each turn.
    ///
    /// # Panics
    /// If the platform refuses, or if the parent it was to have has ended: [`try_run`](Builder::try_run) tells.
    #[track_caller]
    pub fn run(self, body: impl FnMut(&Turn<'_>, &mut S) + Send + 'static) -> LoopThread<K> {
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
        mut body: impl FnMut(&Turn<'_>, &mut S) + Send + 'static,
    ) -> Result<LoopThread<K>, SpawnError> {
        let (kind, turns) = (self.kind.clone(), self.kind.clone());
        self.start(kind, move |please_stop, state| turns.drive(please_stop, &mut |turn| body(turn, state)))
    }
}

/// What `run` makes of `try_run`.
#[track_caller]
pub(super) fn started<K>(tried: Result<LoopThread<K>, SpawnError>) -> LoopThread<K> {
    match tried {
        Ok(thread) => thread,
        Err(refused) => panic!("{refused}"),
    }
}

impl<K, S> fmt::Debug for Builder<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("thread", &self.thread).finish_non_exhaustive()
    }
}
