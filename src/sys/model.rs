//! The face that loom explores (or shuttle: see `checker`): the same names, smaller numbers, and nothing that loom cannot see.
//!
//! Two things differ in substance. A word's lock bit has a mutex beside it (see `Shadow`). And the process' clock stands
//! still, but for a thread that has slept until a moment: time in a model is a paused clock that a thread of the model advances.
//!
//! loom keeps one last access of each atomic. A thread that loads and then writes hides from it another thread's earlier
//! load, and the order "the write first" is never tried. So no compare-and-swap loop of the crate begins with a load:
//! it begins with what is likely, and what fails tells the rest.
use super::Moment;
use super::checker::sync::{Condvar, Mutex, MutexGuard};
use super::checker::{give_up_spinning, thread};
use std::backtrace::Backtrace;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool as Switch, AtomicUsize as Memo, Ordering::SeqCst};

pub(crate) use super::checker::sync::Arc;
pub(crate) use super::checker::sync::atomic::{AtomicBool, Ordering};
pub(crate) use super::checker::thread::{JoinHandle, Thread, current};
pub(crate) use super::checker::{
    AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Tracked, UnsafeCell, lazy_static, thread_local,
};

/// As in `real`, but small enough that models reach the other side.
pub(crate) const BATCH: usize = 1;
pub(crate) const WAKES: usize = 1;
pub(crate) const PULL: u32 = 3;
pub(crate) const MANY_POLLS: u8 = 2;

pub(crate) const SHARDS: usize = 1;

/// As in `real`.
macro_rules! sharded {
    ($init:expr) => {
        [$init]
    };
}
pub(crate) use sharded;

/// As in `real`, but anew in every execution.
macro_rules! process_wide {
    ($(#[$note:meta])* static $name:ident: $type:ty = $init:expr;) => {
        $crate::sys::lazy_static! {
            $(#[$note])*
            static ref $name: $type = $init;
        }
    };
}
pub(crate) use process_wide;

/// Without its `const`: loom's atomics, cells and locks are made where they run.
macro_rules! const_fn {
    ($(#[$note:meta])* $vis:vis const fn $($function:tt)*) => { $(#[$note])* $vis fn $($function)* };
}
pub(crate) use const_fn;

// What models of the primitives choose, each in a process of its own.
static AGED: Switch = Switch::new(false);
static AWAKE: Memo = Memo::new(0);
static DOUBTS: Memo = Memo::new(16);
static WATCHING: Switch = Switch::new(false);

pub(crate) fn set_aged(yes: bool) {
    AGED.store(yes, SeqCst);
}

pub(crate) fn set_awake(rounds: usize) {
    AWAKE.store(rounds, SeqCst);
}

pub(crate) fn set_doubts(n: usize) {
    DOUBTS.store(n, SeqCst);
}

pub(crate) fn set_watching(yes: bool) {
    WATCHING.store(yes, SeqCst);
}

/// Whether threads tell what they sleep on: two steps of a lock for each sleep, of which most models are not about.
pub(crate) fn watching() -> bool {
    WATCHING.load(SeqCst)
}

/// Rounds that a newcomer stays awake; none, unless the model is about that.
pub(crate) fn spins() -> u32 {
    AWAKE.load(SeqCst) as u32
}

/// As [`spins`], whatever was asked for.
pub(crate) fn patience(_rounds: u32) -> u32 {
    AWAKE.load(SeqCst) as u32
}

pub(crate) fn pause(_n: u32) {
    thread::yield_now()
}

/// No load (see the header), but a step that fails and tells: no word is ever all ones.
macro_rules! guess {
    ($word:expr) => {
        $word
            .compare_exchange(!0, !0, $crate::sys::Ordering::Relaxed, $crate::sys::Ordering::Relaxed)
            .unwrap_or_else(|now| now)
    };
}
pub(crate) use guess;

/// Age is a switch: everybody is over age, or nobody.
pub(crate) fn is_aged(_since: Moment) -> bool {
    AGED.load(SeqCst)
}

pub(crate) fn doubts() -> u8 {
    DOUBTS.load(SeqCst) as u8
}

/// It has come: what waits until then may end at any moment.
pub(crate) fn millis(_n: usize) -> Moment {
    now()
}

static SHADOWS: Switch = Switch::new(true);

/// Whether words made from now on have a shadow. Models of the lock itself do without.
pub(crate) fn shadows(on: bool) {
    SHADOWS.store(on, SeqCst)
}

/// A mutex in place of the lock bit, so that loom's threads block where the program's spin, and polls have no lock bit to
/// see come and go.
///
/// It adds the very edges that the lock promises, and shrinks the models of everything above the lock. The lock's own
/// orderings are proved by models without it.
pub(crate) struct Shadow {
    mutex: Option<Mutex<()>>,
    /// The word as it was last written, outside loom's view: no access, so no branch. Exact under the mutex. Without
    /// one it is a hint: wrong, it makes the compare-and-swap fail and tell the newest.
    memo: Memo,
}
pub(crate) struct Entered<'a>(#[allow(dead_code, reason = "held, not read")] Option<MutexGuard<'a, ()>>);

impl Shadow {
    pub fn new<T>(word: *mut T) -> Self {
        let mutex = SHADOWS.load(SeqCst).then(|| Mutex::new(()));
        Shadow { mutex, memo: Memo::new(word.expose_provenance()) }
    }

    pub fn enter(&self) -> Entered<'_> {
        Entered(self.mutex.as_ref().map(lock))
    }

    pub fn is_the_lock(&self) -> bool {
        self.mutex.is_some()
    }

    pub fn hint<T>(&self, _: &AtomicPtr<T>) -> *mut T {
        std::ptr::with_exposed_provenance_mut(self.memo.load(SeqCst))
    }

    pub fn note<T>(&self, word: *mut T) {
        self.memo.store(word.expose_provenance(), SeqCst)
    }
}

pub(crate) fn relax(round: &mut u32) {
    *round += 1;
    give_up_spinning(*round);
    thread::yield_now()
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    step(|| m.lock().unwrap_or_else(|e| e.into_inner()))
}

fn wait_on<'a, T>(c: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    step(|| c.wait(guard).unwrap_or_else(|e| e.into_inner()))
}

pub(crate) fn park() {
    step(thread::park)
}

/// A step at which a model may turn out to be dead: it deadlocks, or a panic takes down what loom has given up already. Nothing can be
/// done in it any more, so no destructor would get far, and the panics of those would hide what matters: that is said instead.
fn step<R>(f: impl FnOnce() -> R) -> R {
    let unwinding = std::thread::panicking();
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().map_or("", String::as_str);
        if what.starts_with("deadlock") {
            let here = Backtrace::capture();
            die(format_args!("{what}\nThe last of them has gone to sleep here (`RUST_BACKTRACE=1` shows it):\n{here}"));
        }
        if unwinding {
            die(format_args!("it has ended with a panic, before this (`--nocapture` shows it)"));
        }
        resume_unwind(panic)
    })
}

