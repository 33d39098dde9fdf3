//! Queue: items against closes and stops, calls that are passed on, what is done, who learns of the end.
#![cfg(loom)]

use loom::thread::current;
use loom_tests::*;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use stopwhen::model::{aged, awake};
use stopwhen::{Closed, PopError, PushError, Queue, Signal, TryPopError};

/// When nobody is at it, so many items are there, and nobody is in line.
#[track_caller]
fn settled<T>(q: &Queue<T>, len: usize) {
    assert_eq!(q.len(), len, "items");
    let shown = format!("{q:?}");
    assert!(shown.ends_with("pushers: 0, poppers: 0, joiners: 0 }"), "{shown}");
}

/// As [`settled`]; and whoever comes is served at once.
#[track_caller]
fn open_to_all(q: &Queue<u32>, len: usize) {
    settled(q, len);
    assert_eq!(q.push_front(9), Ok(()));
    assert_eq!(q.try_pop(), Ok(9), "nobody is served first");
    let (room, refused) = (q.capacity().is_none_or(|n| n > len), q.try_push(8).is_err());
    assert_eq!(refused, !room, "nobody brings first");
}

fn full(items: &[u32]) -> Queue<u32> {
    let q = Queue::bounded(items.len());
    items.iter().for_each(|n| q.push(*n).unwrap());
    q
}

/// A race with everybody young, and one with everybody over age.
fn both(name: &str, bound: Bound, floor: usize, f: impl Fn() + Clone + Send + Sync + 'static) {
    aged(false);
    model(&format!("{name}, young"), bound, floor, f.clone());
    aged(true);
    model(&format!("{name}, aged"), bound, floor, f);
}

// ---- items travel, and what came before with them --------------------------------------------------------

/// Breaks if the small lock is not given back with Release, or not taken with Acquire, at once or after a while.
#[test]
fn the_lock_of_push_vs_try_pop() {
    spinning(|| {
        each_first("the_lock_of_push_vs_try_pop", threads(2), 30, |order| {
            let (q, d) = (Queue::unbounded(), Payload::new());
            order.race(
                || {
                    d.set();
                    q.push(()).unwrap();
                },
                || {
                    if q.try_pop().is_ok() {
                        d.check();
                    }
                },
            );
        });
    });
}

/// As before, for one that stays away for a while first: breaks if it comes back without the lock and goes on.
#[test]
fn the_lock_in_a_crowd() {
    awake(1);
    spinning(|| {
        each_first("the_lock_in_a_crowd", threads(2), 37, |order| {
            let (q, d) = (Queue::unbounded(), Payload::new());
            order.race(
                || {
                    d.set();
                    q.push(()).unwrap();
                },
                || {
                    if q.try_pop().is_ok() {
                        d.check();
                    }
                },
            );
        });
    });
}

/// Breaks if a push does not call the one in line, or the one in line sits down without a last look.
#[test]
fn push_vs_pop() {
    each_first("push_vs_pop", threads(2), 27, |order| {
        let (q, d) = (Queue::unbounded(), Payload::new());
        order.race(
            || {
                d.set();
                q.push(1).unwrap();
            },
            || {
                assert_eq!(q.pop(), Ok(1));
                d.check();
            },
        );
        open_to_all(&q, 0);
    });
}

/// Breaks if one that stays awake for a while loses what it found, or forgets to sit down.
#[test]
fn push_vs_pop_awake() {
    awake(1);
    each_first("push_vs_pop_awake", threads(2), 17, |order| {
        let (q, d) = (Queue::unbounded(), Payload::new());
        order.race(
            || {
                d.set();
                q.push(1).unwrap();
            },
            || {
                assert_eq!(q.pop(), Ok(1));
                d.check();
            },
        );
        open_to_all(&q, 0);
    });
}

