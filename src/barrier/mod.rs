//! Barrier: threads that meet, a number of them at a time.
//!
//! A barrier is *plain* (`plain`) until something asks for more than that: an action, members that withdraw, a party. Then
//! its line decides (`line`), for good. One line of waiters serves both.
mod line;
mod party;
mod plain;
#[cfg(all(test, not(loom)))]
mod tests;

pub use party::Party;

use crate::error::{BarrierError, Broken};
use crate::signal::Until;
use crate::sys::{AtomicU64, Shared, const_fn};
use crate::wait::{self, Leaves, Patience, WaitQueue};
use line::{Note, State};
use plain::{MOST, Word};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// The one under the queue's lock.
type Inside<'a> = wait::Inside<'a, State, Note>;

/// Where a number of threads meet, over and over: nobody passes before all have arrived.
///
/// Each time is a *generation*; it ends with the arrival of the last. All that one did before its arrival happens before
/// any of them passes.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use stopwhen::Barrier;
///
/// static MEET: Barrier = Barrier::new(4);
/// static READY: AtomicU32 = AtomicU32::new(0);
///
/// std::thread::scope(|s| {
///     for _ in 0..4 {
///         s.spawn(|| {
///             READY.fetch_add(1, Relaxed);
///             let passed = MEET.wait().expect("nobody breaks it");
///             assert_eq!(READY.load(Relaxed), 4);
///             assert!(passed.index() < 4 && passed.generation() == 0);
///         });
///     }
/// });
/// ```
///
/// # Broken barriers
/// If one of those who wait is stopped ([`wait_until`](Barrier::wait_until)), the others would wait for ever. So its stop
/// *breaks* the barrier: it gets [`Stopped`](BarrierError::Stopped), all others, now and later, get [`Broken`], until
/// [`reset`](Barrier::reset). [`abort`](Barrier::abort), a [`Party`] that panics and an action that panics break it too.
/// With [`OnStop::Withdraw`] a stopped one just leaves, and the others wait for another in its place.
///
/// A generation that has ended is not broken any more: its members pass, even if their `until` has come meanwhile.
///
/// # Cost
/// A barrier without action, withdrawal and parties is met by one step on one word; who waits looks at it for some
/// 15 µs at most, and then sleeps. The others keep a lock.
#[doc(alias = "CyclicBarrier")]
#[doc(alias = "Phaser")]
#[repr(C)] // what a plain one touches stands together
pub struct Barrier {
    word: AtomicU64,
    /// Of a plain one: how many meet.
    size: u32,
    patience: Patience,
    queue: WaitQueue<State, Note>,
    action: Option<Box<dyn Fn() + Send + Sync>>,
}

// Whole whatever panics, the action included.
impl UnwindSafe for Barrier {}
impl RefUnwindSafe for Barrier {}

/// What a stopped waiter does to a [`Barrier`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum OnStop {
    /// It breaks the barrier.
    #[default]
    Break,
    /// It leaves; another may come in its place.
    Withdraw,
}

/// One of those who have passed a [`Barrier`] together.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Passed {
    index: u32,
    is_leader: bool,
    generation: u64,
}

impl Passed {
    /// Its place in the order of arrival: each from 0 to one less than their number is given once.
    pub fn index(&self) -> usize {
        self.index as usize
    }

    /// Which time it was, counted from 0, modulo 2^44. A reset counts as one.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Tells whether it is the one that led, of each generation exactly one: the last to arrive, or the first in line if a
    /// [`Party`] that left was the last to be waited for.
    pub fn is_leader(&self) -> bool {
        self.is_leader
    }
}

