//! Scenes of six to ten threads: what must be true at the end, whatever the order. `cargo loom --dice`.
#![cfg(stopwhen_shuttle)]

use loom_tests::dice::play;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use stopwhen::barrier::OnStop;
use stopwhen::signal::Cancel;
use stopwhen::thread::JoinError;
use stopwhen::{
    Barrier, BarrierError, Condition, Event, Lock, PopError, Queue, Root, Semaphore, Signal, Thread, Till, clock, model,
};

/// Plays with the shadow of the lock bit in half of the scenes' runs: with it threads block, without it they spin.
fn both_ways(name: &str, games: usize, scene: impl Fn() + Send + Sync + Clone + 'static) {
    model::shadows(true);
    play(name, games, scene.clone());
    model::shadows(false);
    play(name, games, scene);
}

/// Whether dice say so, one time in `n`.
fn one_in(n: u32) -> bool {
    thread_rng().gen_range(0..n) == 0
}

/// S3, S7: all who wait for an expression end; of each callback exactly one is true, removed or ran.
#[test]
fn an_expression_and_everybody() {
    both_ways("an_expression_and_everybody", 1500, || {
        let (a, b, c) = (Signal::new(), Signal::new(), Signal::new());
        let either = &a | &b;
        let both = &either & &c;
        let ran = Arc::new(AtomicUsize::new(0));
        let removed = AtomicUsize::new(0);
        thread::scope(|s| {
            for signal in [&a, &b, &c] {
                s.spawn(move || signal.go());
            }
            s.spawn(|| both.wait());
            s.spawn(|| {
                let end = both.wait_until(&a);
                assert!(if end.is_ok() { both.is_go() } else { a.is_go() });
            });
            s.spawn(|| either.child().wait());
            for _ in 0..2 {
                s.spawn(|| {
                    let then = both.then({
                        let ran = ran.clone();
                        move || _ = ran.fetch_add(1, SeqCst)
                    });
                    if then.cancel() == Cancel::Removed {
                        removed.fetch_add(1, SeqCst);
                    }
                });
            }
        });
        assert!(both.is_go() && either.is_go() && both.cause().is_some());
        assert_eq!(ran.load(SeqCst) + removed.load(SeqCst), 2);
    });
}

/// S8: what is built, observed and dropped by many at once leaves a signal as it was.
#[test]
fn short_expressions_on_a_long_lived_signal() {
    both_ways("short_expressions_on_a_long_lived_signal", 1000, || {
        let (stop, other) = (Signal::new(), Signal::new());
        thread::scope(|s| {
            for _ in 0..5 {
                s.spawn(|| {
                    let short = &stop | &other;
                    drop(short.then(|| ()));
                    assert!(one_in(2) || !short.is_go() || other.is_go());
                });
            }
            s.spawn(|| other.go());
        });
        assert_eq!(model::hanging(&stop), 0);
    });
}

/// K4: available + acquired = total, whoever is stopped.
#[test]
fn permits_are_neither_lost_nor_made() {
    both_ways("permits_are_neither_lost_nor_made", 1500, || {
        model::aged(one_in(2));
        let (permits, stop, out) = (Semaphore::new(3), Signal::new(), AtomicUsize::new(0));
        thread::scope(|s| {
            for n in [1, 1, 2, 2, 3, 3] {
                let (permits, stop, out) = (&permits, &stop, &out);
                s.spawn(move || {
                    if let Ok(permit) = permits.acquire_many_until(n, stop) {
                        assert!(out.fetch_add(n, SeqCst) + n <= 3);
                        thread::yield_now();
                        out.fetch_sub(n, SeqCst);
                        drop(permit);
                    }
                });
            }
            s.spawn(|| stop.go());
        });
        assert_eq!((permits.available(), permits.waiting()), (3, 0));
    });
    model::aged(false);
}

/// L1, L2, L6: what is put in inside a lock is taken out, by those who are not stopped.
#[test]
fn a_monitor_with_stopped_waiters() {
    both_ways("a_monitor_with_stopped_waiters", 1500, || {
        let (stack, stop) = (Lock::new(Vec::new()), Signal::new());
        let taken = AtomicUsize::new(0);
        thread::scope(|s| {
            for i in 0..3 {
                let stack = &stack;
                s.spawn(move || stack.lock().push(i));
            }
            for _ in 0..3 {
                s.spawn(|| {
                    stack.lock().wait_some(|stack| stack.pop());
                    taken.fetch_add(1, SeqCst);
                });
            }
            for _ in 0..2 {
                s.spawn(|| {
                    let item = stack.lock().wait_some_until(|stack| stack.pop(), &stop);
                    if let Ok(item) = item {
                        stack.lock().push(item);
                    }
                });
            }
            s.spawn(|| stop.go());
        });
        assert_eq!((taken.load(SeqCst), stack.into_inner().len()), (3, 0));
    });
}

