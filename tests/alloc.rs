//! What every operation allocates, to the byte, and that nothing leaks: live bytes after twice as many rounds are the same.
//!
//! One test: nothing else may allocate beside it. Sizes are those of a 64-bit Linux.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod common;
#[path = "alloc/waits.rs"]
mod waits;

use common::{AGES, Bell, Dice, Steps, block_on, poll, step_by_step};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering::*};
use std::time::Duration;
use stopwhen::signal::{Cancel, Then};
use stopwhen::{BoundedSemaphore, Semaphore, Signal, Till};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    /// Allocations of this thread, their bytes, and the bytes it freed.
    static MINE: Cell<[usize; 3]> = const { Cell::new([0; 3]) };
}

fn add(more: [usize; 3]) {
    let _ = MINE.try_with(|mine| mine.set(std::array::from_fn(|i| mine.get()[i] + more[i])));
}

// SAFETY: the system's allocator, watched.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add([1, layout.size(), 0]);
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        add([0, 0, layout.size()]);
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting;

// ---- exact counts ----------------------------------------------------------------------------------------

fn cancelled(then: Then) {
    assert_eq!(then.cancel(), Cancel::Removed);
}

/// Allocations and bytes of one call, all of which it gives back once its result is dropped.
fn cost<R>(mut f: impl FnMut() -> R) -> (usize, usize) {
    drop(f()); // what is made once in a process
    let before = MINE.get();
    let result = f();
    let made = MINE.get();
    drop(result);
    let (bytes, freed) = (made[1] - before[1], MINE.get()[2] - before[2]);
    assert!(bytes <= freed, "left behind: {} bytes", bytes - freed);
    (made[0] - before[0], bytes)
}

const FREE: (usize, usize) = (0, 0);
/// A signal, a callback's node without its captures, an expression without its inputs, what each input adds.
const SIGNAL: usize = 40;
const NODE: usize = 32;
const EXPRESSION: usize = 80;
const INPUT: usize = 32;
/// With the paused clock every Till knows which clock is its own.
const CLOCK: usize = if cfg!(feature = "test-clock") { 16 } else { 0 };
const TILL: usize = 64 + CLOCK;
const DELAYED: usize = 112 + CLOCK;

