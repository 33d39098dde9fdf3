//! The rows of Lock: alone, contended, as a monitor.

#[path = "lock/looks.rs"]
mod looks;
mod peers;

use peers::turns;
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Condvar, Mutex};
use std::time::Duration;
use stopwhen::{Lock, LockGuard, Signal};
use stopwhen_benches::crew::{On, shares};
use stopwhen_benches::limits::Bit;
use stopwhen_benches::time::{each, pair};
use stopwhen_benches::turns::Turns;
use stopwhen_benches::{Goal, Row, Suite, Unit};

fn main() {
    let mut suite = Suite::start("lock");
    alone(&mut suite);
    alone_until(&mut suite);
    alone_tells(&mut suite);
    two_cores(&mut suite);
    two_cores_at_work(&mut suite);
    fair_shares(&mut suite);
    alternate(&mut suite);
    looks::idle_and_polled(&mut suite);
    looks::push_to_the_last(&mut suite);
    suite.finish();
}

/// The least that locks and tells whether somebody queues: two locked steps.
fn two_steps() -> impl FnMut() -> usize {
    let word = AtomicUsize::new(8);
    move || {
        let word = black_box(&word);
        let _ = word.compare_exchange(8, 0, Acquire, Relaxed);
        word.fetch_add(8, Release)
    }
}

