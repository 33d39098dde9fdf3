//! Closing, and the signals that tell of it.
use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn q1_closed_and_drained_go_in_their_order_and_only_look() {
    let q = Queue::unbounded().named("jobs");
    let log = Log::new();
    assert!(!q.closed().go() && !q.drained().go() && !q.closed().is_go());
    assert_eq!(
        (q.closed().clone(), q.drained().clone()),
        (q.closed().clone(), q.drained().clone()),
        "the same each time"
    );
    q.drained().on_go(log.says("drained"));
    q.closed().on_go(log.says("closed"));
    q.push(1).unwrap();
    q.close();
    assert!(q.closed().is_go() && !q.drained().is_go());
    q.pop().unwrap();
    assert!(q.drained().is_go());
    assert_eq!(log.said(), "closed drained");
    let names = [q.closed(), q.drained()].map(|s| s.cause().unwrap().name().map(String::from));
    assert_eq!(names, [Some("jobs closed".into()), Some("jobs drained".into())]);
}

#[test]
fn q3_drained_is_closed_and_empty() {
    for end in 0..5 {
        let q = Queue::unbounded();
        if end < 4 {
            q.extend([1]).unwrap();
        }
        q.close();
        assert_eq!(q.drained().is_go(), end == 4);
        match end {
            0 => drop(q.try_pop()),
            1 => drop(q.pop_all()),
            2 => drop(q.close_now()),
            3 => drop(q.pop_task().unwrap().into_inner()),
            _ => {}
        }
        assert!(q.drained().is_go() && q.closed().is_go());
    }
}

/// What tells of the end is asked for after the end, too.
#[test]
fn signals_that_are_made_late_know() {
    let q = Queue::<u8>::unbounded();
    q.close();
    assert!(q.closed().is_go() && q.drained().is_go());
    let q = Queue::unbounded();
    q.push(1).unwrap();
    q.close();
    assert!(q.closed().is_go() && !q.drained().is_go());
}

/// Whoever is told that the queue is closed finds its signal gone.
#[test]
fn q1_who_is_told_that_it_is_closed_sees_that_the_signal_went() {
    in_time("closed, told and seen", || {
        for _ in 0..200 {
            let q = Queue::bounded(1);
            q.push(0).unwrap();
            let (closed, drained) = (q.closed().clone(), q.drained().clone());
            thread::scope(|s| {
                s.spawn(|| {
                    while q.pop().is_ok() {}
                    assert!(closed.is_go() && drained.is_go());
                });
                s.spawn(|| {
                    while q.push(1).is_ok() {}
                    assert!(closed.is_go());
                });
                s.spawn(|| {
                    while !format!("{q:?}").contains("is_closed: true") {}
                    assert!(closed.is_go(), "it is shown closed");
                });
                let observer = s.spawn(|| {
                    drained.wait();
                    assert!(q.is_empty() && closed.is_go() && q.try_pop() == Err(TryPopError::Closed));
                });
                q.close();
                observer.join().unwrap();
            });
        }
    });
}

#[test]
fn a_queue_ends_other_waits_and_is_ended_by_them() {
    in_time("closed as a stop", || {
        let (jobs, results) = (Queue::<u8>::unbounded(), Queue::<u8>::unbounded());
        thread::scope(|s| {
            let waiter = s.spawn(|| results.pop_until(jobs.closed() | results.closed()));
            line::until_waiting(&results, 0, 1);
            jobs.close();
            assert_eq!(waiter.join().unwrap(), Err(PopError::Stopped));
        });
    });
}

#[test]
fn r3_callbacks_run_with_the_queue_open() {
    in_time("callbacks that use the queue", || {
        let q = Arc::new(Queue::unbounded());
        let (a, b) = (q.clone(), q.clone());
        q.closed().on_go(move || assert_eq!((a.len(), a.push(3), a.try_pop()), (2, Err(PushError::Closed(3)), Ok(1))));
        q.drained().on_go(move || assert_eq!((b.len(), b.pop()), (0, Err(Closed))));
        q.extend([1, 2]).unwrap();
        q.close();
        assert_eq!(q.pop(), Ok(2));
        assert!(q.drained().is_go());
    });
}