fn operations_allocate_so_much() {
    let (a, b, gone) = (Signal::new(), Signal::new(), Signal::done());
    let expression = |n: usize| (1, EXPRESSION + n * INPUT);

    // Making.
    assert_eq!(cost(Signal::new), (1, SIGNAL));
    assert_eq!(cost(Signal::done), (1, SIGNAL));
    assert_eq!(cost(Signal::never), (1, SIGNAL));
    assert_eq!(cost(|| &a | &b), expression(2));
    assert_eq!(cost(|| &a & &b), expression(2));
    assert_eq!(cost(|| a.view()), expression(1));
    assert_eq!(cost(|| a.child()), expression(1));
    assert_eq!(cost(|| Till::secs(3600)), (1, TILL));
    assert_eq!(cost(|| Till::after(Duration::MAX)), (1, TILL));
    assert_eq!(cost(|| a.delayed(AGES)), (1, DELAYED));

    // Looking, copying, raising.
    assert_eq!(cost(|| a.clone()), FREE);
    assert_eq!(cost(|| (a.is_go(), gone.is_go(), a.check().is_ok())), FREE);
    let either = &a | &b;
    let till = Till::secs(3600);
    assert_eq!(cost(|| (0..200).all(|_| either.is_go())), FREE);
    assert_eq!(cost(|| till.is_go()), FREE);
    let news: Vec<Signal> = (0..2).map(|_| Signal::new()).collect();
    let (mut i, mut k) = (0, 0);
    assert_eq!(cost(|| (news[i].go(), i += 1)), FREE);
    let news: Vec<Signal> = (0..2).map(|_| Signal::new()).collect();
    let derived: Vec<_> = news.iter().map(|s| (s.child(), s | &a, s.clone())).collect();
    derived.iter().for_each(|d| d.1.on_go(|| ()));
    assert_eq!(cost(|| (news[k].go(), k += 1)), FREE, "what hangs there is told without a list of it");
    assert!(derived.iter().all(|d| d.0.is_go() && d.1.is_go()));
    assert_eq!(cost(|| gone.go()), FREE);
    assert_eq!(cost(|| a.go_on_drop().disarm()), FREE);

    // Waiting: R7.
    let moment = Duration::from_nanos(1);
    assert_eq!(cost(|| gone.wait()), FREE);
    assert_eq!(cost(|| a.wait_until(Duration::ZERO)), FREE);
    assert_eq!(cost(|| a.wait_until(moment)), FREE);
    assert_eq!(cost(|| a.wait_until((&b, moment))), FREE);
    assert_eq!(cost(|| either.wait_until((&a, &b, (&till, moment)))), FREE);
    assert_eq!(cost(|| till.wait_until(moment)), FREE);
    let bell = Bell::new();
    let waker = std::task::Waker::from(bell.clone());
    assert_eq!(
        cost(|| {
            let mut future = pin!(a.wait_async());
            let mut cx = std::task::Context::from_waker(&waker);
            (future.as_mut().poll(&mut cx).is_ready(), future.as_mut().poll(&mut cx).is_ready())
        }),
        FREE
    );

    // Permits: R7 too, for whoever is stopped in line, and where a permit was on its way.
    let places = (Semaphore::new(1), BoundedSemaphore::new(1));
    assert_eq!(cost(|| (places.0.acquire().count(), places.1.acquire_until(AGES).map(drop))), FREE);
    let _held = (places.0.acquire(), places.1.acquire());
    assert_eq!(cost(|| places.0.try_acquire().is_some()), FREE);
    assert_eq!(cost(|| places.0.acquire_until(moment).is_err()), FREE);
    let short = Duration::from_micros(300);
    assert_eq!(cost(|| places.0.acquire_until(short).is_err()), FREE);
    assert_eq!(cost(|| places.1.acquire_many_until(1, (&a, (&either, short))).is_err()), FREE);
    let owner = Arc::new(Semaphore::new(2));
    assert_eq!(cost(|| owner.acquire_many_owned(2).split(1)), FREE);

    // Callbacks: the node and the closure are one allocation.
    let (byte, words) = (7_u8, [1_u64; 4]);
    let hung = |size: usize| (1, NODE + size);
    assert_eq!(cost(|| cancelled(a.then(|| ()))), hung(0));
    assert_eq!(
        cost(|| cancelled(a.then(move || {
            black_box(byte);
        }))),
        hung(1)
    );
    assert_eq!(
        cost(|| cancelled(a.then(move || {
            black_box(words);
        }))),
        hung(32)
    );
    assert_eq!(
        cost(|| gone.on_go(move || {
            black_box(words);
        })),
        FREE,
        "runs inline"
    );
    let on_go = |size: usize| (2, SIGNAL + hung(size).1);
    assert_eq!(
        cost(|| {
            let s = Signal::new();
            s.on_go(|| ());
            s
        }),
        on_go(0)
    );
    assert_eq!(
        cost(|| {
            let s = Signal::new();
            s.on_go(move || {
                black_box(words);
            });
            s.go();
            s
        }),
        on_go(32)
    );
    assert_eq!(
        cost(|| {
            let s = Signal::new();
            drop(s.then(move || {
                black_box(words);
            }));
            s
        }),
        on_go(32)
    );
}

// ---- slopes ----------------------------------------------------------------------------------------------

