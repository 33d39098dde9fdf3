//! The rows of Till: armed and dropped, on two cores, never observed, fired, how late.

#[path = "till/clocks.rs"]
mod clocks;
mod peers;

use async_io::Timer;
use clocks::{AsyncIo, Map, Mapped, Ours, Sorted, Tokio};
use peers::{block_on, poll_once};
use std::hint::black_box;
use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::Waker;
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::{Signal, Till};
use stopwhen_benches::clocks::fire;
use stopwhen_benches::limits::Bit;
use stopwhen_benches::time::{each, pair};
use stopwhen_benches::{FLAT, Goal, Group, Row, Samples, Suite, Unit, sys};
use tokio::runtime::{Builder, EnterGuard, Runtime};
use tokio::time::sleep;

fn main() {
    let mut suite = Suite::start("till");
    arm(&mut suite);
    arm_on_two_cores(&mut suite);
    never_observed(&mut suite);
    one_millisecond(&mut suite);
    fire_many(&mut suite);
    suite.finish();
}

const LONG: Duration = Duration::from_secs(360);

/// A runtime that nobody drives: what a task's code costs while it runs, when the driver does not
/// sleep and need not be woken.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().unwrap())
}

/// Makes this thread one of the runtime's, once and for good.
fn enter_tokio() {
    thread_local! {
        static INSIDE: ManuallyDrop<EnterGuard<'static>> = ManuallyDrop::new(runtime().enter());
    }
    INSIDE.with(|_| ());
}

fn ours_armed() -> bool {
    poll_once(Till::secs(360).wait_async()).is_pending()
}

fn tokio_armed() -> bool {
    poll_once(sleep(LONG)).is_pending()
}

fn async_io_armed() -> bool {
    poll_once(Timer::after(LONG)).is_pending()
}

/// The clock read, and two holds of one lock.
fn by_hand(bit: &Bit) -> Instant {
    bit.hold(|| black_box(()));
    bit.hold(|| black_box(()));
    Instant::now()
}

/// The `i`-th of many deadlines around six minutes from now.
fn scattered(i: usize) -> Duration {
    /// A step that visits all of a minute's milliseconds.
    const STEP: usize = 7_919;
    LONG + Duration::from_millis((i * STEP % 60_000) as u64)
}

/// A timeout that is not needed in the end: made, awaited once, dropped, among others that wait.
/// Slower: every `x_until` that ends in time pays. Not flat: a search instead of a slot.
fn arm(suite: &mut Suite) {
    for (id, n) in [("T1-0", 0), ("T1-10k", 10_000), ("T1-1M", 1_000_000)] {
        let row = Row::ns(id, "360 s Till: create, arm, drop, among so many outstanding");
        let row = row.goal(Goal::Than("tokio sleep", 0.45));
        let row = if n > 0 { row.goal(Goal::Flat("T1-0", FLAT)) } else { row };
        let row = if n > 100_000 { row.large() } else { row };
        suite.group([row], |g| arm_among(g, n));
    }
}

fn arm_among(g: &mut Group, outstanding: usize) {
    enter_tokio();
    let others: Vec<_> = (0..outstanding)
        .map(|i| {
            let till = Till::after(scattered(i));
            let callback = till.then(|| ());
            (callback, till)
        })
        .collect();
    g.ours(each(move || (&others, ours_armed()).1));
    let bit = Bit::default();
    g.limit("the clock and two lock pairs", each(move || by_hand(&bit)));
    let others = polled(outstanding, |i| sleep(scattered(i)));
    g.peer("tokio sleep", each(move || (&others, tokio_armed()).1));
    let others = polled(outstanding, |i| Timer::after(scattered(i)));
    g.peer("async-io Timer", each(move || (&others, async_io_armed()).1));
    let map = Map::default();
    for i in 0..outstanding {
        map.insert(Instant::now() + scattered(i), Waker::noop().clone());
    }
    g.peer("Mutex<BTreeMap>", each(move || map.armed()));
}

fn polled<F: Future>(n: usize, make: impl Fn(usize) -> F) -> Vec<Pin<Box<F>>> {
    let mut all: Vec<_> = (0..n).map(|i| Box::pin(make(i))).collect();
    for future in &mut all {
        black_box(poll_once(future.as_mut()).is_pending());
    }
    all
}

/// The same by two cores at once. Slower: they meet at one lock.
fn arm_on_two_cores(suite: &mut Suite) {
    let row = Row::ns("T1c", "360 s Till: create, arm, drop, two cores").median();
    suite.group([row.goal(Goal::Peer(0.32))], |g| {
        g.ours(pair(ours_armed));
        let bit = Bit::default();
        g.limit("the clock and two lock pairs", pair(move || by_hand(&bit)));
        let tokio = || {
            enter_tokio();
            tokio_armed()
        };
        g.peer("tokio sleep", pair(tokio));
        g.peer("async-io Timer", pair(async_io_armed));
        let map = Map::default();
        g.note("Mutex<BTreeMap>", pair(move || map.armed()));
    });
}

