//! Those who wait: what ends it, and who comes next.
use super::*;
use std::sync::Mutex;

/// Until so many wait to push, and so many to pop.
pub fn until_waiting<T>(q: &Queue<T>, pushers: usize, poppers: usize) {
    until_shows(q, &format!("pushers: {pushers}, poppers: {poppers},"));
}

/// Until so many wait for all to be done.
pub fn until_joining<T>(q: &Queue<T>, joiners: usize) {
    until_shows(q, &format!("joiners: {joiners} }}"));
}

fn until_shows<T>(q: &Queue<T>, what: &str) {
    while !format!("{q:?}").contains(what) {
        yield_now();
    }
}

#[test]
fn q1_close_wakes_all_poppers_and_pushers() {
    in_time("a close with many in line", || {
        let q = Queue::<usize>::unbounded();
        thread::scope(|s| {
            let poppers: Vec<_> = (0..40).map(|_| s.spawn(|| q.pop_until(AGES))).collect();
            until_waiting(&q, 0, 40);
            q.close();
            assert!(poppers.into_iter().all(|p| p.join().unwrap() == Err(PopError::Closed)));
        });
        until_waiting(&q, 0, 0);
        let q = Queue::bounded(1);
        q.push(100).unwrap();
        thread::scope(|s| {
            let q = &q;
            let push = |n| s.spawn(move || q.push_until(n, AGES));
            let pushers: Vec<_> = (0..40).map(push).collect();
            until_waiting(q, 40, 0);
            q.close();
            let back: Vec<_> = pushers.into_iter().map(|p| p.join().unwrap()).collect();
            assert_eq!(back, (0..40).map(|n| Err(PushError::Closed(n))).collect::<Vec<_>>());
        });
        assert_eq!((q.pop(), q.pop()), (Ok(100), Err(Closed)));
    });
}

/// What is left when all poppers are called goes to some of them, and the others are told.
#[test]
fn q1_what_is_left_at_a_close_is_served_to_those_in_line() {
    in_time("items and a close at once", || {
        for left in 0..6 {
            let q = Queue::unbounded();
            thread::scope(|s| {
                let poppers: Vec<_> = (0..4).map(|_| s.spawn(|| q.pop())).collect();
                until_waiting(&q, 0, 4);
                q.extend(0..left).unwrap();
                q.close();
                let got: Vec<_> =
                    poppers.into_iter().filter_map(|p| p.join().unwrap().ok()).chain(q.pop_all()).collect();
                assert_eq!(got.len(), left);
            });
        }
    });
}

#[test]
fn r2_those_who_are_stopped_take_nothing_along() {
    in_time("the first of two is stopped", || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        thread::scope(|s| {
            let first = s.spawn(|| q.pop_until(&stop));
            until_waiting(&q, 0, 1);
            let second = s.spawn(|| q.pop());
            until_waiting(&q, 0, 2);
            stop.go();
            assert_eq!(first.join().unwrap(), Err(PopError::Stopped));
            q.push(7).unwrap();
            assert_eq!(second.join().unwrap(), Ok(7));
        });
        let (q, stop) = (Queue::bounded(1), Signal::new());
        q.push(0).unwrap();
        thread::scope(|s| {
            let first = s.spawn(|| q.push_until(1, &stop));
            until_waiting(&q, 1, 0);
            let second = s.spawn(|| q.push(2));
            until_waiting(&q, 2, 0);
            stop.go();
            assert_eq!(first.join().unwrap(), Err(PushError::Stopped(1)));
            assert_eq!(q.pop(), Ok(0));
            second.join().unwrap().unwrap();
        });
        assert_eq!(q.pop_all(), [2]);
    });
}

/// R2: an item and a stop at once, over and over: it is popped or it is still there, and the one behind gets what is left.
#[test]
fn r2_an_item_on_its_way_to_one_who_is_stopped_is_not_lost() {
    in_time("a push beside a stop", || {
        for _ in 0..200 {
            let (q, stop) = (Queue::unbounded(), Signal::new());
            thread::scope(|s| {
                let first = s.spawn(|| q.pop_until(&stop));
                let second = s.spawn(|| q.pop());
                s.spawn(|| stop.go());
                q.push(1).unwrap();
                let first = first.join().unwrap();
                q.push(2).unwrap();
                let second = second.join().unwrap().unwrap();
                let left = q.pop_all();
                let all: Vec<_> = first.into_iter().chain([second]).chain(left).collect();
                assert!(all == [1, 2] || all == [2, 1], "{all:?}");
            });
        }
    });
}

