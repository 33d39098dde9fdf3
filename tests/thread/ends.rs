//! Who is told, and who ends before whom.
use super::*;
use stopwhen::Till;

#[test]
fn h2_a_thread_has_not_stopped_before_its_children_return_or_panic() {
    for panics in [false, true] {
        in_time("a child that is held", move || {
            let (hold, log, (tell, told)) = (Signal::new(), Log::new(), mpsc::channel());
            let parent = Thread::run("parent", {
                let (hold, log) = (hold.clone(), log.clone());
                move |_| {
                    let child = Thread::run("child", {
                        let log = log.clone();
                        move |please_stop| {
                            please_stop.wait();
                            hold.wait();
                            log.say("child");
                        }
                    });
                    child.stopped().on_go(log.says("child-stopped"));
                    tell.send(child.as_ref().clone()).unwrap();
                    if panics {
                        boom("parent");
                    }
                }
            });
            parent.stopped().on_go(log.says("parent-stopped"));
            let child = told.recv().unwrap();
            child.please_stop().wait();
            assert_eq!(child.please_stop().cause().unwrap().reason().unwrap().to_string(), "parent has ended");
            assert!(!parent.stopped().is_go() && !child.stopped().is_go() && !parent.please_stop().is_go());
            hold.go();
            assert_eq!(parent.join().is_err(), panics);
            assert_eq!(log.said(), "child child-stopped parent-stopped");
        });
    }
}

/// The place that the cause of its end tells is where it was made, not one of the crate's.
#[test]
#[rustfmt::skip] // a place is a line
fn h1_the_cause_of_an_end_is_where_the_thread_was_made() {
    in_time("causes", || {
        fn goes(signal: &Signal, line: u32) {
            signal.wait();
            let cause = signal.cause().unwrap();
            assert_eq!((cause.location().file(), cause.location().line()), (file!(), line), "{cause}");
        }
        let (root, (tell, told)) = (Root::new("main"), mpsc::channel());
        let (thread, line) = (Thread::run("run", |_| ()), line!());
        goes(thread.stopped(), line);
        let (thread, line) = (Thread::builder("try").try_run(|_| ()).unwrap(), line!());
        goes(thread.stopped(), line);
        let (thread, line) = (root.run("above", move |_| {
            let (thread, line) = (Thread::run("below", |please_stop| please_stop.wait()), line!());
            tell.send((thread.as_ref().clone(), line)).unwrap();
        }), line!() - 3);
        goes(thread.stopped(), line);
        let (below, below_line) = told.recv().unwrap();
        goes(below.stopped(), below_line);
        goes(below.please_stop(), line); // because that one has ended
        let (stopped, line) = (thread::scope(|scope| {
            let (thread, line) = (scope.run("borrows", |_| ()), line!());
            goes(thread.stopped(), line);
            scope.as_ref().stopped().clone()
        }), line!() - 4);
        goes(&stopped, line);
        let (registered, line) = (root.register("foreign"), line!());
        let stopped = registered.as_ref().stopped().clone();
        drop(registered);
        goes(&stopped, line);
        let (shut, line) = (root.shutdown(AGES), line!());
        assert_eq!(shut, Ok(()));
        goes(root.as_ref().stopped(), line);
        goes(root.please_stop(), line);
    });
}

/// How a thread comes to be asked.
#[derive(Clone, Copy, Debug)]
enum Way {
    Stop,
    StopWhen,
    Above,
    Root,
    RootWhen,
    Shutdown,
    EndOfBody,
}

