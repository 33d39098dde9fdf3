//! Rounds that time an operation: one by one, in batches, on two cores.

use crate::args::args;
use crate::suite::Samples;
use crate::sys;
use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// Things made ahead of a timed stretch: enough to hide the clock's own 28 ns, few enough for L1.
const BATCH: usize = 512;

/// Windows on two cores that one round may try for one in which no thread waited for a CPU.
const ATTEMPTS: usize = 3;

/// Waiting for a CPU that is too short to matter in a window of two cores.
const UNNOTICED: Duration = Duration::from_micros(4);

/// Doubles the count until a sample is about as long as it should be.
fn calibrate(run: impl FnMut(usize) -> Duration) -> usize {
    calibrate_to(args().sample(), 1, run)
}

/// Doubles the count, beginning with `n`, until a sample takes about `span`: three in a row, or one that was interrupted would
/// leave the row with samples too short to mean anything.
pub(crate) fn calibrate_to(span: Duration, mut n: usize, mut run: impl FnMut(usize) -> Duration) -> usize {
    while (0..3).any(|_| run(n) < span / 2) {
        n *= 2;
    }
    n
}

fn per(took: Duration, n: usize) -> f64 {
    took.as_nanos() as f64 / n as f64
}

/// Times `op`, again and again.
pub fn each<R>(mut op: impl FnMut() -> R) -> impl FnMut(&mut Samples) {
    let mut run = move |n| {
        let start = Instant::now();
        for _ in 0..n {
            black_box(op());
        }
        start.elapsed()
    };
    let mut n = 0;
    move |out| {
        if n == 0 {
            n = calibrate(&mut run);
        }
        out.put(0, per(run(n), n));
    }
}

/// Has a poll answered by a branch, as a loop that polls does, instead of by a value.
#[inline(always)]
pub fn branch_on(answer: bool) {
    #[cold]
    #[inline(never)]
    fn up() {
        black_box(());
    }
    if answer {
        up();
    }
}

/// Times `op` on things that `make` made before, and that are dropped after.
pub fn batch<T, R>(mut make: impl FnMut() -> T, mut op: impl FnMut(&T) -> R) -> impl FnMut(&mut Samples) {
    let mut run = move |batches| {
        let mut took = Duration::ZERO;
        for _ in 0..batches {
            let made: Vec<T> = (0..BATCH).map(|_| make()).collect();
            let start = Instant::now();
            for thing in &made {
                black_box(op(thing));
            }
            took += start.elapsed();
        }
        took
    };
    let mut batches = 0;
    move |out| {
        if batches == 0 {
            batches = calibrate(&mut run);
        }
        out.put(0, per(run(batches), batches * BATCH));
    }
}

/// Times `op` done by two threads on two cores at once: wall time for each of all operations.
///
/// Keeps the windows in which neither thread waited for a CPU, as long as there are any.
pub fn pair<R>(op: impl Fn() -> R + Sync) -> impl FnMut(&mut Samples) {
    let mut n = 0;
    move |out| {
        if n == 0 {
            n = calibrate(|n| window(n, &op).0);
        }
        for _ in 0..ATTEMPTS {
            let (took, waited) = window(n, &op);
            if waited <= UNNOTICED {
                return out.put(0, per(took, 2 * n));
            }
            out.put_disturbed(0, per(took, 2 * n));
        }
    }
}

/// One window: the longer of the two threads' times, and how long either waited for a CPU.
fn window<R>(n: usize, op: &(impl Fn() -> R + Sync)) -> (Duration, Duration) {
    let ready = AtomicUsize::new(0);
    let half = |cpu| sys::pinned(cpu, || half(n, op, &ready));
    std::thread::scope(|s| {
        let other = s.spawn(|| half(1));
        let mine = half(0);
        let other = other.join().expect("a bench does not panic");
        (mine.0.max(other.0), mine.1.max(other.1))
    })
}

fn half<R>(n: usize, op: &impl Fn() -> R, ready: &AtomicUsize) -> (Duration, Duration) {
    // Thread-local state is made before the clock starts.
    black_box(op());
    let waited = sys::waited_for_cpu();
    ready.fetch_add(1, SeqCst);
    while ready.load(Relaxed) < 2 {
        spin_loop();
    }
    let start = Instant::now();
    for _ in 0..n {
        black_box(op());
    }
    (start.elapsed(), sys::waited_for_cpu() - waited)
}

/// Runs `body` once a round; it returns a value for each row.
pub fn values<const N: usize>(mut body: impl FnMut() -> [f64; N]) -> impl FnMut(&mut Samples) {
    move |out| {
        for (row, value) in body().into_iter().enumerate() {
            out.put(row, value);
        }
    }
}

/// Times `fill` and `fire` of `n` things, in nanoseconds each, for a group of those two rows.
///
/// What `fire` returns is dropped outside the clock.
pub fn fill_and_fire<T, R>(
    n: usize,
    mut fill: impl FnMut(usize) -> T,
    mut fire: impl FnMut(T) -> R,
) -> impl FnMut(&mut Samples) {
    values(move || {
        let start = Instant::now();
        let filled = fill(n);
        let fill_took = start.elapsed();
        let start = Instant::now();
        let left = fire(filled);
        let fire_took = start.elapsed();
        drop(left);
        [per(fill_took, n), per(fire_took, n)]
    })
}
