//! The end of a whole tree, in real time.
use super::*;

#[test]
fn h6_all_are_told_and_joined() {
    in_time("a shutdown", || {
        let (root, ended) = (Root::new("main"), Count::new());
        for name in ["a", "b"] {
            let (token, other) = (ended.token(), ended.token());
            root.run(name, move |please_stop| {
                Thread::run("below", move |please_stop| {
                    please_stop.wait();
                    drop(other);
                });
                please_stop.wait();
                drop(token);
            });
        }
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert_eq!(ended.get(), 4);
        let cause = root.please_stop().cause().unwrap();
        assert_eq!(cause.reason().unwrap().to_string(), "main is shut down");
        assert_eq!((root.shutdown(AGES), root.shutdown(Duration::ZERO)), (Ok(()), Ok(())));
    });
}

#[test]
fn h6_a_signal_ends_it_and_it_can_be_called_again() {
    in_time("a shutdown that is ended", || {
        let (root, go, enough) = (Root::new("main"), Signal::named("go"), Signal::new());
        let wait = go.clone();
        let deaf = root.run("deaf", move |_| wait.wait());
        root.run("well", |please_stop| please_stop.wait());
        let ender = {
            let (enough, well) = (enough.clone(), root.as_ref().children()[1].clone());
            Thread::run("ender", move |_| {
                well.stopped().wait();
                enough.go();
            })
        };
        let stuck = root.shutdown(&enough).unwrap_err();
        let paths: Vec<_> = stuck.threads().iter().map(|t| t.path()).collect();
        assert_eq!(paths, ["main/deaf"]);
        assert!(
            stuck
                .to_string()
                .starts_with("main has not stopped in time: 1 thread is stuck\n  main/deaf: told to stop, ")
        );
        assert!(root.shutdown(&enough).is_err(), "again, and it has not ended");
        assert!(!root.as_ref().stopped().is_go());
        go.go();
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert!(root.as_ref().stopped().is_go());
        assert_eq!((deaf.join(), ender.join().is_ok()), (Ok(()), true));
    });
}

/// What hangs on a please_stop is run aside, and has run when the shutdown says that all is well.
#[test]
fn h6_what_hangs_on_a_please_stop_has_run_when_all_is_well() {
    in_time("a callback that takes its time", || {
        let (root, hold, log) = (Root::new("main"), Signal::new(), Log::new());
        let t = root.run("t", |please_stop| please_stop.wait());
        let (wait, say, main) = (hold.clone(), log.clone(), root.clone());
        t.please_stop().on_go(move || {
            wait.wait();
            assert!(main.as_ref().stopped().is_go());
            say.say("ran");
        });
        let closer = Thread::run("closer", {
            let root = root.clone();
            move |_| root.shutdown(AGES)
        });
        assert_eq!((t.join(), log.said()), (Ok(()), String::new()), "nobody else waits for it");
        root.as_ref().stopped().wait();
        assert!(!closer.stopped().is_go());
        hold.go();
        assert_eq!((closer.join(), log.said()), (Ok(Ok(())), "ran".to_owned()));
        assert_eq!(root.take_panics(), []);
    });
}