impl Barrier {
    const_fn! {
        /// Makes a barrier at which `n` meet, up to 65,535.
        ///
        /// # Panics
        /// If `n` is zero: nobody could ever arrive last. If it is more than 65,535.
        #[track_caller]
        pub const fn new(n: usize) -> Barrier {
            assert!(n > 0, "a Barrier of 0 members: it takes one at least, the one that waits");
            assert!(n <= MOST as usize, "a Barrier of more than 65,535 members");
            Barrier {
                word: AtomicU64::new(Word::NEW),
                size: n as u32,
                patience: Patience::new(),
                queue: WaitQueue::new(State::new(n as u32, OnStop::Break)),
                action: None,
            }
        }
    }

    /// Has `action` run each time all have arrived, before any of them passes.
    ///
    /// It runs on the leader's thread, with nothing locked: once in each generation, and what it did happens before anybody
    /// passes. Of what comes during it, stops come too late, and [`abort`](Barrier::abort) and [`reset`](Barrier::reset)
    /// concern the next generation. If it panics, the others get [`Broken`], the barrier is broken, and the panic goes
    /// on in the leader.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    /// use stopwhen::Barrier;
    ///
    /// let sum = Arc::new(AtomicU32::new(0));
    /// let seen = sum.clone();
    /// let barrier = Barrier::new(3).with_action(move || assert_eq!(seen.swap(0, Relaxed), 3));
    /// std::thread::scope(|s| {
    ///     for _ in 0..3 {
    ///         s.spawn(|| {
    ///             for _ in 0..100 {
    ///                 sum.fetch_add(1, Relaxed);
    ///                 barrier.wait().unwrap();
    ///             }
    ///         });
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn with_action(self, action: impl Fn() + Send + Sync + 'static) -> Barrier {
        Barrier { word: AtomicU64::new(Word::IN_LINE), action: Some(Box::new(action)), ..self }
    }

    /// Says what a stopped waiter does: break the barrier, which is the default, or withdraw.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::barrier::{Barrier, OnStop};
    /// use stopwhen::BarrierError;
    ///
    /// let barrier = Barrier::new(2).on_stop(OnStop::Withdraw);
    /// assert_eq!(barrier.wait_until(Duration::ZERO), Err(BarrierError::Stopped));
    /// assert!(!barrier.is_broken());
    /// ```
    #[must_use]
    pub fn on_stop(self, on_stop: OnStop) -> Barrier {
        let in_line = on_stop == OnStop::Withdraw || self.action.is_some();
        let word = if in_line { Word::IN_LINE } else { Word::NEW };
        Barrier { word: AtomicU64::new(word), queue: WaitQueue::new(State::new(self.size, on_stop)), ..self }
    }

    /// Arrives, and waits for the others.
    ///
    /// # Blocking
    /// Until all have arrived, or the barrier is broken. [`wait_until`](Barrier::wait_until) can be ended.
    ///
    /// # Errors
    /// [`Broken`] if the barrier is broken, or is while this one waits, or is reset meanwhile.
    ///
    /// # Panics
    /// If the action does, in the leader.
    ///
    /// # Memory ordering
    /// What came before the arrival of any of them happens before each of them passes. What came before an
    /// [`abort`](Barrier::abort) or a [`reset`](Barrier::reset) happens before those who get [`Broken`] for it return.
    pub fn wait(&self) -> Result<Passed, Broken> {
        self.meet(None).map_err(|_| Broken)
    }

