//! What depends on time, on paused clocks.
use super::*;
use stopwhen::clock::Paused;
use stopwhen::thread::Stuck;
use stopwhen::{Till, clock};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// T7: threads live by the paused clock of who starts them, and so on.
#[test]
fn t7_threads_live_by_the_clock_of_who_starts_them() {
    in_time("threads on a paused clock", || {
        let (paused, root) = (clock::pause(), Root::new("main"));
        let begin = clock::now();
        let t = root.run("t", move |_| {
            let below = Thread::run("below", move |_| {
                thread::sleep(secs(3600)).unwrap();
                let scoped = thread::scope(|s| s.run("scoped", |_| clock::now() - begin).join());
                assert_eq!(scoped, Ok(secs(3600)));
                clock::now() - begin
            });
            below.join().unwrap()
        });
        paused.wait_for_sleepers(1);
        paused.advance(secs(3600));
        assert_eq!(t.join(), Ok(secs(3600)));
        let elsewhere = std::thread::spawn(|| Thread::run("t", |_| clock::now()).join().unwrap());
        assert!(elsewhere.join().unwrap() < begin + secs(3000), "nobody else does");
    });
}

#[test]
fn h1_the_tree_says_since_when_and_for_how_long() {
    in_time("a tree on a paused clock", || {
        let (paused, root, stop) = (clock::pause(), Root::new("main"), Signal::named("stop"));
        let jobs = Arc::new(Queue::<u8>::unbounded().named("jobs"));
        let take = jobs.clone();
        let until_stop = stop.clone();
        root.run("pop", move |_| take.pop_until((&until_stop, secs(10))).is_ok());
        let lock = Arc::new(Lock::new(()));
        let guard = lock.lock();
        let (locks, until_stop) = (lock.clone(), stop.clone());
        root.run("lock", move |_| locks.lock_until((until_stop, secs(20))).is_ok());
        root.run("sleep", |_| thread::sleep(secs(30)));
        let wait = stop.clone();
        root.run("wait", move |_| wait.wait());
        let waits = || root.tree().to_string().matches("waits").count() == 4;
        until(waits);
        paused.wait_for_sleepers(3);
        paused.advance(Duration::from_millis(2500));
        until(waits);
        assert_eq!(
            root.tree().to_string(),
            "main: has no thread of its own\n\
             ├─ pop: waits in Queue::pop of jobs until stop or till in 7.5 s, for 2.5 s\n\
             ├─ lock: waits in Lock until stop or till in 17.5 s, for 2.5 s\n\
             ├─ sleep: waits for sleep.please_stop until till in 27.5 s, for 2.5 s\n\
             └─ wait: waits for stop, for 2.5 s"
        );
        drop(guard);
        stop.go();
        root.shutdown(secs(5)).unwrap();
    });
}

/// A shutdown on a thread of its own, on this clock.
fn shutting_down(root: &Root, until: impl stopwhen::Until + Send + 'static) -> Thread<Result<(), Stuck>> {
    let root = root.clone();
    Thread::run("closer", move |_| root.shutdown(until))
}

/// T8: at half the grace the Tills of the tree go, with a cause that says so; others never do.
#[test]
fn t8_at_half_the_grace_tills_of_the_tree_go_early() {
    in_time("a shutdown in time", || {
        let (paused, root) = (clock::pause(), Root::new("main"));
        let (tell, told) = mpsc::channel();
        let t = root.run("t", move |_| {
            let (till, armed) = (Till::secs(3600), Till::secs(3600));
            armed.on_go(|| ());
            tell.send((till.clone(), armed.clone())).unwrap();
            till.wait();
            (till, Till::secs(3600).is_go())
        });
        let outside = Till::secs(3600);
        let (till, armed) = told.recv().unwrap();
        paused.wait_for_sleepers(1);
        let closer = shutting_down(&root, secs(10));
        paused.wait_for_sleepers(2);
        paused.advance(Duration::from_millis(4999));
        assert!(!till.is_go() && !armed.is_go());
        paused.advance(Duration::from_millis(1));
        assert_eq!(closer.join(), Ok(Ok(())));
        assert!(till.is_go() && armed.is_go() && !outside.is_go());
        let (till, late) = t.join().unwrap();
        assert!(late, "one that is made later is go at once");
        let cause = till.cause().unwrap();
        assert_eq!(cause.name(), Some("main.shutdown"));
        let why = cause.reason().unwrap().to_string();
        assert_eq!(why, "its tree of threads is shutting down, and half of the grace is over");
    });
}