/// Breaks if one of two items calls nobody: there is one for each.
#[test]
fn two_items_for_two() {
    both("two_items_for_two", threads(3), 309, || {
        let (q, d) = (Queue::unbounded(), Payload::new());
        let take = || {
            let item = q.pop().unwrap();
            d.check();
            item
        };
        let (a, b, _) = join3(take, take, || {
            d.set();
            q.extend([1, 2]).unwrap();
        });
        assert_eq!(a + b, 3);
        open_to_all(&q, 0);
    });
}

/// Breaks if an item is lost, doubled or overtakes one of the same producer.
#[test]
fn two_producers_in_order() {
    model("two_producers_in_order", threads(3), 1269, || {
        let q = Queue::unbounded();
        let ((), (), got) = join3(
            || q.extend([1, 2]).unwrap(),
            || q.push(10).unwrap(),
            || [q.pop(), q.pop(), q.pop()].map(Result::unwrap),
        );
        let (ours, theirs): (Vec<_>, Vec<_>) = got.into_iter().partition(|n| *n < 10);
        assert_eq!((ours, theirs), (vec![1, 2], vec![10]));
        open_to_all(&q, 0);
    });
}

/// Breaks if a pop does not call who waits for room.
#[test]
fn pop_vs_push_when_full() {
    each_first("pop_vs_push_when_full", threads(2), 27, |order| {
        let q = full(&[1]);
        order.race(|| q.push(2).unwrap(), || assert_eq!(q.pop(), Ok(1)));
        open_to_all(&q, 1);
    });
}

/// Breaks if one of two places is enough for both, or who pushes does not call the next.
#[test]
fn two_places_for_two() {
    both("two_places_for_two", threads(3), 181, || {
        let q = full(&[1, 2]);
        let mut seen = 0;
        join3(|| q.push(3).unwrap(), || q.push(4).unwrap(), || seen = q.pop_all().len());
        assert!((2..=3).contains(&seen) || seen == 4);
        settled(&q, 4 - seen);
    });
}

/// Breaks if both sides of a queue of one place are not called in turn.
#[test]
fn two_items_through_one_place() {
    both("two_items_through_one_place", threads(2), 2241, || {
        let q = Queue::bounded(1);
        join2(|| q.extend([1, 2]).unwrap(), || assert_eq!([q.pop(), q.pop()], [Ok(1), Ok(2)]));
        open_to_all(&q, 0);
    });
}

// ---- closing ---------------------------------------------------------------------------------------------

/// Breaks if a close does not call who waits to pop, or is not seen by it.
#[test]
fn close_vs_pop() {
    each_first("close_vs_pop", threads(2), 27, |order| {
        let (q, d) = (Queue::<u32>::unbounded(), Payload::new());
        order.race(
            || {
                d.set();
                q.close();
            },
            || {
                assert_eq!(q.pop(), Err(Closed));
                d.check();
            },
        );
        settled(&q, 0);
    });
}

/// Breaks if a close does not call who waits for room, or the item does not come back.
#[test]
fn close_vs_push_when_full() {
    each_first("close_vs_push_when_full", threads(2), 27, |order| {
        let q = full(&[1]);
        order.race(|| assert_eq!(q.push(2), Err(PushError::Closed(2))), || q.close());
        assert_eq!((q.pop(), q.pop()), (Ok(1), Err(Closed)));
        settled(&q, 0);
    });
}

/// Breaks if a close calls one of two (there is room for one wake-up at a time here), or takes one call for all.
#[test]
fn close_vs_two() {
    model("close_vs_two", threads(3), 288, || {
        let q = Queue::<u32>::unbounded();
        join3(|| assert_eq!(q.pop(), Err(Closed)), || assert_eq!(q.pop(), Err(Closed)), || q.close());
        settled(&q, 0);
    });
}

/// Breaks if what is left at a close is not served, or a call that was under way keeps one from being told.
#[test]
fn push_and_close_vs_two() {
    both("push_and_close_vs_two", threads(3), 431, || {
        let q = Queue::unbounded();
        let (a, b, _) = join3(
            || q.pop().is_ok(),
            || q.pop().is_ok(),
            || {
                q.push(1).unwrap();
                q.close();
            },
        );
        assert!(a ^ b);
        settled(&q, 0);
    });
}

