//! Panics: reported when they happen, told at a join, travelling up from who is not joined.
use super::*;
use stopwhen::OperationThread;
use stopwhen::thread::Panic;

/// What a join tells of panics: of its own body, or of those below.
fn told<R: std::fmt::Debug>(end: Result<R, JoinError>) -> String {
    let all = |panics: &[Panic]| panics.iter().map(Panic::message).collect::<Vec<_>>().join(" ");
    match end {
        Err(JoinError::Panicked(panic)) => format!("own {}", panic.message()),
        Err(JoinError::Children(panics)) => format!("below {}", all(&panics)),
        other => format!("{other:?}"),
    }
}

/// The messages, sorted: threads end in any order.
fn taken(root: &Root) -> String {
    let mut all: Vec<_> = root.take_panics().iter().map(|panic| panic.message().to_owned()).collect();
    all.sort();
    all.join(" ")
}

#[test]
fn h5_a_panic_is_reported_at_once_and_told_at_every_join() {
    in_time("a panic", || {
        let ((root, log), hold) = (heard("main"), Signal::new());
        let t = root.run("t", {
            let hold = hold.clone();
            move |_| {
                Thread::run("below", move |_| hold.wait());
                boom("now");
            }
        });
        until(|| !log.said().is_empty());
        assert_eq!(log.said(), "main/t:now");
        assert!(!t.stopped().is_go(), "at once: those below are still there");
        hold.go();
        let Err(JoinError::Panicked(panic)) = t.join() else { panic!("not told") };
        assert_eq!((panic.path(), panic.message(), panic.location()), ("main/t", "now", None));
        assert_eq!(panic.to_string(), "thread main/t panicked: now");
        assert_eq!(
            (t.join(), t.join_until(Duration::ZERO)),
            (Err(JoinError::Panicked(panic.clone())), Err(JoinError::Panicked(panic)))
        );
        assert_eq!((taken(&root), log.said()), (String::new(), "main/t:now".into()));
    });
}

/// Every place where the panic of one thread, two below the root, can be told of: each tells it once, and then nobody else does.
#[test]
fn h5_the_panic_of_one_that_nobody_joined_travels_to_the_first_that_is_joined() {
    in_time("panics on their way up", || {
        // Who is joined: neither, the one above, the one that panics; and whether its handle is dropped early.
        for (joined, early) in [(0, false), (0, true), (1, false), (1, true), (2, false)] {
            let (root, log) = heard("main");
            let above = root.run("above", move |_| {
                let t = Thread::run("t", |please_stop| {
                    please_stop.wait();
                    boom("t");
                });
                if early {
                    t.release();
                    return String::new();
                }
                t.stop();
                if joined == 2 { told(t.join()) } else { String::new() }
            });
            match joined {
                0 => above.release(),
                1 => {
                    assert_eq!(told(above.join()), "below t");
                    assert_eq!(above.join(), Ok(String::new()), "then the result");
                    assert_eq!(above.join(), Err(JoinError::AlreadyTaken));
                }
                _ => assert_eq!(above.join().unwrap(), "own t"),
            }
            root.shutdown(AGES).unwrap();
            assert_eq!(taken(&root), if joined == 0 { "t" } else { "" }, "{joined} {early}");
            assert_eq!(taken(&root), "", "once");
            assert_eq!(log.said(), "main/above/t:t");
        }
    });
}

/// Drops and joins in every order, of a thread that panics and of the one below it, which panics too.
#[test]
fn h5_none_is_lost_or_doubled_in_whatever_order_handles_go() {
    in_time("handles that go", || {
        for order in 0..8 {
            let (root, _) = heard("main");
            let (tell, given) = mpsc::channel();
            let above = root.run("above", move |please_stop| {
                let below = Thread::run("below", |_| boom("below"));
                tell.send(below).unwrap();
                please_stop.wait();
                boom("above");
            });
            let below = given.recv().unwrap();
            let mut seen = Vec::new();
            if order & 1 == 1 {
                below.stopped().wait();
            }
            if order & 2 == 2 {
                seen.push(told(below.join()));
            }
            drop(below);
            above.stop();
            if order & 4 == 4 {
                seen.push(told(above.join()));
            }
            drop(above);
            root.shutdown(AGES).unwrap();
            seen.extend(taken(&root).split(' ').filter(|word| !word.is_empty()).map(|word| format!("own {word}")));
            seen.sort();
            assert_eq!(seen, ["own above", "own below"], "{order}");
        }
    });
}

