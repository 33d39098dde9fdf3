//! R7: a wait allocates nothing, whatever it waits for and whatever may end it.
use super::{MINE, cost};
use std::time::Duration;
use stopwhen::barrier::OnStop;
use stopwhen::{Barrier, Condition, Event, Lock, Queue, RLock, Signal, Till};

const SHORT: Duration = Duration::from_micros(100);

pub fn waits_allocate_nothing() {
    let (stop, either, till) = (Signal::new(), &Signal::new() | &Signal::new(), Till::secs(3600));
    let lock = Lock::new(0);
    let rlock = RLock::new(0);
    let condition = Condition::new();

    assert_eq!(cost(|| lock.lock().wait_until((&stop, SHORT))), (0, 0));
    assert_eq!(cost(|| lock.lock().wait_until((&either, &till, SHORT))), (0, 0));
    assert_eq!(cost(|| lock.lock().wait_some_until(|n| (*n == 1).then_some(()), (&stop, SHORT))), (0, 0));
    assert_eq!(cost(|| condition.wait_until(&mut lock.lock(), (&stop, SHORT))), (0, 0));
    let guards = (lock.lock(), rlock.lock(), rlock.lock());
    std::thread::scope(|s| {
        let locker = s.spawn(|| {
            assert_eq!(cost(|| lock.lock_until((&stop, &either, SHORT)).is_ok()), (0, 0));
            assert_eq!(cost(|| rlock.lock_until((&stop, &either, SHORT)).is_ok()), (0, 0));
        });
        locker.join().unwrap();
    });
    drop(guards);

    let (one, two, event) = (Barrier::new(1), Barrier::new(2), Event::new());
    let patient = Barrier::new(2).on_stop(OnStop::Withdraw);
    assert_eq!(cost(|| one.wait()), (0, 0));
    assert_eq!(cost(|| (two.reset(), two.wait_until((&stop, SHORT)))), (0, 0));
    assert_eq!(cost(|| patient.wait_until((&stop, &either, SHORT))), (0, 0));
    assert_eq!(cost(|| event.wait_until((&stop, SHORT))), (0, 0));
    assert_eq!(cost(|| (event.set(), event.wait(), event.clear())), (0, 0));

    let (empty, full) = (Queue::<u8>::unbounded(), Queue::bounded(1));
    full.push(0).unwrap();
    assert_eq!(cost(|| empty.pop_until(SHORT)), (0, 0));
    assert_eq!(cost(|| empty.pop_task_until((&stop, &either, SHORT)).is_ok()), (0, 0));
    assert_eq!(cost(|| full.push_until(1, SHORT)), (0, 0));
    assert_eq!(cost(|| full.push_until(1, (&stop, &till, SHORT))), (0, 0));
    assert_eq!(cost(|| full.join_until((&stop, SHORT))), (0, 0));
    assert_eq!(cost(|| (full.pop(), full.push(1))), (0, 0), "a place that was there is used again");
}

/// What can never come needs no room.
pub fn the_end_of_a_queue_allocates_nothing() {
    let [closed, dropped] = [Queue::unbounded(), Queue::unbounded()];
    for q in [&closed, &dropped] {
        q.extend(0..100).unwrap();
        q.closed();
    }
    let before = MINE.get();
    assert_eq!(closed.close_now().len(), 100);
    drop(dropped);
    let after = MINE.get();
    assert_eq!(after[..2], before[..2]);
    assert!(after[2] >= before[2] + 2 * 100 * size_of::<i32>(), "and what there was is free");
}