/// Breaks if an item is both taken and refused, or neither, with room, a pop and a close at once.
#[test]
fn push_vs_pop_vs_close_when_full() {
    model("push_vs_pop_vs_close_when_full", threads(3), 116, || {
        let q = full(&[1]);
        let (pushed, popped, _) = join3(|| q.push(2), || q.pop(), || q.close());
        assert_eq!(popped, Ok(1));
        match pushed {
            Ok(()) => assert_eq!(q.pop(), Ok(2)),
            Err(back) => assert_eq!(back, PushError::Closed(2)),
        }
        assert_eq!(q.pop(), Err(Closed));
        settled(&q, 0);
    });
}

/// Breaks if an item is lost between one that is stopped, one that closes and one that pushes.
#[test]
fn push_vs_pop_vs_close_vs_stop() {
    model("push_vs_pop_vs_close_vs_stop", threads(4), 1012, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        let (popped, pushed, _, _) = join4(|| q.pop_until(&stop), || q.push(1), || q.close(), || stop.go());
        let left = q.close_now();
        match (popped, pushed) {
            (Ok(1), Ok(())) => assert!(left.is_empty()),
            (Err(_), Ok(())) => assert_eq!(left, [1]),
            (Err(_), Err(back)) => assert_eq!((back, left.is_empty()), (PushError::Closed(1), true)),
            other => panic!("{other:?}"),
        }
        settled(&q, 0);
    });
}

// ---- stops -----------------------------------------------------------------------------------------------

/// R1. Breaks if one that is stopped makes no last try under the lock.
#[test]
fn last_try_of_a_stopped_popper() {
    each_first("last_try_of_a_stopped_popper", threads(2), 29952, |order| {
        let (q, stop, d) = (Queue::unbounded(), Signal::new(), Payload::new());
        let (popped, _) = order.race(
            || {
                let popped = q.pop_until(&stop);
                if popped.is_ok() {
                    d.check();
                }
                (popped, stop.is_go())
            },
            || {
                d.set();
                q.push(1).unwrap();
                stop.go();
            },
        );
        assert_eq!(popped.0, Ok(1), "it was there before the stop");
        open_to_all(&q, 0);
    });
}

/// R1. Breaks if one that waits for room and is stopped makes no last try.
#[test]
fn last_try_of_a_stopped_pusher() {
    each_first("last_try_of_a_stopped_pusher", threads(2), 19079, |order| {
        let (q, stop) = (full(&[1]), Signal::new());
        order.race(
            || assert_eq!(q.push_until(2, &stop), Ok(())),
            || {
                assert_eq!(q.pop(), Ok(1));
                stop.go();
            },
        );
        open_to_all(&q, 1);
    });
}

/// Breaks if an item on its way to one that is stopped is lost or doubled.
#[test]
fn push_vs_stop() {
    both("push_vs_stop", threads(3), 569, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        let (popped, _, _) = join3(|| q.pop_until(&stop), || stop.go(), || q.push(1).unwrap());
        assert!(matches!(popped, Ok(1) | Err(PopError::Stopped)));
        open_to_all(&q, usize::from(popped.is_err()));
    });
}

/// Breaks if one that was called and is stopped keeps its call, and what it cannot use is not passed on to the one behind.
#[test]
fn called_and_stopped_with_one_behind() {
    both("called_and_stopped_with_one_behind", threads(3), 1740, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        join3(
            || {
                if let Ok(item) = q.pop_until(&stop) {
                    q.push(item).unwrap();
                }
            },
            || assert_eq!(q.pop(), Ok(1)),
            || {
                q.push(1).unwrap();
                stop.go();
            },
        );
        open_to_all(&q, 0);
    });
}

