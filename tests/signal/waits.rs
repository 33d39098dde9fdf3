//! Waiting: what wakes, what ends a wait, and what it leaves behind (R1, R4, R5, R7, S14).
use crate::common::*;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::{Signal, Stopped, Till, Until};

/// A wait returns when the signal goes, for any number of threads on it.
#[test]
fn go_wakes_all_who_wait() {
    in_time("waiters of a leaf, a child, an expression", || {
        for _ in 0..50 {
            let s = Signal::new();
            let (child, either) = (s.child(), &s | &Signal::new());
            thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| s.wait());
                    scope.spawn(|| child.wait());
                    scope.spawn(|| either.wait());
                    scope.spawn(|| s.wait_until((&child, &either, AGES)));
                }
                s.go();
            });
            s.wait();
            assert_eq!(hanging(&s), 0);
        }
    });
}

/// R1: the signal itself wins a tie with `until`.
#[test]
fn a_signal_that_is_go_beats_until() {
    let (s, gone) = (Signal::done(), Signal::done());
    assert_eq!(s.wait_until(Duration::ZERO), Ok(()));
    assert_eq!(s.wait_until(&gone), Ok(()));
    assert_eq!(s.wait_until(Instant::now()), Ok(()));
    assert_eq!(s.wait_until((&gone, Duration::ZERO, Some(Instant::now()))), Ok(()));
    assert_eq!(s.wait_until(&s), Ok(()), "until itself");
    assert_eq!(s.check(), Err(Stopped));
}

/// R1: zero, past, and what is gone mean "try once".
#[test]
fn until_what_is_gone_is_a_look() {
    in_time("waits that are over", || {
        let (s, gone) = (Signal::new(), Signal::done());
        let past = Instant::now();
        assert_eq!(s.wait_until(Duration::ZERO), Err(Stopped));
        assert_eq!(s.wait_until(past), Err(Stopped));
        assert_eq!(s.wait_until(&gone), Err(Stopped));
        assert_eq!(s.wait_until(Till::secs(0)), Err(Stopped));
        assert_eq!(s.wait_until((&s, AGES, &gone)), Err(Stopped));
        assert_eq!(s.check(), Ok(()));
        assert_eq!(hanging(&s), 0);
    });
}

/// R4: never early.
#[test]
fn wait_until_a_time_is_never_early() {
    in_time("short waits", || {
        let (s, other) = (Signal::new(), Signal::new());
        for micros in [1, 50, 200, 900, 1700, 3000] {
            let d = Duration::from_micros(micros);
            let begun = Instant::now();
            assert_eq!(s.wait_until(d), Err(Stopped));
            assert!(begun.elapsed() >= d);
            let end = Instant::now() + d;
            assert_eq!(s.wait_until(end), Err(Stopped));
            assert!(Instant::now() >= end);
            let begun = Instant::now();
            assert_eq!(s.wait_until((&other, d)), Err(Stopped), "through a node, not the gate");
            assert!(begun.elapsed() >= d);
        }
        assert_eq!((hanging(&s), hanging(&other)), (0, 0));
    });
}

/// R5: no spurious returns: stray unparks end nothing.
#[test]
fn stray_unparks_end_no_wait() {
    in_time("unparked waiters", || {
        let (s, other) = (Signal::new(), Signal::new());
        let see = || assert!(s.is_go());
        thread::scope(|scope| {
            let several = scope.spawn(|| (assert_eq!(s.wait_until((&other, AGES)), Ok(())), see()));
            let gate = scope.spawn(|| (s.wait(), see()));
            let task = scope.spawn(|| (block_on(&s), see()));
            for _ in 0..2000 {
                several.thread().unpark();
                gate.thread().unpark();
                task.thread().unpark();
                thread::yield_now();
            }
            s.go();
        });
    });
}

