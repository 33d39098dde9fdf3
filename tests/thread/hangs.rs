//! What hangs on stops and ends: waited for, told of, and in nobody's way.
use super::*;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::*};

/// Has that end run something that takes until `joiner`, of a tree, is seen to wait for it. Tells whether it has been run.
fn slow_end(t: &Thread<()>, joiner: ThreadRef) -> Arc<AtomicBool> {
    let ran = Arc::new(AtomicBool::new(false));
    let told = ran.clone();
    t.stopped().on_go(move || {
        until(|| joiner.stopped().is_go() || joiner.tree().to_string().contains("waits in join"));
        told.store(true, Release);
    });
    ran
}

#[test]
fn h4_a_join_waits_for_what_hangs_on_the_end() {
    in_time("a slow end", || {
        let joiner = Thread::run("joiner", |_| {
            let t = Thread::run("t", |please_stop| please_stop.wait());
            let ran = slow_end(&t, current().unwrap());
            t.stop();
            (t.join(), ran.load(Acquire))
        });
        assert_eq!(joiner.join(), Ok((Ok(()), true)));
    });
}

#[test]
fn h4_a_join_in_a_scope_waits_for_what_hangs_on_the_end() {
    in_time("a slow end in a scope", || {
        let joiner = Thread::run("joiner", |_| {
            thread::scope(|scope| {
                let t = scope.run("t", |please_stop| please_stop.wait());
                let ran = slow_end(&t, current().unwrap());
                t.stop();
                (t.join(), ran.load(Acquire))
            })
        });
        assert_eq!(joiner.join(), Ok((Ok(()), true)));
    });
}

/// A scope that belongs to no tree is a tree of its own as long as anything of it runs.
#[test]
fn what_hangs_on_an_end_in_a_scope_starts_threads_in_it() {
    in_time("a thread begun at an end", || {
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            let t = scope.run("t", |please_stop| please_stop.wait());
            t.stopped().on_go(move || {
                let late = Thread::builder("late").try_run(|_| current().unwrap().path().to_owned());
                tell.send(late.map(|late| late.join().unwrap())).unwrap();
            });
            t.stop();
        });
        assert_eq!(told.recv().unwrap(), Ok("scope/late".to_owned()));
    });
}

/// Two children, of which the newer one's please_stop has something on it that waits for the older one to end.
fn siblings(run: impl Fn(&str) -> Thread<()>) -> Signal {
    let [older, newer] = ["older", "newer"].map(run);
    let over = newer.stopped() & older.stopped();
    newer.please_stop().on_go(move || older.join().unwrap());
    over
}

/// H2: all are asked, and then what hangs on that is run, by whatever ends their parent.
#[test]
fn h2_what_hangs_on_a_please_stop_may_wait_for_a_sibling() {
    let below = |name: &str| Thread::run(name, |please_stop| please_stop.wait());
    in_time("the end of a body", move || {
        let parent = Thread::run("parent", move |_| siblings(below));
        assert!(parent.join().unwrap().is_go());
    });
    in_time("the end of a registration", move || {
        let registration = thread::register("foreign");
        let over = siblings(below);
        drop(registration);
        assert!(over.is_go());
    });
    for order in [StopOrder::AllReverse, StopOrder::Sequential] {
        in_time("a root that nobody holds", move || {
            let root = Root::builder("main").order(order).build();
            let over = siblings(|name| root.run(name, |please_stop| please_stop.wait()));
            drop(root);
            over.wait();
        });
    }
}

/// Its scope goes on when it does: so its threads are stopped and joined, and it takes no more.
#[test]
fn h1_a_registration_may_end_in_a_scope_of_its_own() {
    in_time("a registration in a scope", || {
        let registration = thread::register("foreign");
        thread::scope(|scope| {
            let t = scope.run("t", |please_stop| please_stop.wait());
            drop(registration);
            assert!(t.stopped().is_go());
            let late = scope.try_run(Thread::builder("late"), |_| ());
            assert!(matches!(late, Err(SpawnError::ParentEnded { .. })), "{late:?}");
        });
        assert!(current().is_none());
    });
}

#[test]
fn h5_a_scope_tells_of_its_panics_though_a_shutdown_takes_them_at_its_end() {
    let _alone = alone();
    in_time("a shutdown at the end of a scope", || {
        let told = Mutex::new(None);
        let code = Root::builder("main").on_panic(|_| ()).run(|main| {
            let scope = || {
                thread::scope(|scope| {
                    let main = main.clone();
                    scope.as_ref().stopped().on_go(move || drop(main.shutdown(AGES)));
                    scope.run("t", |_| boom("t"));
                });
            };
            *told.lock().unwrap() = catch_unwind(AssertUnwindSafe(scope)).err();
        });
        let told = told.into_inner().unwrap().expect("it panics");
        assert_eq!(
            told.downcast_ref::<String>().unwrap(),
            "nobody has joined, of this scope: thread main/scope/t panicked: t"
        );
        assert_eq!(code, ExitCode::SUCCESS, "it was told of that");
    });
}

/// Who shuts down first and joins then is told by the joins, and nobody else is.
#[test]
fn h5_what_a_join_after_a_shutdown_tells_is_not_told_again() {
    let _alone = alone();
    in_time("joins after a shutdown", || {
        let root = Root::builder("main").on_panic(|_| ()).build();
        let [t, u] = ["t", "u"].map(|name| root.run(name, move |_| boom(name)));
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert!(matches!(t.join(), Err::<(), _>(JoinError::Panicked(_))));
        let left: Vec<_> = root.take_panics().iter().map(|panic| panic.path().to_owned()).collect();
        assert_eq!(left, ["main/u"]);
        assert!(matches!(u.join(), Err::<(), _>(JoinError::Panicked(_))), "its own is told by every join");
        let code = Root::builder("main").on_panic(|_| ()).run(|main| {
            let t = main.run("t", |_| boom("t"));
            main.shutdown(AGES).unwrap();
            assert!(t.join().is_err_and(|e: JoinError| matches!(e, JoinError::Panicked(_))));
        });
        assert_eq!(code, ExitCode::SUCCESS);
    });
}

/// What hangs on the end of a thread is not cut off by the end of the program, and its panic is no secret.
#[test]
fn h5_a_program_waits_for_what_hangs_on_the_ends_of_its_threads() {
    let _alone = alone();
    in_time("a panic at an end", || {
        let code = Root::builder("main").on_panic(|_| ()).run(|main| {
            let (asked, entered) = (main.please_stop().clone(), Signal::new());
            let t = main.run("t", |please_stop| please_stop.wait());
            let here = entered.clone();
            t.stopped().on_go(move || {
                here.go();
                asked.wait(); // so the body is over
                boom("at its end");
            });
            t.stop();
            entered.wait();
        });
        assert_eq!(code, ExitCode::FAILURE);
    });
}

#[test]
fn h6_what_hangs_on_an_end_for_too_long_is_told() {
    in_time("an end that takes too long", || {
        let (root, hold) = (Root::new("main"), Signal::new());
        let wait = hold.clone();
        let t = root.run("t", |please_stop| please_stop.wait());
        t.stopped().on_go(move || wait.wait());
        let stuck = root.shutdown(Duration::from_millis(20)).unwrap_err().to_string();
        assert_eq!(stuck, "main has not stopped in time: 1 thread is stuck\n  main/t: runs what hangs on its end");
        hold.go();
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}