/// T8: of a registered thread and of a program's own thread, too; of a thread that has left the tree, not.
#[test]
fn t8_tills_of_registered_threads_go_and_of_those_who_left_stay() {
    in_time("tills of a registered thread", || {
        let (paused, root) = (clock::pause(), Root::new("main"));
        let registration = root.register("here");
        let inside = Till::secs(3600);
        drop(registration);
        let outside = Till::secs(3600);
        let hold = Signal::new();
        deaf(&root, &hold);
        let closer = shutting_down(&root, secs(2));
        paused.wait_for_sleepers(1);
        paused.advance(secs(1));
        paused.wait_for_sleepers(1);
        assert!(inside.is_go() && !outside.is_go());
        hold.go();
        assert_eq!(closer.join(), Ok(Ok(())));
    });
}

#[test]
fn h6_the_grace_is_one_for_all_and_who_is_left_is_told_with_what_it_waits_on() {
    in_time("a grace that runs out", || {
        let (paused, root) = (clock::pause(), Root::builder("main").grace(secs(6)).build());
        let jobs = Arc::new(Queue::<u8>::unbounded().named("jobs"));
        for name in ["a", "b"] {
            let jobs = jobs.clone();
            root.run(name, move |_| jobs.pop().is_ok());
        }
        until(|| root.tree().to_string().matches("waits in").count() == 2);
        let closer = shutting_down(&root, None::<Signal>);
        paused.wait_for_sleepers(1);
        paused.advance(secs(3));
        paused.wait_for_sleepers(1);
        assert!(!closer.stopped().is_go());
        paused.advance(secs(3));
        let stuck = closer.join().unwrap().unwrap_err();
        assert_eq!(
            stuck.to_string(),
            "main has not stopped in time: 2 threads are stuck\n  \
             main/a: told to stop, waits in Queue::pop of jobs, for 6.0 s\n  \
             main/b: told to stop, waits in Queue::pop of jobs, for 6.0 s"
        );
        jobs.close();
        assert_eq!(root.shutdown(None::<Signal>), Ok(()));
    });
}

/// A thread that stops when `hold` goes, whatever it is told.
fn deaf(root: &Root, hold: &Signal) {
    let hold = hold.clone();
    root.run("deaf", move |_| hold.wait());
}

/// A shutdown until what is made of a Till of the very tree, of ten seconds. At half of that it has gone early by T8, and the shutdown goes
/// on, until that ends it.
fn after_half(until: impl FnOnce(Till) -> Signal, end: impl FnOnce(&Paused, &Thread<Result<(), Stuck>>)) {
    let (paused, root, hold) = (clock::pause(), Root::new("main"), Signal::new());
    let until = until(root.run("maker", |_| Till::secs(10)).join().unwrap());
    deaf(&root, &hold);
    let closer = shutting_down(&root, until.clone());
    paused.wait_for_sleepers(1);
    paused.advance(secs(5));
    paused.wait_for_sleepers(1);
    assert!(until.is_go() && !closer.stopped().is_go());
    end(&paused, &closer);
    assert!(closer.join().unwrap().is_err());
    hold.go();
    assert_eq!(root.shutdown(secs(1)), Ok(()));
}

/// The other five seconds, and no earlier.
fn its_time(paused: &Paused, closer: &Thread<Result<(), Stuck>>) {
    paused.advance(Duration::from_millis(4999));
    paused.wait_for_sleepers(1);
    assert!(!closer.stopped().is_go());
    paused.advance(Duration::from_millis(1));
}

