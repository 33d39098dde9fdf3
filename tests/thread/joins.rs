//! Joins: what they take, what they leave, and whom a thread cannot wait for.
use super::*;
use std::cell::RefCell;

#[test]
fn h4_a_result_is_taken_once() {
    in_time("joins", || {
        let t = Thread::run("t", |_| String::from("result"));
        assert_eq!(t.join().unwrap(), "result");
        assert_eq!(t.join(), Err(JoinError::AlreadyTaken));
        assert_eq!(t.join_until(AGES), Err(JoinError::AlreadyTaken));
        assert_eq!(t.join_until(Duration::ZERO), Err(JoinError::AlreadyTaken));
    });
}

#[test]
fn h4_a_stopped_join_loses_nothing() {
    in_time("stopped joins", || {
        let (gone, go) = (Signal::done(), Signal::new());
        let wait = go.clone();
        let t = Thread::run("t", move |_| {
            wait.wait();
            7
        });
        assert_eq!(t.join_until(&gone), Err(JoinError::Stopped));
        assert_eq!(t.join_until(Duration::from_micros(10)), Err(JoinError::Stopped));
        assert_eq!(t.join_until((Duration::ZERO, None::<Signal>)), Err(JoinError::Stopped));
        assert!(!t.please_stop().is_go(), "it was not told to stop");
        go.go();
        t.stopped().wait();
        assert_eq!(t.join_until(&gone), Ok(7), "it has stopped: the until does not matter");
    });
}

#[test]
fn h4_of_two_who_join_one_takes_it_and_both_have_waited() {
    in_time("two joiners", || {
        for n in 0..50 {
            let t = Arc::new(Thread::run("t", |please_stop| please_stop.wait()));
            let [a, b] = [0, 1].map(|i| {
                let t = t.clone();
                std::thread::spawn(move || {
                    let end = if (n + i) % 2 == 0 { t.join() } else { t.join_until(AGES) };
                    assert!(t.stopped().is_go());
                    end
                })
            });
            t.stop();
            let ends = [a.join().unwrap(), b.join().unwrap()];
            assert!(ends.contains(&Ok(())) && ends.contains(&Err(JoinError::AlreadyTaken)), "{ends:?}");
        }
    });
}

#[test]
fn h4_nobody_joins_himself_nor_who_waits_for_him() {
    in_time("joins of those above", || {
        let (give, given) = mpsc::channel::<Arc<Thread<()>>>();
        let done = Signal::new();
        let top = Arc::new(Thread::run("top", {
            let done = done.clone();
            move |_| {
                let me = given.recv().unwrap();
                assert_eq!(me.join(), Err(JoinError::WouldDeadlock));
                assert_eq!(me.join_until(AGES), Err(JoinError::WouldDeadlock));
                let below = Thread::run("below", move |_| {
                    let at = Thread::run("at", move |_| (me.join(), me.join_until(Duration::ZERO)));
                    let scoped = thread::scope(|s| s.run("scoped", |_| at.join()).join().unwrap());
                    scoped.unwrap()
                });
                assert_eq!(below.join().unwrap(), (Err(JoinError::WouldDeadlock), Err(JoinError::WouldDeadlock)));
                done.go();
            }
        }));
        give.send(top.clone()).unwrap();
        done.wait();
        assert_eq!(top.join(), Ok(()));
    });
}

/// On a thread that runs another root's body, too: it is both.
#[test]
fn h4_nobody_joins_himself_from_a_program_of_his_own() {
    let _alone = alone();
    in_time("a program within a thread", || {
        let (give, given) = mpsc::channel::<Arc<Thread<()>>>();
        let (tell, told) = mpsc::channel();
        let t = Arc::new(Thread::run("t", move |_| {
            let me = given.recv().unwrap();
            let _ = Root::builder("inner").run(|main| {
                let below = main.run("below", |_| 7);
                tell.send((me.join(), me.join_until(AGES), below.join())).unwrap();
            });
        }));
        give.send(t.clone()).unwrap();
        let deadlock = || Err(JoinError::WouldDeadlock);
        assert_eq!(told.recv().unwrap(), (deadlock(), deadlock(), Ok(7)));
        assert_eq!(t.join(), Ok(()));
    });
}

/// What a thread-local holds is dropped when the thread has stopped, on that thread: it may join it there.
#[test]
fn h4_what_a_thread_local_holds_may_join_its_own_thread() {
    struct Own(Option<Thread<u8>>, Option<mpsc::Sender<Result<u8, JoinError>>>);
    impl Drop for Own {
        fn drop(&mut self) {
            let end = self.0.take().map(|me| me.join());
            end.into_iter().zip(self.1.take()).for_each(|(end, tell)| tell.send(end).unwrap());
        }
    }
    std::thread_local!(static OWN: RefCell<Own> = const { RefCell::new(Own(None, None)) });
    in_time("a join in a thread-local", || {
        let ((give, given), (tell, told)) = (mpsc::channel(), mpsc::channel());
        let t = Thread::run("t", move |_| {
            OWN.with(|own| *own.borrow_mut() = Own(given.recv().unwrap(), Some(tell)));
            7
        });
        give.send(Some(t)).unwrap();
        assert_eq!(told.recv().unwrap(), Ok(7));
    });
}

