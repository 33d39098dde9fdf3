//! A turn in each period.
use super::builder::{Builder, Turns};
use super::handle::{Kind, LoopThread};
use super::schedule::{Missed, Schedule};
use super::turn::Turn;
use crate::lock::{Lock, LockGuard};
use crate::signal::Signal;
use crate::sys::Arc;
use crate::till::clock;
use std::time::Duration;

/// A thread that runs its body once in each period, until it is stopped.
///
/// The first turn is due at once, as soon as `init` has returned, or after the [`initial_delay`](Builder::initial_delay); the k-th after it is due
/// k periods later, however long turns take and however late they begin: nothing drifts. Turns never overlap; what becomes of those
/// whose time passes while an earlier one runs is said by [`Missed`]. A stop ends the sleep between turns at once.
///
/// Time is that of the clock that the thread lives by, the one of the thread that started it. A period too long for the clock (some 580
/// years) never comes.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// use stopwhen::PeriodicThread;
///
/// const PERIOD: Duration = Duration::from_millis(1);
/// let ticks = PeriodicThread::builder("ticks", PERIOD).init(|_| None::<Instant>).run(|turn, last| {
///     if let Some(last) = last.replace(turn.due()) {
///         assert_eq!(turn.due(), last + PERIOD * (1 + turn.missed() as u32)); // exactly
///     }
///     if turn.index() == 5 {
///         turn.stop();
///     }
/// });
/// assert_eq!(ticks.join(), Ok(()));
/// ```
#[doc(alias = "setInterval")]
#[doc(alias = "interval")]
#[doc(alias = "Ticker")]
#[doc(alias = "ScheduledExecutor")]
#[doc(alias = "scheduleAtFixedRate")]
pub type PeriodicThread = LoopThread<Periodic>;

/// The kind of a [`PeriodicThread`].
#[derive(Clone, Debug)]
pub struct Periodic {
    period: Arc<Lock<Period>>,
    initial_delay: Duration,
    missed: Missed,
}

#[derive(Debug)]
struct Period {
    now: Duration,
    /// The thread has not heard of it.
    is_news: bool,
}

impl LoopThread<Periodic> {
    /// Starts a [`PeriodicThread`] of that name, under the thread that calls.
    ///
    /// # Panics
    /// If the period is zero; if the platform refuses: [`Builder::try_run`] tells instead.
    #[track_caller]
    pub fn run(
        name: impl AsRef<str>,
        period: Duration,
        mut body: impl FnMut(&Turn<'_>) + Send + 'static,
    ) -> PeriodicThread {
        LoopThread::<Periodic>::builder(name, period).run(move |turn, ()| body(turn))
    }

    /// Says more about a [`PeriodicThread`] before it is started.
    ///
    /// # Panics
    /// If the period is zero.
    #[track_caller]
    pub fn builder(name: impl AsRef<str>, period: Duration) -> Builder<Periodic> {
        check(period);
        let period = Arc::new(Lock::new(Period { now: period, is_news: false }));
        Builder::new(name.as_ref(), Periodic { period, initial_delay: Duration::ZERO, missed: Missed::Skip })
    }

    /// Changes the period.
    ///
    /// The next turn is due one new period after the last one was due, even if the thread is asleep, or in a turn. If that has
    /// passed already it is due at once; those after it count from there. If it was late already, [`Missed`] says what becomes of that.
    /// Before the first turn it changes nothing about when that is due. To say the same period again changes nothing at all.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::PeriodicThread;
    ///
    /// let hourly = PeriodicThread::run("hourly", Duration::from_secs(3600), |turn| {
    ///     if turn.index() == 1 {
    ///         turn.stop();
    ///     }
    /// });
    /// hourly.set_period(Duration::from_nanos(1)); // it need not sleep for an hour
    /// assert_eq!(hourly.join(), Ok(()));
    /// ```
    ///
    /// # Panics
    /// If the period is zero.
    #[track_caller]
    pub fn set_period(&self, period: Duration) {
        check(period);
        *self.kind.period.lock() = Period { now: period, is_news: true };
    }

    /// Tells the period.
    pub fn period(&self) -> Duration {
        let period = self.kind.period.lock();
        let now = period.now;
        LockGuard::quiet(period);
        now
    }
}

impl<S> Builder<Periodic, S> {
    /// How long after the thread has begun, and `init` has returned, the first turn is due. By default that is at once.
    pub fn initial_delay(mut self, d: Duration) -> Builder<Periodic, S> {
        self.kind.initial_delay = d;
        self
    }

    /// What to do about turns whose time has passed. By default that is [`Missed::Skip`].
    pub fn missed(mut self, missed: Missed) -> Builder<Periodic, S> {
        self.kind.missed = missed;
        self
    }
}

#[track_caller]
fn check(period: Duration) {
    assert!(
        !period.is_zero(),
        "a PeriodicThread with a period of zero: for turns without a pause take a ContinuousThread"
    );
}

impl Kind for Periodic {}

impl Periodic {
    /// A change that the thread has not heard of.
    fn news(period: &mut Period) -> Option<Duration> {
        period.is_news.then(|| {
            period.is_news = false;
            period.now
        })
    }

    /// Sleeps until the next turn is due, or the thread is asked to stop.
    fn sleep(&self, schedule: &mut Schedule, please_stop: &Signal) {
        loop {
            let until = (please_stop, schedule.next().instant());
            let news = LockGuard::wait_some_as(&mut self.period.lock(), ("for its next turn", None), Self::news, until);
            match news {
                Ok(period) => schedule.change(period, clock::moment()),
                Err(_) => return,
            }
        }
    }
}

impl Turns for Periodic {
    fn drive(&self, please_stop: &Signal, body: &mut dyn FnMut(&Turn<'_>)) {
        let first = clock::moment().after(self.initial_delay);
        let mut schedule = Schedule::new(first, self.period.lock().now, self.missed);
        for index in 0.. {
            self.sleep(&mut schedule, please_stop);
            if please_stop.is_go() {
                return;
            }
            let (due, missed) = schedule.begin(clock::moment());
            let turn = Turn::new(please_stop, index, due, missed);
            body(&turn);
            if turn.is_last() {
                return;
            }
            schedule.end(clock::moment());
        }
    }
}