    /// Arrives, and waits for the others, or until `until`.
    ///
    /// The last to arrive passes even if `until` has come. Anybody else whose `until` comes before all have arrived, or
    /// had come before, is stopped, and that breaks the barrier unless it was made with [`OnStop::Withdraw`].
    ///
    /// ```
    /// use stopwhen::{Barrier, BarrierError, Broken, Signal};
    ///
    /// let (barrier, stop) = (Barrier::new(3), Signal::new());
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(barrier.wait(), Err(Broken)));
    ///     s.spawn(|| assert!(barrier.wait_until(&stop).is_err()));
    ///     stop.go();
    /// });
    /// assert!(barrier.is_broken());
    /// barrier.reset();
    /// assert_eq!(barrier.waiting(), 0);
    /// ```
    ///
    /// # Blocking
    /// Until all have arrived, the barrier is broken, or `until`. A signal that goes is noticed when the wait has begun to
    /// sleep, some 15 µs after its beginning at most. Once all have arrived `until` ends nothing: not even a long action.
    ///
    /// # Errors
    /// [`BarrierError::Stopped`] if `until` came first; [`BarrierError::Broken`] as in [`wait`](Barrier::wait).
    ///
    /// # Panics
    /// If the action does, in the leader.
    ///
    /// # Cancel safety
    /// A stop and the last arrival never mix: either all have passed, or the stopped one has not been counted.
    pub fn wait_until(&self, until: impl Until) -> Result<Passed, BarrierError> {
        self.meet(Some(&until as &dyn Leaves))
    }

    /// Breaks the barrier: those who wait, and those who come, get [`Broken`], until [`reset`](Barrier::reset).
    ///
    /// ```
    /// use stopwhen::{Barrier, Broken};
    ///
    /// let barrier = Barrier::new(2);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(barrier.wait().err(), Some(Broken)));
    ///     barrier.abort();
    /// });
    /// barrier.reset();
    /// assert!(!barrier.is_broken());
    /// ```
    pub fn abort(&self) {
        let mut inside = self.queue.enter();
        let generation = match self.plain() {
            Some(_) => self.mark_broken().generation(),
            None => inside.break_up(),
        };
        self.send_home(inside, generation);
    }

    /// Begins a new generation, with nobody in it. Those who wait get [`Broken`].
    ///
    /// # Blocking
    /// Perhaps for those who wait and are still awake, some 15 µs; never for one that sleeps, nor for an action.
    pub fn reset(&self) {
        if self.reset_plain().is_none() {
            let mut inside = self.queue.enter();
            inside.broken = false;
            let generation = inside.end();
            self.send_home(inside, generation);
        }
    }

    /// Tells whether the barrier is broken just now.
    pub fn is_broken(&self) -> bool {
        self.plain().map_or_else(|| self.queue.enter().broken, Word::is_broken)
    }

    /// Tells how many have arrived and wait, just now.
    pub fn waiting(&self) -> usize {
        self.plain().map_or_else(|| self.queue.enter().arrived, Word::arrived) as usize
    }

    /// Tells how many meet here: as many as it was made for, less the parties that left, and one more for each that came
    /// when all places were parties'.
    pub fn size(&self) -> usize {
        self.queue.enter().size as usize
    }

    /// Makes one of the members a [`Party`], which may leave; if all are parties, the barrier grows by one.
    ///
    /// A barrier of `n` has room for `n` parties; whoever comes later joins, and whoever leaves makes room. A member that is
    /// no party needs nothing but `wait`.
    ///
    /// # Blocking
    /// Perhaps, the first time, for those who wait and are still awake, some 15 µs.
    ///
    /// # Panics
    /// If the barrier would grow beyond 65,535.
    #[track_caller]
    pub fn party(self: &Shared<Self>) -> Party {
        let mut inside = self.decide_in_line();
        if inside.parties == inside.size {
            if inside.size == MOST {
                drop(inside);
                panic!("a Barrier of more than 65,535 members");
            }
            inside.size += 1;
        }
        inside.parties += 1;
        drop(inside);
        Party::new(self)
    }

    /// A party leaves; `panicking`: it will be missed.
    fn leave(&self, panicking: bool) {
        let mut inside = self.queue.enter();
        inside.parties -= 1;
        inside.size -= 1;
        if panicking {
            let generation = inside.break_up();
            self.send_home(inside, generation);
        } else if inside.arrived > 0 && inside.arrived >= inside.size {
            let generation = inside.end();
            self.appoint(inside, generation);
        }
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier")
            .field("size", &self.size())
            .field("waiting", &self.waiting())
            .field("is_broken", &self.is_broken())
            .finish_non_exhaustive()
    }
}
