//! What runs at an end, and waits for others itself: scopes, joins, shutdowns and roots within it.
use super::*;
use std::fmt;
use std::process::ExitCode;
use stopwhen::ThreadRef;

/// A thread of that root that stops when it is told to, with that at its end; and it is told.
fn ending(root: &Root, name: &str, at_end: impl FnOnce() + Send + 'static) -> Thread<()> {
    let t = root.run(name, |please_stop| please_stop.wait());
    t.stopped().on_go(at_end);
    t.stop();
    t
}

/// A scope at an end is of the thread that ends, not of the parent: that waits for it, and takes nothing from it.
#[test]
fn h2_a_scope_at_an_end_is_whole_while_the_parent_ends() {
    in_time("a scope at an end", || {
        let ((tell, told), inside) = (mpsc::channel(), Signal::new());
        let here = inside.clone();
        let parent = Thread::run("parent", move |please_stop| {
            let (t, inside) = (Thread::run("t", |please_stop| please_stop.wait()), here.clone());
            t.stopped().on_go(move || {
                thread::scope(|scope| {
                    here.go();
                    scope.please_stop().wait(); // so the parent is ending
                    let parent = scope.as_ref().parent().unwrap();
                    until(|| parent.tree().to_string().contains("its body is over, waits"));
                    tell.send(scope.try_run(Thread::builder("s"), |_| 42).map(|s| s.join())).unwrap();
                });
            });
            t.stop();
            inside.wait();
            please_stop.wait();
            drop(t);
        });
        inside.wait(); // or it might begin with a child that has stopped already
        parent.stop();
        assert_eq!(parent.join(), Ok(()));
        assert_eq!(told.recv().unwrap(), Ok(Ok(42)));
    });
}

/// J5: what an end lets go of may look at the tree, as the reason of a signal does whose last user is an expression on that end. No proof:
/// it has to be dropped between the two halves of the raise.
#[test]
fn r3_a_reason_dropped_by_an_end_may_look_at_the_tree() {
    #[derive(Debug)]
    struct Looks(ThreadRef);
    impl fmt::Display for Looks {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a reason")
        }
    }
    impl std::error::Error for Looks {}
    impl Drop for Looks {
        fn drop(&mut self) {
            assert!(!self.0.tree().to_string().is_empty());
        }
    }
    in_time("ends that drop reasons", || {
        for _ in 0..300 {
            let (hold, x) = (Signal::new(), Signal::new());
            let held = hold.clone();
            let t = Thread::run("t", move |_| held.wait());
            let both = t.stopped() & &x;
            x.go_because(Looks(t.as_ref().clone()));
            drop(x);
            (0..100).for_each(|_| _ = both.is_go()); // so that it is told
            hold.go();
            while !both.is_go() {
                std::hint::spin_loop();
            }
            drop(both);
            t.join().unwrap();
        }
    });
}

#[test]
fn h6_a_scope_at_an_end_is_waited_for_by_a_program() {
    let _alone = alone();
    in_time("a program", || {
        let stuck = Log::new();
        let said = stuck.clone();
        let code = Root::builder("main").grace(AGES).on_stuck(move |stuck| said.say(stuck.to_string())).run(|main| {
            let inside = Signal::new();
            let here = inside.clone();
            ending(main, "t", move || {
                thread::scope(|scope| {
                    here.go();
                    scope.run("s", |please_stop| please_stop.wait()).join().unwrap();
                });
            });
            inside.wait();
        });
        assert_eq!((stuck.said(), code), (String::new(), ExitCode::SUCCESS));
    });
}

/// Called at an end it does not wait for that, nor in a scope there; and says that the tree has not stopped.
#[test]
fn h6_a_shutdown_at_an_end_does_not_wait_for_itself() {
    const RUNS: &str = "main has not stopped in time: 1 thread is stuck\n  main/t: runs what hangs on its end";
    in_time("a shutdown at an end", || {
        for scoped in [false, true] {
            let (root, (tell, told)) = (Root::new("main"), mpsc::channel());
            let main = root.clone();
            let shutdown = move || tell.send(main.shutdown(Duration::MAX).map_err(|stuck| stuck.to_string())).unwrap();
            let at_end = move || if scoped { thread::scope(|_| shutdown()) } else { shutdown() };
            let stopped = root.as_ref().stopped().clone();
            let t = ending(&root, "t", at_end);
            let end = told.recv().unwrap();
            assert!(end.is_err_and(|stuck| scoped || stuck == RUNS));
            t.join().unwrap();
            assert!(!stopped.is_go(), "something was still at work in it");
            assert_eq!(root.shutdown(AGES), Ok(()));
        }
    });
}

