//! Barrier: threads that meet; stops, resets and parties among them.
mod common;
use common::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::barrier::{OnStop, Party, Passed};
use stopwhen::{Barrier, BarrierError, Broken, Signal, Till};

#[path = "barrier/party.rs"]
mod party;
#[path = "barrier/stress.rs"]
mod stress;

/// A panic that is not printed.
fn planned() {
    resume_unwind(Box::new("planned"));
}

/// Waits until so many wait there.
fn until_waiting(b: &Barrier, n: usize) {
    while b.waiting() != n {
        thread::yield_now();
    }
}

/// All have passed the same generation, each with an index of its own, and one of them led.
#[track_caller]
fn settled(passed: &[Passed], generation: u64) {
    let mut indices: Vec<usize> = passed.iter().map(Passed::index).collect();
    indices.sort_unstable();
    assert!(indices.iter().enumerate().all(|(i, index)| i == *index), "{passed:?}");
    assert!(passed.iter().all(|p| p.generation() == generation), "{passed:?}");
    assert_eq!(passed.iter().filter(|p| p.is_leader()).count(), 1, "{passed:?}");
}

/// A barrier of each kind that breaks: on its word, in its line from the start, in its line since it has a party.
#[track_caller]
fn each_kind(step: &str, n: usize, test: impl Fn(&Barrier) + Send + 'static) {
    in_time(step, move || {
        test(&Barrier::new(n));
        test(&Barrier::new(n).with_action(|| ()));
        let b = Arc::new(Barrier::new(n));
        let _party = b.party();
        test(&b);
    });
}

// ---- making one ------------------------------------------------------------------------------------------

#[test]
fn one_member_passes_at_once() {
    each_kind("one member", 1, |b| {
        for generation in 0..10 {
            let passed = b.wait().unwrap();
            assert_eq!((passed.index(), passed.generation(), passed.is_leader()), (0, generation, true));
        }
        assert_eq!(b.wait_until(Duration::ZERO).map(|p| p.index()), Ok(0));
    });
}

#[test]
fn a_barrier_of_none_or_of_too_many_is_refused() {
    assert!(panic_of(|| Barrier::new(0)).contains("0 members"));
    assert!(panic_of(|| Barrier::new(65_536)).contains("65,535"));
    assert_eq!(Barrier::new(65_535).size(), 65_535);
    let full = Arc::new(Barrier::new(65_535));
    let parties: Vec<Party> = (0..65_535).map(|_| full.party()).collect();
    assert!(panic_of(|| full.party()).contains("65,535"));
    drop(parties);
    assert_eq!((full.size(), Arc::strong_count(&full)), (0, 1));
}

#[test]
fn debug_tells_size_and_state() {
    let b = Barrier::new(3);
    assert_eq!(format!("{b:?}"), "Barrier { size: 3, waiting: 0, is_broken: false, .. }");
    b.abort();
    assert!(format!("{b:?}").contains("is_broken: true"));
    let party = Arc::new(Barrier::new(2)).party();
    assert_eq!(format!("{party:?}"), "Party { barrier: Barrier { size: 2, waiting: 0, is_broken: false, .. } }");
    let one = Barrier::new(1).wait().unwrap();
    assert_eq!(format!("{one:?}"), "Passed { index: 0, is_leader: true, generation: 0 }");
    assert_eq!(OnStop::default(), OnStop::Break);
}

// ---- B1: stops -------------------------------------------------------------------------------------------

#[test]
fn b1_a_stop_breaks_it_for_all_until_it_is_reset() {
    each_kind("three of four wait, one is stopped", 4, |b| {
        let stop = Signal::new();
        thread::scope(|s| {
            let others = [s.spawn(|| b.wait()), s.spawn(|| b.wait())];
            let stopped = s.spawn(|| b.wait_until(&stop));
            until_waiting(b, 3);
            stop.go();
            assert_eq!(stopped.join().unwrap(), Err(BarrierError::Stopped));
            assert_eq!(others.map(|o| o.join().unwrap()), [Err(Broken); 2]);
        });
        assert_eq!((b.is_broken(), b.waiting()), (true, 0));
        assert_eq!(b.wait(), Err(Broken));
        assert_eq!(b.wait_until(&stop), Err(BarrierError::Broken));
        b.reset();
        assert_eq!((b.is_broken(), b.waiting(), hanging(&stop)), (false, 0, 0));
        let passed = thread::scope(|s| [0; 4].map(|_| s.spawn(|| b.wait().unwrap())).map(|t| t.join().unwrap()));
        settled(&passed, 1);
    });
}

