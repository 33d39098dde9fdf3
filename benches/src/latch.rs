//! Rows about sleepers, for anything that can be set once and waited for.

use crate::suite::Samples;
use crate::sys;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// What can be set once, and slept on until then.
pub trait Latch: Send + Sync + 'static {
    /// Makes one that is not set.
    fn fresh() -> Self;
    /// Sets it, and wakes whoever sleeps on it.
    fn set(&self);
    /// Returns once it is set.
    fn wait(&self);
}

/// Hand-overs in one round.
const EVENTS: usize = 32;

/// Stack of a thread that only sleeps.
const SMALL_STACK: usize = 64 << 10;

fn made<L: Latch>(n: usize) -> Vec<L> {
    (0..n).map(|_| L::fresh()).collect()
}

fn nanos(span: Duration) -> f64 {
    span.as_nanos() as f64
}

/// Row 0: from before `set` to the sleeper, on another core, being back. Row 1: the `set` alone.
pub fn hand_over<L: Latch>() -> impl FnMut(&mut Samples) {
    |out| {
        let latches = made::<L>(EVENTS);
        let (sleeper, turn, awake) = (AtomicI32::new(0), AtomicUsize::new(0), AtomicU64::new(0));
        let epoch = Instant::now();
        let sleep = || {
            sleeper.store(sys::thread_id(), SeqCst);
            for (i, latch) in latches.iter().enumerate() {
                turn.store(i + 1, SeqCst);
                latch.wait();
                awake.store(epoch.elapsed().as_nanos() as u64, SeqCst);
            }
        };
        let wake = || {
            for (i, latch) in latches.iter().enumerate() {
                while turn.load(SeqCst) <= i {
                    spin_loop();
                }
                sys::until_asleep(sleeper.load(SeqCst));
                awake.store(0, SeqCst);
                let before = epoch.elapsed();
                latch.set();
                let after = epoch.elapsed();
                while awake.load(SeqCst) == 0 {
                    spin_loop();
                }
                out.put(0, awake.load(SeqCst) as f64 - nanos(before));
                out.put(1, nanos(after - before));
            }
        };
        thread::scope(|s| {
            s.spawn(|| sys::pinned(1, sleep));
            sys::pinned(0, wake);
        });
    }
}

/// A round trip between two threads on one core, each sleeping while the other runs.
pub fn ping_pong<L: Latch>() -> impl FnMut(&mut Samples) {
    |out| {
        let (there, back) = (made::<L>(EVENTS), made::<L>(EVENTS));
        let answer = || {
            for (there, back) in there.iter().zip(&back) {
                there.wait();
                back.set();
            }
        };
        let ask = || {
            // The first trip waits for the other thread to be there, and is not timed.
            there[0].set();
            back[0].wait();
            let start = Instant::now();
            for (there, back) in there.iter().zip(&back).skip(1) {
                there.set();
                back.wait();
            }
            out.put(0, nanos(start.elapsed()) / (EVENTS - 1) as f64);
        };
        thread::scope(|s| {
            s.spawn(|| sys::pinned(0, answer));
            sys::pinned(0, ask);
        });
    }
}

/// From before `set` until the last of `sleepers` threads is back, in microseconds; any cores.
pub fn wake_all<L: Latch>(sleepers: usize) -> impl FnMut(&mut Samples) {
    move |out| {
        let latch = L::fresh();
        let (setter, epoch) = (thread::current(), Instant::now());
        let (up, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        let ids: Vec<_> = (0..sleepers).map(|_| AtomicI32::new(0)).collect();
        let sleep = |id: &AtomicI32| {
            id.store(sys::thread_id(), SeqCst);
            latch.wait();
            if up.fetch_add(1, SeqCst) + 1 == sleepers {
                done.store(epoch.elapsed().as_nanos() as u64, SeqCst);
                setter.unpark();
            }
        };
        let sleep = &sleep;
        thread::scope(|s| {
            for id in &ids {
                let small = thread::Builder::new().stack_size(SMALL_STACK);
                small.spawn_scoped(s, move || sleep(id)).expect("the system has threads left");
            }
            for id in &ids {
                while id.load(SeqCst) == 0 {
                    thread::yield_now();
                }
                sys::until_asleep(id.load(SeqCst));
            }
            let before = epoch.elapsed();
            latch.set();
            while done.load(SeqCst) == 0 {
                thread::park();
            }
            out.put(0, (done.load(SeqCst) as f64 - nanos(before)) / 1_000.0);
        });
    }
}
