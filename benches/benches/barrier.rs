//! The rows of Barrier: two threads that are both awake, more threads than cores, and what it costs to wait for long.

mod peers;

use peers::block_on;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use stopwhen::Barrier;
use stopwhen_benches::crew::{On, rounds};
use stopwhen_benches::time::values;
use stopwhen_benches::{Goal, Group, Row, Samples, Suite, Unit, sys};

fn main() {
    let mut suite = Suite::start("barrier");
    both_awake(&mut suite);
    crowd(&mut suite);
    patience(&mut suite);
    suite.finish();
}

/// Makes what a thread calls to meet the others.
type Meeting = Box<dyn Fn() -> Box<dyn FnMut()> + Send + Sync>;

fn shared<B: Send + Sync + 'static, R>(barrier: B, wait: impl Fn(&B) -> R + Copy + Send + Sync + 'static) -> Meeting {
    let barrier = Arc::new(barrier);
    Box::new(move || {
        let barrier = Arc::clone(&barrier);
        Box::new(move || _ = wait(&barrier))
    })
}

fn ours(n: usize) -> Meeting {
    shared(Barrier::new(n), |barrier| barrier.wait().unwrap())
}

fn std(n: usize) -> Meeting {
    shared(std::sync::Barrier::new(n), std::sync::Barrier::wait)
}

fn tokio(n: usize) -> Meeting {
    shared(tokio::sync::Barrier::new(n), |barrier| block_on(barrier.wait()))
}

fn asynchronous(n: usize) -> Meeting {
    shared(async_lock::Barrier::new(n), async_lock::Barrier::wait_blocking)
}

/// Spins for ever, then yields for ever. It keeps a bit in each thread that must agree with a shared one: new threads begin
/// anew only after an even number of meetings.
fn hurdles(n: usize) -> Meeting {
    let first = Mutex::new(hurdles::Barrier::new(n));
    Box::new(move || {
        let mut mine = first.lock().unwrap().clone();
        Box::new(move || _ = mine.wait())
    })
}

/// Counts arrivals in one word, and looks at it for ever.
fn one_word(n: usize) -> Meeting {
    const SPINS: u32 = 64;
    shared(AtomicUsize::new(0), move |arrived| {
        let all = (arrived.fetch_add(1, AcqRel) / n + 1) * n;
        let mut looks = 0;
        while arrived.load(Acquire) < all {
            looks += 1;
            if looks < SPINS { spin_loop() } else { thread::yield_now() }
        }
    })
}

fn all(g: &mut Group, measured: impl Fn(Meeting) -> Box<dyn FnMut(&mut Samples)>, n: usize) {
    g.limit("one word, awake for ever", measured(one_word(n)));
    g.ours(measured(ours(n)));
    g.peer("hurdles", measured(hurdles(n)));
    g.peer("std", measured(std(n)));
    g.peer("tokio, blocking", measured(tokio(n)));
    g.peer("async-lock, blocking", measured(asynchronous(n)));
}

fn met(n: usize, on: On) -> impl Fn(Meeting) -> Box<dyn FnMut(&mut Samples)> {
    move |meeting| {
        let each = move |_| {
            let mut meet = meeting();
            move |_| meet()
        };
        Box::new(rounds(n, on, each))
    }
}

/// Two threads that meet at once, again and again, each on a core. Slower: an arrival takes a lock, or goes to sleep
/// although the other one is about to come.
fn both_awake(suite: &mut Suite) {
    let row = Row::ns("B1", "2 threads meet, two cores").median();
    let row = row.goal(Goal::Than("hurdles", 1.5)).goal(Goal::Than("std", 0.1));
    suite.group([row], |g| {
        g.rounds(100);
        all(g, met(2, On::Own), 2);
    });
}

/// More threads than cores: most must give way for the last to come. Slower: they spin where they should yield, or sleep
/// and are woken one by one.
fn crowd(suite: &mut Suite) {
    let row = Row::ns("B2", "8 threads meet, two cores").median().goal(Goal::Than("std", 0.3));
    suite.group([row], |g| {
        g.rounds(20);
        all(g, met(8, On::Two), 8);
    });
}

/// CPU time of who waits for `late`, in microseconds each.
fn waited(n: usize) -> impl Fn(Meeting) -> Box<dyn FnMut(&mut Samples)> {
    const LATE: Duration = Duration::from_millis(20);
    move |meeting| {
        let wait = move || {
            let meeting = &meeting;
            let early = || {
                let mut meet = meeting();
                meet(); // all are there, and have been there an even number of times at the end: see `hurdles`
                let before = sys::thread_time();
                meet();
                sys::thread_time() - before
            };
            let burnt: Duration = thread::scope(|s| {
                let crew: Vec<_> = (1..n).map(|i| s.spawn(move || sys::pinned(i % 2, early))).collect();
                let mut meet = meeting();
                meet();
                thread::sleep(LATE);
                meet();
                crew.into_iter().map(|t| t.join().expect("a bench does not panic")).sum()
            });
            [burnt.as_nanos() as f64 / 1_000.0 / (n - 1) as f64]
        };
        Box::new(values(wait))
    }
}

/// The last one comes 20 ms late: what the others burn until then. More: who waits stays awake for longer than a wake-up takes.
fn patience(suite: &mut Suite) {
    for (id, n, what) in [
        ("B1-cpu", 2, "CPU of who waits 20 ms for the other one"),
        ("B2-cpu", 8, "CPU of each of 7 who wait 20 ms for the last"),
    ] {
        let row = Row::ns(id, what).unit(Unit::Us).median().goal(Goal::Than("hurdles", 0.1));
        suite.group([row], |g| {
            g.rounds(5);
            all(g, waited(n), n);
        });
    }
}
