//! Threads that borrow.
use super::*;

#[test]
fn threads_of_a_scope_borrow_and_are_joined_at_its_end() {
    in_time("a scope", || {
        let (mut numbers, words) = (vec![1, 2, 3], String::from("words"));
        let sum = thread::scope(|s| {
            let sum = s.run("sum", |_| words.len());
            s.run("unjoined", |_| {
                yield_now();
                numbers.push(4);
            });
            sum.join().unwrap()
        });
        assert_eq!((sum, numbers), (5, vec![1, 2, 3, 4]));
    });
}

/// A clone of the scope goes into one of its threads, which starts others there; the end waits for them, too.
#[test]
fn threads_of_a_scope_start_others_in_it() {
    in_time("nested starts", || {
        let ended = Count::new();
        thread::scope(|s| {
            let (inner, ended) = (s.clone(), &ended);
            s.run("first", move |_| {
                let again = inner.clone();
                let second = inner.run("second", move |_| {
                    again.run("third", move |_| {
                        yield_now();
                        ended.add();
                    });
                    ended.add();
                });
                assert_eq!(second.path(), "scope/second");
                ended.add();
            });
        });
        assert_eq!(ended.get(), 3);
    });
}

/// H1, H3: in a tree a scope is below its thread, and asked with it; its end stops nobody.
#[test]
fn h3_a_scope_is_in_the_tree() {
    in_time("a scope in a tree", || {
        for order in [StopOrder::AllReverse, StopOrder::Sequential] {
            let (tell, told) = mpsc::channel();
            let t = Thread::builder("t").order(order).run(move |please_stop| {
                thread::scope(|s| {
                    let scoped = s.run("scoped", |please_stop| {
                        Thread::run("below", |please_stop| please_stop.wait());
                        please_stop.wait();
                    });
                    assert_eq!(scoped.path(), "t/scope/scoped");
                    assert_eq!(s.please_stop().name(), Some("scope.please_stop"));
                    tell.send(scoped.as_ref().clone()).unwrap();
                });
                assert!(please_stop.is_go(), "until then the scope has waited");
            });
            let scoped = told.recv().unwrap();
            until(|| t.tree().to_string().lines().count() == 4);
            let tree = t.tree().to_string();
            assert!(tree.contains("└─ scope: threads that borrow\n   └─ scoped: "), "{tree}");
            until(|| t.tree().to_string().starts_with("t: waits"));
            t.stop();
            assert!(scoped.please_stop().is_go(), "in sequence, too: the body is not over before the scope is");
            assert_eq!(t.join(), Ok(()));
            assert!(scoped.stopped().is_go());
        }
    });
}

#[test]
fn a_scope_is_stopped_by_its_own_word() {
    in_time("Scope::stop", || {
        thread::scope(|s| {
            let t = s.run("t", |please_stop| please_stop.wait());
            assert!(s.stop() && !s.stop());
            assert_eq!(t.join(), Ok(()));
            let gone = s.run("late", |please_stop| please_stop.is_go());
            assert_eq!(gone.join(), Ok(true));
        });
    });
}

#[test]
fn a_panic_inside_stops_the_threads_first() {
    in_time("a scope that panics", || {
        let ended = Count::new();
        let end = catch_unwind(AssertUnwindSafe(|| {
            thread::scope(|s| {
                s.run("t", |please_stop| {
                    please_stop.wait();
                    ended.add();
                });
                boom("inside");
            })
        }));
        assert_eq!((message(&*end.unwrap_err()), ended.get()), ("inside".to_owned(), 1));
    });
}

