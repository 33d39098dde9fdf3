//! Instructions and locked memory accesses per operation, counted by callgrind: a guard that no
//! noise can hide behind.
//!
//! Needs valgrind, and says so and ends well without it. The program runs itself under callgrind
//! with two numbers of repetitions; the difference is free of start-up and set-up.

mod peers;

use event_listener::{Event, listener};
use peers::poll_once;
use std::hint::black_box;
use std::process::Command;
use std::sync::{Arc, Mutex};
use stopwhen::{Condition, Lock, Semaphore, Signal, Till};
use stopwhen_benches::time::values;
use stopwhen_benches::{Row, Suite, Unit};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken as Token;

/// An operation of ours and the best peer's, each done so many times after its set-up.
struct Op {
    id: &'static str,
    /// The row of its locked accesses.
    locked: &'static str,
    what: &'static str,
    ours: fn(usize),
    who: &'static str,
    peer: fn(usize),
}

fn repeat<R>(n: usize, mut op: impl FnMut() -> R) {
    for _ in 0..n {
        black_box(op());
    }
}

/// More instructions than before: the fast path of that row has grown. No goals: the file's
/// history is the goal.
const OPS: &[Op] = &[
    Op { id: "N-S1", locked: "N-S1-locked", what: "is_go(), not go", ours: poll, who: "triggered", peer: poll_peer },
    Op {
        id: "N-S1x",
        locked: "N-S1x-locked",
        what: "is_go() of a | b",
        ours: poll_or,
        who: "CancellationToken",
        peer: poll_token,
    },
    Op {
        id: "N-S2",
        locked: "N-S2-locked",
        what: "create + drop",
        ours: create,
        who: "Arc<tokio Notify>",
        peer: create_peer,
    },
    Op {
        id: "N-S4",
        locked: "N-S4-locked",
        what: "create + go + drop",
        ours: life,
        who: "tokio oneshot",
        peer: life_peer,
    },
    Op {
        id: "N-S6",
        locked: "N-S6-locked",
        what: "register a waiter + drop it",
        ours: wait,
        who: "event-listener",
        peer: wait_peer,
    },
    Op { id: "N-S7", locked: "N-S7-locked", what: "then + cancel", ours: then, who: "event-listener", peer: then_peer },
    Op {
        id: "N-S7-or",
        locked: "N-S7-or-locked",
        what: "a | b made, observed, dropped",
        ours: observe,
        who: "CancellationToken child",
        peer: observe_peer,
    },
    Op {
        id: "N-S9",
        locked: "N-S9-locked",
        what: "create, then, go, drop",
        ours: whole,
        who: "tokio oneshot",
        peer: whole_peer,
    },
    Op {
        id: "N-S10",
        locked: "N-S10-locked",
        what: "a | b, create + drop",
        ours: or,
        who: "two event-listeners",
        peer: or_peer,
    },
    Op {
        id: "N-T1",
        locked: "N-T1-locked",
        what: "360 s Till: create, arm, drop",
        ours: arm,
        who: "tokio sleep",
        peer: arm_peer,
    },
    Op { id: "N-L1", locked: "N-L1-locked", what: "lock + unlock", ours: lock, who: "std Mutex", peer: lock_peer },
    Op {
        id: "N-L1-try",
        locked: "N-L1-try-locked",
        what: "try_lock + unlock",
        ours: try_lock,
        who: "std Mutex",
        peer: try_lock_peer,
    },
    Op {
        id: "N-L1-until",
        locked: "N-L1-until-locked",
        what: "lock_until(signal) + unlock",
        ours: lock_until,
        who: "parking_lot try_lock_for",
        peer: lock_until_peer,
    },
    Op {
        id: "N-L1n",
        locked: "N-L1n-locked",
        what: "notify_all on a Condition, nobody waits",
        ours: notify,
        who: "parking_lot Condvar",
        peer: notify_peer,
    },
    Op {
        id: "N-M1",
        locked: "N-M1-locked",
        what: "acquire + release",
        ours: acquire,
        who: "tokio try_acquire",
        peer: acquire_peer,
    },
];

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, id, who, n] = given.as_slice() {
        if flag == "--op" {
            return run(id, who, n.parse().expect("a number of repetitions"));
        }
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("\n# counts\n\nSKIPPED: valgrind is not installed, no instructions were counted.");
        return;
    }
    let mut suite = Suite::start("counts");
    for Op { id, locked, what, who, .. } in OPS {
        let rows = [Row::ns(id, what).unit(Unit::Instructions), Row::ns(locked, what).unit(Unit::Locked)];
        suite.group(rows, |g| {
            g.rounds(1);
            g.cold();
            g.ours(values(move || per_operation(id, "ours")));
            g.peer(who, values(move || per_operation(id, "peer")));
        });
    }
    suite.finish();
}

/// Does one operation `n` times, in a process that has had a second thread like any other.
fn run(id: &str, who: &str, n: usize) {
    let parked = std::thread::spawn(std::thread::park);
    let op = OPS.iter().find(|op| op.id == id).expect("an operation of the list");
    (if who == "ours" { op.ours } else { op.peer })(n);
    parked.thread().unpark();
    parked.join().expect("the parked thread only parks");
}

/// Instructions, and locked accesses among them.
fn per_operation(id: &str, who: &str) -> [f64; 2] {
    const FEW: u64 = 1_000;
    const MANY: u64 = 11_000;
    let (few, many) = (collected(id, who, FEW), collected(id, who, MANY));
    [0, 1].map(|i| (many[i] as f64 - few[i] as f64) / (MANY - FEW) as f64)
}

