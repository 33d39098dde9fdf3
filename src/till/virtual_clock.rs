//! Paused clocks: time that stands still until a test moves it.
//!
//! # Invariants
//! - V1 A virtual `now` never goes back, and stays below `NEVER` until the guard is gone; then it is `NEVER`, and every
//!   deadline ever set by it has passed.
//! - V2 Nothing is fired under the state's lock.
//!
//! There is one lock, and a gate that is passed with it open.

use super::process::in_batches;
use super::wheel::Wheel;
use crate::sys::{self, Gate, Moment, Shared};
use crate::wait::{Armed, Clock, Firing, Key, Mutex, MutexGuard, Woken, enter_clock, leave_clock, thread_clock};
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// The last moment at which a paused clock can stand: whatever has a deadline has passed it.
const END: Moment = Moment::from_nanos(u64::MAX - 1);

struct VirtualClock {
    state: Mutex<State>,
    /// Where those sleep that wait for more sleepers.
    more: Gate,
}

struct State {
    /// V1.
    now: Moment,
    wheel: Wheel<Armed>,
    sleepers: Vec<Woken>,
    /// Threads in `wait_for_sleepers`.
    watchers: usize,
}

impl Clock for VirtualClock {
    fn now(&self) -> Moment {
        self.state.lock().now
    }

    fn arm(&self, till: Armed) -> Result<Key, Armed> {
        let mut state = self.state.lock();
        let deadline = till.deadline();
        if deadline <= state.now { Err(till) } else { state.wheel.insert(deadline, till).map(Key) }
    }

    fn disarm(&self, key: Key) -> Option<Armed> {
        self.state.lock().wheel.remove(key.0)
    }

    fn is_virtual(&self) -> bool {
        true
    }

    fn sleeps(&self, woken: &Woken) {
        let mut state = self.state.lock();
        state.sleepers.push(woken.clone());
        if state.watchers > 0 {
            drop(state);
            self.more.wake_all();
        }
    }

    fn wakes(&self, woken: &Woken) {
        let sleepers = &mut self.state.lock().sleepers;
        if let Some(at) = sleepers.iter().position(|sleeper| Shared::ptr_eq(sleeper, woken)) {
            sleepers.swap_remove(at);
        }
    }
}

impl State {
    /// Threads that sleep, but for those that have been woken and do not know yet.
    fn count_sleepers(&self) -> usize {
        self.sleepers.iter().filter(|woken| !woken()).count()
    }
}

impl VirtualClock {
    /// Moves to the next deadline that is not after `end`, and fires what is due there. False: there is none, and it is
    /// `end` now.
    fn step(&self, end: Moment) -> bool {
        let mut state = self.state.lock();
        let next = state.wheel.next_exact().filter(|&next| next <= end);
        state.now = state.now.max(next.unwrap_or(end));
        if next.is_some() {
            fire(state, Firing::raise);
        }
        next.is_some()
    }

    /// Passes every deadline from now to `end`, those that callbacks add included.
    fn advance(&self, span: Duration) {
        let end = self.state.lock().now.after(span).min(END);
        while self.step(end) {}
    }

    fn advance_to_next(&self) -> Option<Duration> {
        let mut state = self.state.lock();
        let next = state.wheel.next_exact()?;
        let span = next.since(state.now);
        state.now = state.now.max(next);
        fire(state, Firing::raise);
        Some(span)
    }

    /// The guard is gone: time has run out (V1).
    fn end(&self) {
        let mut state = self.state.lock();
        state.now = Moment::NEVER;
        fire(state, |firing, till| firing.raise_early(till, "the paused clock was dropped"));
    }

    fn wait_for_sleepers(&self, n: usize) {
        self.state.lock().watchers += 1;
        self.more.sleep(Moment::NEVER, || self.state.lock().count_sleepers() < n);
        self.state.lock().watchers -= 1;
    }
}

/// Fires what is due by `now`, callbacks on this thread, with the lock open (V2).
fn fire(mut state: MutexGuard<'_, State>, raise: impl Fn(&mut Firing, Armed)) {
    let mut due = Vec::new();
    let now = state.now;
    if now == Moment::NEVER {
        state.wheel.drain(&mut due);
    } else {
        state.wheel.expire(now, &mut due);
    }
    drop(state);
    in_batches(&mut due, raise, Firing::run);
}

/// A clock that stands still until told, for this thread and those started from it.
///
/// Made by [`pause`]. While it lives, every [`Till`](crate::Till) made on this thread, and every [`Duration`] and
/// [`Instant`](std::time::Instant) that this thread waits until, goes by this clock, and so on threads of the crate
/// started from here, and from those. Nobody else notices. So tests that pause a clock may run side by side.
///
/// Dropping it ends its time: what is pending on it goes, in order of deadline, with a cause that says so. A thread that
/// still lives by it then finds every deadline passed.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use stopwhen::{Till, clock};
///
/// let paused = clock::pause();
/// let lunch = Till::secs(3600);
/// paused.advance(Duration::from_secs(3599));
/// assert!(!lunch.is_go());
/// paused.advance(Duration::from_secs(1));
/// assert!(lunch.is_go());
/// ```
#[must_use = "the clock runs again when this is dropped"]
#[derive(Debug)]
pub struct Paused {
    /// Left first: callbacks that the end sets off make their Tills in real time.
    scope: ClockScope,
    _end: End,
}