/// Live bytes after twice the rounds are those after once: what is made once in a process does not count.
fn level(steps: &Steps, what: &str, rounds: usize, mut round: impl FnMut(usize)) {
    let mut run = |from: usize, to: usize| {
        steps.begin(format!("{what}: rounds {from}..{to}"));
        (from..to).for_each(&mut round);
        settle();
        LIVE.load(Relaxed)
    };
    let once = run(0, rounds);
    let twice = run(rounds, 2 * rounds);
    // The test's harness may keep some: less than anything that could leak in every round.
    let spare = 8 * rounds as isize;
    assert!(twice - once < spare, "{what}: {} bytes more after {rounds} more rounds", twice - once);
}

/// Lets the threads of the clock finish: two Tills later they have let go of those before, and of their callbacks.
fn settle() {
    for _ in 0..2 {
        let told = Signal::new();
        let tell = told.clone();
        let till = Till::after(Duration::from_micros(1));
        till.on_go(move || {
            tell.go();
        });
        drop(till);
        assert!(told.wait_until(AGES).is_ok());
    }
}

fn nothing_leaks(steps: &Steps) {
    let stop = Signal::named("stop");
    level(steps, "short composites on one signal", 250_000, |i| {
        let other = Signal::new();
        let s = &stop | &other;
        match i % 8 {
            0 => s.on_go(|| ()),
            1 => drop(s.then(|| ())),
            2 => cancelled(s.then(move || {
                black_box(i);
            })),
            3 => drop(s.child().then(|| ())),
            4 => assert!(s.wait_until(Duration::from_nanos(1)).is_err()),
            5 => assert!((0..70).all(|_| !s.is_go())),
            6 => assert!(other.go() && s.is_go()),
            _ => drop(poll(pin!(s.wait_async()), &Bell::new())),
        }
        other.go();
    });
    level(steps, "children", 50_000, |i| {
        let child = stop.child();
        let below = child.child();
        let then = below.then(move || {
            black_box(i);
        });
        match i % 3 {
            0 => assert!(child.go()),
            1 => assert!(below.go()),
            _ => assert_eq!(then.cancel(), Cancel::Removed),
        }
    });
    level(steps, "causes, names, reasons, displays", 10_000, |i| {
        let s = Signal::named("named");
        let either = &s | &stop;
        drop((s.to_string(), format!("{either:?}")));
        match i % 2 {
            0 => assert!(s.go()),
            _ => assert!(s.go_because("reason") && !s.go_because("late")),
        }
        drop((either.cause(), s.cause().map(|c| c.to_string())));
    });
    level(steps, "panicking callbacks", 2_000, |i| {
        let s = Signal::new();
        let either = &s | &stop;
        let captured = vec![i; 10];
        let then = either.then(move || resume_unwind(Box::new(captured)));
        drop(s.then(|| resume_unwind(Box::new("held"))));
        s.on_go(|| ());
        match i % 2 {
            0 => assert!(catch_unwind(AssertUnwindSafe(|| s.go())).is_err()),
            _ => assert_eq!(then.cancel(), Cancel::Removed),
        }
    });
    level(steps, "abandoned signals, and expressions of one another", 20_000, |i| {
        let signals: [Signal; 3] = std::array::from_fn(|_| Signal::new());
        let [a, b, c] = &signals;
        let (x, y) = (a & b, b | c);
        let z = &x & &y.child();
        let (captured, held) = (vec![i; 4], z.view());
        x.on_go(move || drop((captured, held)));
        let (deep, clone) = (Signal::at_least(2, [&x, &y, &z, a, a]), c.clone());
        clone.on_go(move || drop(deep));
        drop((x, y, z));
    });
    level(steps, "callbacks that hold their own signal, and run or are cancelled", 20_000, |i| {
        let s = Signal::new();
        let (own, kept) = (s.clone(), s.child());
        let then = s.then(move || drop((own, kept)));
        match i % 2 {
            0 => assert!(s.go()),
            _ => cancelled(then),
        }
    });
    level(steps, "futures dropped, ready, replaced", 20_000, |i| {
        let s = Signal::new();
        let either = &s | &stop;
        let mut future = Box::pin(either.into_future());
        assert!(poll(future.as_mut(), &Bell::new()).is_pending());
        assert!(poll(future.as_mut(), &Bell::new()).is_pending());
        if i % 2 == 0 {
            s.go();
            block_on(future);
        }
    });
    level(steps, "Tills armed and dropped", 20_000, |i| {
        let till = Till::secs(3600);
        let either = &till | &stop;
        match i % 6 {
            0 => cancelled(either.then(|| ())),
            1 => cancelled(till.then(|| ())),
            2 => assert!((0..70).all(|_| !either.is_go())),
            3 => drop(poll(pin!(either.wait_async()), &Bell::new())),
            4 => assert!(either.wait_until((&stop, Duration::from_nanos(1))).is_err()),
            _ => {
                till.on_go(|| ());
                assert!(till.go());
            }
        }
    });
    level(steps, "Tills that come", 2_000, |i| {
        let (till, other) = (Till::after(Duration::from_micros(i as u64 % 50)), Signal::new());
        let both = &till & &other;
        let then = both.then(move || drop(black_box(vec![i])));
        till.child().on_go(move || {
            black_box(i);
        });
        match i % 3 {
            0 => till.wait(),
            1 => block_on(&till),
            _ => {}
        }
        other.go();
        drop(then);
        if i % 3 == 2 {
            both.wait();
        }
    });
    level(steps, "delayed signals", 5_000, |i| {
        let source = Signal::new();
        let late = source.delayed(if i % 2 == 0 { AGES } else { Duration::from_micros(1) });
        match i % 5 {
            0 => late.on_go(|| ()),
            1 => drop(late.then(|| ())),
            2 => assert!(source.go()),
            3 => assert!(source.go() && (i % 2 == 0 || late.wait_until(AGES).is_ok())),
            _ => cancelled((&late | &stop).then(|| ())),
        }
    });
    wide_and_deep(steps, &stop);
    threads(steps, &stop);
    assert!(!stop.is_go());
}