/// H3: newest first, those above before those below, and all of them before whoever asks goes on.
#[test]
fn h3_all_below_are_told_newest_first_however_it_comes_about() {
    use Way::*;
    for way in [Stop, StopWhen, Above, Root, RootWhen, Shutdown, EndOfBody] {
        in_time(&format!("{way:?}"), move || {
            let (log, cond, over, ready) = (Log::new(), Signal::named("cond"), Signal::new(), Signal::new());
            let root = stopwhen::Root::builder("main").stop_when(&cond).build();
            let other = Signal::named("other");
            let body = {
                let (log, ready, over, other) = (log.clone(), ready.clone(), over.clone(), other.clone());
                move |please_stop: &Signal| {
                    for name in ["a", "b", "c"] {
                        let (say, never) = (log.clone(), Signal::new());
                        let child = Thread::builder(name);
                        // One that stops for something else, too, keeps its turn.
                        let child = if name == "b" { child.stop_when(&never | &other) } else { child };
                        let child = child.run(move |please_stop| {
                            please_stop.wait();
                            drop(never);
                        });
                        child.please_stop().on_go(move || say.say(name));
                        let say = log.clone();
                        let below =
                            Thread::builder("below").under(child.as_ref()).run(|please_stop| please_stop.wait());
                        below.please_stop().on_go(move || say.say(format!("{name}/below")));
                    }
                    ready.go();
                    (please_stop | over).wait();
                }
            };
            let above = root.run("above", move |please_stop| please_stop.wait());
            let when = Signal::named("when");
            let parent = Thread::builder("parent").under(above.as_ref()).stop_when(&when).run(body);
            ready.wait();
            match way {
                Stop => assert!(parent.stop()),
                StopWhen => assert!(when.go()),
                Above => assert!(above.stop()),
                Root => assert!(root.stop()),
                RootWhen => assert!(cond.go()),
                Shutdown => root.shutdown(AGES).unwrap(),
                EndOfBody => assert!(over.go()),
            }
            if matches!(way, EndOfBody) {
                parent.stopped().wait();
            }
            let said = log.said();
            let said: Vec<&str> = said.split(' ').collect();
            let siblings: Vec<_> = said.iter().filter(|s| !s.contains('/')).copied().collect();
            assert_eq!((said.len(), siblings), (6, vec!["c", "b", "a"]), "{way:?}: {said:?}");
            let at = |name: &str| said.iter().position(|s| *s == name);
            assert!(["a", "b", "c"].iter().all(|name| at(name) < at(&format!("{name}/below"))), "{said:?}");
            assert_eq!((cond.is_go(), when.is_go()), (matches!(way, RootWhen), matches!(way, StopWhen)));
            assert!(!other.is_go());
            assert_eq!(parent.join(), Ok(()));
            root.shutdown(AGES).unwrap();
        });
    }
}

/// H3: newest first, though a child also waits for what its parent waits for: the parent's own word, or that among others.
#[test]
fn h3_children_that_wait_for_their_parents_word_keep_their_turn() {
    let conditions: [fn(&Signal) -> Option<Signal>; 4] = [
        |_| None,
        |please_stop| Some(please_stop.clone()),
        |please_stop| Some(please_stop | Till::after(AGES)),
        |please_stop| Some(please_stop & please_stop.child()),
    ];
    for (n, condition) in conditions.into_iter().enumerate() {
        in_time(&format!("condition {n}"), move || {
            let (log, ready) = (Log::new(), Signal::new());
            let parent = Thread::run("parent", {
                let (log, ready) = (log.clone(), ready.clone());
                move |please_stop| {
                    for name in ["a", "b", "c", "d"] {
                        let child = Thread::builder(name);
                        // The others have no condition, or all have.
                        let when = if name == "b" || n > 1 { condition(please_stop) } else { None };
                        let child = when.into_iter().fold(child, |child, when| child.stop_when(when));
                        let child = child.run(|please_stop| please_stop.wait());
                        child.please_stop().on_go(log.says(name));
                    }
                    ready.go();
                    please_stop.wait();
                }
            });
            ready.wait();
            parent.stop();
            assert_eq!(parent.join(), Ok(()));
            assert_eq!(log.said(), "d c b a", "condition {n}");
        });
    }
}

/// H2: `Sequential`: nobody is asked before the body is over; then one after the other, the newest first.
#[test]
fn h2_in_sequence_one_is_asked_when_the_newer_has_stopped() {
    in_time("one after the other", || {
        let (log, ready, over) = (Log::new(), Signal::new(), Signal::new());
        let parent = Thread::builder("parent").order(StopOrder::Sequential).run({
            let (log, ready, over) = (log.clone(), ready.clone(), over.clone());
            move |please_stop| {
                for name in ["a", "b", "c"] {
                    let (asked, stopped) = (log.clone(), log.clone());
                    let child = Thread::run(name, move |please_stop| {
                        please_stop.wait();
                        asked.say(format!("ask-{name}"));
                    });
                    child.stopped().on_go(move || stopped.say(format!("end-{name}")));
                }
                ready.go();
                please_stop.wait();
                over.wait();
            }
        });
        ready.wait();
        assert!(parent.stop());
        assert_eq!(log.said(), "");
        assert_eq!(names(&parent.as_ref().children()), "a b c");
        over.go();
        assert_eq!(parent.join(), Ok(()));
        assert_eq!(log.said(), "ask-c end-c ask-b end-b ask-a end-a");
    });
}

/// The same of a root: they are asked by its shutdown.
#[test]
fn h2_a_root_in_sequence_asks_at_its_shutdown() {
    in_time("a root in sequence", || {
        let root = Root::builder("main").order(StopOrder::Sequential).build();
        let (give, newer) = mpsc::channel::<ThreadRef>();
        let a = root.run("a", move |please_stop| {
            let newer = newer.recv().unwrap();
            please_stop.wait();
            newer.stopped().is_go()
        });
        let b = root.run("b", |please_stop| please_stop.wait());
        give.send(b.as_ref().clone()).unwrap();
        root.stop();
        assert!(!a.please_stop().is_go() && !b.please_stop().is_go());
        root.shutdown(AGES).unwrap();
        assert_eq!(a.join(), Ok(true));
    });
}