/// Huge durations saturate to "never".
#[test]
fn huge_durations_are_never() {
    in_time("waits without end, ended", || {
        let s = Signal::new();
        let far = Instant::now() + Duration::from_secs(3_000_000_000);
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(s.wait_until(Duration::MAX), Ok(())));
            scope.spawn(|| assert_eq!(s.wait_until((Duration::MAX, &Signal::never())), Ok(())));
            scope.spawn(|| assert_eq!(s.wait_until(Duration::from_secs(u64::MAX)), Ok(())));
            scope.spawn(|| assert_eq!(s.wait_until(far), Ok(())));
            s.go();
        });
    });
}

/// To wait for `never` with an end is a sleep.
#[test]
fn never_with_an_end_is_a_sleep() {
    in_time("a sleep", || {
        let begun = Instant::now();
        assert_eq!(Signal::never().wait_until(Duration::from_millis(2)), Err(Stopped));
        assert!(begun.elapsed() >= Duration::from_millis(2));
        let stop = Signal::new();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(Signal::never().wait_until(&stop), Err(Stopped)));
            stop.go();
        });
    });
}

/// `Option` and nested tuples, by reference and by value, of any number of signals.
#[test]
fn until_takes_options_and_nested_tuples() {
    in_time("tuples", || {
        let s = Signal::new();
        let six: [Signal; 6] = std::array::from_fn(|_| Signal::new());
        for i in 0..6 {
            let six: [Signal; 6] = std::array::from_fn(|k| if k == i { Signal::new() } else { six[k].clone() });
            thread::scope(|scope| {
                let [a, b, c, d, e, f] = &six;
                let until = ((a, (b, c)), Some((d, None::<Duration>)), (e, f.clone(), Some(AGES)));
                let s = &s;
                scope.spawn(move || assert_eq!(s.wait_until(until), Err(Stopped)));
                six[i].go();
            });
            assert!(six.iter().all(|s| hanging(s) == 0));
        }
        assert_eq!(hanging(&s), 0);
        fn by_trait_object(s: &Signal, until: &dyn Until) -> Result<(), Stopped> {
            s.wait_until(until)
        }
        assert_eq!(by_trait_object(&s, &(None::<Signal>, Duration::ZERO)), Err(Stopped));
        assert_eq!(s.wait_until((None::<Signal>, Some(&&Duration::ZERO))), Err(Stopped));
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(s.wait_until(None::<Instant>), Ok(())));
            s.go();
        });
    });
}

/// The same signal several times in one `until`, and the one waited for among them.
#[test]
fn until_may_name_a_signal_twice() {
    in_time("duplicates", || {
        let (s, t) = (Signal::new(), Signal::new());
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(s.wait_until((&t, &t, (&s, &t))), Err(Stopped)));
            t.go();
        });
        let t = Signal::new();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(s.wait_until((&s, &t, &s)), Ok(())));
            s.go();
        });
        assert_eq!((hanging(&s), hanging(&t)), (0, 0));
    });
}

/// S14: the waiter may free the signal the instant it sees it go.
#[test]
fn the_waiter_may_free_the_signal_at_once() {
    in_time("signals freed by their waiters", || {
        for round in 0..600 {
            let s = Signal::new();
            let raiser = s.clone();
            let raising = thread::spawn(move || raiser.go());
            match round % 4 {
                0 => s.wait(),
                1 => while !s.is_go() {},
                2 => block_on(&s),
                _ => assert_eq!(s.wait_until((Signal::never(), AGES)), Ok(())),
            }
            drop(s);
            assert!(raising.join().unwrap());
        }
    });
}

/// S14: likewise when the raiser's handle is borrowed from whoever frees it: memory lives until `go` returns.
#[test]
fn a_callback_may_drop_the_last_handle() {
    let (s, freed) = (Signal::new(), Count::new());
    let (own, token) = (s.clone(), freed.token());
    let slot = Arc::new(Mutex::new(Some(own)));
    let (last, other) = (slot.clone(), s.view());
    s.on_go(move || {
        last.lock().unwrap().take();
        drop((other, token));
    });
    let handle = slot.lock().unwrap().clone().unwrap();
    drop(s);
    assert!(handle.go());
    drop(handle);
    assert_eq!(freed.get(), 1);
}