#[test]
fn h6_a_shutdown_at_the_end_of_a_registration_does_not_wait_for_itself() {
    in_time("a shutdown at the end of a registration", || {
        let (root, (tell, told)) = (Root::new("main"), mpsc::channel());
        let registration = root.register("foreign");
        let main = root.clone();
        registration.as_ref().stopped().on_go(move || tell.send(main.shutdown(Duration::MAX)).unwrap());
        drop(registration);
        assert!(told.recv().unwrap().is_err());
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

/// A thread that the platform refuses ends on the thread that was to start it.
#[test]
fn h6_a_shutdown_at_the_end_of_a_refused_thread_does_not_wait_for_itself() {
    struct Finds(Root, mpsc::Sender<Result<(), stopwhen::thread::Stuck>>);
    impl Drop for Finds {
        fn drop(&mut self) {
            let (root, tell) = (self.0.clone(), self.1.clone());
            let refused = root.as_ref().children().remove(0);
            refused.stopped().on_go(move || tell.send(root.shutdown(Duration::MAX)).unwrap());
        }
    }
    in_time("a refusal", || {
        let (root, (tell, told)) = (Root::new("main"), mpsc::channel());
        let finds = Finds(root.clone(), tell);
        let huge = Thread::builder("huge").stack_size(1 << 47).under(root.as_ref());
        assert!(huge.try_run(move |_| drop(finds)).is_err());
        assert!(told.recv().unwrap().is_err());
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

/// H4: who joins itself, or a sibling that does the same, from a root within what hangs on its end.
#[test]
fn h4_what_hangs_on_an_end_may_join_from_a_root_of_its_own() {
    let _alone = alone();
    in_time("joins across", || {
        let root = Root::new("main");
        let [t, u] = ["t", "u"].map(|name| Arc::new(root.run(name, |please_stop| please_stop.wait())));
        let (both, (tell, told)) = (Arc::new(std::sync::Barrier::new(2)), mpsc::channel());
        for (me, other) in [(&t, &u), (&u, &t)] {
            let (mine, other, both, tell) = (me.clone(), other.clone(), both.clone(), tell.clone());
            me.stopped().on_go(move || {
                both.wait();
                Root::builder("nested").run(|_| tell.send((mine.join().is_err(), other.join().is_err())).unwrap());
            });
        }
        t.stop();
        u.stop();
        let all = [told.recv().unwrap(), told.recv().unwrap()];
        assert_eq!(all.iter().filter(|(mine, _)| *mine).count() + all.iter().filter(|(_, other)| *other).count(), 2);
    });
}

/// Who is older still works while what hangs on the end of a newer one does, whether that has left the tree or not.
#[test]
fn h2_in_sequence_what_hangs_on_the_newer_ends_comes_first() {
    let older_is_left_alone = |older: &Thread<()>, newer: &Thread<()>| {
        let (tell, told) = mpsc::channel();
        let asked = older.please_stop().clone();
        newer.stopped().on_go(move || tell.send(asked.wait_until(Duration::from_millis(20)).is_err()).unwrap());
        told
    };
    in_time("a root in sequence", move || {
        let root = Root::builder("main").order(StopOrder::Sequential).build();
        let [older, newer] = ["older", "newer"].map(|name| root.run(name, |please_stop| please_stop.wait()));
        let told = older_is_left_alone(&older, &newer);
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert!(told.recv().unwrap());
    });
    in_time("a body in sequence", move || {
        for early in [false, true] {
            let parent = Thread::builder("parent").order(StopOrder::Sequential).run(move |_| {
                let [older, newer] = ["older", "newer"].map(|name| Thread::run(name, |please_stop| please_stop.wait()));
                let told = older_is_left_alone(&older, &newer);
                if early {
                    newer.stop();
                    newer.stopped().wait();
                }
                told
            });
            assert!(parent.join().unwrap().recv().unwrap());
        }
    });
}
