//! The face that programs run.
use super::Moment;
use std::marker::PhantomData;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[cfg(stopwhen_tsan)]
pub(crate) use super::arc::Arc;
#[cfg(not(stopwhen_tsan))]
pub(crate) use std::sync::Arc;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
pub(crate) use std::thread::{JoinHandle, Scope, Thread, current, park, scope};
pub(crate) use std::thread_local;

/// Nodes taken off a list under one hold of its lock: leavers wait no longer than that.
pub(crate) const BATCH: usize = 64;
/// Threads granted under one hold of a line's lock, and then woken.
pub(crate) const WAKES: usize = 16;
/// Loads that one poll may cost; heavier expressions are linked at birth.
pub(crate) const PULL: u32 = 16;
/// Polls that find "not yet" before a signal is told by its inputs instead of asking them.
pub(crate) const MANY_POLLS: u8 = 64;

/// Parts of the process' clock, so that threads that make Tills do not meet.
pub(crate) const SHARDS: usize = 8;

/// One of these for each shard.
macro_rules! sharded {
    ($init:expr) => {
        [const { $init }; $crate::sys::SHARDS]
    };
}
pub(crate) use sharded;

/// Something there is one of in the process.
macro_rules! process_wide {
    ($(#[$note:meta])* static $name:ident: $type:ty = $init:expr;) => {
        $(#[$note])*
        static $name: $type = $init;
    };
}
pub(crate) use process_wide;

/// A function that is `const` where atomics, cells and locks can be made at compile time: not under loom.
macro_rules! const_fn {
    ($($function:tt)*) => { $($function)* };
}
pub(crate) use const_fn;

/// Rounds that a newcomer stays awake at a door where nobody queues.
#[inline(always)]
pub(crate) fn spins() -> u32 {
    10
}

/// As many rounds of staying awake as were asked for.
#[inline(always)]
pub(crate) fn patience(rounds: u32) -> u32 {
    rounds
}

/// So many pauses of the processor; none: the core is offered to another thread.
#[inline]
pub(crate) fn pause(n: u32) {
    if n == 0 {
        std::thread::yield_now();
    }
    (0..n).for_each(|_| std::hint::spin_loop());
}

/// Where a compare-and-swap loop starts: with a load, which may be behind.
macro_rules! guess {
    ($word:expr) => {
        $word.load($crate::sys::Ordering::Relaxed)
    };
}
pub(crate) use guess;

/// Whether one that has waited since then is not overtaken any more.
pub(crate) fn is_aged(since: Moment) -> bool {
    now().since(since) > Duration::from_millis(1)
}

/// Doubtful changes in a row that a monitor takes at their word.
#[inline(always)]
pub(crate) fn doubts() -> u8 {
    16
}

/// So many milliseconds from now.
pub(crate) fn millis(n: usize) -> Moment {
    now().after(Duration::from_millis(n as u64))
}

/// loom's cell, without its checks.
pub(crate) struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Memory that loom watches for leaks; here nothing at all.
pub(crate) struct Tracked;

impl Tracked {
    pub const fn new() -> Self {
        Tracked
    }
}

/// The companion of a word's lock bit, a mutex under the model face; here nothing at all.
pub(crate) struct Shadow;
/// Of its thread, as that mutex's guard is.
pub(crate) struct Entered<'a>(PhantomData<MutexGuard<'a, ()>>);

impl Shadow {
    #[inline(always)]
    pub const fn new<T>(_: *mut T) -> Self {
        Shadow
    }

    #[inline(always)]
    pub fn enter(&self) -> Entered<'_> {
        Entered(PhantomData)
    }

    /// Whether it stands in for the lock bit.
    #[inline(always)]
    pub const fn is_the_lock(&self) -> bool {
        false
    }

    /// Where the compare-and-swap of the lock starts.
    #[inline(always)]
    pub fn hint<T>(&self, word: &AtomicPtr<T>) -> *mut T {
        word.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub fn note<T>(&self, _: *mut T) {}
}

/// One round of waiting for a holder that is about to finish: spin, then yield, then sleep.
///
/// The last step is for schedulers with fixed priorities: a spinner must not keep the preempted holder from running.
#[cold]
pub(crate) fn relax(round: &mut u32) {
    const SPIN: u32 = 6;
    const YIELD: u32 = 64;
    const NAP: Duration = Duration::from_micros(50);
    *round = round.saturating_add(1);
    if *round <= SPIN {
        (0..1 << *round).for_each(|_| std::hint::spin_loop());
    } else if *round <= YIELD {
        std::thread::yield_now();
    } else {
        std::thread::sleep(NAP);
    }
}

/// Parks the thread until it is unparked or `end` has come, or for no reason at all.
pub(crate) fn park_until(end: Moment) {
    match left(end) {
        None => park(),
        Some(d) => std::thread::park_timeout(d),
    }
}

fn left(end: Moment) -> Option<Duration> {
    (end != Moment::NEVER).then(|| end.since(now()))
}

/// The monotonic clock.
#[inline]
pub(crate) fn now() -> Moment {
    Moment::of(Instant::now())
}

/// Starts a thread of the crate's own.
pub(crate) fn spawn_named(name: &str, f: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(f).map(drop)
}

/// Whether threads tell what they sleep on: always, but for models that are about something else.
#[inline(always)]
pub(crate) fn watching() -> bool {
    true
}

/// Starts a thread, with so many bytes of stack if the platform is to be told.
pub(crate) fn spawn(
    name: String,
    stack: Option<usize>,
    f: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    builder(name, stack).spawn(f)
}

/// As [`spawn`], of one that borrows.
pub(crate) fn spawn_scoped<'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: String,
    stack: Option<usize>,
    f: impl FnOnce() + Send + 'scope,
) -> std::io::Result<()> {
    builder(name, stack).spawn_scoped(scope, f).map(drop)
}