/// Beside what libtest captures: that goes with the process.
fn die(why: std::fmt::Arguments<'_>) -> ! {
    let _ = writeln!(std::io::stderr(), "\nstopwhen: this model cannot go on: {why}");
    std::process::abort()
}

thread_local! {
    /// The moment until which this thread has slept.
    static SLEPT: std::cell::Cell<u64> = std::cell::Cell::new(0);
}

/// Time comes at any moment: by then the thread has slept until `end`, unless that never comes.
pub(crate) fn park_until(end: Moment) {
    if end == Moment::NEVER { park() } else { SLEPT.with(|slept| slept.set(end.nanos())) }
}

/// The process' clock stands still, but for a thread that has slept until a moment.
pub(crate) fn now() -> Moment {
    Moment::from_nanos(SLEPT.with(|slept| slept.get()))
}

/// No thread keeps time, or runs what time sets off: such a thread never ends, and loom calls that a deadlock.
pub(crate) fn spawn_named(_name: &str, _f: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    Ok(())
}

/// As in `real`. loom has no stacks to choose.
pub(crate) fn spawn(
    name: String,
    _stack: Option<usize>,
    f: impl FnOnce() + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name).spawn(f)
}

pub(crate) fn sharpen_sleep() {}

thread_local! {
    static MARK: usize = {
        static MARKS: Memo = Memo::new(1);
        MARKS.fetch_add(1, SeqCst)
    };
}

/// A number of this thread's own; never reused, where an address might be.
pub(crate) fn thread_mark() -> usize {
    MARK.with(|m| *m)
}

/// As in `real`; loom's threads share the thread-locals of std.
pub(crate) fn thread_id() -> usize {
    thread_mark()
}

struct Door {
    held: Mutex<()>,
    moved: Condvar,
}

lazy_static! {
    static ref LONE: Door = Door { held: Mutex::new(()), moved: Condvar::new() };
}

pub(crate) fn sleep_at(_address: usize, mut still: impl FnMut() -> bool) {
    let mut held = lock(&LONE.held);
    while still() {
        held = wait_on(&LONE.moved, held);
    }
}

pub(crate) fn wake_at(_address: usize) {
    drop(lock(&LONE.held));
    LONE.moved.notify_all();
}

/// As in `real`, with a door of its own.
pub(crate) struct Gate(Mutex<()>, Condvar);

impl Gate {
    pub fn new() -> Self {
        Gate(Mutex::new(()), Condvar::new())
    }

    /// As [`park_until`]: an `end` comes at any moment.
    pub fn sleep(&self, end: Moment, mut still: impl FnMut() -> bool) {
        let mut held = lock(&self.0);
        while still() {
            if end != Moment::NEVER {
                return SLEPT.with(|slept| slept.set(end.nanos()));
            }
            held = wait_on(&self.1, held);
        }
    }

    pub fn wake_all(&self) {
        drop(lock(&self.0));
        self.1.notify_all();
    }
}
