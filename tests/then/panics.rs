//! S6: callbacks, wakers, captures, payloads and reasons that panic.
use crate::common::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::{future::Future, thread};
use stopwhen::signal::Cancel;
use stopwhen::{Signal, Till};

/// S6: a panicking callback stops no other; the first payload is resumed from `go()`.
#[test]
fn panicking_callbacks_stop_no_other() {
    let (s, ran, dropped) = (Signal::new(), Count::new(), Count::new());
    let derived = s.child();
    s.on_go(ran.adds());
    let token = dropped.token();
    s.on_go(move || {
        let _token = token;
        resume_unwind(Box::new("first"))
    });
    s.on_go(ran.adds());
    let second = s.then(|| resume_unwind(Box::new("second")));
    derived.on_go(|| resume_unwind(Box::new(String::from("third"))));
    derived.on_go(ran.adds());
    assert_eq!(panic_of(|| s.go()), "first");
    assert_eq!((ran.get(), dropped.get()), (3, 1));
    assert!(s.is_go() && derived.is_go());
    assert_eq!((second.cancel(), second.cancel_and_wait()), (Cancel::Ran, Cancel::Ran));
}

/// S6: inline, the panic is the caller's, and nothing is broken.
#[test]
fn a_panic_of_an_inline_callback_is_the_callers() {
    let s = Signal::done();
    assert_eq!(panic_of(|| s.then(|| panic!("inline"))), "inline");
    assert_eq!(panic_of(|| s.on_go(|| panic!("inline"))), "inline");
    let a = Signal::new();
    a.go();
    let late = &a & &a.view();
    assert_eq!(panic_of(|| late.on_go(|| panic!("late"))), "late");
    assert!(late.is_go());
}

/// S6: wakes are not lost to panics: neither threads' nor tasks', whose wakers may panic too.
#[test]
fn panicking_wakers_stop_nobody() {
    struct Loud;
    impl Wake for Loud {
        fn wake(self: Arc<Self>) {
            resume_unwind(Box::new("waker"))
        }
    }
    in_time("tasks and threads", || {
        let (s, bell, ran) = (Signal::new(), Bell::new(), Count::new());
        let either = &s | &Signal::new();
        let mut futures: Vec<_> =
            (0..3).flat_map(|_| [Box::pin(s.wait_async()), Box::pin(either.wait_async())]).collect();
        let bomb = Waker::from(Arc::new(Loud));
        for (i, future) in futures.iter_mut().enumerate() {
            match i % 2 {
                0 => assert!(future.as_mut().poll(&mut Context::from_waker(&bomb)).is_pending()),
                _ => assert!(poll(future.as_mut(), &bell).is_pending()),
            }
        }
        s.on_go(|| resume_unwind(Box::new("callback")));
        either.on_go(ran.adds());
        thread::scope(|scope| {
            scope.spawn(|| s.wait());
            scope.spawn(|| either.wait_until((&Signal::new(), AGES)));
            assert_eq!(panic_of(|| s.go()), "waker", "phase 2 comes first");
        });
        assert_eq!((bell.rung(), ran.get()), (3, 1));
        assert!(futures.iter_mut().all(|f| poll(f.as_mut(), &bell).is_ready()));
    });
}

/// S6: captures whose drop panics: when a callback is dropped unrun, the others are dropped all the same.
#[test]
fn panicking_drops_of_captures_stop_no_other() {
    let (s, dropped) = (Signal::new(), Count::new());
    for _ in 0..3 {
        let (bomb, token) = (Bomb("drop"), dropped.token());
        s.on_go(move || drop(bomb));
        let held = s.then(move || drop(token));
        drop(held);
    }
    let s = AssertUnwindSafe(s);
    assert_eq!(panic_of(move || drop(s)), "drop");
    assert_eq!(dropped.get(), 3);
    let s = Signal::new();
    let bomb = Bomb("drop");
    let then = s.then(move || drop(bomb));
    assert_eq!(panic_of(|| then.cancel()), "drop");
    assert_eq!((then.cancel(), then.cancel_and_wait()), (Cancel::Removed, Cancel::Removed));
    s.go();
}

/// Panics when it is dropped.
struct Bomb(&'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            resume_unwind(Box::new(self.0));
        }
    }
}

impl std::fmt::Debug for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Bomb {}

/// S6: the payload of a panic is foreign code too: one whose drop panics stops nobody, and the first is resumed.
#[test]
fn payloads_that_panic_when_dropped_stop_no_other() {
    let (s, ran) = (Signal::new(), Count::new());
    s.on_go(|| resume_unwind(Box::new("first")));
    for _ in 0..3 {
        s.on_go(|| resume_unwind(Box::new(Bomb("payload"))));
        s.on_go(ran.adds());
    }
    assert_eq!(panic_of(|| s.go()), "first");
    assert_eq!(ran.get(), 3);
}

/// S6, R8: a reason whose drop panics: nothing is lost, neither here nor on the clock's threads.
#[test]
fn reasons_that_panic_when_dropped_stop_no_other() {
    in_time("bombs for reasons", || {
        let ran = Count::new();
        let (s, other) = (Signal::new(), Signal::new());
        let (a, b) = (s.view(), s.child());
        assert!(s.go_because(Bomb("reason")));
        let late = panic_of(|| s.go_because(Bomb("late reason")));
        assert_eq!(late, "late reason", "it is the caller's");
        let all = [&a | &other, &b & &a, s.clone()];
        let _ = catch_unwind(AssertUnwindSafe(move || drop((s, a, b))));
        all.iter().for_each(|s| s.on_go(ran.adds()));
        let _ = catch_unwind(AssertUnwindSafe(move || drop(all)));
        // The clock lets go of an expression, and so of a leaf with such a reason.
        for _ in 0..3 {
            let (leaf, told) = (Signal::new(), Signal::new());
            let (till, tell) = (Till::millis(1), told.clone());
            (&leaf & &till).on_go(move || {
                tell.go();
            });
            leaf.go_because(Bomb("reason"));
            drop(leaf);
            told.wait();
        }
        // A task's waker, a callback's payload, on the clock's threads.
        Till::millis(1).on_go(|| resume_unwind(Box::new(Bomb("payload"))));
        Till::millis(2).on_go(ran.adds());
        Till::millis(3).wait();
        while ran.get() < 4 {
            thread::yield_now();
        }
    });
}

/// S6: while the thread is unwinding a panicking callback is reported, not resumed: no abort, and all others run.
#[test]
fn go_while_unwinding_does_not_abort() {
    let (s, ran) = (Signal::new(), Count::new());
    let (guarded, by_hand) = (Signal::new(), Signal::new());
    for s in [&s, &guarded, &by_hand] {
        s.on_go(ran.adds());
        s.on_go(|| resume_unwind(Box::new("callback")));
        s.on_go(ran.adds());
    }
    struct Raises(Signal);
    impl Drop for Raises {
        fn drop(&mut self) {
            assert!(thread::panicking());
            assert!(self.0.go());
        }
    }
    let abandoned = Signal::new();
    let bomb = abandoned.go_on_drop();
    let (guard, raises) = (guarded.go_on_drop(), Raises(s));
    assert_eq!(
        panic_of(move || {
            let _all = (guard, raises, bomb);
            panic!("the worker")
        }),
        "the worker"
    );
    assert_eq!(ran.get(), 4);
    assert!(guarded.is_go() && abandoned.is_go());
    assert_eq!(panic_of(|| by_hand.go()), "callback", "and otherwise it is resumed");
}
