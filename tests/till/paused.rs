//! Promises of time shown on paused clocks.
use super::*;
use stopwhen::signal::Cancel;

#[test]
fn t7_advance_passes_deadlines_one_by_one_in_order_and_those_that_callbacks_add() {
    let paused = clock::pause();
    let begin = clock::now();
    let log = Arc::new(Mutex::new(Vec::new()));
    let note = |name: &'static str| {
        let log = log.clone();
        move || log.lock().unwrap().push((name, (clock::now() - begin).as_secs()))
    };
    Till::secs(3).on_go(note("third"));
    Till::secs(1).on_go(note("first"));
    let (within, beyond) = (note("added"), note("beyond"));
    Till::secs(1).on_go(move || {
        Till::secs(1).on_go(within);
        Till::secs(9).on_go(beyond);
    });
    paused.advance(secs(5));
    assert_eq!(*log.lock().unwrap(), [("first", 1), ("added", 2), ("third", 3)]);
    assert_eq!(clock::now() - begin, secs(5));
    assert_eq!(paused.advance_to_next(), Some(secs(5)));
    assert_eq!(log.lock().unwrap()[3], ("beyond", 10));
    assert_eq!(paused.advance_to_next(), None);
    assert_eq!(clock::now() - begin, secs(10), "nothing pending: no time passes");
}

#[test]
fn t7_is_exact_to_the_nanosecond() {
    let paused = clock::pause();
    let till = Till::after(Duration::from_nanos(7));
    till.on_go(|| ());
    paused.advance(Duration::from_nanos(6));
    assert!(!till.is_go());
    paused.advance(Duration::from_nanos(1));
    assert!(till.is_go());
}

#[test]
fn t7_paused_clocks_run_side_by_side() {
    in_time("eight clocks", || {
        thread::scope(|s| {
            for n in 1..=8_u64 {
                s.spawn(move || {
                    let paused = clock::pause();
                    let begin = clock::now();
                    let tills: Vec<Till> = (1..=100).map(|k| Till::secs(k * n)).collect();
                    for k in 1..=100 {
                        paused.advance(secs(n));
                        assert_eq!(tills.iter().filter(|till| till.is_go()).count(), k);
                    }
                    assert_eq!(clock::now() - begin, secs(100 * n));
                });
            }
        });
    });
}

#[test]
fn t7_an_advance_after_wait_for_sleepers_is_never_lost() {
    in_time("a thousand advances", || {
        let paused = clock::pause();
        let begin = clock::now();
        thread::scope(|s| {
            s.spawn(|| {
                let _scope = paused.register();
                for n in 1..=1000 {
                    Till::secs(1).wait();
                    assert_eq!(clock::now() - begin, secs(n));
                }
            });
            for _ in 0..1000 {
                paused.wait_for_sleepers(1);
                paused.advance(secs(1));
            }
        });
        assert_eq!(paused.sleepers(), 0);
    });
}

#[test]
fn t7_every_wait_with_a_duration_goes_by_the_paused_clock() {
    in_time("wait_until", || {
        let paused = clock::pause();
        let handle = paused.handle();
        let stop = Signal::new();
        let waiter = thread::spawn({
            let stop = stop.clone();
            move || {
                let _scope = handle.register();
                stop.wait_until(secs(3600)).is_err() && stop.wait_until(Till::secs(3600)).is_err()
            }
        });
        for _ in 0..2 {
            paused.wait_for_sleepers(1);
            paused.advance(secs(3600));
        }
        assert!(waiter.join().unwrap());
    });
}

#[test]
fn t7_what_is_pending_goes_when_the_guard_is_dropped_and_says_why() {
    let paused = clock::pause();
    let order = Arc::new(Mutex::new(Vec::new()));
    let tills: Vec<Till> = [3, 1, 2].into_iter().map(Till::secs).collect();
    for (till, n) in tills.iter().zip([3, 1, 2]) {
        let order = order.clone();
        till.on_go(move || order.lock().unwrap().push(n));
    }
    let (seen, see) = channel();
    // In a callback of the end, time runs again.
    Till::secs(9).on_go(move || seen.send(Till::secs(3600).is_go()).unwrap());
    drop(paused);
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    let cause = tills[0].cause().unwrap();
    assert_eq!(cause.reason().unwrap().to_string(), "the paused clock was dropped");
    assert_eq!(see.recv(), Ok(false));
    assert!(Instant::now() - clock::now() < secs(60));
}

#[test]
fn t7_a_thread_that_outlives_the_guard_hangs_on_nothing() {
    in_time("outliving the guard", || {
        let paused = clock::pause();
        let handle = paused.handle();
        let (joined, join) = channel();
        let survivor = thread::spawn(move || {
            let _scope = handle.register();
            joined.send(()).unwrap();
            (0..3).for_each(|_| Till::secs(3600).wait());
        });
        join.recv().unwrap();
        drop(paused);
        survivor.join().unwrap();
    });
}

#[test]
fn t7_a_span_too_long_ends_at_the_last_moment() {
    let paused = clock::pause();
    let (year, never) = (Till::secs(365 * 86_400), Till::after(Duration::MAX));
    never.on_go(|| ());
    paused.advance(Duration::MAX);
    paused.advance(Duration::MAX);
    assert!(year.is_go());
    assert!(!never.is_go());
    assert_eq!(paused.advance_to_next(), None);
}

#[test]
fn t7_pausing_twice_on_one_thread_is_refused() {
    let paused = clock::pause();
    let again = std::panic::catch_unwind(|| drop(clock::pause()));
    assert!(again.unwrap_err().downcast_ref::<&str>().unwrap().contains("already lives by a paused clock"));
    drop(paused);
    drop(clock::pause());
}

#[test]
fn t3_a_hundred_thousand_dropped_tills_leave_nothing_behind() {
    let paused = clock::pause();
    let cancel = Signal::new();
    for round in 1..=2 {
        let tills: Vec<Signal> = (0..100_000).map(|n| &cancel | Till::secs(n % 1000 + 1)).collect();
        let callbacks: Vec<_> = tills.iter().map(|till| till.then(|| ())).collect();
        assert_eq!(paused.armed(), 100_000, "round {round}");
        assert!(callbacks.iter().all(|callback| callback.cancel() == Cancel::Removed));
        drop(callbacks);
        drop(tills);
        assert_eq!(paused.armed(), 0, "round {round}");
    }
    assert_eq!(paused.advance_to_next(), None);
}

#[test]
fn t3_a_till_with_a_callback_goes_although_its_handle_is_gone() {
    let paused = clock::pause();
    let (ran, runs) = channel();
    Till::secs(1).on_go(move || ran.send(()).unwrap());
    paused.advance(secs(1));
    assert_eq!(runs.try_recv(), Ok(()));
    assert_eq!(paused.armed(), 0);
}

#[test]
fn delayed_counts_from_the_moment_its_source_went() {
    let paused = clock::pause();
    let source = Signal::new();
    let late = source.delayed(secs(5));
    paused.advance(secs(100));
    assert!(!late.is_go());
    source.go();
    paused.advance(secs(4));
    assert!(!late.is_go());
    assert_eq!(late.remaining(), Some(secs(1)));
    paused.advance(secs(1));
    assert!(late.is_go());
}
