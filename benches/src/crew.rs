//! Rows in which several threads work on one thing: each on a core, all on one, or more of them than there are cores.
//!
//! The wall time is that from the first thread's start to the last one's end. A window is clean if nobody else took the
//! CPU away meanwhile; how that is known depends on where the threads run ([`On`]).

use crate::args::args;
use crate::machine::Load;
use crate::suite::Samples;
use crate::sys;
use crate::time::calibrate_to;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// Where the threads of a crew run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// All on one core, taking turns. Clean: together they had it nearly all the time.
    One,
    /// Each on a core of its own. Clean: none waited for its CPU but for what a wake-up takes.
    Own,
    /// In turn on two cores, more threads than that. Clean: other processes ran hardly at all.
    Two,
}

/// Windows that one round may try for a clean one.
const ATTEMPTS: usize = 3;

/// The part of a window that may go to others.
const UNNOTICED: f64 = 0.05;

impl On {
    fn bind<R>(self, thread: usize, body: impl FnOnce() -> R) -> R {
        sys::pinned(if self == On::One { 0 } else { thread % 2 }, body)
    }

    /// How long a window lasts: where threads share cores, long enough for many turns of the scheduler.
    fn span(self) -> Duration {
        match self {
            On::One | On::Own => args().sample() * 4,
            On::Two => args().sample() * 125,
        }
    }
}

/// What one thread did in a window.
struct Stint {
    start: Instant,
    end: Instant,
    waited: Duration,
    cpu: Duration,
}

/// The wall time of one window, and whether it was clean.
fn window<F: FnMut(usize)>(threads: usize, on: On, n: usize, make: &(impl Fn(usize) -> F + Sync)) -> (Duration, bool) {
    let ready = AtomicUsize::new(0);
    let load = Load::start();
    let stint = |thread| {
        let mut op = make(thread);
        ready.fetch_add(1, SeqCst);
        while ready.load(Relaxed) < threads {
            if on == On::Own { spin_loop() } else { thread::yield_now() }
        }
        let (waited, cpu, start) = (sys::waited_for_cpu(), sys::thread_time(), Instant::now());
        (0..n).for_each(&mut op);
        let end = Instant::now();
        Stint { start, end, waited: sys::waited_for_cpu() - waited, cpu: sys::thread_time() - cpu }
    };
    let stints: Vec<Stint> = thread::scope(|s| {
        let stint = &stint;
        let start = |thread| s.spawn(move || on.bind(thread, || stint(thread)));
        let crew: Vec<_> = (0..threads).map(start).collect();
        crew.into_iter().map(|t| t.join().expect("a bench does not panic")).collect()
    });
    let (start, end) = (stints.iter().map(|s| s.start).min(), stints.iter().map(|s| s.end).max());
    let took = end.unwrap() - start.unwrap();
    let lost = match on {
        On::One => took.saturating_sub(stints.iter().map(|s| s.cpu).sum()).as_secs_f64() / took.as_secs_f64(),
        On::Own => stints.iter().map(|s| s.waited).max().unwrap().as_secs_f64() / took.as_secs_f64(),
        On::Two => load.others() / 100.0,
    };
    (took, lost <= UNNOTICED)
}

/// Has `threads` threads do an operation `n` times each, and gives the wall time for one of them: a round, a trip.
///
/// `make` is called in each thread, with its number, for what it does; that is given the number of the round.
pub fn rounds<F: FnMut(usize)>(threads: usize, on: On, make: impl Fn(usize) -> F + Sync) -> impl FnMut(&mut Samples) {
    let mut n = 0;
    move |out| {
        if n == 0 {
            // Always even: a peer is then as it was at first.
            n = calibrate_to(on.span(), 2, |n| window(threads, on, n, &make).0);
        }
        for _ in 0..ATTEMPTS {
            let (took, clean) = window(threads, on, n, &make);
            let each = took.as_nanos() as f64 / n as f64;
            if clean {
                return out.put(0, each);
            }
            out.put_disturbed(0, each);
        }
    }
}

/// Has `threads` threads, in turn on two cores, do `op` for a second.
///
/// Row 0: wall nanoseconds for each of all operations. Row 1: how many times as often the luckiest thread did it as the
/// unluckiest.
pub fn shares<R>(threads: usize, op: impl Fn() -> R + Sync) -> impl FnMut(&mut Samples) {
    let span = if args().quick { Duration::from_millis(20) } else { Duration::from_secs(1) };
    move |out| {
        let over = AtomicBool::new(false);
        let stint = || {
            let mut done = 0_u64;
            while !over.load(Relaxed) {
                std::hint::black_box(op());
                done += 1;
            }
            done
        };
        let (load, start) = (Load::start(), Instant::now());
        let done: Vec<u64> = thread::scope(|s| {
            let stint = &stint;
            let start = |thread| s.spawn(move || On::Two.bind(thread, stint));
            let crew: Vec<_> = (0..threads).map(start).collect();
            thread::sleep(span);
            over.store(true, SeqCst);
            crew.into_iter().map(|t| t.join().expect("a bench does not panic")).collect()
        });
        let took = start.elapsed();
        let (most, least) = (done.iter().max().unwrap(), done.iter().min().unwrap());
        let put = if load.others() <= 100.0 * UNNOTICED { Samples::put } else { Samples::put_disturbed };
        put(out, 0, took.as_nanos() as f64 / done.iter().sum::<u64>() as f64);
        put(out, 1, *most as f64 / (*least).max(1) as f64);
    }
}
