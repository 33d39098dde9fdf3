//! Ten thousand short threads in random trees, which panic, stop, join, are dropped and borrow as the dice fall; and what must add up:
//! each panic is told once, no thread of the platform is left, and no byte more is live after twice the rounds.
//!
//! One test: nothing else may allocate, or have threads, beside it. `SOAK_SEED=7` plays other dice.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod common;

use common::{AGES, Dice, Steps, message, step_by_step};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::*};
use std::thread::yield_now;
use std::time::Duration;
use stopwhen::thread::{Panic, StopOrder, current};
use stopwhen::{JoinError, Root, Signal, Thread, thread};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: the system's allocator, watched.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

/// What a scope panics with.
const UNJOINED: &str = "nobody has joined, of this scope: ";
/// Threads of each tree.
const TREE: usize = 100;
/// Trees of a round; two rounds of as many trees are played.
const TREES: usize = 50;

/// What one tree has to account for.
#[derive(Default)]
struct Book {
    left: AtomicUsize,
    panicked: AtomicUsize,
    reported: AtomicUsize,
    /// How often each was told, by a join or in the end; by its number.
    told: Mutex<HashMap<String, usize>>,
}

impl Book {
    fn tell(&self, number: &str) {
        *self.told.lock().unwrap().entry(number.to_owned()).or_default() += 1;
    }

    fn tell_all(&self, panics: &[Panic]) {
        panics.iter().for_each(|panic| self.tell(panic.message()));
    }

    /// May one more thread be started?
    fn takes_one(&self) -> bool {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Joins it, until what has come; false: it has not ended.
    fn join(&self, t: &Thread<usize>, until: Option<&Signal>) -> bool {
        loop {
            match until.map_or_else(|| t.join(), |until| t.join_until(until)) {
                Ok(_) | Err(JoinError::AlreadyTaken) => return true,
                Err(JoinError::Panicked(panic)) => {
                    self.tell(panic.message());
                    return true;
                }
                Err(JoinError::Children(panics)) => self.tell_all(&panics),
                Err(JoinError::Stopped) => return false,
                Err(other) => panic!("{other}"),
            }
        }
    }

    /// Panics; the number of it is its name.
    fn boom(&self) -> ! {
        let n = self.panicked.fetch_add(1, Relaxed);
        resume_unwind(Box::new(n.to_string()))
    }
}

/// A body: starts some, does something with their handles, ends in one of several ways.
fn play(book: &Arc<Book>, please_stop: &Signal, seed: u64) -> usize {
    let mut dice = Dice::new(seed);
    let mut handles = Vec::new();
    for _ in 0..dice.below(5) {
        if !book.takes_one() {
            break;
        }
        let seed = dice.roll();
        if dice.below(6) == 0 {
            scoped(book, seed);
            continue;
        }
        let order = if dice.below(4) == 0 { StopOrder::Sequential } else { StopOrder::AllReverse };
        let mut builder = Thread::builder("t").stack_size(128 << 10).order(order);
        if dice.below(4) == 0 {
            builder = builder.stop_when(if dice.below(3) == 0 { Signal::done() } else { Signal::named("cond") });
        }
        let (inner, late) = (book.clone(), book.clone());
        let t = builder.run(move |please_stop| play(&inner, please_stop, seed));
        if dice.below(8) == 0 {
            t.stopped().on_go(move || late.boom());
        }
        match dice.below(6) {
            0 => t.release(),
            1 => drop(t.stop_on_drop()),
            2 => {
                t.stop();
                handles.push(t);
            }
            _ => handles.push(t),
        }
    }
    for t in handles {
        match dice.below(5) {
            0 => drop(t),
            1 => {
                t.stop();
                book.join(&t, None);
            }
            2 => _ = book.join(&t, Some(please_stop)),
            3 => _ = book.join(&t, Some(&Signal::done())),
            _ => {
                let _ = thread::sleep(Duration::from_micros(dice.below(50) as u64));
                t.stop();
            }
        }
    }
    match dice.below(6) {
        0 => book.boom(),
        1 => drop(current().unwrap().tree().to_string()),
        2 => _ = please_stop.wait_until(Duration::from_micros(dice.below(300) as u64)),
        _ => {}
    }
    dice.below(9)
}

/// Some that borrow. They are all joined; of one that panicked itself, what was below is the scope's, which panics with that.
fn scoped(book: &Arc<Book>, seed: u64) {
    let mut dice = Dice::new(seed);
    let end = catch_unwind(AssertUnwindSafe(|| {
        thread::scope(|s| {
            let some: Vec<_> = (0..1 + dice.below(2))
                .map(|_| {
                    let seed = dice.roll();
                    s.run("s", move |please_stop| play(book, please_stop, seed))
                })
                .collect();
            if dice.below(2) == 0 {
                s.stop();
            }
            some.iter().for_each(|t| assert!(book.join(t, None)));
        });
    }));
    if let Err(panic) = end {
        let panic = message(&*panic);
        let all = panic.strip_prefix(UNJOINED).unwrap_or_else(|| panic!("not planned: {panic}"));
        let numbers = all.split("; ").filter_map(|one| Some(one.rsplit_once(": ")?.1));
        numbers.for_each(|number| book.tell(number));
    }
}

fn tree(seed: u64, before: usize) {
    let book = Arc::new(Book::default());
    book.left.store(TREE, Relaxed);
    let heard = book.clone();
    let root = Root::builder("main").on_panic(move |_| _ = heard.reported.fetch_add(1, Relaxed)).build();
    let mut dice = Dice::new(seed);
    while book.takes_one() {
        let (seed, inner) = (dice.roll(), book.clone());
        let t = Thread::builder("t").stack_size(128 << 10).under(root.as_ref());
        let t = t.run(move |please_stop| play(&inner, please_stop, seed));
        match dice.below(3) {
            0 => drop(t),
            1 => _ = book.join(&t, None),
            _ => _ = t.stop(),
        }
    }
    if dice.below(2) == 0 {
        root.stop();
    }
    root.shutdown(AGES).expect("all stop");
    // What hangs on an end may panic when its thread has stopped.
    while threads() > before {
        yield_now();
    }
    book.tell_all(&root.take_panics());
    let panicked = book.panicked.load(Relaxed);
    let told = book.told.lock().unwrap();
    assert!(told.values().all(|times| *times == 1), "none is told twice: {told:?}");
    assert_eq!((told.len(), book.reported.load(Relaxed)), (panicked, panicked), "none is lost");
    assert!(root.as_ref().children().is_empty());
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn round(steps: &Steps, seed: u64, before: usize) -> isize {
    for n in 0..TREES as u64 {
        steps.begin(format!("seed {seed}, tree {n}"));
        tree(seed + n, before);
    }
    LIVE.load(Relaxed)
}

#[test]
fn ten_thousand_threads_and_nothing_is_left() {
    let seed = std::env::var("SOAK_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    // Those of scopes are meant, and caught.
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if !message(info.payload()).starts_with(UNJOINED) {
            tell(info);
        }
    }));
    step_by_step(move |steps| {
        // What is made once in a process.
        steps.begin("the first tree");
        let before = threads();
        tree(seed, before);
        let once = round(steps, seed, before);
        let twice = round(steps, seed, before);
        // The harness may keep some, and so may the platform's threads that have just gone.
        let spare = 8 * (TREE * TREES) as isize;
        assert!(twice - once < spare, "{} bytes more after as many threads", twice - once);
    });
}