/// As before, with the item gone before it comes: breaks also if who is called in vain does not keep its place and its ears open.
#[test]
fn called_overtaken_and_stopped_with_one_behind() {
    both("called_overtaken_and_stopped_with_one_behind", threads(4), 1301, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        let back = |popped: Result<u32, ()>| popped.into_iter().for_each(|item| q.push(item).unwrap());
        join4(
            || back(q.pop_until(&stop).map_err(drop)),
            || assert_eq!(q.pop(), Ok(1)),
            || back(q.try_pop().map_err(drop)),
            || {
                q.push(1).unwrap();
                stop.go();
            },
        );
        open_to_all(&q, 0);
    });
}

/// As `called_and_stopped_with_one_behind`, of those who wait for room.
#[test]
fn stopped_pusher_with_one_behind() {
    both("stopped_pusher_with_one_behind", threads(3), 1740, || {
        let (q, stop) = (full(&[0]), Signal::new());
        let (pushed, _, _) = join3(
            || {
                let pushed = q.push_until(1, &stop);
                if pushed.is_ok() {
                    assert!(q.pop().is_ok());
                }
                pushed.is_ok()
            },
            || q.push(2).unwrap(),
            || {
                assert!(q.pop().is_ok());
                stop.go();
            },
        );
        let left = q.pop_all();
        assert_eq!(left.len(), 1);
        assert!(left[0] == 2 || pushed && left[0] == 1);
        open_to_all(&q, 0);
    });
}

/// Two calls are under way, and a third waits. Breaks if who was called and is stopped keeps its call, or is called and nobody knows.
#[test]
fn two_called_and_one_of_them_stopped() {
    both("two_called_and_one_of_them_stopped", threads(4), 1788, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        let (_, a, b, _) = join4(
            || {
                if let Ok(item) = q.pop_until(&stop) {
                    q.push(item).unwrap();
                }
            },
            || q.pop().unwrap(),
            || q.pop().unwrap(),
            || {
                q.extend([1, 2]).unwrap();
                stop.go();
            },
        );
        assert_eq!(a + b, 3);
        open_to_all(&q, 0);
    });
}

/// Who waits for room is out of line while that is reported (in a model, at once). Breaks if it is not seen where it comes back,
/// in front of a younger one that was called meanwhile.
#[test]
fn reported_and_back_in_front_of_one() {
    both("reported_and_back_in_front_of_one", threads(3), 3535, || {
        let q = full(&[0]);
        join3(
            || q.push(1).unwrap(),
            || {
                let later = Queue::<u32>::unbounded().pop_until(Duration::from_secs(1)); // by now it is younger
                assert_eq!(later, Err(PopError::Stopped));
                q.push(2).unwrap();
            },
            || assert!(q.pop() == Ok(0) && q.pop().is_ok()),
        );
        open_to_all(&q, 1);
    });
}

/// Breaks if a stop leaves one in line, or takes one who is called and overtaken out of it.
#[test]
fn called_in_vain() {
    both("called_in_vain", threads(3), 1273, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        let (popped, overtook, _) = join3(
            || q.pop_until(&stop),
            || q.try_pop(),
            || {
                q.push(1).unwrap();
                stop.go();
            },
        );
        match overtook {
            Ok(_) => assert_eq!(popped, Err(PopError::Stopped)),
            Err(e) => assert_eq!((popped, e), (Ok(1), TryPopError::Empty)),
        }
        open_to_all(&q, 0);
    });
}

// ---- what is done ----------------------------------------------------------------------------------------

/// Breaks if the end of a task does not tell who joins, or what came before it is not seen.
#[test]
fn task_vs_join() {
    each_first("task_vs_join", threads(2), 17, |order| {
        let (q, d) = (Queue::unbounded(), Payload::new());
        q.push(1).unwrap();
        let task = q.pop_task().unwrap();
        order.race(
            || {
                d.set();
                drop(task);
            },
            || {
                q.join();
                d.check();
            },
        );
        settled(&q, 0);
    });
}