fn builder(name: String, stack: Option<usize>) -> std::thread::Builder {
    let builder = std::thread::Builder::new().name(name);
    if let Some(bytes) = stack { builder.stack_size(bytes) } else { builder }
}

/// Asks the platform to end this thread's timed sleeps when they are over, not up to 50 µs later.
///
/// Only Linux has such a slack, and a file of it. Where that cannot be written, sleeps end as late as everybody's.
pub(crate) fn sharpen_sleep() {
    #[cfg(target_os = "linux")]
    if let Some(thread) = std::fs::read_link("/proc/thread-self").ok().as_deref().and_then(std::path::Path::file_name) {
        let _ = std::fs::write(std::path::Path::new("/proc").join(thread).join("timerslack_ns"), "1");
    }
}

/// An address that no other living thread has: who am I?
#[inline]
pub(crate) fn thread_mark() -> usize {
    std::thread_local!(static MARK: u8 = const { 0 });
    MARK.with(|m| m as *const u8 as usize)
}

/// A number of this thread's own, not zero, that no other ever has (on 32 bits, not before four billion threads).
#[inline]
pub(crate) fn thread_id() -> usize {
    super::thread_number() + 1
}

/// Doors that gates and lone callbacks borrow: a mutex, and a condition variable for those without one of their own.
struct Door {
    held: Mutex<()>,
    moved: Condvar,
}

impl Door {
    fn enter(&self) -> MutexGuard<'_, ()> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const DOORS: usize = 32;
static TABLE: [Door; DOORS] = [const { Door { held: Mutex::new(()), moved: Condvar::new() } }; DOORS];

fn door(address: usize) -> &'static Door {
    &TABLE[(address >> 4 ^ address >> 9) % DOORS]
}

/// Sleeps while `still()`, which is asked under the door of `address`.
pub(crate) fn sleep_at(address: usize, mut still: impl FnMut() -> bool) {
    let door = door(address);
    let mut held = door.enter();
    while still() {
        held = door.moved.wait(held).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Wakes whoever sleeps at `address` (and perhaps others, who look again).
pub(crate) fn wake_at(address: usize) {
    let door = door(address);
    drop(door.enter());
    door.moved.notify_all();
}

/// Where threads sleep on one thing: one condition variable, so that one call wakes them all.
///
/// Four bytes where std waits on futexes; the mutex it needs is borrowed from a static table.
pub(crate) struct Gate(Condvar);

impl Gate {
    pub const fn new() -> Self {
        Gate(Condvar::new())
    }

    /// Sleeps while `still()`, asked under the gate's door, says so and `end` has not come.
    pub fn sleep(&self, end: Moment, mut still: impl FnMut() -> bool) {
        let mut held = door(self.address()).enter();
        while still() {
            held = match left(end) {
                None => self.0.wait(held).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => return,
                Some(d) => self.0.wait_timeout(held, d).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    /// Wakes all. Going through the door once makes sure that nobody stands between the question and the sleep.
    pub fn wake_all(&self) {
        drop(door(self.address()).enter());
        self.0.notify_all();
    }

    fn address(&self) -> usize {
        self as *const _ as usize
    }
}