/// A Till that nobody looks at before it is dropped. Slower: making one does what could wait
/// until it is observed.
fn never_observed(suite: &mut Suite) {
    let row = Row::ns("T1n", "360 s Till never observed, create + drop");
    suite.group([row.goal(Goal::Peer(1.1))], |g| {
        enter_tokio();
        g.ours(each(|| Till::secs(360)));
        g.limit("the clock", each(Instant::now));
        g.peer("tokio sleep, not polled", each(|| sleep(LONG)));
    });
    let row = Row::ns("T1n-or", "a | 360 s Till never observed, create + drop");
    suite.group([row.goal(Goal::Peer(2.0))], |g| {
        enter_tokio();
        let signal = Signal::new();
        g.ours(each(move || &signal | &Till::secs(360)));
        g.limit("the clock", each(Instant::now));
        g.peer("tokio sleep, not polled", each(|| sleep(LONG)));
    });
}

/// Waits of a millisecond in one round.
const WAITS: usize = 6;

/// How late `wait` comes back from a millisecond, in microseconds; on a new thread each round,
/// because some waits change their thread's timer slack.
fn lateness(wait: impl Fn(Duration) + Sync) -> impl FnMut(&mut Samples) {
    const WAIT: Duration = Duration::from_millis(1);
    move |out| {
        let some = || {
            for _ in 0..WAITS {
                let due = Instant::now() + WAIT;
                wait(WAIT);
                out.put(0, due.elapsed().as_nanos() as f64 / 1_000.0);
            }
        };
        thread::scope(|s| drop(s.spawn(some)));
    }
}

/// One short sleep on a machine that should be idle. Later: the system's timer slack (50 µs), a
/// ticking wheel, or a detour by a second thread.
fn one_millisecond(suite: &mut Suite) {
    const ROUNDS: usize = 30;
    let row = Row::ns("T4", "1 ms Till waited for by a thread, late").unit(Unit::Us).median();
    suite.group([row.goal(Goal::Than("std sleep", 0.4))], |g| {
        g.rounds(ROUNDS);
        let exact = |wait| {
            sys::no_timer_slack();
            thread::sleep(wait);
        };
        g.limit("sleep without timer slack", lateness(exact));
        g.ours(lateness(|wait| Till::after(wait).wait()));
        awaited_rivals(g);
    });
    let row = Row::ns("T4-async", "1 ms Till awaited by a task, late").unit(Unit::Us).median();
    suite.group([row], |g| {
        g.rounds(ROUNDS);
        g.ours(lateness(|wait| block_on(Till::after(wait).wait_async())));
        awaited_rivals(g);
    });
}

fn awaited_rivals(g: &mut Group) {
    g.peer("std sleep", lateness(thread::sleep));
    g.peer("async-io Timer", lateness(|wait| assert!(block_on(Timer::after(wait)) <= Instant::now())));
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    g.peer("tokio sleep", lateness(move |wait| runtime.block_on(async { sleep(wait).await })));
}

/// Many that are due within one second, each waking a task. More CPU: a system call, a search or a
/// cascade too many for each. Later: a coarser tick, or one task's work delays the others.
fn fire_many(suite: &mut Suite) {
    let sizes = [
        (100_000, Duration::from_millis(600), ["T2-100k", "T3-100k"], 3),
        (1_000_000, Duration::from_millis(2_500), ["T2-1M", "T3-1M"], 2),
    ];
    for (n, lead, ids, rounds) in sizes {
        let late = Row::ns(ids[1], "how late those were, p50").unit(Unit::Us).median().large();
        let cpu = Row::ns(ids[0], "fire and drop Tills due within 1 s, CPU each").median().large();
        let many = n > 100_000;
        let late = if many { late.goal(Goal::AtMost(600.0)) } else { late };
        suite.group([cpu.goal(Goal::Peer(if many { 0.65 } else { 0.5 })), late], |g| {
            g.rounds(rounds);
            g.cold();
            g.limit("sorted vector and a thread", fire::<Sorted>(n, lead));
            g.ours(fire::<Ours>(n, lead));
            g.peer("tokio sleep", fire::<Tokio>(n, lead));
            g.peer("async-io Timer", fire::<AsyncIo>(n, lead));
            g.peer("Mutex<BTreeMap> and a thread", fire::<Mapped>(n, lead));
        });
    }
}