/// R8: both go and everybody is told, whichever callback panics; of an item the documentation says that it is dropped then.
#[test]
fn r8_a_callback_that_panics_stops_nothing() {
    let (q, dropped, log) = (Queue::unbounded(), Count::new(), Log::new());
    q.closed().on_go(|| panic!("planned"));
    q.drained().on_go(log.says("drained"));
    assert_eq!(panic_of(|| q.close()), "planned");
    assert!(q.closed().is_go() && log.said() == "drained");
    assert!(q.push(dropped.token()).is_err());
    let q = Queue::unbounded();
    assert!(q.push(dropped.token()).is_ok());
    q.close();
    q.drained().on_go(|| panic!("planned"));
    assert_eq!(dropped.get(), 1);
    assert_eq!(panic_of(|| drop(q.pop_task())), "planned");
    assert_eq!(dropped.get(), 2);
    q.join();
}

/// Foreign code is the closer's: whoever is refused meanwhile gets the item back, whatever a callback does. No proof: the models have one.
#[test]
fn a_refused_push_runs_no_callback_of_closed() {
    in_time("pushes against a close", || {
        for _ in 0..20 {
            let (q, ran_at) = (Queue::unbounded(), Log::new());
            let name = || format!("{:?}", thread::current().id());
            let log = ran_at.clone();
            q.closed().on_go(move || log.say(name()));
            thread::scope(|s| {
                let pusher = s.spawn(|| while q.push(1).is_ok() {});
                while q.is_empty() {
                    yield_now();
                }
                q.close();
                assert_eq!(ran_at.said(), name(), "by the closer, before it returned");
                pusher.join().unwrap();
            });
        }
    });
}

/// Both are raised before any callback runs, however the queue comes to be closed.
#[test]
fn r3_a_callback_of_closed_may_wait_for_drained() {
    in_time("a callback of closed that waits for drained", || {
        let ends: [fn(Queue<u8>); 4] =
            [|q| q.close(), |q| drop(q.close_now()), |q| drop(q.close_on_drop()), |q| drop(q)];
        for end in ends {
            let (q, log) = (Queue::unbounded(), Log::new());
            let (drained, says) = (q.drained().clone(), log.says("waited"));
            q.closed().on_go(move || {
                drained.wait();
                says();
            });
            end(q);
            assert_eq!(log.said(), "waited");
        }
    });
}

/// Tasks are woken before any callback runs, as threads are.
#[test]
fn r3_a_callback_of_closed_may_wait_for_a_task_that_waits_for_drained() {
    in_time("a callback of closed that waits for a task", || {
        let (q, over) = (Queue::<u8>::unbounded(), Signal::new());
        let (drained, seen) = (q.drained().clone(), over.clone());
        let (began, begin) = (Signal::new(), q.drained().wait_async());
        thread::scope(|s| {
            s.spawn(|| {
                let mut wait = std::pin::pin!(begin);
                block_on(std::future::poll_fn(|cx| {
                    let polled = std::future::Future::poll(wait.as_mut(), cx);
                    began.go();
                    polled
                }));
                assert!(drained.is_go() && over.go());
            });
            began.wait();
            q.closed().on_go(move || seen.wait());
            q.close();
        });
    });
}

/// Callbacks run in the order of the signals: what empties the queue while those of `closed` are under way leaves the rest to them.
#[test]
fn callbacks_of_drained_run_after_those_of_closed_whoever_takes_the_last_item() {
    in_time("a pop in a callback of closed", || {
        let (q, log) = (Arc::new(Queue::unbounded()), Log::new());
        q.push(1).unwrap();
        let (popper, says) = (q.clone(), log.says("closed"));
        q.closed().on_go(move || {
            let popped = thread::spawn(move || (popper.pop(), popper.drained().is_go()));
            assert_eq!(popped.join().unwrap(), (Ok(1), true), "no panic of a callback comes here");
            says();
        });
        let says = log.says("drained");
        q.drained().on_go(move || {
            says();
            panic!("planned");
        });
        assert_eq!(panic_of(|| q.close()), "planned");
        assert_eq!(log.said(), "closed drained");
    });
}

/// What hangs on `drained` is run by the last pop also if nobody had asked for the signals when the queue was closed.
#[test]
fn callbacks_of_signals_that_are_made_late_run_too() {
    let (q, log) = (Queue::unbounded(), Log::new());
    q.push(1).unwrap();
    q.close();
    q.drained().on_go(log.says("drained"));
    assert_eq!((q.pop(), log.said().as_str()), (Ok(1), "drained"));
}