#[test]
fn b1_whatever_has_come_breaks_it_unless_it_is_the_last_to_arrive() {
    each_kind("untils that have come", 2, |b| {
        let gone = Signal::done();
        let past = Instant::now();
        let untils: [&dyn stopwhen::Until; 6] =
            [&gone, &Duration::ZERO, &past, &(&gone, AGES), &Some(Duration::ZERO), &Till::after(Duration::ZERO)];
        for until in untils {
            assert_eq!(b.wait_until(until), Err(BarrierError::Stopped));
            assert!(b.is_broken() && b.waiting() == 0);
            b.reset();
            thread::scope(|s| {
                let first = s.spawn(|| b.wait_until((&Signal::never(), AGES)).unwrap());
                until_waiting(b, 1);
                let last = b.wait_until(until).unwrap();
                assert!(last.is_leader() && last.index() == 1);
                settled(&[first.join().unwrap(), last], last.generation());
            });
        }
        assert_eq!(b.wait_until(Duration::from_micros(300)), Err(BarrierError::Stopped));
    });
}

#[test]
fn b1_one_that_withdraws_leaves_no_hole() {
    in_time("the second of three withdraws", || {
        let b = Barrier::new(3).on_stop(OnStop::Withdraw);
        for generation in 0..20 {
            let stop = Signal::new();
            thread::scope(|s| {
                let first = s.spawn(|| b.wait().unwrap());
                until_waiting(&b, 1);
                let second = s.spawn(|| b.wait_until(&stop));
                until_waiting(&b, 2);
                assert_eq!(b.wait_until(Duration::ZERO).map(|p| p.index()), Ok(2));
                assert_eq!((first.join().unwrap().index(), second.join().unwrap().unwrap().index()), (0, 1));
            });
            thread::scope(|s| {
                let first = s.spawn(|| b.wait().unwrap());
                until_waiting(&b, 1);
                let second = s.spawn(|| b.wait_until(&stop));
                until_waiting(&b, 2);
                let third = s.spawn(|| b.wait().unwrap());
                // Either it withdraws in time, or it has passed.
                stop.go();
                match second.join().unwrap() {
                    Ok(second) => {
                        settled(&[first.join().unwrap(), second, third.join().unwrap()], 2 * generation + 1);
                    }
                    Err(e) => {
                        assert_eq!((e, b.is_broken()), (BarrierError::Stopped, false));
                        let last = b.wait().unwrap();
                        let passed = [first.join().unwrap(), third.join().unwrap(), last];
                        settled(&passed, 2 * generation + 1);
                        assert_eq!(passed[0].index(), 0);
                    }
                }
            });
        }
        assert_eq!(b.wait_until(Duration::ZERO), Err(BarrierError::Stopped));
        assert_eq!((b.is_broken(), b.waiting()), (false, 0));
    });
}

// ---- B2: the action --------------------------------------------------------------------------------------

#[test]
fn b2_the_action_runs_once_by_the_last_before_anyone_passes() {
    for on_stop in [OnStop::Break, OnStop::Withdraw] {
        in_time("an action that looks around", move || {
            let (arrived, passed, runs) = (Count::new(), Count::new(), Count::new());
            let seen = [&arrived, &passed, &runs].map(Clone::clone);
            let b = Barrier::new(4).on_stop(on_stop).with_action(move || {
                let [arrived, passed, runs] = &seen;
                assert_eq!((arrived.get(), passed.get()), (4 * (runs.get() + 1), 4 * runs.get()));
                runs.add();
            });
            for generation in 0..200 {
                let all = thread::scope(|s| {
                    let meet = || {
                        arrived.add();
                        let p = b.wait().unwrap();
                        passed.add();
                        p
                    };
                    [0; 4].map(|_| s.spawn(meet)).map(|t| t.join().unwrap())
                });
                settled(&all, generation);
                assert!(all.iter().all(|p| p.is_leader() == (p.index() == 3)));
                assert_eq!(runs.get() as u64, generation + 1);
            }
        });
    }
}

#[test]
fn b2_an_action_that_panics_breaks_it_and_the_panic_goes_on_in_the_leader() {
    in_time("a panic in the action", || {
        let b = Barrier::new(3).with_action(planned);
        for _ in 0..3 {
            let ends = thread::scope(|s| {
                let meet = || catch_unwind(AssertUnwindSafe(|| b.wait_until(AGES)));
                [0; 3].map(|_| s.spawn(meet)).map(|t| t.join().unwrap())
            });
            let led: Vec<String> = ends.iter().filter_map(|e| e.as_ref().err()).map(|p| message(&**p)).collect();
            assert_eq!(led, ["planned"]);
            assert_eq!(ends.iter().filter(|e| matches!(e, Ok(Err(BarrierError::Broken)))).count(), 2);
            assert!(b.is_broken() && b.waiting() == 0);
            assert_eq!(b.wait(), Err(Broken));
            b.reset();
        }
    });
}

