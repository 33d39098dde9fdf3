//! What the tests share: a watchdog, a counter, tokens that tell of their drop, a task.
#![allow(dead_code, reason = "each test binary uses a part")]
use std::any::Any;
use std::future::{Future, IntoFuture};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;
use stopwhen::Signal;

/// What a step may take before it counts as hung.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any test: a wait bounded by it must be ended by something else.
pub const AGES: Duration = Duration::from_secs(3600);

/// Runs what might hang, and names it if it does.
#[track_caller]
pub fn in_time<R: Send + 'static>(step: &str, f: impl FnOnce() -> R + Send + 'static) -> R {
    watched(8 << 20, PATIENCE, step, f)
}

/// Runs what handles a million of something, on a stack that anything recursing over them would overflow.
///
/// Some of these take seconds of a debug build's time, and a busy machine multiplies that.
#[track_caller]
pub fn on_small_stack<R: Send + 'static>(step: &str, f: impl FnOnce() -> R + Send + 'static) -> R {
    watched(256 << 10, 12 * PATIENCE, step, f)
}

#[track_caller]
fn watched<R: Send + 'static>(
    stack: usize,
    patience: Duration,
    step: &str,
    f: impl FnOnce() -> R + Send + 'static,
) -> R {
    let (done, end) = channel();
    let worker = thread::Builder::new().name(step.into()).stack_size(stack);
    let worker = worker.spawn(move || {
        let result = f();
        let _ = done.send(());
        result
    });
    match end.recv_timeout(patience) {
        Err(RecvTimeoutError::Timeout) => panic!("{step}: not done in {patience:?}"),
        _ => worker.expect("a thread").join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

/// What a long test is at.
#[derive(Clone, Default)]
pub struct Steps {
    name: Arc<Mutex<String>>,
    taken: Count,
}

impl Steps {
    /// Names the step that begins.
    pub fn begin(&self, name: impl Into<String>) {
        *self.name.lock().unwrap() = name.into();
        self.taken.add();
    }
}

/// Runs a test of many steps, and names the one that hangs.
pub fn step_by_step(f: impl FnOnce(&Steps) + Send + 'static) {
    let (done, end) = channel();
    let steps = Steps::default();
    let worker = thread::spawn({
        let steps = steps.clone();
        move || {
            f(&steps);
            let _ = done.send(());
        }
    });
    loop {
        let before = steps.taken.get();
        if end.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
            return worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        let name = steps.name.lock().unwrap();
        assert_ne!(steps.taken.get(), before, "{name}: not done in {PATIENCE:?}");
    }
}

/// Shared by whoever counts.
#[derive(Clone, Default)]
pub struct Count(Arc<AtomicUsize>);

impl Count {
    pub fn new() -> Count {
        Count::default()
    }

    pub fn get(&self) -> usize {
        self.0.load(Acquire)
    }

    pub fn add(&self) {
        self.0.fetch_add(1, AcqRel);
    }

    /// A callback that counts.
    pub fn adds(&self) -> impl FnOnce() + Send + 'static + use<> {
        let count = self.clone();
        move || count.add()
    }

    /// A token that counts when it is dropped.
    pub fn token(&self) -> Token {
        Token(self.clone())
    }
}

/// Counts its own drop.
pub struct Token(Count);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.add();
    }
}

/// Keeps what was said, in order.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    pub fn new() -> Log {
        Log::default()
    }

    pub fn say(&self, word: impl Into<String>) {
        self.0.lock().unwrap().push(word.into());
    }

    /// A callback that says so.
    pub fn says(&self, word: &str) -> impl FnOnce() + Send + 'static + use<> {
        let (log, word) = (self.clone(), word.to_string());
        move || log.say(word)
    }

    pub fn said(&self) -> String {
        self.0.lock().unwrap().join(" ")
    }
}

/// Runs what must panic, and gives back its payload as text.
#[track_caller]
pub fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let panic = catch_unwind(AssertUnwindSafe(f)).err().expect("a panic");
    message(&*panic)
}

pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| s.to_string());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// One of the counts that `Debug` adds: `hanging`, `users`, `hands`.
#[track_caller]
pub fn counted(what: &str, signal: &Signal) -> usize {
    let shown = format!("{signal:?}");
    let (_, number) = shown.rsplit_once(&format!(" {what}: ")).expect("Debug tells it");
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().expect("a number")
}

/// What hangs on it now.
#[track_caller]
pub fn hanging(signal: &Signal) -> usize {
    counted("hanging", signal)
}

/// A task's waker that counts how often it was woken.
#[derive(Default)]
pub struct Bell {
    rung: AtomicUsize,
    thread: Option<Thread>,
}

impl Bell {
    pub fn new() -> Arc<Bell> {
        Arc::default()
    }

    pub fn rung(&self) -> usize {
        self.rung.load(Acquire)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.fetch_add(1, AcqRel);
        self.thread.iter().for_each(Thread::unpark);
    }
}

/// Polls once.
pub fn poll<F: Future>(future: Pin<&mut F>, bell: &Arc<Bell>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&Waker::from(bell.clone())))
}

/// The smallest executor there is.
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    let bell = Arc::new(Bell { rung: AtomicUsize::new(0), thread: Some(thread::current()) });
    let mut future = pin!(future.into_future());
    loop {
        let seen = bell.rung();
        if let Poll::Ready(out) = poll(future.as_mut(), &bell) {
            return out;
        }
        while bell.rung() == seen {
            thread::park();
        }
    }
}

/// A generator of pseudo-random numbers (xorshift64*): the same seed, the same run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() >> 32) as usize % n
    }
}