/// Breaks if who joins asks whether all is done, when it wakes, instead of whether it was.
#[test]
fn a_moment_that_passes() {
    each_first("a_moment_that_passes", threads(2), 43, |order| {
        let q = Queue::unbounded();
        q.push(1).unwrap();
        let (waited, ()) = order.race(
            || {
                let waited = format!("{q:?}").contains("joiners: 1");
                q.pop().unwrap();
                if waited {
                    q.push(2).unwrap();
                }
                waited
            },
            || q.join(),
        );
        settled(&q, usize::from(waited));
    });
}

/// Breaks if one of two joiners is told (there is room for one wake-up at a time here).
#[test]
fn done_vs_two_joiners() {
    model("done_vs_two_joiners", threads(3), 277, || {
        let q = Queue::unbounded();
        q.push(1).unwrap();
        join3(
            || q.join(),
            || q.join(),
            || {
                drop(q.pop_task().unwrap());
            },
        );
        settled(&q, 0);
    });
}

/// Breaks if one whose moment has come, and who is not told yet, may leave for its stop.
#[test]
fn done_vs_two_joiners_one_stops_the_other() {
    model("done_vs_two_joiners_one_stops_the_other", threads(3), 855, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        q.push(1).unwrap();
        join3(
            || {
                q.join();
                stop.go();
            },
            || assert_eq!(q.join_until(&stop), Ok(()), "all was done before the stop"),
            || assert_eq!(q.pop(), Ok(1)),
        );
        settled(&q, 0);
    });
}

/// Breaks if a joiner that is stopped stays in line, or one that is told is lost.
#[test]
fn done_vs_join_vs_stop() {
    model("done_vs_join_vs_stop", threads(3), 522, || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        q.push(1).unwrap();
        let (joined, _, _) = join3(|| q.join_until(&stop), || stop.go(), || assert_eq!(q.pop(), Ok(1)));
        assert!(joined.is_ok() || stop.is_go());
        settled(&q, 0);
    });
}

/// Breaks if `close_now` does not count what it returns as done, or tells nobody.
#[test]
fn close_now_vs_join() {
    each_first("close_now_vs_join", threads(2), 17, |order| {
        let (q, d) = (full(&[1, 2]), Payload::new());
        order.race(
            || {
                d.set();
                assert_eq!(q.close_now(), [1, 2]);
            },
            || {
                q.join();
                d.check();
            },
        );
        settled(&q, 0);
    });
}

/// Breaks if items that `close_now` returns are popped too, or a joiner waits for them.
#[test]
fn close_now_vs_pop_vs_join() {
    model("close_now_vs_pop_vs_join", threads(3), 124, || {
        let q = full(&[1, 2]);
        let (popped, left, _) = join3(|| q.pop(), || q.close_now(), || q.join());
        let all: Vec<u32> = popped.into_iter().chain(left).collect();
        assert_eq!(all, [1, 2]);
        settled(&q, 0);
    });
}

// ---- who learns of the end -------------------------------------------------------------------------------

/// Breaks if `drained` goes before the queue is closed and empty, or `closed` has not gone by then.
#[test]
fn drained_vs_pop() {
    model("drained_vs_pop", threads(3), 385, || {
        let q = full(&[1]);
        let (closed, drained) = (q.closed(), q.drained());
        join3(
            || assert_eq!(q.pop(), Ok(1)),
            || q.close(),
            || {
                if drained.is_go() {
                    assert!(closed.is_go());
                    assert_eq!((q.len(), q.try_pop()), (0, Err(TryPopError::Closed)));
                }
            },
        );
        assert!(drained.is_go());
        settled(&q, 0);
    });
}

/// Breaks if who waits for `drained` sleeps on.
#[test]
fn drained_is_waited_for() {
    model("drained_is_waited_for", threads(3), 11298, || {
        let q = full(&[1]);
        let drained = q.drained();
        join3(
            || assert_eq!(q.pop(), Ok(1)),
            || q.close(),
            || {
                drained.wait();
                assert!(q.is_empty());
            },
        );
        settled(&q, 0);
    });
}