fn wide_and_deep(steps: &Steps, stop: &Signal) {
    level(steps, "wide expressions and towers", 20, |i| {
        let inputs: Vec<Signal> = (0..2000).map(|_| Signal::new()).collect();
        let most = Signal::at_least(1500, &inputs) | stop;
        Signal::all(&inputs).on_go(|| ());
        let then = most.then(|| ());
        assert!((0..70).all(|_| !most.is_go()));
        let tower = inputs.iter().fold(stop.clone(), |below, s| (below | s).view());
        if i % 2 == 0 {
            assert!(inputs.iter().all(|s| black_box(s.go())));
            assert!(tower.is_go());
        }
        assert_eq!(then.cancel() == Cancel::Ran, i % 2 == 0);
    });
}

fn threads(steps: &Steps, stop: &Signal) {
    level(steps, "threads that raise, wait, cancel and drop", 60, |i| {
        let (s, mut dice) = (Signal::new(), Dice::new(i as u64));
        let either = &s | stop;
        let then = either.then(move || drop(black_box(vec![i])));
        let rolls = dice.roll();
        std::thread::scope(|scope| {
            scope.spawn(|| if rolls & 1 == 0 { either.wait() } else { block_on(&either) });
            scope.spawn(|| (0..50).for_each(|_| cancelled((&either & stop).child().then(|| ()))));
            scope.spawn(|| if rolls & 2 == 0 { then.cancel_and_wait() } else { then.cancel() });
            scope.spawn(|| s.wait_until((stop, AGES)));
            s.go();
        });
    });
}

#[test]
fn every_operation_allocates_what_it_must_and_gives_it_back() {
    step_by_step(|steps| {
        steps.begin("exact counts");
        operations_allocate_so_much();
        steps.begin("waits");
        waits::waits_allocate_nothing();
        waits::the_end_of_a_queue_allocates_nothing();
        steps.begin("waits of a thread that is in a tree, and says what it waits on");
        stopwhen::Thread::run("waiter", |_| waits::waits_allocate_nothing()).join().unwrap();
        nothing_leaks(steps);
    });
}