#[test]
fn h6_a_till_of_the_tree_ends_its_shutdown_in_its_own_time() {
    in_time("a till of the tree", || after_half(|till| till, its_time));
}

/// S9: however deep it is.
#[test]
fn h6_a_shutdown_ends_by_a_till_of_the_tree_below_many_children() {
    in_time("a deep until", || after_half(|till| (0..200_000).fold(till, |until, _| until.child()), its_time));
}

/// F12: what stands beside such a Till in an OR still ends the shutdown when that has gone early, and so does the Till's own time.
#[test]
fn h6_what_is_ored_with_a_till_of_the_tree_ends_its_shutdown() {
    let ways: [fn(&Signal, Till) -> Signal; 7] = [
        |a, till| a | till,
        |a, till| till | a,
        |a, till| Signal::never() | till | (Signal::new() | a),
        |a, till| Signal::any([Signal::new(), a.clone(), Signal::new(), till, Signal::new()]),
        |a, till| (a | till).view(),
        |a, till| (a | &till | (&till & Signal::new())).child(),
        // What all share is looked at once: a walk of each way down would not end.
        |a, till| (0..1000).fold(a | till, |all, _| (&all | Signal::new()) | (&all | Signal::new())),
    ];
    for (n, way) in ways.into_iter().enumerate() {
        for by_signal in [true, false] {
            in_time(&format!("way {n}"), move || {
                let enough = Signal::new();
                after_half(
                    |till| way(&enough, till),
                    |paused, closer| if by_signal { assert!(enough.go()) } else { its_time(paused, closer) },
                );
            });
        }
    }
}

/// T8: another shutdown's half is not this one's end, though its Till goes by that.
#[test]
fn h6_a_till_of_the_tree_ends_no_other_shutdown_early() {
    in_time("two shutdowns", || {
        let (paused, root, hold) = (clock::pause(), Root::new("main"), Signal::new());
        let till = root.run("maker", |_| Till::secs(30)).join().unwrap();
        deaf(&root, &hold);
        let short = shutting_down(&root, Till::secs(4));
        let long = shutting_down(&root, till.clone());
        paused.wait_for_sleepers(2);
        paused.advance(secs(2));
        till.wait(); // it goes by the other's half
        paused.wait_for_sleepers(2);
        paused.advance(secs(2));
        assert!(short.join().unwrap().is_err());
        assert!(!long.stopped().is_go());
        hold.go();
        assert_eq!(long.join(), Ok(Ok(())));
    });
}

/// A Till raised by hand, or a signal beside a time: whichever comes first.
#[test]
fn h6_signals_and_times_end_a_shutdown_together() {
    in_time("a signal and a time", || {
        for by_signal in [true, false] {
            let (paused, root, hold, enough) = (clock::pause(), Root::new("main"), Signal::new(), Signal::new());
            deaf(&root, &hold);
            let closer = shutting_down(&root, (enough.clone(), (Till::secs(30), secs(8))));
            paused.wait_for_sleepers(1);
            paused.advance(secs(4));
            paused.wait_for_sleepers(1);
            paused.advance(secs(3));
            assert!(!closer.stopped().is_go());
            if by_signal {
                enough.go();
            } else {
                paused.advance(secs(1));
            }
            assert!(closer.join().unwrap().is_err());
            hold.go();
            assert_eq!(root.shutdown(secs(1)), Ok(()));
        }
    });
}

#[test]
fn a_sleep_is_over_when_its_time_is() {
    in_time("a sleep on a paused clock", || {
        let paused = clock::pause();
        let t = Thread::run("t", |_| thread::sleep(secs(60)));
        paused.wait_for_sleepers(1);
        paused.advance(secs(59));
        assert!(!t.stopped().is_go());
        paused.advance(secs(1));
        assert_eq!(t.join(), Ok(Ok(())));
    });
}
