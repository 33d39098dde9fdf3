//! What is done, and those who wait for all of it.
use super::line::until_joining;
use super::*;

#[test]
fn q3_a_plain_pop_is_done_at_once() {
    let q = Queue::unbounded();
    assert_eq!(q.join_until(Duration::ZERO), Ok(()), "nothing was ever pushed");
    q.extend([1, 2, 3, 4]).unwrap();
    assert!(q.join_until(Duration::ZERO).is_err());
    assert_eq!((q.pop(), q.try_pop()), (Ok(1), Ok(2)));
    assert!(q.join_until(Duration::ZERO).is_err());
    assert_eq!(q.pop_all(), [3, 4]);
    q.join();
}

#[test]
fn q3_a_task_is_done_when_it_is_dropped() {
    let q = Queue::unbounded();
    q.extend([1, 2, 3]).unwrap();
    let (a, b) = (q.pop_task().unwrap(), q.pop_task_until(AGES).unwrap());
    assert_eq!((*a, *b, q.pop()), (1, 2, Ok(3)));
    assert!(q.join_until(Signal::done()).is_err());
    drop(a);
    assert!(q.join_until(Signal::done()).is_err());
    assert_eq!(b.into_inner(), 2);
    q.join();
    assert_eq!(q.pop_task_until(Duration::ZERO).err(), Some(PopError::Stopped));
    q.close();
    assert_eq!((q.pop_task().err(), q.pop_task_until(AGES).err()), (Some(Closed), Some(PopError::Closed)));
}

#[test]
fn q3_a_task_is_done_by_a_panic_too() {
    let q = Queue::unbounded();
    q.push(String::from("work")).unwrap();
    let told = panic_of(|| {
        let mut task = q.pop_task().unwrap();
        task.push_str(" that panics");
        panic!("{}", *task);
    });
    assert_eq!(told, "work that panics");
    q.join();
}

/// R8: the item's own `Drop` panics: it is done all the same.
#[test]
fn r8_a_task_is_done_though_its_item_panics_when_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("planned");
        }
    }
    let q = Queue::unbounded();
    assert!(q.push(Bomb).is_ok());
    assert_eq!(panic_of(|| drop(q.pop_task())), "planned");
    q.join();
}

/// Whatever the joiner does next comes after the item's end.
#[test]
fn q3_the_item_is_dropped_before_it_counts_as_done() {
    in_time("a drop before a join", || {
        for _ in 0..50 {
            let (q, dropped) = (Queue::unbounded(), Count::new());
            assert!(q.push(dropped.token()).is_ok());
            thread::scope(|s| {
                let task = q.pop_task().unwrap();
                s.spawn(|| {
                    q.join();
                    assert_eq!(dropped.get(), 1);
                });
                drop(task);
            });
        }
    });
}

#[test]
fn q3_join_returns_when_all_is_done_and_not_before() {
    in_time("joiners", || {
        let q = Queue::unbounded();
        q.extend([1, 2]).unwrap();
        thread::scope(|s| {
            let joiners: Vec<_> = (0..20).map(|_| s.spawn(|| q.join_until(AGES))).collect();
            until_joining(&q, 20);
            let task = q.pop_task().unwrap();
            assert_eq!(q.pop(), Ok(2));
            let_them_settle();
            assert!(joiners.iter().all(|j| !j.is_finished()));
            drop(task);
            joiners.into_iter().for_each(|j| j.join().unwrap().unwrap());
        });
    });
}

/// The moment counts, not what comes after it.
#[test]
fn q3_join_returns_though_more_is_pushed_after_the_moment() {
    in_time("a join in a busy queue", || {
        let q = Queue::unbounded();
        q.push(1).unwrap();
        thread::scope(|s| {
            let joiner = s.spawn(|| q.join());
            until_joining(&q, 1);
            assert_eq!(q.pop(), Ok(1));
            q.push(2).unwrap();
            joiner.join().unwrap();
        });
        assert!(q.join_until(Duration::ZERO).is_err());
    });
}

#[test]
fn q1_joiners_go_on_after_close_until_what_is_left_is_done() {
    in_time("a join across a close", || {
        let q = Queue::unbounded();
        q.extend([1, 2]).unwrap();
        thread::scope(|s| {
            let joiner = s.spawn(|| q.join());
            until_joining(&q, 1);
            q.close();
            assert_eq!(q.pop(), Ok(1));
            let task = q.pop_task().unwrap();
            let_them_settle();
            assert!(!joiner.is_finished() && q.drained().is_go());
            drop(task);
            joiner.join().unwrap();
        });
    });
}

#[test]
fn q1_close_now_counts_what_it_returns_as_done() {
    in_time("a join ended by close_now", || {
        let q = Queue::unbounded();
        q.extend([1, 2, 3]).unwrap();
        thread::scope(|s| {
            let task = q.pop_task().unwrap();
            let joiner = s.spawn(|| q.join());
            until_joining(&q, 1);
            assert_eq!(q.close_now(), [2, 3]);
            let_them_settle();
            assert!(!joiner.is_finished(), "a task is at work");
            drop(task);
            joiner.join().unwrap();
        });
    });
}

#[test]
fn a_stopped_join_takes_nothing_along() {
    in_time("one of two joiners is stopped", || {
        let (q, stop) = (Queue::unbounded(), Signal::new());
        q.push(1).unwrap();
        thread::scope(|s| {
            let stopped = s.spawn(|| q.join_until(&stop));
            until_joining(&q, 1);
            let other = s.spawn(|| q.join());
            until_joining(&q, 2);
            stop.go();
            assert!(stopped.join().unwrap().is_err());
            q.pop().unwrap();
            other.join().unwrap();
        });
    });
}
