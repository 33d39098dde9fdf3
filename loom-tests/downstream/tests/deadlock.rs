//! What a user reads whose model deadlocks. That ends the process: so each is run in one of its own, by the test above it.
#![cfg(loom)]
use std::env;
use std::process::Command;
use std::sync::Arc;
use stopwhen::{Lock, Queue};

/// Runs a model, and wants its last words to be of the deadlock.
fn says_so(model: &str) {
    let out = Command::new(env::current_exe().expect("our own"))
        .args(["--ignored", "--exact", model])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&out.stderr);
    let words = "stopwhen: this model cannot go on: deadlock; threads = [(Id(0), Blocked";
    assert!(!out.status.success() && said.contains(words), "{out:?}");
    assert!(!said.contains("destructor"), "{said}");
}

#[test]
fn two_locks_in_two_orders_say_so() {
    says_so("two_locks_in_two_orders");
}

#[test]
#[ignore = "ends the process"]
fn two_locks_in_two_orders() {
    loom::model(|| {
        let (a, b) = (Arc::new(Lock::new(1)), Arc::new(Lock::new(2)));
        let (c, d) = (a.clone(), b.clone());
        let other = loom::thread::spawn(move || {
            let _b = d.lock();
            let _a = c.lock();
        });
        let first = a.lock();
        let second = b.lock();
        drop((first, second));
        other.join().unwrap();
    });
}

#[test]
fn a_queue_that_nobody_closes_says_so() {
    says_so("a_queue_that_nobody_closes");
}

#[test]
#[ignore = "ends the process"]
fn a_queue_that_nobody_closes() {
    loom::model(|| {
        let queue = Arc::new(Queue::<u8>::unbounded());
        let items = queue.clone();
        let popper = loom::thread::spawn(move || items.iter().count());
        queue.push(1).unwrap();
        popper.join().unwrap();
    });
}
