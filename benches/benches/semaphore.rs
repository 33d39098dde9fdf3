//! The rows of Semaphore: alone, one permit for two cores, two permits for eight threads.

mod peers;

use peers::block_on;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use stopwhen::{Semaphore, Signal};
use stopwhen_benches::crew::shares;
use stopwhen_benches::limits::Bit;
use stopwhen_benches::time::{each, pair};
use stopwhen_benches::{Goal, Row, Suite, Unit};

fn main() {
    let mut suite = Suite::start("semaphore");
    alone(&mut suite);
    two_cores(&mut suite);
    fair_shares(&mut suite);
    suite.finish();
}

/// Nobody else is there. Slower: more than a step to take and a step to give back, or `until` is looked at before it is needed.
fn alone(suite: &mut Suite) {
    let two_steps = || {
        let word = AtomicUsize::new(4 << 3);
        each(move || {
            let word = black_box(&word);
            let seen = word.load(Relaxed);
            let _ = word.compare_exchange(seen, seen - 8, Acquire, Relaxed);
            word.fetch_add(8, Release)
        })
    };
    suite.group([Row::ns("M1", "acquire + release").goal(Goal::Than("tokio, try_acquire", 0.65))], |g| {
        let (ours, tokio, blocking) =
            (Semaphore::new(4), tokio::sync::Semaphore::new(4), tokio::sync::Semaphore::new(4));
        let (asynchronous, std) = (async_lock::Semaphore::new(4), std_semaphore::Semaphore::new(4));
        g.limit("two locked steps", two_steps());
        g.ours(each(move || drop(black_box(&ours).acquire())));
        g.peer("tokio, try_acquire", each(move || drop(black_box(&tokio).try_acquire().unwrap())));
        g.peer("tokio, blocking", each(move || drop(block_on(black_box(&blocking).acquire()).unwrap())));
        g.peer("async-lock, blocking", each(move || drop(black_box(&asynchronous).acquire_blocking())));
        g.peer("std-semaphore", each(move || drop(black_box(&std).access())));
    });
    suite.group([Row::ns("M1-until", "acquire_until(signal) + release")], |g| {
        let (ours, stop) = (Semaphore::new(4), Signal::new());
        g.limit("two locked steps", two_steps());
        g.ours(each(move || drop(black_box(&ours).acquire_until(&stop).unwrap())));
    });
}

/// One permit, and two cores that do nothing but take it. Slower: threads sleep although it is back at once.
fn two_cores(suite: &mut Suite) {
    let row = Row::ns("M2", "one permit, two cores hammering").median();
    suite.group([row.goal(Goal::Peer(0.25))], |g| {
        let (ours, tokio, bit) = (Semaphore::new(1), tokio::sync::Semaphore::new(1), Bit::default());
        let (asynchronous, std) = (async_lock::Semaphore::new(1), std_semaphore::Semaphore::new(1));
        g.limit("a bit that spins for ever", pair(move || bit.hold(|| black_box(()))));
        g.ours(pair(move || drop(ours.acquire())));
        g.peer("tokio, blocking", pair(move || drop(block_on(tokio.acquire()).unwrap())));
        g.peer("async-lock, blocking", pair(move || drop(asynchronous.acquire_blocking())));
        g.peer("std-semaphore", pair(move || drop(std.access())));
    });
}

/// Eight threads for a second, on two cores, with two permits. Slower: a permit goes to a sleeper while others are awake.
/// Worse shared: the young overtake those who have waited over a millisecond.
fn fair_shares(suite: &mut Suite) {
    let rows = [
        Row::ns("M3", "two permits, 8 threads on two cores").median().goal(Goal::Peer(0.55)),
        Row::ns("M3-share", "their shares of a second").unit(Unit::Shares).median().goal(Goal::AtMost(3.0)),
    ];
    suite.group(rows, |g| {
        g.rounds(5);
        g.cold();
        let (ours, tokio) = (Semaphore::new(2), tokio::sync::Semaphore::new(2));
        let (asynchronous, std) = (async_lock::Semaphore::new(2), std_semaphore::Semaphore::new(2));
        g.ours(shares(8, move || drop(ours.acquire())));
        g.peer("tokio, blocking", shares(8, move || drop(block_on(tokio.acquire()).unwrap())));
        g.peer("async-lock, blocking", shares(8, move || drop(asynchronous.acquire_blocking())));
        g.peer("std-semaphore", shares(8, move || drop(std.access())));
    });
}