/// All instructions and locked accesses of one run of this program.
fn collected(id: &str, who: &str, n: u64) -> [u64; 2] {
    let this = std::env::current_exe().expect("the program knows itself");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-bus=yes", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--op", id, who, &n.to_string()])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let totals = said.lines().find_map(|l| l.split("Collected : ").nth(1));
    let totals = totals.unwrap_or_else(|| panic!("callgrind said: {said}"));
    let mut totals = totals.split_whitespace().map(|n| n.parse().expect("a number"));
    [0, 1].map(|_| totals.next().expect("instructions and locked accesses"))
}

fn poll(n: usize) {
    let signal = Signal::new();
    repeat(n, || black_box(&signal).is_go());
}

fn poll_peer(n: usize) {
    let (_trigger, listener) = triggered::trigger();
    repeat(n, || black_box(&listener).is_triggered());
}

fn poll_or(n: usize) {
    let (a, b) = (Signal::new(), Signal::new());
    let either = &a | &b;
    repeat(n, || black_box(&either).is_go());
}

fn poll_token(n: usize) {
    let token = Token::new();
    repeat(n, || black_box(&token).is_cancelled());
}

fn create(n: usize) {
    repeat(n, Signal::new);
}

fn create_peer(n: usize) {
    repeat(n, || Arc::new(Notify::new()));
}

fn life(n: usize) {
    repeat(n, || Signal::new().go());
}

fn life_peer(n: usize) {
    repeat(n, || {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        (sender.send(()), receiver)
    });
}

fn wait(n: usize) {
    let signal = Signal::new();
    repeat(n, || poll_once(signal.wait_async()).is_pending());
}

fn wait_peer(n: usize) {
    let event = Event::<()>::new();
    repeat(n, || {
        listener!(event => waiter);
        black_box(&waiter);
    });
}

fn then(n: usize) {
    let signal = Signal::new();
    repeat(n, || {
        let callback = signal.then(|| assert!(black_box(1) > 0));
        black_box(callback.cancel());
    });
}

fn then_peer(n: usize) {
    let event = Event::<()>::new();
    repeat(n, || event.listen());
}

fn observe(n: usize) {
    let (a, b) = (Signal::new(), Signal::new());
    repeat(n, || {
        let callback = (&a | &b).then(|| assert!(black_box(1) > 0));
        black_box(callback.cancel());
    });
}

fn observe_peer(n: usize) {
    let token = Token::new();
    repeat(n, || token.child_token());
}

fn whole(n: usize) {
    repeat(n, || {
        let signal = Signal::new();
        let callback = signal.then(|| assert!(black_box(1) > 0));
        (signal.go(), callback)
    });
}

fn whole_peer(n: usize) {
    repeat(n, || {
        let (sender, mut receiver) = tokio::sync::oneshot::channel();
        black_box(poll_once(&mut receiver).is_pending());
        (sender.send(()).is_ok(), receiver)
    });
}

fn or(n: usize) {
    let (a, b) = (Signal::new(), Signal::new());
    repeat(n, || &a | &b);
}

fn or_peer(n: usize) {
    let (e, f) = (Event::<()>::new(), Event::<()>::new());
    repeat(n, || {
        listener!(e => one);
        listener!(f => two);
        black_box((&one, &two));
    });
}

fn arm(n: usize) {
    repeat(n, || poll_once(Till::secs(360).wait_async()).is_pending());
}

fn arm_peer(n: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _inside = runtime.enter();
    let long = std::time::Duration::from_secs(360);
    repeat(n, || poll_once(tokio::time::sleep(long)).is_pending());
}

fn lock(n: usize) {
    let lock = Lock::new(0_u64);
    repeat(n, || *black_box(&lock).lock() += 1);
}

fn lock_peer(n: usize) {
    let lock = Mutex::new(0_u64);
    repeat(n, || *black_box(&lock).lock().unwrap() += 1);
}

fn try_lock(n: usize) {
    let lock = Lock::new(0_u64);
    repeat(n, || black_box(&lock).try_lock().map(|mut n| *n += 1));
}

fn try_lock_peer(n: usize) {
    let lock = Mutex::new(0_u64);
    repeat(n, || black_box(&lock).try_lock().map(|mut n| *n += 1).is_ok());
}

fn lock_until(n: usize) {
    let (lock, stop) = (Lock::new(0_u64), Signal::new());
    repeat(n, || *black_box(&lock).lock_until(&stop).unwrap() += 1);
}

fn lock_until_peer(n: usize) {
    let (lock, long) = (parking_lot::Mutex::new(0_u64), std::time::Duration::from_secs(360));
    repeat(n, || *black_box(&lock).try_lock_for(long).unwrap() += 1);
}

fn notify(n: usize) {
    let condition = Condition::new();
    repeat(n, || black_box(&condition).notify_all());
}

fn notify_peer(n: usize) {
    let condition = parking_lot::Condvar::new();
    repeat(n, || black_box(&condition).notify_all());
}

fn acquire(n: usize) {
    let permits = Semaphore::new(4);
    repeat(n, || drop(black_box(&permits).acquire()));
}

fn acquire_peer(n: usize) {
    let permits = tokio::sync::Semaphore::new(4);
    repeat(n, || drop(black_box(&permits).try_acquire().unwrap()));
}
