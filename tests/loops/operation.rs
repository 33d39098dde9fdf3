//! Workers that are given items.
use super::*;

/// A worker whose items wait until each is let go on; what it has run.
struct Gated {
    at: Queue<u32>,
    go_on: Signal,
    log: Log,
}

fn gated(root: &Root, room: usize) -> (Arc<Gated>, OperationThread<u32>) {
    let gated = Arc::new(Gated { at: Queue::unbounded(), go_on: Signal::new(), log: Log::new() });
    let (mine, cleanup) = (gated.clone(), gated.log.clone());
    let worker = OperationThread::builder("gated").under(root.as_ref()).capacity(room);
    let worker = worker.init(|_| ()).cleanup(move |()| cleanup.say("clean")).run(move |_, (), item| {
        mine.at.push(item).expect("open");
        mine.go_on.wait();
        mine.log.say(item.to_string());
    });
    (gated, worker)
}

#[test]
fn p4_items_are_run_in_order_one_at_a_time_and_close_runs_what_is_queued() {
    in_time("close", || {
        let root = Root::new("root");
        let (gated, worker) = gated(&root, 100);
        (1..=5).for_each(|n| worker.add(n).expect("open"));
        assert_eq!(gated.at.pop(), Ok(1));
        assert_eq!((worker.len(), worker.is_empty(), worker.state()), (4, false, State::Running));
        worker.close();
        assert_eq!((worker.add(6), worker.state()), (Err(PushError::Closed(6)), State::Closing));
        assert!(!worker.please_stop().is_go());
        gated.go_on.go();
        assert_eq!((worker.join(), worker.state()), (Ok(()), State::Ended));
        assert_eq!(gated.log.said(), "1 2 3 4 5 clean");
        assert_eq!(worker.discard(), []);
        assert_eq!(worker.try_add(7), Err(PushError::Closed(7)));
        assert_eq!(worker.add_until(8, AGES), Err(PushError::Closed(8)));
    });
}

/// The item at hand is finished, what is queued is left for `discard`, and nothing can be added.
#[test]
fn p4_a_stop_leaves_what_is_queued_for_discard() {
    for how in ["stop", "parent", "close and stop"] {
        in_time(how, move || {
            let root = Root::new("root");
            let (gated, worker) = gated(&root, 100);
            (1..=4).for_each(|n| worker.add(n).expect("open"));
            assert_eq!(gated.at.pop(), Ok(1));
            match how {
                "stop" => assert!(worker.stop()),
                "parent" => assert!(root.stop()),
                _ => {
                    worker.close();
                    assert!(worker.stop());
                }
            }
            assert_eq!((worker.state(), worker.len()), (State::Stopping, 0));
            assert_eq!(worker.add(5), Err(PushError::Closed(5)));
            assert_eq!(worker.try_add(5), Err(PushError::Closed(5)));
            gated.go_on.go();
            assert_eq!((worker.join(), gated.log.said().as_str()), (Ok(()), "1 clean"), "{how}");
            assert_eq!(worker.discard(), [2, 3, 4], "{how}");
            assert_eq!(worker.discard(), []);
        });
    }
}

#[test]
fn p4_discard_hands_back_what_was_not_run() {
    in_time("discard", || {
        let root = Root::new("root");
        let (gated, worker) = gated(&root, 100);
        (1..=4).for_each(|n| worker.add(n).expect("open"));
        assert_eq!(gated.at.pop(), Ok(1));
        assert_eq!(worker.discard(), [2, 3, 4]);
        assert_eq!(worker.add(5), Err(PushError::Closed(5)));
        gated.go_on.go();
        assert_eq!((worker.join(), gated.log.said().as_str()), (Ok(()), "1 clean"), "it ends by that");
    });
}

#[test]
fn p4_a_stop_before_the_worker_has_begun_is_one() {
    in_time("not begun", || {
        let (begun, begin) = (Signal::new(), Signal::new());
        let (told, wait) = (begun.clone(), begin.clone());
        let worker = OperationThread::builder("late").init(move |_| {
            told.go();
            wait.wait();
        });
        let worker = worker.run(|_, (), n: u32| panic!("{n}"));
        begun.wait();
        worker.add(1).expect("open");
        worker.stop();
        assert_eq!(worker.add(2), Err(PushError::Closed(2)));
        assert_eq!(worker.try_add(2), Err(PushError::Closed(2)));
        assert_eq!(worker.add_until(2, AGES), Err(PushError::Closed(2)));
        begin.go();
        assert_eq!((worker.join(), worker.discard()), (Ok(()), vec![1]));
    });
}

#[test]
fn p4_who_waits_for_room_gets_the_item_back() {
    for how in ["room", "time", "stop", "close", "discard"] {
        in_time(how, move || {
            let root = Root::new("root");
            let (gated, worker) = gated(&root, 1);
            worker.add(1).expect("open");
            assert_eq!(gated.at.pop(), Ok(1));
            assert_eq!(worker.try_add(2), Ok(()));
            assert_eq!(worker.try_add(3), Err(PushError::Full(3)));
            let until = if how == "time" { Duration::from_millis(1) } else { AGES };
            std::thread::scope(|s| {
                let adds = s.spawn(|| if how == "stop" { worker.add(3) } else { worker.add_until(3, until) });
                let back = match how {
                    "room" => {
                        gated.go_on.go();
                        Ok(())
                    }
                    "time" => Err(PushError::Stopped(3)),
                    "stop" => {
                        worker.stop();
                        Err(PushError::Closed(3))
                    }
                    "close" => {
                        worker.close();
                        Err(PushError::Closed(3))
                    }
                    _ => {
                        assert_eq!(worker.discard(), [2]);
                        Err(PushError::Closed(3))
                    }
                };
                assert_eq!(adds.join().expect("no panic"), back, "{how}");
            });
            gated.go_on.go();
            worker.close();
            assert_eq!(worker.join(), Ok(()));
        });
    }
}