/// Ends a clock when dropped.
#[derive(Debug)]
struct End(Shared<VirtualClock>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Membership of one more thread in a paused clock; the thread lives by its old clock again when this is dropped.
///
/// Of several on one thread the latest that is left counts, in whatever order they are dropped.
///
/// Made by [`Paused::register`] and [`PausedHandle::register`].
#[must_use = "the thread leaves the paused clock when this is dropped"]
pub struct ClockScope {
    clock: Shared<VirtualClock>,
    /// The same, as the thread knows it.
    entered: Shared<dyn Clock>,
    /// It belongs to its thread: not Send, but Sync, as a guard is.
    _of_this_thread: PhantomData<MutexGuard<'static, ()>>,
}

/// What another thread needs to join a paused clock, whenever it likes.
///
/// Made by [`Paused::handle`].
#[derive(Clone, Debug)]
pub struct PausedHandle {
    clock: Shared<VirtualClock>,
}

/// Pauses the clock of this thread, at the present moment, until the guard is dropped.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use stopwhen::clock;
///
/// let paused = clock::pause();
/// let before = clock::now();
/// paused.advance(Duration::from_secs(5));
/// assert_eq!(clock::now() - before, Duration::from_secs(5));
/// ```
///
/// # Panics
/// If this thread lives by a paused clock already, its own or one that it was started under.
#[doc(alias = "mock")]
#[track_caller]
pub fn pause() -> Paused {
    assert!(thread_clock().is_none(), "this thread already lives by a paused clock");
    let now = sys::now();
    let state = State { now, wheel: Wheel::new(), sleepers: Vec::new(), watchers: 0 };
    let clock = VirtualClock { state: Mutex::new(state), more: Gate::new() };
    let clock = Shared::new(clock);
    Paused { scope: ClockScope::enter(&clock), _end: End(clock) }
}

impl Paused {
    /// Lets `span` pass.
    ///
    /// Deadlines are passed one by one, in order, each with the clock standing at it; those that callbacks add within
    /// the span are passed too. When this returns, all their callbacks have run, on this thread, and threads and tasks
    /// that waited have been woken; whether they have run is theirs: see [`wait_for_sleepers`](Self::wait_for_sleepers).
    ///
    /// A span too long for the clock, some 580 years, takes it to its last moment.
    pub fn advance(&self, span: Duration) {
        self.scope.clock.advance(span);
    }

    /// Lets time pass up to the next deadline, and says how much; `None` if nothing is pending.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Till, clock};
    ///
    /// let paused = clock::pause();
    /// let tea = Till::secs(600);
    /// tea.on_go(|| println!("tea"));
    /// assert_eq!(paused.advance_to_next(), Some(Duration::from_secs(600)));
    /// assert!(tea.is_go());
    /// assert_eq!(paused.advance_to_next(), None);
    /// ```
    pub fn advance_to_next(&self) -> Option<Duration> {
        self.scope.clock.advance_to_next()
    }

    /// How many threads sleep on this clock now: wait for something with a deadline.
    pub fn sleepers(&self) -> usize {
        self.scope.clock.state.lock().count_sleepers()
    }

    /// Waits until at least `n` threads sleep on this clock.
    ///
    /// A thread that has not begun to wait yet takes its deadline from the time at which it does. So wait for it, then
    /// advance.
    ///
    /// # Blocking
    /// As long as there are fewer.
    pub fn wait_for_sleepers(&self, n: usize) {
        self.scope.clock.wait_for_sleepers(n);
    }

    /// Lets the calling thread live by this clock, until what this returns is dropped.
    ///
    /// For threads that were not started by this crate and borrow the guard; those that cannot take a [`handle`]
    /// with them.
    ///
    /// [`handle`]: Self::handle
    ///
    /// # Examples
    /// ```
    /// use std::{thread, time::Duration};
    /// use stopwhen::{Till, clock};
    ///
    /// let paused = clock::pause();
    /// thread::scope(|s| {
    ///     s.spawn(|| {
    ///         let _scope = paused.register();
    ///         Till::secs(3600).wait();
    ///     });
    ///     paused.wait_for_sleepers(1);
    ///     paused.advance(Duration::from_secs(3600));
    /// });
    /// ```
    pub fn register(&self) -> ClockScope {
        ClockScope::enter(&self.scope.clock)
    }

    /// Makes something to send to a thread that is to join.
    ///
    /// ```
    /// use std::{thread, time::Duration};
    /// use stopwhen::{Till, clock};
    ///
    /// let paused = clock::pause();
    /// let handle = paused.handle();
    /// let sleeper = thread::spawn(move || {
    ///     let _scope = handle.register();
    ///     Till::secs(3600).wait();
    /// });
    /// paused.wait_for_sleepers(1);
    /// paused.advance(Duration::from_secs(3600));
    /// sleeper.join().unwrap();
    /// ```
    pub fn handle(&self) -> PausedHandle {
        PausedHandle { clock: self.scope.clock.clone() }
    }

    /// How many Tills are armed on this clock: for the crate's own tests.
    #[doc(hidden)]
    pub fn armed(&self) -> usize {
        self.scope.clock.state.lock().wheel.len()
    }
}

impl PausedHandle {
    /// Lets the calling thread live by this clock, until what this returns is dropped.
    pub fn register(&self) -> ClockScope {
        ClockScope::enter(&self.clock)
    }
}

impl ClockScope {
    fn enter(clock: &Shared<VirtualClock>) -> ClockScope {
        let entered: Shared<dyn Clock> = clock.clone();
        enter_clock(entered.clone());
        ClockScope { clock: clock.clone(), entered, _of_this_thread: PhantomData }
    }
}

impl Drop for ClockScope {
    fn drop(&mut self) {
        leave_clock(&self.entered);
    }
}

impl fmt::Debug for ClockScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClockScope").finish_non_exhaustive()
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock").field("now", &self.state.lock().now).finish_non_exhaustive()
    }
}