/// Breaks if who is told that the queue is closed does not see to it that the signals have gone.
#[test]
fn told_vs_close() {
    each_first("told_vs_close", threads(2), 177, |order| {
        let q = Queue::<u32>::unbounded();
        let drained = q.drained();
        order.race(
            || {
                if q.try_pop() == Err(TryPopError::Closed) {
                    assert!(drained.is_go());
                }
            },
            || q.close(),
        );
        settled(&q, 0);
    });
}

/// As before, of who pushes.
#[test]
fn refused_vs_close() {
    each_first("refused_vs_close", threads(2), 5895, |order| {
        let q = full(&[1]);
        let closed = q.closed();
        order.race(
            || {
                assert_eq!(q.push(2), Err(PushError::Closed(2)));
                assert!(closed.is_go());
            },
            || q.close(),
        );
        settled(&q, 1);
    });
}

/// Breaks if the signals become known without a look, under the lock, at what they are to tell.
#[test]
fn closed_is_made_vs_close() {
    each_first("closed_is_made_vs_close", threads(2), 92680, |order| {
        let q = Queue::<u32>::unbounded();
        let (_, knew) = order.race(
            || {
                q.close();
                assert!(q.closed().is_go() && q.drained().is_go());
            },
            || q.closed().is_go() && q.try_push(1).is_err(),
        );
        assert!(q.closed().is_go() && q.drained().is_go(), "{knew}");
    });
}

/// Breaks if it is shown closed before the signal has gone.
#[test]
fn shown_vs_close() {
    each_first("shown_vs_close", threads(2), 96, |order| {
        let q = full(&[1]);
        let closed = q.closed();
        order.race(
            || {
                if format!("{q:?}").contains("is_closed: true") {
                    assert!(closed.is_go());
                }
            },
            || q.close(),
        );
        settled(&q, 1);
    });
}

// ---- who runs what hangs on the signals ------------------------------------------------------------------

/// Breaks if who is refused runs what the closer should, takes it away, or leaves it where the closer has looked already.
#[test]
fn refused_vs_close_with_a_callback() {
    each_first("refused_vs_close_with_a_callback", threads(2), 70, |order| {
        let (q, t, closer) = (full(&[1]), Tally::new(), Arc::new(OnceLock::new()));
        let theirs = closer.clone();
        q.closed().on_go(t.callback(move || assert_eq!(theirs.get(), Some(&current().id()))));
        order.race(
            || assert!(q.try_push(2).is_err(), "full, or closed"),
            || {
                closer.set(current().id()).unwrap();
                q.close();
                t.settle(1, 1);
            },
        );
    });
}

/// Breaks if a callback runs twice or never, out of order, or the closer's with who takes the last item.
#[test]
fn last_pop_vs_close_with_callbacks() {
    each_first("last_pop_vs_close_with_callbacks", threads(2), 178, |order| {
        let (q, t, u) = (full(&[1]), Tally::new(), Tally::new());
        let before = t.clone();
        q.closed().on_go(t.count());
        q.drained().on_go(u.callback(move || assert_eq!(before.runs(), 1, "closed comes first")));
        order.race(
            || assert_eq!(q.pop(), Ok(1)),
            || {
                q.close();
                t.settle(1, 1);
            },
        );
        t.settle(1, 1);
        u.settle(1, 1);
    });
}

/// Breaks if of signals that are made while the queue is closed nobody runs what hangs on `drained`.
#[test]
fn drained_is_made_vs_close_with_a_callback() {
    each_first("drained_is_made_vs_close_with_a_callback", threads(2), 21, |order| {
        let (q, t) = (full(&[1]), Tally::new());
        order.race(|| q.drained().on_go(t.count()), || q.close());
        assert_eq!(q.pop(), Ok(1));
        t.settle(1, 1);
    });
}
