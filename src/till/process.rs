//! The clock of the process: wheels that threads share out among them, and one thread that sleeps to the earliest.
//!
//! A Till is raised at or after its deadline, never before; how soon after is the platform's timer, this thread's turn
//! on a core, and, where Tills come by the thousand each second, `Pace`. With nothing pending it sleeps without limit.
//!
//! # Invariants
//! - P1 `Shard::earliest` is the wheel's `next`, or earlier; written under the wheel's lock only.
//! - P2 Whoever makes an `earliest` earlier goes through `sleep`'s lock afterwards. The thread reads all of them under
//!   that lock before it sleeps, and leaves there what it sleeps towards. So of the two, whoever comes second knows of
//!   the other: the thread sees the new moment, or the armer sees a sleep that is too long, and ends it.
//! - P3 An early `earliest` costs one visit in vain, after which it is exact (W3). So dropped Tills tell nobody.
//!
//! # Orderings
//! `earliest` is Relaxed throughout: between armers the wheel's lock orders it, between armer and thread `sleep`'s (P2).

use super::callbacks::Callbacks;
use super::wheel::Wheel;
use crate::order::sort_by_number;
use crate::sys::{self, AtomicBool, AtomicU64, Gate, Moment, Ordering::*, SHARDS};
use crate::wait::{Armed, Clock, Firing, Key, Mutex};
use std::time::Duration;

/// Tills raised before the first of them wakes anybody.
const BATCH: usize = 256;
/// Room kept for what is due at one time.
const KEPT: usize = 1024;

sys::process_wide! {
    static CLOCK: ProcessClock = ProcessClock::new();
}

/// The clock that threads live by, unless they live by a paused one.
pub(super) struct Process;

impl Clock for Process {
    fn now(&self) -> Moment {
        sys::now()
    }

    fn arm(&self, till: Armed) -> Result<Key, Armed> {
        CLOCK.arm(till)
    }

    fn disarm(&self, key: Key) -> Option<Armed> {
        CLOCK.disarm(key)
    }
}

/// A wheel, on cache lines of its own.
#[repr(align(128))]
struct Shard {
    /// P1.
    earliest: AtomicU64,
    wheel: Mutex<Wheel<Armed>>,
}

impl Shard {
    sys::const_fn! {
        const fn new() -> Shard {
            Shard { earliest: AtomicU64::new(u64::MAX), wheel: Mutex::new(Wheel::new()) }
        }
    }

    /// The Till's key, and whether it is the earliest here.
    fn insert(&self, deadline: Moment, till: Armed) -> Result<(u64, bool), Armed> {
        let mut wheel = self.wheel.lock();
        let key = wheel.insert(deadline, till)?;
        let earliest = deadline.nanos() < self.earliest.load(Relaxed);
        if earliest {
            self.earliest.store(deadline.nanos(), Relaxed);
        }
        Ok((key, earliest))
    }

    /// Takes out what is due by `now`, with the wheel's lock held for a bounded time. Until it is through `earliest` stays
    /// as it is, or is made earlier (P1).
    fn expire(&self, now: Moment, due: &mut Vec<(Moment, Armed)>) {
        if self.earliest.load(Relaxed) > now.nanos() {
            return;
        }
        loop {
            let mut wheel = self.wheel.lock();
            if !wheel.expire_some(now, due) {
                return self.earliest.store(wheel.next().unwrap_or(Moment::NEVER).nanos(), Relaxed);
            }
        }
    }
}

pub(super) struct ProcessClock {
    shards: [Shard; SHARDS],
    /// Whether the thread was started; guarded by `sleep`, but for a first look.
    started: AtomicBool,
    sleep: Mutex<Sleep>,
    /// Where the thread sleeps.
    too_long: Gate,
    callbacks: &'static Callbacks,
}

/// What the thread is at.
#[derive(Clone, Copy, PartialEq)]
enum Sleep {
    /// Awake, or told to be: it will look at every shard before it sleeps.
    Awake,
    /// It sleeps, and will look again at `end`. It would not wake before `rested` for anybody.
    Until { end: Moment, rested: Moment },
}

/// How often the thread may wake: `BURST` times in a row, and `SPACING` apart in the long run.
///
/// So a few that are due soon after each other are each told at their time, and where they come by the thousand they
/// are gathered. Of 100,000 due within a second each costs the thread 0.5 µs of a core so, and 3.4 µs each told alone.
pub(super) struct Pace {
    /// What the wake-ups so far have cost, as the moment at which that will be paid off.
    paid_off: Moment,
}

impl Pace {
    pub(super) const SPACING: Duration = Duration::from_micros(400);
    pub(super) const BURST: u64 = 100;

    pub(super) fn new() -> Pace {
        Pace { paid_off: Moment::from_nanos(0) }
    }

    /// Counts a wake-up.
    pub(super) fn woken(&mut self, now: Moment) {
        self.paid_off = self.paid_off.max(now).after(Pace::SPACING);
    }