#[test]
fn h3_stop_is_idempotent_and_never_raises_what_it_hangs_on() {
    in_time("stops", || {
        let (a, b) = (Signal::named("a"), Signal::named("b"));
        let run = || Thread::builder("t").stop_when(&a).stop_when(&b).run(|please_stop| please_stop.wait());
        let t = run();
        assert!(t.stop() && !t.stop() && !t.as_ref().stop());
        assert_eq!(t.join(), Ok(()));
        assert!(!t.stop(), "nor afterwards");
        assert!(!a.is_go() && !b.is_go());
        let [t, u] = [run(), run()];
        b.go();
        assert!(t.please_stop().is_go() && u.please_stop().is_go() && !t.stop());
        assert_eq!(t.please_stop().cause().unwrap().name(), Some("b"));
        assert_eq!((t.join(), u.join()), (Ok(()), Ok(())));
        assert!(!a.is_go());
    });
}

#[test]
fn h3_a_body_runs_once_though_it_is_told_before_it_begins() {
    in_time("bodies under a gone please_stop", || {
        let ran = Count::new();
        let count = |ran: &Count| {
            let ran = ran.clone();
            move |please_stop: &Signal| {
                ran.add();
                please_stop.is_go()
            }
        };
        let by_condition = Thread::builder("t").stop_when(Signal::done()).run(count(&ran));
        assert_eq!(by_condition.join(), Ok(true));
        let root = Root::new("main");
        root.stop();
        assert_eq!(root.run("t", count(&ran)).join(), Ok(true), "a root that was told takes threads");
        assert_eq!(ran.get(), 2);
    });
}

/// J1: what is started while a thread ends is below the nearest that takes children, not lost.
#[test]
fn what_hangs_on_an_end_starts_threads_below_the_nearest_that_takes_them() {
    struct Starts(mpsc::Sender<String>);
    impl Drop for Starts {
        fn drop(&mut self) {
            let path = Thread::run("late", |_| ()).path().to_owned();
            self.0.send(path).unwrap();
        }
    }
    in_time("a late thread", || {
        let (root, (tell, told)) = (Root::new("main"), mpsc::channel());
        let result = Starts(tell.clone());
        root.run("worker", move |please_stop| {
            please_stop.wait();
            result
        })
        .release();
        root.as_ref().children()[0].stop();
        assert_eq!(told.recv().unwrap(), "main/late");
        let t = root.run("worker", |please_stop| please_stop.wait());
        t.stopped().on_go(move || tell.send(Thread::run("later", |_| ()).path().to_owned()).unwrap());
        t.stop();
        assert_eq!(told.recv().unwrap(), "main/later");
        assert_eq!(t.join(), Ok(()));
        root.shutdown(AGES).unwrap();
        assert_eq!(root.take_panics(), []);
    });
}

/// Where nobody is left that takes children, a thread is on its own.
#[test]
fn what_hangs_on_the_end_of_a_root_of_its_own_starts_another() {
    in_time("a thread after the last", || {
        let (tell, told) = mpsc::channel();
        let t = Thread::run("first", |please_stop| please_stop.wait());
        t.stopped().on_go(move || tell.send(Thread::run("second", |_| ())).unwrap());
        t.stop();
        let second = told.recv().unwrap();
        assert_eq!((second.path(), second.join(), t.join()), ("second", Ok(()), Ok(())));
    });
}

/// A thread may start others, and be asked for its children, after it was told.
#[test]
fn h2_children_that_come_late_are_told_and_waited_for() {
    in_time("late children", || {
        let (ready, more) = (Signal::new(), Signal::new());
        let parent = Thread::run("parent", {
            let (ready, more) = (ready.clone(), more.clone());
            move |please_stop| {
                please_stop.wait();
                ready.go();
                more.wait();
                let child = Thread::run("child", |please_stop| please_stop.is_go());
                assert_eq!(child.join(), Ok(true));
                Thread::run("left", |please_stop| please_stop.wait()).stopped().clone()
            }
        });
        parent.stop();
        ready.wait();
        more.go();
        assert!(parent.join().unwrap().is_go());
    });
}

#[test]
fn a_grace_reports_children_that_take_longer_and_waits_for_them() {
    in_time("a short grace", || {
        let hold = Signal::new();
        let held = hold.clone();
        let parent = Thread::builder("parent").grace(Duration::ZERO).run(move |_| {
            Thread::run("child", move |_| held.wait());
        });
        until(|| parent.tree().to_string().starts_with("parent: its body is over, waits"));
        assert!(!parent.stopped().is_go());
        hold.go();
        assert_eq!(parent.join(), Ok(()));
    });
}
