//! Queue: items pushed, popped, refused and handed back; closing; what is done, and who learns of it.
mod common;
#[path = "queue/ends.rs"]
mod ends;
#[path = "queue/face.rs"]
mod face;
#[path = "queue/line.rs"]
mod line;
#[cfg(feature = "test-clock")]
#[path = "queue/long.rs"]
mod long;
#[path = "queue/tasks.rs"]
mod tasks;

use common::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::*};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};
use stopwhen::{Closed, PopError, PushError, Queue, Signal, Till, TryPopError};

/// An item that cannot be copied, compared or shown, and counts its drop.
struct Opaque(usize, #[allow(dead_code, reason = "its drop is what counts")] Token);

/// Lets the other threads run: what they may do wrong, they do by now. No proof rests on it.
fn let_them_settle() {
    (0..50).for_each(|_| yield_now());
}

// ---- one thread ------------------------------------------------------------------------------------------

#[test]
fn q2_items_come_out_in_the_order_in_which_they_went_in() {
    let q = Queue::unbounded();
    (0..100).for_each(|n| q.push(n).unwrap());
    assert_eq!((q.len(), q.is_empty(), q.capacity()), (100, false, None));
    assert!((0..100).all(|n| q.pop() == Ok(n)));
    assert!(q.is_empty());
    assert_eq!(q.try_pop(), Err(TryPopError::Empty));
}

#[test]
fn q1_pop_looks_at_item_then_closed_then_until() {
    let (q, gone) = (Queue::unbounded(), Signal::done());
    assert_eq!(q.pop_until(&gone), Err(PopError::Stopped));
    q.push(1).unwrap();
    assert_eq!(q.pop_until(&gone), Ok(1));
    q.push(2).unwrap();
    q.close();
    assert_eq!(q.pop_until(&gone), Ok(2));
    assert_eq!(q.pop_until(&gone), Err(PopError::Closed));
    assert_eq!((q.pop(), q.try_pop()), (Err(Closed), Err(TryPopError::Closed)));
}

/// R1: what is there is taken, and room that is there is used, whatever has come.
#[test]
fn r1_a_gone_until_is_a_try() {
    let (q, gone, past) = (Queue::bounded(2), Signal::done(), Instant::now());
    assert_eq!(q.push_until(1, &gone), Ok(()));
    assert_eq!(q.push_until(2, (past, Duration::ZERO)), Ok(()));
    assert_eq!(q.push_until(3, &gone), Err(PushError::Stopped(3)));
    assert_eq!(q.push_until(3, past), Err(PushError::Stopped(3)));
    assert_eq!((q.pop_until(past), q.pop_until(Duration::ZERO)), (Ok(1), Ok(2)));
    assert_eq!(q.pop_until(Till::secs(0)), Err(PopError::Stopped));
    assert_eq!(q.join_until(&gone), Ok(()));
}

#[test]
fn q1_after_close_what_is_left_is_served_and_what_comes_is_refused() {
    let q = Queue::bounded(3);
    q.extend([1, 2]).unwrap();
    q.close();
    q.close();
    assert_eq!(q.push(3), Err(PushError::Closed(3)));
    assert_eq!(q.push_until(4, AGES), Err(PushError::Closed(4)));
    assert_eq!(q.try_push(5), Err(PushError::Closed(5)));
    assert_eq!(q.push_front(6), Err(PushError::Closed(6)));
    assert_eq!(q.push_forced(7), Err(PushError::Closed(7)));
    assert_eq!(q.extend([8, 9]), Err(PushError::Closed(8)));
    assert_eq!(q.iter().collect::<Vec<_>>(), [1, 2]);
    assert!((0..10).all(|_| q.pop() == Err(Closed)), "for ever");
    assert!(q.pop_task().is_err() && q.pop_all().is_empty() && q.close_now().is_empty());
}

#[test]
fn a_full_queue_refuses_and_gives_back() {
    let q = Queue::bounded(2);
    assert_eq!(q.capacity(), Some(2));
    assert_eq!((q.try_push(1), q.try_push(2), q.try_push(3)), (Ok(()), Ok(()), Err(PushError::Full(3))));
    assert_eq!(q.push_forced(4), Ok(()));
    assert_eq!(q.push_front(0), Ok(()));
    assert_eq!(q.len(), 4);
    assert_eq!(q.pop(), Ok(0));
    assert_eq!(q.pop(), Ok(1));
    assert_eq!(q.try_push(5), Err(PushError::Full(5)), "there were two too many");
    assert_eq!(q.pop(), Ok(2));
    assert_eq!(q.try_push(5), Ok(()));
    assert_eq!(q.pop_all(), [4, 5]);
}

#[test]
fn a_queue_without_room_is_refused_with_a_word_of_help() {
    let told = panic_of(|| Queue::<u8>::bounded(0));
    assert!(told.contains("bounded(1)"), "{told}");
    assert_eq!(Queue::<u8>::default().capacity(), None);
}

#[test]
fn extend_stops_at_the_first_that_is_refused_and_takes_no_more() {
    let (q, mut many) = (Queue::bounded(3), (0..10).collect::<Vec<_>>().into_iter());
    assert_eq!(q.extend_until(&mut many, Signal::done()), Err(PushError::Stopped(3)));
    assert_eq!((q.pop_all(), many.as_slice()), (vec![0, 1, 2], &[4, 5, 6, 7, 8, 9][..]));
    assert_eq!(q.extend(many.by_ref().take(2)), Ok(()));
    q.close();
    assert_eq!(q.extend(&mut many), Err(PushError::Closed(6)));
    assert_eq!((q.pop_all(), many.next()), (vec![4, 5], Some(7)));
}

#[test]
fn items_need_no_traits_and_are_dropped_once() {
    let dropped = Count::new();
    let item = |n| Opaque(n, dropped.token());
    let q = Queue::bounded(2);
    assert!(q.push(item(1)).is_ok() && q.push(item(2)).is_ok());
    let back = q.try_push(item(3)).expect_err("full").into_inner();
    assert_eq!((back.0, dropped.get()), (3, 0));
    drop(back);
    assert_eq!((q.pop().map(|item| item.0), dropped.get()), (Ok(1), 2));
    drop(q);
    assert_eq!(dropped.get(), 3);
}

/// R3: a user's `Drop`, and an iterator's `next`, may use the queue they are in.
#[test]
fn r3_foreign_code_runs_with_the_queue_open() {
    struct Nosy(Arc<Queue<Option<Nosy>>>, Count);
    impl Drop for Nosy {
        fn drop(&mut self) {
            assert!(self.0.len() < 9 && self.0.try_pop().is_err());
            self.1.add();
        }
    }
    in_time("items that look at their queue", || {
        let (q, dropped) = (Arc::new(Queue::unbounded()), Count::new());
        let item = || Some(Nosy(q.clone(), dropped.clone()));
        q.push(item()).unwrap();
        drop(q.pop());
        q.push(item()).unwrap();
        drop(q.pop_task().unwrap());
        q.extend((0..2).map(|n| if q.len() == n { item() } else { None })).unwrap();
        drop(q.pop_all());
        q.push(item()).unwrap();
        drop(q.close_now());
        drop(q.push(item()).unwrap_err());
        assert_eq!(dropped.get(), 6);
    });
}

#[test]
fn iterators_take_until_the_end() {
    let q = Queue::unbounded();
    q.extend([1, 2, 3]).unwrap();
    assert_eq!(q.iter_until(Duration::ZERO).collect::<Vec<_>>(), [1, 2, 3]);
    q.extend([4, 5]).unwrap();
    assert_eq!(q.iter_until(Signal::done()).take(1).collect::<Vec<_>>(), [4]);
    q.close();
    let mut sum = 0;
    for n in &q {
        sum += n;
    }
    assert_eq!(sum, 5);
    let mut rest = q.iter();
    assert_eq!((rest.next(), rest.clone().next()), (None, None));
    assert_eq!(q.iter_until((AGES, None::<Signal>)).next(), None);
    assert_eq!(format!("{rest:?}"), format!("Iter({q:?})"));
    assert!(format!("{:?}", q.iter_until(AGES)).contains("is_closed: true"));
}

/// R4: a duration is for the whole iteration, and never early.
#[test]
fn r4_the_time_of_an_iteration_is_one_time() {
    in_time("an iteration against time", || {
        let (q, begun, time) = (Queue::unbounded(), Instant::now(), Duration::from_millis(20));
        q.push(0).unwrap();
        let n = q
            .iter_until(time)
            .map(|n| q.push_forced(n + 1).map(|()| yield_now()))
            .take_while(|_| begun.elapsed() < time);
        assert!(n.count() > 1);
        let _ = q.pop_all();
        assert_eq!(q.pop_until(begun + time), Err(PopError::Stopped));
        assert!(begun.elapsed() >= time);
        let begun = Instant::now();
        assert!(q.iter_until(time).next().is_none() && begun.elapsed() >= time);
        let begun = Instant::now();
        let q = Queue::bounded(1);
        assert_eq!(q.extend_until(0.., time), Err(PushError::Stopped(1)));
        assert!(begun.elapsed() >= time);
    });
}

#[test]
fn debug_shows_the_queue_and_none_of_the_items() {
    let q = Queue::bounded(2).named("jobs");
    assert!(q.push(Opaque(1, Count::new().token())).is_ok());
    let shown = "Queue { name: \"jobs\", len: 1, capacity: Some(2), unfinished: 1, is_closed: false, \
                 pushers: 0, poppers: 0, joiners: 0 }";
    assert_eq!(format!("{q:?}"), shown);
    let guard = q.close_on_drop();
    assert_eq!(format!("{guard:?}"), format!("CloseOnDrop {{ queue: Some({shown}) }}"));
    guard.disarm();
    let q = Queue::unbounded();
    q.push(7).unwrap();
    assert_eq!(format!("{:?}", q.pop_task().unwrap()), "Task(7)");
    q.close();
    assert!(format!("{q:?}").contains("len: 0, capacity: None, unfinished: 0, is_closed: true"), "{q:?}");
}

// ---- several threads -------------------------------------------------------------------------------------

/// Many producers, many consumers: what each got, in the order in which it got it.
fn pass(q: &Queue<(usize, usize)>, producers: usize, consumers: usize, each: usize) -> Vec<Vec<(usize, usize)>> {
    thread::scope(|s| {
        let takers: Vec<_> = (0..consumers).map(|_| s.spawn(|| q.iter().collect::<Vec<_>>())).collect();
        let makers: Vec<_> =
            (0..producers).map(|p| s.spawn(move || (0..each).for_each(|n| q.push((p, n)).unwrap()))).collect();
        makers.into_iter().for_each(|m| m.join().unwrap());
        q.close();
        takers.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

/// Nothing lost, nothing doubled, and of each producer in its order.
fn check(got: Vec<Vec<(usize, usize)>>, producers: usize, each: usize) {
    for one in &got {
        for p in 0..producers {
            assert!(one.iter().filter(|item| item.0 == p).map(|item| item.1).is_sorted(), "in order");
        }
    }
    let mut all: Vec<_> = got.into_iter().flatten().collect();
    all.sort();
    let expected: Vec<_> = (0..producers).flat_map(|p| (0..each).map(move |n| (p, n))).collect();
    assert!(all == expected, "nothing lost, nothing doubled");
}

#[test]
fn q2_nothing_is_lost_or_doubled_between_many() {
    in_time("many producers and consumers", || {
        for capacity in [1, 2, 3, 64] {
            for (producers, consumers) in [(1, 1), (3, 1), (1, 3), (3, 3)] {
                check(pass(&Queue::bounded(capacity), producers, consumers, 60), producers, 60);
            }
        }
        check(pass(&Queue::unbounded(), 3, 3, 3000), 3, 3000);
    });
}

#[test]
fn q2_what_came_before_a_push_is_seen_by_who_pops() {
    in_time("a value beside the item", || {
        let (q, values) = (Queue::bounded(4), [const { AtomicUsize::new(0) }; 1000]);
        thread::scope(|s| {
            s.spawn(|| {
                for (n, value) in values.iter().enumerate() {
                    value.store(n + 1, Relaxed);
                    q.push(n).unwrap();
                }
                q.close();
            });
            assert_eq!(q.iter().inspect(|n| assert_eq!(values[*n].load(Relaxed), n + 1)).count(), 1000);
        });
    });
}

/// A push that waits needs one free place, not half of them.
#[test]
fn one_place_is_enough_for_one_who_waits() {
    in_time("a pop beside a push that waits", || {
        let q = Queue::bounded(8);
        q.extend(0..8).unwrap();
        thread::scope(|s| {
            s.spawn(|| q.push(8));
            line::until_waiting(&q, 1, 0);
            assert_eq!(q.pop(), Ok(0));
            while q.len() < 8 {
                yield_now();
            }
        });
        assert_eq!(q.pop_all(), (1..9).collect::<Vec<_>>());
    });
}