    /// When the thread may wake again.
    pub(super) fn rested(&self) -> Moment {
        let credit = Pace::SPACING.as_nanos() as u64 * Pace::BURST;
        Moment::from_nanos(self.paid_off.nanos().saturating_sub(credit))
    }
}

impl ProcessClock {
    sys::const_fn! {
        const fn new() -> ProcessClock {
            ProcessClock {
                shards: sys::sharded!(Shard::new()),
                started: AtomicBool::new(false),
                sleep: Mutex::new(Sleep::Awake),
                too_long: Gate::new(),
                callbacks: Callbacks::of_process(),
            }
        }
    }

    /// For tests that take its turns themselves.
    #[cfg(all(test, feature = "test-clock"))]
    pub(super) fn without_thread() -> ProcessClock {
        ProcessClock { started: AtomicBool::new(true), ..ProcessClock::new() }
    }

    pub(super) fn arm(&'static self, till: Armed) -> Result<Key, Armed> {
        // ORDERING: Relaxed: a thread that was started needs nothing from us but P2.
        if !self.started.load(Relaxed) && !self.start() {
            return Err(till);
        }
        let deadline = till.deadline();
        #[allow(clippy::modulo_one, reason = "models have one shard")]
        let at = sys::thread_number() % SHARDS;
        let (key, earliest) = self.shards[at].insert(deadline, till)?;
        if earliest {
            self.hurry(deadline);
        }
        Ok(Key((at as u64) << Wheel::<Armed>::KEY_BITS | key))
    }

    pub(super) fn disarm(&self, key: Key) -> Option<Armed> {
        let (at, key) = (key.0 >> Wheel::<Armed>::KEY_BITS, key.0 & ((1 << Wheel::<Armed>::KEY_BITS) - 1));
        self.shards[at as usize].wheel.lock().remove(key)
    }

    /// Ends a sleep that would last beyond `deadline` (P2).
    fn hurry(&self, deadline: Moment) {
        let mut sleep = self.sleep.lock();
        if matches!(*sleep, Sleep::Until { end, rested } if deadline.max(rested) < end) {
            *sleep = Sleep::Awake;
            drop(sleep);
            self.too_long.wake_all();
        }
    }

    /// Starts the thread, if nobody did; false if the platform refuses. Whoever arms next tries again.
    #[cold]
    fn start(&'static self) -> bool {
        let _sleep = self.sleep.lock();
        let keep_time = || {
            sys::sharpen_sleep();
            let (mut due, mut pace) = (Vec::new(), Pace::new());
            loop {
                let now = sys::now();
                pace.woken(now);
                self.turn(now, &mut due);
                self.sleep_to_earliest(pace.rested());
            }
        };
        let started = self.started.load(Relaxed) || sys::spawn_named("stopwhen-clock", keep_time).is_ok();
        self.started.store(started, Relaxed);
        started
    }

    /// Fires everything due by `now`, in order of deadline; `due` is room for it.
    pub(super) fn turn(&self, now: Moment, due: &mut Vec<(Moment, Armed)>) {
        self.shards.iter().for_each(|shard| shard.expire(now, due));
        sort_by_number(due, |item| item.0.nanos()); // a run from each shard, mostly of one
        in_batches(due, Firing::raise, |firing| {
            if firing.has_callbacks() { self.callbacks.hand_on(firing) } else { firing.run() }
        });
        due.shrink_to(KEPT);
    }

    /// Sleeps until something may be due and we have `rested`, or somebody hurries us: the next turn tells.
    fn sleep_to_earliest(&self, rested: Moment) {
        let mut sleep = self.sleep.lock();
        // P2: read under this lock.
        let earliest = self.shards.iter().map(|shard| shard.earliest.load(Relaxed)).min();
        let end = Moment::from_nanos(earliest.unwrap_or(u64::MAX)).max(rested);
        *sleep = Sleep::Until { end, rested };
        drop(sleep);
        self.too_long.sleep(end, || *self.sleep.lock() != Sleep::Awake);
        *self.sleep.lock() = Sleep::Awake;
    }
}

/// Fires Tills a batch at a time: raises and wakes, then passes what is left to `rest`. So the first of a million wakes
/// somebody long before the last is flagged.
pub(super) fn in_batches(due: &mut Vec<(Moment, Armed)>, raise: impl Fn(&mut Firing, Armed), rest: impl Fn(Firing)) {
    let mut due = due.drain(..).map(|(_, till)| till).peekable();
    while due.peek().is_some() {
        let mut firing = Firing::new();
        due.by_ref().take(BATCH).for_each(|till| raise(&mut firing, till));
        firing.wake();
        rest(firing);
    }
}

/// In a model, where no thread of its own keeps time: does as that thread would, at one moment, until `enough`.
#[cfg(all(loom, feature = "loom"))]
pub(super) fn keep_time(now: Moment, mut enough: impl FnMut() -> bool) {
    let mut due = Vec::new();
    loop {
        CLOCK.turn(now, &mut due);
        CLOCK.callbacks.run_waiting();
        if enough() {
            return;
        }
        CLOCK.sleep_to_earliest(Moment::from_nanos(0));
    }
}