/// No time at all: it looks, and is gone. Everybody was told.
#[test]
fn h6_in_no_time_all_are_told() {
    in_time("no time", || {
        let (root, go) = (Root::new("main"), Signal::new());
        let all: Vec<_> = (0..3)
            .map(|n| {
                let go = go.clone();
                root.run(format!("t{n}"), move |_| go.wait())
            })
            .collect();
        let stuck = root.shutdown(Duration::ZERO).unwrap_err();
        assert_eq!(stuck.threads().len(), 3);
        assert!(all.iter().all(|t| t.please_stop().is_go()));
        go.go();
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

#[test]
fn h6_it_never_outlasts_the_grace() {
    in_time("a short grace", || {
        let (root, go) = (Root::builder("main").grace(Duration::from_millis(20)).build(), Signal::new());
        let waits: Vec<_> = (0..5).map(|_| go.clone()).collect();
        for wait in waits {
            root.run("deaf", move |_| wait.wait());
        }
        let begun = std::time::Instant::now();
        assert!(root.shutdown(Signal::never()).is_err());
        assert!(begun.elapsed() >= Duration::from_millis(20) && begun.elapsed() < PATIENCE);
        go.go();
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

/// "Huge durations saturate to never": the grace is for who says nothing of time.
#[test]
fn h6_a_shutdown_without_an_end_waits_beyond_the_grace() {
    in_time("a shutdown without an end", || {
        let (root, go) = (Root::builder("main").grace(Duration::from_millis(1)).build(), Signal::new());
        let wait = go.clone();
        root.run("deaf", move |_| wait.wait()).release();
        let closer = Thread::run("closer", {
            let root = root.clone();
            move |_| root.shutdown(Duration::MAX)
        });
        root.please_stop().wait();
        assert_eq!(closer.join_until(Duration::from_millis(50)), Err(JoinError::Stopped));
        go.go();
        assert_eq!(closer.join(), Ok(Ok(())));
    });
}

/// From inside: all others are stopped, and who calls, and those above it, are found stuck.
#[test]
fn h6_from_inside_it_does_not_wait_for_itself() {
    in_time("a shutdown from inside", || {
        let root = Root::new("main");
        let other = root.run("other", |please_stop| please_stop.wait());
        let inside = root.clone();
        let t = root.run("above", move |please_stop| {
            let t = Thread::run("inside", move |_| {
                let stuck = inside.shutdown(AGES).unwrap_err();
                assert!(inside.as_ref().please_stop().is_go());
                stuck.threads().iter().map(|t| t.path().to_owned()).collect::<Vec<_>>()
            });
            let paths = t.join().unwrap();
            assert!(please_stop.is_go());
            paths
        });
        assert_eq!(t.join().unwrap(), ["main/above", "main/above/inside"]);
        assert!(other.stopped().is_go());
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

#[test]
fn h6_the_tree_takes_no_more_threads_but_below_those_that_run() {
    in_time("late threads", || {
        let (root, go, (tell, told)) = (Root::new("main"), Signal::new(), mpsc::channel());
        let wait = go.clone();
        let t = root.run("t", move |please_stop| {
            please_stop.wait();
            tell.send(Thread::run("below", |please_stop| please_stop.wait()).path().to_owned()).unwrap();
            wait.wait();
        });
        assert!(root.shutdown(Duration::ZERO).is_err());
        assert_eq!(told.recv().unwrap(), "main/t/below");
        let refused = Thread::builder("late").under(root.as_ref()).try_run(|_| ()).unwrap_err();
        assert_eq!(refused, SpawnError::ParentEnded { path: "main/late".into() });
        go.go();
        assert_eq!((t.join(), root.shutdown(AGES)), (Ok(()), Ok(())));
    });
}

/// Threads of elsewhere are waited for, after the tree's own, however new they are.
#[test]
fn h6_registered_threads_are_waited_for_after_the_others() {
    in_time("a registered thread", || {
        let root = Root::builder("main").order(StopOrder::Sequential).build();
        let (log, ready) = (Log::new(), Signal::new());
        let own = root.run("own", |please_stop| please_stop.wait());
        own.please_stop().on_go(log.says("own"));
        let foreign = std::thread::spawn({
            let (root, log, ready) = (root.clone(), log.clone(), ready.clone());
            move || {
                let registration = root.register("foreign");
                assert_eq!(registration.as_ref().path(), "main/foreign");
                registration.please_stop().on_go(log.says("foreign"));
                ready.go();
                registration.please_stop().wait();
            }
        });
        ready.wait();
        assert_eq!(names(&root.as_ref().children()), "own foreign");
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert_eq!(log.said(), "own foreign");
        foreign.join().unwrap();
    });
}

/// S5: of several signals, too, though they are run aside.
#[test]
fn h2_what_hangs_on_stops_is_run_in_the_order_of_the_stops() {
    in_time("stops in sequence", || {
        for _ in 0..5 {
            let root = Root::builder("main").order(StopOrder::Sequential).build();
            let log = Log::new();
            for name in ["a", "b", "c", "d"] {
                let t = root.run(name, |please_stop| please_stop.wait());
                let say = log.says(name);
                t.please_stop().on_go(move || {
                    (0..if name == "d" { 20 } else { 0 }).for_each(|_| yield_now());
                    say();
                });
            }
            root.as_ref().stopped().on_go(log.says("end"));
            assert_eq!(root.shutdown(AGES), Ok(()));
            assert_eq!(log.said(), "d c b a end");
        }
    });
}

#[test]
fn h6_a_registered_thread_that_stays_is_stuck() {
    in_time("a registered thread that stays", || {
        let (root, ready, go) = (Root::new("main"), Signal::new(), Signal::new());
        let foreign = std::thread::spawn({
            let (root, ready, go) = (root.clone(), ready.clone(), go.clone());
            move || {
                let _registration = root.register("foreign");
                ready.go();
                while !go.is_go() {
                    yield_now();
                }
            }
        });
        ready.wait();
        let stuck = root.shutdown(Duration::ZERO).unwrap_err();
        assert_eq!(
            (stuck.threads()[0].path(), stuck.threads()[0].state()),
            ("main/foreign", "told to stop, runs code of its own")
        );
        go.go();
        assert_eq!(root.shutdown(AGES), Ok(()));
        foreign.join().unwrap();
    });
}

/// H1: who is stuck because it shuts down the tree that it belongs to is told so, and by what that would be ended.
#[test]
fn h6_a_thread_in_the_shutdown_of_its_own_tree_says_so() {
    in_time("a shutdown from inside", || {
        let (root, go) = (Root::new("main"), Signal::named("go"));
        let wait = go.clone();
        root.run("deaf", move |_| wait.wait());
        let (inside, end) = (root.clone(), go.clone());
        let closer = root.run("closer", move |_| inside.shutdown((end, AGES)).is_err());
        let shown = "closer: told to stop, waits in shutdown of main until go or at most ";
        until(|| closer.tree().to_string().starts_with(shown));
        until(|| root.tree().to_string().starts_with("main: stops its threads\n")); // it has no thread that could run
        let stuck = root.shutdown(Duration::ZERO).unwrap_err();
        assert_eq!(stuck.threads()[1].path(), "main/closer");
        assert!(stuck.threads()[1].state().starts_with(&shown["closer: ".len()..]), "{stuck}");
        go.go();
        assert_eq!(closer.join(), Ok(true));
    });
}

#[test]
fn h6_roots_do_not_meet() {
    in_time("two roots", || {
        let [a, b] = ["a", "b"].map(Root::new);
        let [ta, tb] = [&a, &b].map(|root| root.run("t", |please_stop| please_stop.wait()));
        assert_eq!((ta.path(), tb.path()), ("a/t", "b/t"));
        assert_eq!(a.shutdown(AGES), Ok(()));
        assert!(!b.please_stop().is_go() && !tb.please_stop().is_go());
        assert_eq!(b.tree().to_string().lines().count(), 2);
        // A root made on a thread of another is no part of it.
        let inner = b.run("maker", |_| {
            let inner = Root::new("inner");
            inner.run("t", |please_stop| please_stop.wait());
            inner
        });
        let inner = inner.join().unwrap();
        b.shutdown(AGES).unwrap();
        assert!(!inner.please_stop().is_go());
        assert_eq!(inner.shutdown(AGES), Ok(()));
    });
}

/// The last handle of a root asks all of its threads to stop, and waits for nobody.
#[test]
fn h6_a_root_that_nobody_holds_stops_its_threads() {
    in_time("a root that is let go of", || {
        for order in [StopOrder::AllReverse, StopOrder::Sequential] {
            let (root, hold) = (Root::builder("main").order(order).build(), Signal::new());
            let wait = hold.clone();
            let t = root.run("t", move |please_stop| {
                please_stop.wait();
                wait.wait();
            });
            let clone = root.clone();
            drop(root);
            assert!(!t.please_stop().is_go());
            drop(clone);
            assert!(t.please_stop().is_go() && !t.stopped().is_go());
            let cause = t.please_stop().cause().unwrap();
            assert_eq!(cause.reason().unwrap().to_string(), "nobody holds its root any more");
            assert!(Thread::builder("late").under(t.as_ref()).try_run(|_| ()).is_ok(), "it still runs");
            hold.go();
            assert_eq!(t.join(), Ok(()));
        }
    });
}

/// A thread of the tree may hold the root's last handle.
#[test]
fn h6_the_last_handle_goes_on_a_thread_of_the_tree() {
    in_time("a handle inside", || {
        let root = Root::new("main");
        let (give, given) = mpsc::channel::<Root>();
        let t = root.run("t", move |please_stop| {
            drop(given.recv().unwrap());
            please_stop.wait();
        });
        give.send(root).unwrap();
        assert_eq!(t.join(), Ok(()));
    });
}

#[test]
fn handles_show_what_they_are() {
    let root = Root::builder("main").grace(Duration::from_secs(3));
    assert_eq!(format!("{root:?}"), "RootBuilder { name: \"main\", grace: 3s, order: AllReverse, .. }");
    let root = root.build();
    assert_eq!(
        format!("{root:?}"),
        "Root { root: ThreadRef { path: \"main\", state: has no thread of its own }, grace: 3s }"
    );
    let registration = root.register("here");
    assert!(
        format!("{registration:?}")
            .starts_with("Registration(ThreadRef { path: \"main/here\", state: runs code of its own")
    );
    drop(registration);
    assert!(format!("{:?}", Thread::builder("t").grace(Duration::ZERO)).starts_with("Builder { name: \"t\", "));
}