/// A handle that is joined after the parent has taken account of the thread still tells; nothing travels twice for it.
#[test]
fn h5_a_handle_tells_after_the_panic_has_travelled() {
    in_time("a late join", || {
        let (root, _) = heard("main");
        let t = root.run("t", |_| boom("t"));
        root.shutdown(AGES).unwrap();
        assert_eq!(taken(&root), "t");
        assert_eq!(told(t.join()), "own t");
        drop(t);
        assert_eq!(taken(&root), "");
    });
}

#[test]
fn h5_what_is_below_a_thread_that_panicked_goes_further_up() {
    in_time("two panics", || {
        let (root, _) = heard("main");
        let top = root.run("top", |_| {
            let t = Thread::run("t", |_| {
                Thread::run("below", |_| boom("below"));
                boom("t");
            });
            told(t.join())
        });
        assert_eq!(told(top.join()), "below below");
        assert_eq!((top.join().unwrap(), taken(&root)), ("own t".to_owned(), String::new()));
    });
}

/// Nobody is above: who joins is told of its own first, then of those below, then of its own as often as he asks.
#[test]
fn h5_a_root_of_its_own_tells_its_panic_and_then_those_below() {
    in_time("two panics of a root of its own", || {
        let t = Thread::run("t", |_| {
            Thread::run("below", |_| boom("below"));
            boom("t");
        });
        assert_eq!([t.join(), t.join(), t.join()].map(told), ["own t", "below below", "own t"]);
        let t = Thread::run("t", |_| drop(Thread::run("below", |_| boom("below"))));
        assert_eq!([t.join(), t.join(), t.join()].map(told), ["below below", "Ok(())", "Err(AlreadyTaken)"]);
    });
}

/// R8: each is told to one, and the parent ends.
#[test]
fn h5_panics_are_taken_while_the_parent_ends() {
    const ITEMS: usize = 2000;
    in_time("panics in two hands", || {
        for _ in 0..20 {
            let (give, given) = mpsc::channel();
            let root = Root::builder("main").on_panic(|_| ()).build();
            let parent = root.run("parent", move |_| {
                let worker = Arc::new(OperationThread::run("worker", |_, _: usize| boom("item")));
                (0..ITEMS).for_each(|n| worker.add(n).unwrap());
                worker.close();
                worker.stopped().wait();
                give.send(worker).unwrap();
            });
            let worker = given.recv().unwrap();
            let mut taken = 0;
            while !parent.stopped().is_go() && taken == 0 {
                taken += worker.take_panics().len();
            }
            let told = match parent.join() {
                Err(JoinError::Children(panics)) => panics.len(),
                end => end.map(|()| 0).unwrap(),
            };
            assert_eq!(taken + told + worker.take_panics().len(), ITEMS);
        }
    });
}

#[test]
fn h5_who_joins_is_told_of_all_below() {
    in_time("many panics", || {
        let (root, _) = heard("main");
        let t = root.run("t", |_| (0..5).for_each(|_| drop(Thread::run("below", |_| boom("x")))));
        assert_eq!(told(t.join()), "below x x x x x");
        let Err(JoinError::Children(_)) = root.run("u", |_| drop(Thread::run("v", |_| boom("x")))).join() else {
            panic!("not told")
        };
    });
}

// ---- foreign code that panics ----------------------------------------------------------------------------

#[test]
fn h5_a_result_that_panics_when_dropped_is_a_panic_of_the_thread() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            boom("dropped");
        }
    }
    in_time("a result that panics", || {
        let ((root, log), go) = (heard("main"), Signal::new());
        let wait = go.clone();
        root.run("t", move |_| {
            wait.wait();
            Bomb
        })
        .release();
        go.go();
        root.shutdown(AGES).unwrap();
        assert_eq!((log.said(), taken(&root)), ("main/t:dropped".into(), "dropped".into()));
        let held = root_of_its_own(|| Bomb);
        assert_eq!(panic_of(|| drop(held)), "dropped", "who holds it drops it");
        assert_eq!(panic_of(|| drop(root_of_its_own(|| Bomb).join())), "dropped", "who joined has it");
    });
    fn root_of_its_own<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Thread<R> {
        let t = Thread::run("t", |_| f());
        t.stopped().wait();
        t
    }
}

