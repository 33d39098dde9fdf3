//! Instructions per operation, counted by callgrind: a guard that no noise can hide behind.
//!
//! Needs valgrind, and says so and ends well without it. The program runs itself under callgrind
//! with two numbers of repetitions; the difference is free of start-up and set-up.

mod peers;

use event_listener::{Event, listener};
use peers::poll_once;
use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use stopwhen::{Signal, Till};
use stopwhen_benches::time::values;
use stopwhen_benches::{Row, Suite, Unit};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken as Token;

/// An operation of ours and the best peer's, each done so many times after its set-up.
struct Op {
    id: &'static str,
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
const OPS: [Op; 9] = [
    Op {
        id: "N-S1",
        what: "is_go(), not go",
        ours: poll,
        who: "triggered",
        peer: poll_peer,
    },
    Op {
        id: "N-S1x",
        what: "is_go() of a | b",
        ours: poll_or,
        who: "CancellationToken",
        peer: poll_token,
    },
    Op {
        id: "N-S2",
        what: "create + drop",
        ours: create,
        who: "Arc<tokio Notify>",
        peer: create_peer,
    },
    Op {
        id: "N-S4",
        what: "create + go + drop",
        ours: life,
        who: "oneshot",
        peer: life_peer,
    },
    Op {
        id: "N-S6",
        what: "register a waiter + drop it",
        ours: wait,
        who: "event-listener",
        peer: wait_peer,
    },
    Op {
        id: "N-S7",
        what: "then + cancel",
        ours: then,
        who: "event-listener",
        peer: then_peer,
    },
    Op {
        id: "N-S9",
        what: "create, then, go, drop",
        ours: whole,
        who: "oneshot",
        peer: whole_peer,
    },
    Op {
        id: "N-S10",
        what: "a | b, create + drop",
        ours: or,
        who: "two event-listeners",
        peer: or_peer,
    },
    Op {
        id: "N-T1",
        what: "360 s Till: create, arm, drop",
        ours: arm,
        who: "tokio sleep",
        peer: arm_peer,
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
    for Op { id, what, who, .. } in OPS {
        suite.group([Row::ns(id, what).unit(Unit::Instructions)], |g| {
            g.rounds(1);
            g.cold();
            g.ours(values(move || [instructions(id, "ours")]));
            g.peer(who, values(move || [instructions(id, "peer")]));
        });
    }
    suite.finish();
}

/// Does one operation `n` times, in a process that has had a second thread like any other.
fn run(id: &str, who: &str, n: usize) {
    let parked = std::thread::spawn(std::thread::park);
    let op = OPS
        .iter()
        .find(|op| op.id == id)
        .expect("an operation of the list");
    (if who == "ours" { op.ours } else { op.peer })(n);
    parked.thread().unpark();
    parked.join().expect("the parked thread only parks");
}

fn instructions(id: &str, who: &str) -> f64 {
    const FEW: u64 = 1_000;
    const MANY: u64 = 11_000;
    (collected(id, who, MANY) as f64 - collected(id, who, FEW) as f64) / (MANY - FEW) as f64
}

/// All instructions of one run of this program.
fn collected(id: &str, who: &str, n: u64) -> u64 {
    let this = std::env::current_exe().expect("the program knows itself");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(this)
        .args(["--op", id, who, &n.to_string()])
        .output()
        .expect("valgrind runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let total = said.lines().find_map(|l| l.split("Collected : ").nth(1));
    total
        .and_then(|n| n.trim().parse().ok())
        .unwrap_or_else(|| panic!("callgrind said: {said}"))
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
    repeat(n, || oneshot::channel().0.send(()).is_err());
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

fn whole(n: usize) {
    repeat(n, || {
        let signal = Signal::new();
        let callback = signal.then(|| assert!(black_box(1) > 0));
        (signal.go(), callback)
    });
}

fn whole_peer(n: usize) {
    repeat(n, || {
        let (sender, mut receiver) = oneshot::async_channel();
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let _inside = runtime.enter();
    let long = std::time::Duration::from_secs(360);
    repeat(n, || poll_once(tokio::time::sleep(long)).is_pending());
}
