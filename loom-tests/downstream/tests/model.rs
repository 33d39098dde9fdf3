//! The model of the README, and one with time in it.
#![cfg(loom)]
use downstream::run_then_say;
use loom::cell::UnsafeCell;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use stopwhen::{Root, Signal, Thread, Till, clock};

#[test]
fn the_worker_sees_the_result() {
    loom::model(|| {
        let done = Signal::new();
        let cell = Arc::new(UnsafeCell::new(0));
        let (d, c) = (done.clone(), cell.clone());
        let worker = loom::thread::spawn(move || run_then_say(&d, || c.with_mut(|p| unsafe { *p = 42 })));
        done.wait();
        cell.with(|p| assert_eq!(unsafe { *p }, 42));
        worker.join().unwrap();
    });
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_result_said_too_early_is_found() {
    loom::model(|| {
        let done = Signal::new();
        let cell = Arc::new(UnsafeCell::new(0));
        let (d, c) = (done.clone(), cell.clone());
        let worker = loom::thread::spawn(move || {
            d.go();
            c.with_mut(|p| unsafe { *p = 42 });
        });
        done.wait();
        cell.with(|p| assert!(unsafe { *p } <= 42));
        worker.join().unwrap();
    });
}

#[test]
fn stopped_by_whichever_comes_first() {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(2);
    bounded.check(|| {
        let time = clock::pause();
        let cancel = Signal::named("cancel");
        let stop = &cancel | Till::secs(5);
        let canceller = loom::thread::spawn(move || cancel.go());
        time.advance(Duration::from_secs(5));
        stop.wait();
        assert!(stop.cause().is_some());
        canceller.join().unwrap();
    });
}

/// Threads of the crate are loom's threads here.
#[test]
fn a_thread_is_stopped_with_its_parent() {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(2);
    bounded.check(|| {
        let parent = Thread::run("parent", |please_stop| {
            let child = Thread::run("child", |please_stop| {
                please_stop.wait();
                42
            });
            please_stop.wait();
            child.join().unwrap() // it was told before this line
        });
        parent.stop();
        assert_eq!(parent.join().unwrap(), 42);
    });
}

/// Nobody hears the system's signals in a model, and no thread of the crate's own is left in it.
#[test]
fn a_program_is_run_in_a_model() {
    let mut bounded = loom::model::Builder::new();
    bounded.preemption_bound = Some(2);
    bounded.check(|| {
        let code = stopwhen::run(|_| {
            let worker = Thread::run("worker", |please_stop| please_stop.wait());
            worker.stop();
            worker.join().unwrap();
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

/// What fails beside the models, when they have run programs, says so: their panic hook is not left behind.
#[test]
#[should_panic(expected = "beside the model")]
fn a_test_that_fails_after_its_model_says_so() {
    loom::model(|| {
        assert_eq!(Root::builder("main").run(|_| ()), ExitCode::SUCCESS);
    });
    panic!("beside the model");
}