/// The signals are called what the queue is called when they are first asked for.
#[test]
fn a_name_that_comes_late_is_the_queues_alone() {
    let q = Queue::<u8>::unbounded();
    let _ = q.closed();
    let q = q.named("jobs");
    q.close();
    assert_eq!(q.closed().cause().unwrap().name(), Some("queue closed"));
    assert!(format!("{q:?}").contains("jobs"));
}

#[test]
fn close_now_hands_back_what_is_left() {
    let q = Queue::bounded(3);
    q.extend([1, 2, 3]).unwrap();
    assert_eq!(q.pop(), Ok(1));
    assert_eq!(q.close_now(), [2, 3]);
    assert_eq!((q.close_now(), q.pop(), q.push(4)), (vec![], Err(Closed), Err(PushError::Closed(4))));
    assert!(q.drained().is_go());
}

#[test]
fn a_guard_closes_when_it_is_dropped() {
    let q = Queue::<u8>::unbounded();
    q.close_on_drop().disarm();
    q.push(1).unwrap();
    drop(q.close_on_drop());
    assert_eq!((q.push(2), q.pop()), (Err(PushError::Closed(2)), Ok(1)));
    let q = Queue::<u8>::unbounded();
    let thrown = catch_unwind(AssertUnwindSafe(|| {
        let _close = q.close_on_drop();
        panic!("planned");
    }));
    assert!(thrown.is_err() && q.closed().is_go());
}

/// What waits for a queue's signals elsewhere must not wait for ever.
#[test]
fn a_queue_that_is_dropped_is_closed_by_that() {
    let (q, dropped) = (Queue::unbounded(), Count::new());
    let (closed, drained, log) = (q.closed().clone(), q.drained().clone(), Log::new());
    assert!(q.push(dropped.token()).is_ok());
    closed.on_go(log.says("closed"));
    drained.on_go(log.says("drained"));
    drop(q);
    assert_eq!((log.said().as_str(), dropped.get()), ("closed drained", 1));
    closed.wait();
}

#[test]
fn the_cause_names_the_place_that_closed_it() {
    let q = Queue::<u8>::unbounded();
    let (place, ()) = (line!(), q.close());
    assert!(q.closed().is_go());
    let _ = q;
    let q = Queue::<u8>::unbounded();
    let _ = q.closed();
    let here = (line!(), q.close());
    let cause = q.closed().cause().unwrap();
    assert_eq!((cause.location().line(), cause.location().file(), here.1), (here.0, file!(), ()));
    assert_eq!(cause.name(), Some("queue closed"));
    assert!(here.0 > place);
}

/// S11: whichever call comes to raise them, and however late they are asked for.
#[test]
fn s11_the_causes_of_closed_and_drained_name_the_callers_place() {
    let full = || {
        let q = Queue::unbounded();
        q.push(1).unwrap();
        q
    };
    let lines = |q: &Queue<u8>| {
        [q.closed(), q.drained()].map(|end| {
            let place = end.cause().unwrap().location();
            assert_eq!(place.file(), file!());
            place.line()
        })
    };
    for late in [false, true] {
        let (q, one) = (Queue::unbounded(), full());
        if !late {
            let _ = (q.closed(), one.closed());
        }
        let (here, ()) = (line!(), q.close());
        assert_eq!(lines(&q), [here; 2]);
        let (here, left) = (line!(), one.close_now());
        assert_eq!((lines(&one), left), ([here; 2], vec![1]));
        let (q, here) = (full(), line!());
        let guard = (q.close_on_drop(), line!()).0;
        if !late {
            q.closed();
        }
        drop(guard);
        assert_eq!(q.pop_all(), [1]);
        assert_eq!(lines(&q)[0], here + 1);
    }
    type Take = fn(&Queue<u8>) -> u32;
    let takes: [Take; 8] = [
        |q| (q.pop().unwrap(), line!()).1,
        |q| (q.pop_until(AGES).unwrap(), line!()).1,
        |q| (q.try_pop().unwrap(), line!()).1,
        |q| (q.pop_all(), line!()).1,
        |q| (q.pop_task().map(drop).unwrap(), line!()).1,
        |q| (q.pop_task_until(AGES).map(drop).unwrap(), line!()).1,
        |q| (q.iter().next(), line!()).1,
        |q| (q.iter_until(AGES).next(), line!()).1,
    ];
    for take in takes {
        let q = full();
        q.closed();
        let (here, ()) = (line!(), q.close());
        let there = take(&q);
        assert_eq!(lines(&q), [here, there]);
    }
}