#[test]
fn several_items_at_once_reach_all_who_wait() {
    in_time("one push_all for four", || {
        let q = Queue::bounded(4);
        thread::scope(|s| {
            let poppers: Vec<_> = (0..4).map(|_| s.spawn(|| q.pop())).collect();
            until_waiting(&q, 0, 4);
            q.extend(0..4).unwrap();
            let mut got: Vec<_> = poppers.into_iter().map(|p| p.join().unwrap().unwrap()).collect();
            got.sort();
            assert_eq!(got, [0, 1, 2, 3]);
        });
        q.extend(0..4).unwrap();
        thread::scope(|s| {
            let q = &q;
            let pushers: Vec<_> = (4..8).map(|n| s.spawn(move || q.push(n))).collect();
            until_waiting(q, 4, 0);
            assert_eq!(q.pop_all(), [0, 1, 2, 3]);
            pushers.into_iter().for_each(|p| p.join().unwrap().unwrap());
        });
        let mut rest = q.pop_all();
        rest.sort();
        assert_eq!(rest, [4, 5, 6, 7]);
    });
}

#[test]
fn those_who_wait_to_push_come_in_their_order() {
    in_time("three in line", || {
        let q = Queue::bounded(1);
        q.push(0).unwrap();
        thread::scope(|s| {
            let q = &q;
            for n in 1..4 {
                s.spawn(move || q.push(n).unwrap());
                until_waiting(q, n, 0);
            }
            for n in 0..4 {
                until_waiting(q, 3 - n, 0);
                assert_eq!(q.pop(), Ok(n));
            }
        });
    });
}

/// Newcomers that never wait must not keep one who does from its turn for ever.
#[test]
fn one_who_has_waited_long_is_not_overtaken_for_ever() {
    in_time("a waiting popper among greedy ones", || {
        let (q, served, greedy) = (Queue::unbounded(), AtomicBool::new(false), Mutex::new(Vec::new()));
        thread::scope(|s| {
            s.spawn(|| {
                assert!(q.pop().is_ok());
                served.store(true, Release);
            });
            until_waiting(&q, 0, 1);
            s.spawn(|| {
                while !served.load(Acquire) {
                    if let Ok(n) = q.try_pop() {
                        greedy.lock().unwrap().push(n);
                    }
                }
            });
            let mut n = 0;
            while !served.load(Acquire) {
                q.push(n).unwrap();
                n += 1;
                // As fast as they are taken, so that there is seldom one left for the sleeper.
                while q.len() > 1 && !served.load(Acquire) {
                    yield_now();
                }
            }
        });
        assert!(greedy.into_inner().unwrap().is_sorted());
    });
}

#[test]
fn r5_nobody_returns_without_a_reason() {
    in_time("wake-ups that mean nothing", || {
        let (q, stop) = (Queue::bounded(1), Signal::new());
        thread::scope(|s| {
            let popper = s.spawn(|| q.pop_until(&stop));
            until_waiting(&q, 0, 1);
            (0..20).for_each(|_| popper.thread().unpark());
            let_them_settle();
            assert!(!popper.is_finished());
            q.push(1).unwrap();
            assert_eq!(popper.join().unwrap(), Ok(1));
            q.push(2).unwrap();
            let pusher = s.spawn(|| q.push_until(3, &stop));
            until_waiting(&q, 1, 0);
            (0..20).for_each(|_| pusher.thread().unpark());
            let joiner = s.spawn(|| q.join_until(&stop));
            until_joining(&q, 1);
            (0..20).for_each(|_| joiner.thread().unpark());
            let_them_settle();
            assert!(!pusher.is_finished() && !joiner.is_finished());
            stop.go();
            assert_eq!(pusher.join().unwrap(), Err(PushError::Stopped(3)));
            assert!(joiner.join().unwrap().is_err());
        });
    });
}