/// Each of those who are told returns `Ok`, and nobody else.
#[test]
fn words_of_a_condition() {
    both_ways("words_of_a_condition", 1500, || {
        let (lock, condition, stop) = (Lock::new(()), Condition::new(), Signal::new());
        let (told, woken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    let mut guard = lock.lock();
                    if condition.wait_until(&mut guard, &stop).is_ok() {
                        woken.fetch_add(1, SeqCst);
                    }
                });
            }
            for n in 1..3 {
                let (condition, told) = (&condition, &told);
                s.spawn(move || _ = told.fetch_add(condition.notify(n), SeqCst));
            }
            s.spawn(|| stop.go());
        });
        assert_eq!(told.load(SeqCst), woken.load(SeqCst));
    });
}

/// B1, B3: generations of four, one of them late; a fifth that is stopped leaves the others alone.
#[test]
fn generations_of_a_barrier() {
    both_ways("generations_of_a_barrier", 1000, || {
        let (meet, stop) = (Barrier::new(4).on_stop(OnStop::Withdraw), Signal::new());
        let (passed, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| _ = passed.fetch_add(usize::from(meet.wait().is_ok()), SeqCst));
            }
            s.spawn(|| match meet.wait_until(&stop) {
                // It took another's place; that one needs three more.
                Ok(_) => (0..3).for_each(|_| {
                    s.spawn(|| meet.wait().unwrap());
                }),
                Err(BarrierError::Stopped) => _ = left.fetch_add(1, SeqCst),
                Err(e) => panic!("{e}"),
            });
            s.spawn(|| stop.go());
        });
        assert_eq!((passed.load(SeqCst), meet.waiting()), (8, 0));
    });
}

/// `set(); clear()` releases whoever waited at that moment; nobody hangs once it is set for good.
#[test]
fn an_event_that_is_set_and_cleared() {
    both_ways("an_event_that_is_set_and_cleared", 1500, || {
        let (event, stop) = (Event::new(), Signal::new());
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| event.wait());
                s.spawn(|| event.wait_until(&stop).is_ok());
            }
            s.spawn(|| {
                event.set();
                event.clear();
                stop.go();
                event.set();
            });
        });
    });
}

/// Q1-Q3: every item is popped once or comes back; joiners and poppers end.
#[test]
fn a_queue_that_is_closed_in_the_middle() {
    both_ways("a_queue_that_is_closed_in_the_middle", 1500, || {
        let (queue, stop) = (Queue::bounded(2).silent(), Signal::new());
        let (came, gone) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|s| {
            for i in 0..3 {
                let (queue, stop, gone) = (&queue, &stop, &gone);
                s.spawn(move || {
                    for _ in 0..2 {
                        let put = if i == 0 { queue.push(1) } else { queue.push_until(1, stop) };
                        gone.fetch_add(put.err().map_or(0, |e| e.into_inner()), SeqCst);
                    }
                });
            }
            s.spawn(|| queue.iter().for_each(|n| _ = came.fetch_add(n, SeqCst)));
            s.spawn(|| {
                while let Ok(task) = queue.pop_task() {
                    came.fetch_add(*task, SeqCst);
                }
            });
            s.spawn(|| match queue.pop_until(&stop) {
                Ok(n) => _ = came.fetch_add(n, SeqCst),
                Err(PopError::Stopped) => assert!(stop.is_go()),
                Err(_) => assert!(queue.closed().is_go()),
            });
            s.spawn(|| queue.join());
            s.spawn(|| {
                stop.go();
                let left: usize = if one_in(2) { queue.close_now().into_iter().sum() } else { 0 };
                queue.close();
                came.fetch_add(left, SeqCst);
            });
        });
        assert_eq!(came.load(SeqCst) + gone.load(SeqCst), 6);
        assert!(queue.drained().is_go());
    });
}