#[test]
fn h5_a_panic_that_nobody_joined_is_the_scopes() {
    in_time("a thread of a scope that panics", || {
        let told = panic_of(|| thread::scope(|s| drop(s.run("t", |_| boom("t")))));
        assert_eq!(told, "nobody has joined, of this scope: thread scope/t panicked: t");
        let joined = thread::scope(|s| s.run("t", |_| boom("t")).join());
        let Err(JoinError::Panicked(panic)) = joined.map(|_: ()| ()) else { panic!("not told") };
        assert_eq!(panic.path(), "scope/t");
        // Both panic: that of the body goes on, that of the thread travels up.
        let (root, _) = heard("main");
        let t = root.run("t", |_| {
            thread::scope(|s| {
                s.run("scoped", |_| boom("scoped"));
                boom("body");
            })
        });
        let Err(JoinError::Panicked(panic)) = t.join().map(|_: ()| ()) else { panic!("not told") };
        assert_eq!(panic.message(), "body");
        let all = root.take_panics();
        assert_eq!((all.len(), all[0].path()), (1, "main/t/scope/scoped"));
    });
}

/// A callback of the scope's own signals that panics is told, too.
#[test]
fn h5_a_callback_that_panics_when_a_scope_ends_is_told() {
    in_time("a callback that panics", || {
        let (root, log) = heard("main");
        let t = root.run("t", |_| {
            thread::scope(|s| {
                s.please_stop().on_go(|| boom("asked"));
                boom("body");
            })
        });
        assert!(t.join().map(|_: ()| ()).is_err());
        let all = root.take_panics();
        assert_eq!(all.iter().map(|panic| panic.message()).collect::<Vec<_>>(), ["asked"]);
        assert_eq!(log.said(), "main/t/scope:asked main/t:body");
    });
}

#[test]
fn a_scope_in_a_scope_and_in_a_thread_of_a_scope() {
    in_time("scopes in scopes", || {
        let root = Root::new("main");
        let t = root.run("t", |_| {
            let words = String::from("words");
            thread::scope(|outer| {
                let from_thread =
                    outer.run("a", |_| thread::scope(|s| s.run("b", |_| current().unwrap().path().len()).join()));
                let beside = thread::scope(|inner| {
                    let both = inner.run("c", |_| words.len());
                    assert_eq!(both.path(), "main/t/scope/c");
                    both.join().unwrap()
                });
                (from_thread.join().unwrap().unwrap(), beside)
            })
        });
        assert_eq!(t.join(), Ok(("main/t/scope/a/scope/b".len(), 5)));
        assert_eq!(root.shutdown(AGES), Ok(()));
    });
}

/// The builder's words hold in a scope; where the thread goes is the scope's.
#[test]
fn a_scope_takes_a_builder() {
    in_time("a builder", || {
        let (elsewhere, cond) = (Root::new("elsewhere"), Signal::new());
        thread::scope(|s| {
            let builder = Thread::builder("t").under(elsewhere.as_ref()).stop_when(&cond);
            let t = s.try_run(builder, |please_stop| please_stop.wait()).unwrap();
            assert_eq!(t.path(), "scope/t");
            assert!(elsewhere.as_ref().children().is_empty());
            cond.go();
            assert_eq!(t.join(), Ok(()));
            assert!(format!("{s:?}").starts_with("Scope(ThreadRef { path: \"scope\", state: "));
        });
    });
}

/// The results of a scope's threads may borrow; one that nobody takes is dropped before the scope is over.
#[test]
fn results_of_a_scope_are_dropped_in_it() {
    struct Told<'a>(&'a Mutex<u32>);
    impl Drop for Told<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    in_time("borrowed results", || {
        let count = Mutex::new(0);
        thread::scope(|s| {
            let kept = s.run("kept", |_| Told(&count));
            s.run("left", |_| Told(&count));
            drop(kept.join().unwrap());
        });
        assert_eq!(count.into_inner().unwrap(), 2);
    });
}

/// A shutdown within its time: a scope's threads are told through it.
#[test]
fn h6_a_shutdown_reaches_the_threads_of_scopes() {
    in_time("a shutdown and a scope", || {
        let (root, ready) = (Root::new("main"), Signal::new());
        let t = root.run("t", {
            let ready = ready.clone();
            move |_| {
                thread::scope(|s| {
                    s.run("scoped", |please_stop| {
                        ready.go();
                        please_stop.wait();
                    });
                })
            }
        });
        ready.wait();
        assert_eq!((root.shutdown(AGES), t.join()), (Ok(()), Ok(())));
    });
}