fn messages(panics: &[error::Panic]) -> Vec<&str> {
    panics.iter().map(error::Panic::message).collect()
}

#[test]
fn p4_a_panicking_item_is_reported_at_once_and_told_at_the_join_and_the_worker_lives_on() {
    in_time("panics", || {
        let (root, reported) = quiet("root");
        let (log, done) = (Log::new(), Queue::unbounded());
        let (run, done) = (log.clone(), Arc::new(done));
        let tell = done.clone();
        let worker = OperationThread::builder("worker").under(root.as_ref()).init(|_| 0).run(move |_, sum, n: u32| {
            tell.push(n).expect("open");
            *sum += n;
            assert!(n % 2 == 1, "{n} is even");
            run.say(format!("{n}:{sum}"));
        });
        (1..=2).for_each(|n| worker.add(n).expect("open"));
        while reported.said().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!((reported.said().as_str(), worker.state()), ("2 is even", State::Running), "at once");
        (3..=5).for_each(|n| worker.add(n).expect("open"));
        worker.close();
        match worker.join() {
            Err(JoinError::Children(panics)) => {
                assert_eq!(messages(&panics), ["2 is even", "4 is even"]);
                assert_eq!(panics[0].path(), "root/worker");
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((worker.join(), worker.state()), (Ok(()), State::Ended), "told once");
        assert_eq!(log.said(), "1:1 3:6 5:15");
        assert_eq!(reported.said(), "2 is even 4 is even");
        assert_eq!(root.take_panics(), []);
    });
}

#[test]
fn p4_panics_of_items_go_up_if_nobody_joins_or_are_taken() {
    in_time("unjoined", || {
        let (root, _) = quiet("root");
        let worker = |name: &str| {
            let worker = OperationThread::builder(name).under(root.as_ref()).run(|_, (), n: u32| panic!("item {n}"));
            worker.add(1).expect("open");
            worker.add(2).expect("open");
            worker.close();
            worker.stopped().wait();
            worker
        };
        let taken = worker("taken");
        assert_eq!(messages(&taken.take_panics()), ["item 1", "item 2"]);
        assert_eq!((taken.take_panics(), taken.join()), (vec![], Ok(())));
        drop(worker("unjoined"));
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert_eq!(messages(&root.take_panics()), ["item 1", "item 2"]);
    });
}

#[test]
fn p4_an_init_that_panics_loses_no_item() {
    in_time("init", || {
        let ((root, _), fail) = (quiet("root"), Signal::new());
        let wait = fail.clone();
        let worker = OperationThread::builder("worker").under(root.as_ref()).init(move |_| {
            wait.wait();
            panic!("planned");
        });
        let worker = worker.run(|_, (), _: u32| unreachable!());
        worker.add(1).expect("open");
        fail.go();
        assert_eq!((panicked(worker.join()).as_str(), worker.discard()), ("planned", vec![1]));
        assert_eq!(worker.add(2), Err(PushError::Closed(2)));
    });
}

#[test]
fn p4_what_is_left_is_dropped_when_the_thread_has_ended_and_its_handle_is_gone() {
    in_time("tokens", || {
        let (root, dropped) = (Root::new("root"), Count::new());
        let (begun, go_on) = (Signal::new(), Signal::new());
        let (told, wait) = (begun.clone(), go_on.clone());
        let worker = OperationThread::builder("worker").under(root.as_ref()).run(move |_, (), token: common::Token| {
            told.go();
            wait.wait();
            drop(token);
        });
        (0..3).for_each(|_| worker.add(dropped.token()).unwrap_or_else(|_| panic!("open")));
        begun.wait();
        let (stopped, kept) = (worker.stopped().clone(), worker.please_stop().clone());
        worker.stop();
        drop(worker);
        assert_eq!(dropped.get(), 0);
        go_on.go();
        stopped.wait();
        assert_eq!(root.shutdown(AGES), Ok(()));
        assert_eq!(dropped.get(), 3, "whoever keeps {kept} keeps no items");
    });
}

/// An item may add more to its own thread, and stop or close it.
#[test]
fn p4_an_item_may_do_anything_to_its_thread() {
    in_time("inside", || {
        let (send, own) = std::sync::mpsc::channel::<Arc<OperationThread<u32>>>();
        let log = Log::new();
        let (run, mut me) = (log.clone(), None);
        let worker = Arc::new(OperationThread::run("inside", move |please_stop, n: u32| {
            let me: &mut Arc<OperationThread<u32>> = me.get_or_insert_with(|| own.recv().expect("sent"));
            run.say(n.to_string());
            if n < 3 {
                me.add(n + 1).expect("open");
            } else {
                me.add(9).expect("open");
                assert_eq!(me.discard(), [9]);
                me.close();
                assert!(!please_stop.is_go() && me.stop() && please_stop.is_go());
                assert_eq!(me.join(), Err(JoinError::WouldDeadlock));
            }
        }));
        send.send(worker.clone()).expect("it runs");
        worker.add(1).expect("open");
        assert_eq!((worker.join(), log.said().as_str()), (Ok(()), "1 2 3"));
    });
}