#[test]
fn h5_a_payload_that_panics_when_dropped_is_a_panic_like_any_other() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            resume_unwind(Box::new(Bomb));
        }
    }
    in_time("a payload that panics", || {
        let (root, log) = heard("main");
        let t = root.run("t", |_| resume_unwind(Box::new(Bomb)));
        let Err(JoinError::Panicked(panic)) = t.join() else { panic!("not told") };
        assert_eq!(panic.message(), "a value that is no text");
        assert_eq!(log.said(), "main/t:a value that is no text");
    });
}

/// Callbacks on the thread's own signals: of the stop the panic is for who raised it, else it is told as the thread's.
#[test]
fn h5_callbacks_of_please_stop_and_stopped_that_panic() {
    in_time("callbacks that panic", || {
        let (root, log) = heard("main");
        let wait = |name| root.run(name, |please_stop| please_stop.wait());
        let t = wait("a");
        t.please_stop().on_go(|| boom("mine"));
        assert_eq!(panic_of(|| t.stop()), "mine");
        assert_eq!((t.join(), log.said()), (Ok(()), String::new()));
        let t = wait("b");
        t.stopped().on_go(|| boom("stopped"));
        t.stop();
        t.stopped().wait();
        t.release();
        let t = wait("c");
        t.please_stop().on_go(|| boom("asked"));
        t.release();
        root.shutdown(AGES).unwrap();
        until(|| log.said().split(' ').count() == 2);
        let mut said: Vec<_> = log.said().split(' ').map(String::from).collect();
        said.sort();
        // All are asked by the one go of the root's please_stop.
        assert_eq!(said, ["main/b:stopped", "main:asked"]);
        until(|| root.tree().to_string() == "main: has stopped");
        let mut all = taken(&root);
        while all.split(' ').count() < 2 {
            all = format!("{all} {}", taken(&root)).trim().to_owned();
        }
        let mut all: Vec<_> = all.split(' ').collect();
        all.sort();
        assert_eq!(all, ["asked", "stopped"]);
    });
}

#[test]
fn h5_stopping_goes_on_past_a_callback_that_panics() {
    in_time("a panic on the way", || {
        let t = Thread::run("t", |_| {
            for name in ["a", "b", "c"] {
                let t = Thread::run(name, |please_stop| please_stop.wait());
                t.please_stop().on_go(move || boom(name));
            }
            3
        });
        let end = told(t.join());
        let mut all: Vec<_> = end.split(' ').collect();
        all.sort();
        assert_eq!(all, ["a", "b", "below", "c"]);
        assert_eq!(t.join(), Ok(3));
    });
}

#[test]
fn h5_a_hook_that_panics_changes_nothing() {
    in_time("a hook that panics", || {
        let root = Root::builder("main").on_panic(|_| boom("hook")).build();
        let t = root.run("t", |_| boom("t"));
        assert_eq!(told(t.join()), "own t");
        root.run("u", |_| boom("u"));
        root.shutdown(AGES).unwrap();
        assert_eq!(taken(&root), "u");
    });
}

/// R3: the hook may look at the tree, start a thread, join another.
#[test]
fn h5_a_hook_may_use_the_tree() {
    in_time("a hook that works", || {
        let (tell, told_of) = mpsc::channel();
        let tell = Mutex::new(tell);
        let root = Root::builder("main").on_panic(move |panic| {
            let me = current().unwrap();
            assert_eq!(panic.path(), me.path());
            let helper = Thread::run("helper", |_| current().unwrap().path().to_owned());
            tell.lock().unwrap().send((helper.join().unwrap(), me.tree().to_string())).unwrap();
        });
        let t = root.build().run("t", |_| boom("t"));
        let (path, tree) = told_of.recv().unwrap();
        assert_eq!((&*path, told(t.join())), ("main/t/helper", "own t".to_owned()));
        assert!(tree.starts_with("t: "), "{tree}");
    });
}

/// R8: a thread that panics while it holds a lock, or with a task at hand, holds up nobody.
#[test]
fn h5_a_panic_leaves_what_it_held_to_others() {
    in_time("what it held", || {
        let (lock, jobs) = (Arc::new(Lock::new(0)), Arc::new(Queue::unbounded()));
        jobs.push(1).unwrap();
        let t = Thread::run("t", {
            let (lock, jobs) = (lock.clone(), jobs.clone());
            move |_| {
                let _task = jobs.pop_task().unwrap();
                *lock.lock() = 1;
                let _guard = lock.lock();
                boom("t");
            }
        });
        jobs.join();
        assert_eq!(told(t.join()), "own t");
        assert!(*lock.lock() == 1 && lock.panicked_inside());
        assert!(catch_unwind(AssertUnwindSafe(|| t.stop())).is_ok());
    });
}