/// T1, T7: deadlines that two threads pass, in any order with a stop.
#[test]
fn times_and_a_stop() {
    both_ways("times_and_a_stop", 1000, || {
        let (time, stop) = (clock::pause(), Signal::new());
        let (soon, late) = (Till::secs(1), Till::secs(2));
        let ends = [&soon & &late, &soon | &stop, &late | &stop, soon.child()];
        thread::scope(|s| {
            for end in &ends {
                s.spawn(move || end.wait());
            }
            s.spawn(|| stop.go());
            s.spawn(|| late.then(|| ()).cancel());
            time.advance(std::time::Duration::from_secs(1));
            time.advance(std::time::Duration::from_secs(1));
        });
        assert!(ends.iter().all(Signal::is_go));
    });
}

/// H5, H6: a tree is shut down again and again in no time, while its threads join, panic and register, somebody takes panics, and handles
/// go: in the end nobody is left, and every panic was told once.
#[test]
fn a_tree_that_is_shut_down_in_no_time() {
    loom_tests::quietly("planned");
    both_ways("a_tree_that_is_shut_down_in_no_time", 700, || {
        let root = Root::builder("root").on_panic(|_| ()).build();
        let (panics, told) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let panic_perhaps = |panics: &AtomicUsize| {
            if one_in(2) {
                panics.fetch_add(1, SeqCst);
                panic!("planned");
            }
        };
        let held: Vec<Thread<()>> = (0..3)
            .map(|i| {
                let (panics, told) = (panics.clone(), told.clone());
                root.run(format!("{i}"), move |please_stop| {
                    let theirs = panics.clone();
                    let below = Thread::run("below", move |please_stop| {
                        please_stop.wait();
                        panic_perhaps(&theirs);
                    });
                    if one_in(2) {
                        please_stop.wait();
                    }
                    if one_in(3) {
                        below.stop();
                        told.fetch_add(usize::from(matches!(below.join(), Err(JoinError::Panicked(_)))), SeqCst);
                    }
                    panic_perhaps(&panics);
                })
            })
            .collect();
        let foreign = thread::spawn({
            let root = root.clone();
            move || {
                let _me = root.register("foreign");
                Thread::run("below", |please_stop| please_stop.wait()).release();
            }
        });
        let taker = thread::spawn({
            let (root, told) = (root.clone(), told.clone());
            move || told.fetch_add(root.take_panics().len(), SeqCst)
        });
        let dropper = thread::spawn(move || drop(held));
        while root.shutdown(std::time::Duration::ZERO).is_err() {
            thread::yield_now();
        }
        assert!(root.as_ref().children().is_empty());
        told.fetch_add(root.take_panics().len(), SeqCst);
        foreign.join().unwrap();
        dropper.join().unwrap();
        taker.join().unwrap();
        assert_eq!((told.load(SeqCst), root.take_panics().len()), (panics.load(SeqCst), 0));
    });
}

/// H2-H5: whoever stops, joins or lets go, no thread ends before its children, and every panic is told once.
#[test]
fn a_tree_that_comes_down() {
    loom_tests::quietly("planned");
    both_ways("a_tree_that_comes_down", 700, || {
        let root = Root::builder("root").on_panic(|_| ()).build();
        let panics = Arc::new(AtomicUsize::new(0));
        let parent = root.run("parent", {
            let panics = panics.clone();
            move |please_stop| {
                let children: Vec<Thread<()>> = (0..3)
                    .map(|i| {
                        let panics = panics.clone();
                        Thread::run(format!("{i}"), move |please_stop| {
                            let below = Thread::run("below", |please_stop| please_stop.wait());
                            if one_in(2) {
                                please_stop.wait();
                            }
                            if one_in(3) {
                                panics.fetch_add(1, SeqCst);
                                panic!("planned");
                            }
                            drop(below);
                        })
                    })
                    .collect();
                let mut told = 0;
                for child in children {
                    match thread_rng().gen_range(0..4) {
                        0 => child.release(),
                        1 => _ = child.stop(),
                        2 => {
                            child.stop();
                            told += usize::from(matches!(child.join(), Err(JoinError::Panicked(_))));
                        }
                        _ => {
                            _ = child.join_until(please_stop).map_err(|e| {
                                told += usize::from(matches!(e, JoinError::Panicked(_)));
                            })
                        }
                    }
                }
                told
            }
        });
        let stopper = thread::spawn({
            let root = root.clone();
            move || root.stop()
        });
        let mut told = match parent.join() {
            Ok(told) => told,
            Err(JoinError::Children(panics)) => panics.len() + parent.join().unwrap(),
            Err(e) => panic!("{e}"),
        };
        stopper.join().unwrap();
        assert_eq!(root.shutdown(None::<Signal>), Ok(()));
        told += root.take_panics().len();
        assert_eq!(told, panics.load(SeqCst));
    });
}