/// Nobody else is there. Slower: every program that locks pays. A field of the guard, an owner's mark that is looked up twice,
/// a question about panics that needs a call.
fn alone(suite: &mut Suite) {
    suite.group([Row::ns("L1", "lock + unlock").goal(Goal::Peer(1.0))], |g| {
        let (ours, std, lot) = (Lock::new(0_u64), Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
        let (asynchronous, tokio) = (async_lock::Mutex::new(0_u64), tokio::sync::Mutex::new(0_u64));
        g.limit("two locked steps", each(two_steps()));
        g.ours(each(move || *black_box(&ours).lock() += 1));
        g.peer("std", each(move || *black_box(&std).lock().unwrap() += 1));
        g.peer("parking_lot", each(move || *black_box(&lot).lock() += 1));
        g.peer("async-lock, blocking", each(move || *black_box(&asynchronous).lock_blocking() += 1));
        g.peer("tokio, blocking", each(move || *black_box(&tokio).blocking_lock() += 1));
    });
    suite.group([Row::ns("L1-try", "try_lock + unlock").goal(Goal::Peer(1.0))], |g| {
        let (ours, std, lot) = (Lock::new(0_u64), Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
        g.limit("two locked steps", each(two_steps()));
        g.ours(each(move || black_box(&ours).try_lock().map(|mut n| *n += 1)));
        g.peer("std", each(move || black_box(&std).try_lock().map(|mut n| *n += 1).is_ok()));
        g.peer("parking_lot", each(move || black_box(&lot).try_lock().map(|mut n| *n += 1)));
    });
}

/// The same, given what may end the wait that there is none of. Slower: `until` is looked at before it is needed.
fn alone_until(suite: &mut Suite) {
    suite.group([Row::ns("L1-until", "lock_until(signal) + unlock")], |g| {
        let (ours, lot) = (Lock::new(0_u64), parking_lot::Mutex::new(0_u64));
        let (stop, long) = (Signal::new(), Duration::from_secs(360));
        g.limit("two locked steps", each(two_steps()));
        g.ours(each(move || *black_box(&ours).lock_until(&stop).unwrap() += 1));
        g.peer("parking_lot, try_lock_for", each(move || *black_box(&lot).try_lock_for(long).unwrap() += 1));
    });
}

/// All waiters are told, and there are none. Slower: to tell nobody costs a step, or a system call.
fn alone_tells(suite: &mut Suite) {
    suite.group([Row::ns("L1n", "lock, tell all, unlock; nobody waits").goal(Goal::Peer(0.95))], |g| {
        let ours = Lock::new(0_u64);
        let (std, lot) = (Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
        let (std_told, lot_told) = (Condvar::new(), parking_lot::Condvar::new());
        g.limit("two locked steps", each(two_steps()));
        let tell = move || {
            let mut n = black_box(&ours).lock();
            *n += 1;
            LockGuard::notify_all(&n);
        };
        g.ours(each(tell));
        let std_tells = move || {
            let mut n = black_box(&std).lock().unwrap();
            *n += 1;
            black_box(&std_told).notify_all();
        };
        g.peer("std", each(std_tells));
        let lot_tells = move || {
            let mut n = black_box(&lot).lock();
            *n += 1;
            black_box(&lot_told).notify_all();
        };
        g.peer("parking_lot", each(lot_tells));
    });
}

/// Two cores that do nothing but lock: wall time for each section. Slower: the line goes to and fro more often than once a
/// section, since who waits pulls at it while the holder works.
fn two_cores(suite: &mut Suite) {
    let row = Row::ns("L2", "lock + unlock, two cores hammering").median();
    suite.group([row.goal(Goal::Peer(0.85))], |g| {
        let (ours, std, lot) = (Lock::new(0_u64), Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
        let (asynchronous, count, bit) = (async_lock::Mutex::new(0_u64), AtomicUsize::new(0), Bit::default());
        g.limit("one shared counter", pair(move || count.fetch_add(1, Relaxed)));
        g.note("a bit that spins for ever", pair(move || bit.hold(|| black_box(()))));
        g.ours(pair(move || *ours.lock() += 1));
        g.peer("std", pair(move || *std.lock().unwrap() += 1));
        g.peer("parking_lot", pair(move || *lot.lock() += 1));
        g.peer("async-lock, blocking", pair(move || *asynchronous.lock_blocking() += 1));
    });
}

/// Some steps that nobody can shorten: about 30 ns each ten of them.
fn work(seed: u64) -> u64 {
    const STEPS: usize = 40;
    (0..STEPS).fold(seed, |n, _| black_box(n.wrapping_mul(3).rotate_left(7)))
}

/// The same with something to do inside and outside: who comes finds it locked about half the time, for a while. Slower:
/// pauses that are right for hammering are too long for who only waits for the end of a short section.
fn two_cores_at_work(suite: &mut Suite) {
    suite.group([Row::ns("L2-work", "lock, work, unlock, work, two cores").median()], |g| {
        let (ours, std, lot) = (Lock::new(1), Mutex::new(1), parking_lot::Mutex::new(1));
        let (asynchronous, bit) = (async_lock::Mutex::new(1), Bit::default());
        let section = |n: &mut u64| *n = work(*n);
        g.limit("a bit that spins for ever", pair(move || (bit.hold(|| work(1)), work(1))));
        g.ours(pair(move || (section(&mut ours.lock()), work(1))));
        g.peer("std", pair(move || (section(&mut std.lock().unwrap()), work(1))));
        g.peer("parking_lot", pair(move || (section(&mut lot.lock()), work(1))));
        g.peer("async-lock, blocking", pair(move || (section(&mut asynchronous.lock_blocking()), work(1))));
    });
}

/// Eight threads for a second, on two cores: who barges gets more done, and must not starve the others. Worse: the
/// young overtake those who have waited over a millisecond.
fn fair_shares(suite: &mut Suite) {
    let rows = [
        Row::ns("L2-8", "lock + unlock, 8 threads on two cores").median(),
        Row::ns("L2-share", "their shares of a second").unit(Unit::Shares).median().goal(Goal::Than("std", 1.5)),
    ];
    suite.group(rows, |g| {
        g.rounds(5);
        g.cold();
        let (ours, std, lot) = (Lock::new(0_u64), Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
        let asynchronous = async_lock::Mutex::new(0_u64);
        g.ours(shares(8, move || *ours.lock() += 1));
        g.peer("std", shares(8, move || *std.lock().unwrap() += 1));
        g.peer("parking_lot", shares(8, move || *lot.lock() += 1));
        g.peer("async-lock, blocking", shares(8, move || *asynchronous.lock_blocking() += 1));
    });
}

/// Ours: the end of a guard is all the telling there is.
struct Leaving(Lock<u32>);

impl Turns for Leaving {
    fn fresh() -> Leaving {
        Leaving(Lock::new(0))
    }

    fn take(&self, me: u32) {
        self.0.lock().wait_some(|turn| (*turn == me).then(|| *turn = 1 - me));
    }
}

/// Two threads change a state in turns, each waiting for the other: the round trip, by leaving. The other ways are rows of
/// `condition`. Slower: a second wake-up, or one that goes out while the lock is held.
fn alternate(suite: &mut Suite) {
    for (id, on, what) in [
        ("L3", On::One, "monitor alternation by leaving, one core"),
        ("L3-2c", On::Own, "monitor alternation by leaving, two cores"),
    ] {
        let row = turns::row(id, what).goal(Goal::Peer(1.05));
        suite.group([row], |g| turns::variants::<Leaving>(g, on));
    }
}