/// Siblings, and those below, may be joined.
#[test]
fn h4_siblings_join_one_another() {
    in_time("siblings", || {
        let root = Root::new("main");
        let first = root.run("first", |please_stop| please_stop.wait());
        let second = root.run("second", move |_| {
            first.stop();
            first.join()
        });
        assert_eq!(second.join(), Ok(Ok(())));
    });
}

/// What hangs on `stopped` runs on the thread itself, when it is over: it can be joined there.
#[test]
fn h4_what_hangs_on_stopped_may_join() {
    in_time("a join on the thread itself", || {
        let (tell, told) = mpsc::channel();
        let t = Thread::run("t", |please_stop| {
            please_stop.wait();
            7
        });
        let (stop, stopped) = (t.as_ref().clone(), t.stopped().clone());
        stopped.on_go(move || tell.send(t.join()).unwrap());
        stop.stop();
        assert_eq!(told.recv().unwrap(), Ok(7));
    });
}

/// The same of two, each by the other's.
#[test]
fn h4_what_hangs_on_two_ends_may_join_across() {
    in_time("joins across", || {
        for _ in 0..20 {
            let (tell, told) = mpsc::channel();
            let [a, b] = ["a", "b"].map(|name| Arc::new(Thread::run(name, |please_stop| please_stop.wait())));
            for (mine, other) in [(&a, &b), (&b, &a)] {
                let (tell, other) = (tell.clone(), other.clone());
                mine.stopped().on_go(move || tell.send(other.join()).unwrap());
            }
            a.stop();
            b.stop();
            assert_eq!((told.recv().unwrap(), told.recv().unwrap()), (Ok(()), Ok(())));
        }
    });
}

/// What hangs on `stopped` is told that it cannot wait for the parent, which waits for the thread.
#[test]
fn h4_what_hangs_on_stopped_cannot_join_the_parent() {
    in_time("a join of the parent", || {
        let ((give, given), (tell, told)) = (mpsc::channel::<Thread<()>>(), mpsc::channel());
        let parent = Thread::run("parent", move |_| {
            let child = Thread::run("child", |please_stop| please_stop.wait());
            child.stopped().on_go(move || {
                let parent = given.recv().unwrap();
                tell.send((parent.join(), parent)).unwrap();
            });
        });
        give.send(parent).unwrap();
        let (end, parent) = told.recv().unwrap();
        assert_eq!((end, parent.join()), (Err(JoinError::WouldDeadlock), Ok(())));
    });
}

#[test]
fn h4_a_thread_without_a_handle_is_still_tracked_and_still_stopped() {
    in_time("released threads", || {
        let (root, told) = (Root::new("main"), Count::new());
        let body = |told: &Count| {
            let token = told.token();
            move |please_stop: &Signal| {
                please_stop.wait();
                drop(token);
            }
        };
        root.run("released", body(&told)).release();
        drop(root.run("dropped", body(&told)));
        assert_eq!(names(&root.as_ref().children()), "released dropped");
        root.shutdown(AGES).unwrap();
        assert_eq!(told.get(), 2);
    });
}

#[test]
fn h4_what_nobody_takes_is_dropped_once() {
    in_time("results", || {
        let dropped = Count::new();
        let run = |wait: bool| {
            let token = dropped.token();
            Thread::run("t", move |please_stop| {
                if wait {
                    please_stop.wait();
                }
                token
            })
        };
        let held = run(false);
        held.stopped().wait();
        assert_eq!(dropped.get(), 0);
        drop(held);
        assert_eq!(dropped.get(), 1);
        let early = run(true);
        let me = early.as_ref().clone();
        drop(early);
        assert_eq!(dropped.get(), 1);
        me.stop();
        me.stopped().wait();
        assert_eq!(dropped.get(), 2, "it was gone before the thread had stopped");
        drop(run(false).join());
        assert_eq!(dropped.get(), 3);
    });
}

#[test]
fn h4_tied_to_a_scope_it_is_stopped_and_waited_for() {
    in_time("stop_on_drop", || {
        let stopped = {
            let tied = Thread::run("t", |please_stop| please_stop.wait()).stop_on_drop();
            assert!(format!("{tied:?}").starts_with("StopOnDrop(Some(Thread("));
            tied.stopped().clone()
        };
        assert!(stopped.is_go());
        let free = Thread::run("t", |please_stop| please_stop.wait()).stop_on_drop().disarm();
        assert!(!free.please_stop().is_go());
        free.stop();
        assert_eq!(free.join(), Ok(()));
        // A panic of it is not for who drops it.
        drop(Thread::run("t", |_| boom("t")).stop_on_drop());
    });
}

/// Dropped by itself, or by one below, it only asks.
#[test]
fn h4_tied_to_a_scope_of_its_own_it_is_only_told() {
    in_time("stop_on_drop from inside", || {
        for below in [false, true] {
            let (give, given) = mpsc::channel::<Box<dyn Send>>();
            let t = Thread::run("t", move |please_stop| {
                let mine = given.recv().unwrap();
                if below {
                    Thread::run("below", move |_| drop(mine)).join().unwrap();
                } else {
                    drop(mine);
                }
                assert!(please_stop.is_go());
            });
            let stopped = t.stopped().clone();
            give.send(Box::new(t.stop_on_drop())).unwrap();
            stopped.wait();
        }
    });
}
