//! Rows about many timers that fire, for anything that can wake a task at a moment.

use crate::suite::Samples;
use crate::sys;
use std::ptr::from_ref;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed, Ordering::SeqCst};
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Somebody who wakes tasks at given moments, with a thread of his own.
pub trait Clock: 'static {
    /// An armed timer; dropping it disarms it.
    type Armed;
    /// Starts the clock.
    fn start() -> Self;
    /// Has `waker` woken at `due`.
    fn arm(&self, due: Instant, waker: &Waker) -> Self::Armed;
    /// Learns that all of a round's timers are armed.
    fn all_armed(&self) {}
}

/// All deadlines lie within this.
const SPAN: Duration = Duration::from_secs(1);

/// One timer's task: it notes when it was woken.
struct Task {
    /// When the timer is due, in nanoseconds since the round's epoch.
    due: u64,
    /// Nanoseconds late, plus one; 0: not woken. Kept by every 16th, for a look at the clock costs.
    late: AtomicU64,
    kept: bool,
    round: &'static Round,
}

struct Round {
    epoch: Instant,
    woken: AtomicUsize,
    count: usize,
    waiting: Thread,
}

/// Every so many-th task notes how late it was.
const NOTED: usize = 16;

const TABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake, |_| ());

fn clone(task: *const ()) -> RawWaker {
    RawWaker::new(task, &TABLE)
}

fn wake(task: *const ()) {
    // SAFETY: `fire` frees the tasks only once all of them were counted below.
    let task = unsafe { &*task.cast::<Task>() };
    let round = task.round;
    if task.kept {
        let late = round.epoch.elapsed().as_nanos() as u64 + 1 - task.due;
        task.late.store(late, Relaxed);
    }
    if round.woken.fetch_add(1, SeqCst) + 1 == round.count {
        round.waiting.unpark();
    }
}

/// A shuffle that is the same every time.
fn shuffled(n: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for i in (1..n).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        order.swap(i, (seed >> 33) as usize % (i + 1));
    }
    order
}

/// Arms `n` timers, due within one second after `lead`, and lets them fire.
///
/// Row 0: CPU time of the whole process while they fire and are dropped, in nanoseconds each (what
/// a clock does lazily is paid in the drop). Row 1: the median of
/// how late they were, in microseconds.
pub fn fire<C: Clock>(n: usize, lead: Duration) -> impl FnMut(&mut Samples) {
    let mut clock = None;
    move |out| {
        let clock = clock.get_or_insert_with(C::start);
        let (epoch, waiting) = (Instant::now(), thread::current());
        // Leaked: who counts the last task still looks at it when the round is over.
        let round: &'static Round = Box::leak(Box::new(Round { epoch, woken: AtomicUsize::new(0), count: n, waiting }));
        let due = |i: usize| (lead + SPAN.mul_f64(i as f64 / n as f64)).as_nanos() as u64;
        let task = |i: usize| Task { due: due(i), late: AtomicU64::new(0), kept: i % NOTED == 0, round };
        let tasks: Vec<Task> = shuffled(n).into_iter().map(task).collect();
        let arm = |task: &Task| {
            // SAFETY: the table's functions keep to a waker's contract; see `wake` for the lifetime.
            let waker = unsafe { Waker::from_raw(clone(from_ref(task).cast())) };
            clock.arm(epoch + Duration::from_nanos(task.due), &waker)
        };
        let armed: Vec<C::Armed> = tasks.iter().map(arm).collect();
        clock.all_armed();
        let in_time = epoch.elapsed() < lead;
        let cpu = sys::cpu_time(false);
        while round.woken.load(SeqCst) < n {
            thread::park();
        }
        drop(armed);
        let cpu = (sys::cpu_time(false) - cpu).as_nanos() as f64 / n as f64;
        let mut late: Vec<u64> = tasks.iter().map(|t| t.late.load(Relaxed)).collect();
        late.retain(|late| *late > 0);
        late.sort_unstable();
        let late = late[late.len() / 2] as f64 / 1_000.0;
        let put = if in_time { Samples::put } else { Samples::put_disturbed };
        put(out, 0, cpu);
        put(out, 1, late);
    }
}