#[test]
fn b2_a_stop_during_the_action_comes_too_late() {
    in_time("stops during actions", || {
        for round in 0..300 {
            let stop = Signal::new();
            let raise = stop.clone();
            let slow = Till::after(Duration::from_micros(round % 50));
            let b = Barrier::new(3).with_action(move || {
                raise.go();
                slow.wait();
            });
            let all =
                thread::scope(|s| [0; 3].map(|_| s.spawn(|| b.wait_until(&stop).unwrap())).map(|t| t.join().unwrap()));
            settled(&all, 0);
            assert!(!b.is_broken() && hanging(&stop) == 0);
        }
    });
}

#[test]
fn b2_abort_and_reset_in_the_action_concern_the_next_generation() {
    static ABORTS: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2).with_action(|| ABORTS.abort()));
    static RESETS: LazyLock<Barrier> = LazyLock::new(|| Barrier::new(2).with_action(|| RESETS.reset()));
    let both = |b: &Barrier| thread::scope(|s| [0; 2].map(|_| s.spawn(|| b.wait())).map(|t| t.join().unwrap()));
    in_time("an action that aborts, one that resets", move || {
        settled(&both(&ABORTS).map(Result::unwrap), 0);
        assert_eq!(both(&ABORTS), [Err(Broken); 2]);
        settled(&both(&RESETS).map(Result::unwrap), 0);
        settled(&both(&RESETS).map(Result::unwrap), 2);
    });
}

/// B2: the next generation gathers while the action of the last one runs.
#[test]
fn b2_those_who_come_during_the_action_are_of_the_next_generation() {
    in_time("arrivals during the action", || {
        let (inside, go_on) = (Signal::new(), Signal::new());
        let (entered, released) = (inside.clone(), go_on.clone());
        let b = Barrier::new(2).with_action(move || {
            entered.go();
            released.wait();
        });
        thread::scope(|s| {
            let first = [0; 2].map(|_| s.spawn(|| b.wait().unwrap()));
            inside.wait();
            let early = s.spawn(|| b.wait().unwrap());
            until_waiting(&b, 1);
            go_on.go();
            settled(&first.map(|t| t.join().unwrap()), 0);
            assert_eq!(b.waiting(), 1);
            settled(&[b.wait().unwrap(), early.join().unwrap()], 1);
        });
    });
}

// ---- B3: reset, abort ------------------------------------------------------------------------------------

#[test]
fn b3_a_reset_sends_those_inside_home_and_begins_anew() {
    each_kind("a reset with waiters inside", 4, |b| {
        for round in 0..50 {
            thread::scope(|s| {
                let inside = [0; 3].map(|_| s.spawn(|| b.wait()));
                until_waiting(b, 3);
                if round % 2 == 0 {
                    thread::yield_now(); // half of them begins with all awake
                }
                b.reset();
                assert_eq!((b.waiting(), b.is_broken()), (0, false));
                assert_eq!(inside.map(|t| t.join().unwrap()), [Err(Broken); 3]);
            });
            let all = thread::scope(|s| [0; 4].map(|_| s.spawn(|| b.wait().unwrap())).map(|t| t.join().unwrap()));
            settled(&all, 2 * round + 1);
        }
    });
}

#[test]
fn b3_an_abort_breaks_it_until_the_reset() {
    each_kind("an abort with waiters inside", 3, |b| {
        for round in 0..50 {
            thread::scope(|s| {
                let inside = [0; 2].map(|_| s.spawn(|| b.wait()));
                until_waiting(b, 2);
                b.abort();
                b.abort();
                assert_eq!(inside.map(|t| t.join().unwrap()), [Err(Broken); 2]);
            });
            assert!(b.is_broken());
            assert_eq!((b.wait(), b.waiting()), (Err(Broken), 0));
            b.reset();
            b.reset();
            let all = thread::scope(|s| [0; 3].map(|_| s.spawn(|| b.wait().unwrap())).map(|t| t.join().unwrap()));
            settled(&all, 3 * round + 2);
        }
    });
}

// ---- time ------------------------------------------------------------------------------------------------

#[cfg(feature = "test-clock")]
#[test]
fn a_paused_clock_ends_the_wait() {
    each_kind("an hour on a paused clock", 2, |b| {
        let paused = stopwhen::clock::pause();
        let hour = Duration::from_secs(3600);
        thread::scope(|s| {
            let stopped = s.spawn(|| {
                let _scope = paused.register();
                b.wait_until(hour)
            });
            paused.wait_for_sleepers(1);
            paused.advance(hour - Duration::from_nanos(1));
            assert_eq!(b.waiting(), 1);
            paused.advance(Duration::from_nanos(1));
            assert_eq!(stopped.join().unwrap(), Err(BarrierError::Stopped));
        });
        b.reset();
        thread::scope(|s| {
            let first = s.spawn(|| {
                let _scope = paused.register();
                b.wait_until(hour).unwrap()
            });
            paused.wait_for_sleepers(1);
            settled(&[b.wait_until(hour).unwrap(), first.join().unwrap()], 1);
        });
        assert_eq!(paused.sleepers(), 0);
    });
}
