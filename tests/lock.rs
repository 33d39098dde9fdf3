//! Lock: one thread inside, and those who wait for what it changes.
mod common;
#[path = "lock/looks.rs"]
mod looks;

use common::*;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::{Lock, LockGuard, Signal, Stopped, Till};

// ---- coming in and going out -----------------------------------------------------------------------------

static COUNTER: Lock<u64> = Lock::new(0);

#[test]
fn a_static_lock_lets_one_in_at_a_time() {
    in_time("four threads count", || {
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| (0..25_000).for_each(|_| *COUNTER.lock() += 1));
            }
        });
        assert_eq!(*COUNTER.lock(), 100_000);
    });
}

#[test]
fn try_lock_is_none_while_somebody_is_inside() {
    let lock = Lock::new(1);
    let guard = lock.lock();
    assert!(lock.is_locked());
    thread::scope(|s| s.spawn(|| assert!(lock.try_lock().is_none())).join().unwrap());
    assert!(lock.try_lock().is_none(), "L4: nor does its owner get it twice");
    drop(guard);
    assert!(!lock.is_locked());
    assert_eq!(lock.try_lock().map(|guard| *guard), Some(1));
}

#[test]
fn r1_a_free_lock_is_taken_whatever_until_says() {
    let lock = Lock::new(1);
    assert!(lock.lock_until(Signal::done()).is_ok());
    assert!(lock.lock_until(Duration::ZERO).is_ok());
    assert!(lock.lock_until(Instant::now() - Duration::from_millis(1)).is_ok());
    assert!(lock.lock_until(None::<Signal>).is_ok());
}

#[test]
fn lock_until_is_ended_by_every_kind_of_until() {
    let lock = Lock::new(1);
    let _guard = lock.lock();
    thread::scope(|s| {
        s.spawn(|| {
            let stopped = |what, end: Result<LockGuard<'_, _>, _>| assert_eq!(end.err(), Some(Stopped), "{what}");
            stopped("gone", lock.lock_until(Signal::done()));
            stopped("zero", lock.lock_until(Duration::ZERO));
            stopped("short", lock.lock_until(Duration::from_millis(2)));
            stopped("instant", lock.lock_until(Instant::now() + Duration::from_millis(2)));
            stopped("till", lock.lock_until(Till::millis(2)));
            stopped("pair", lock.lock_until((Signal::never(), Duration::from_millis(2))));
        });
    });
}

#[test]
fn a_stop_ends_the_wait_for_the_lock_and_leaves_no_trace() {
    in_time("a stopped locker", || {
        let (lock, stop) = (Lock::new(0), Signal::new());
        let guard = lock.lock();
        thread::scope(|s| {
            let stopped = s.spawn(|| lock.lock_until((&stop, AGES)).is_err());
            let served = s.spawn(|| *lock.lock() += 1);
            stop.go();
            assert!(stopped.join().unwrap());
            drop(guard);
            served.join().unwrap();
        });
        assert_eq!(lock.into_inner(), 1);
    });
}

// ---- L4: not reentrant -----------------------------------------------------------------------------------

#[test]
fn l4_locking_again_panics_with_both_places() {
    let lock = Lock::new(0);
    let (first, mut guard) = (line!(), lock.lock());
    let again: [&dyn Fn(); 2] = [&|| drop(lock.lock()), &|| drop(lock.lock_until(Signal::done()))];
    for again in again {
        let said = panic_of(again);
        assert!(said.contains(&format!("{}:{first}:", file!())), "{said}");
        assert_eq!(said.matches(file!()).count(), 2, "{said}");
    }
    *guard += 1; // the guard is as it was
    drop(guard);
    assert_eq!(*lock.lock(), 1);
    assert!(!lock.panicked_inside());
}

#[test]
fn l4_after_a_wait_the_owner_is_known_by_the_same_place() {
    let lock = Lock::new(0);
    let (first, mut guard) = (line!(), lock.lock());
    assert_eq!(guard.wait_until(Duration::ZERO), Err(Stopped));
    let said = panic_of(|| drop(lock.lock()));
    assert!(said.contains(&format!("{}:{first}:", file!())), "{said}");
}

#[test]
fn l4_inside_a_closure_too() {
    let lock = Lock::new(0);
    let mut guard = lock.lock();
    let said = panic_of(|| guard.wait_some(|_| Some(*lock.lock())));
    assert!(said.contains("already"), "{said}");
}

// ---- L1: a wait ends inside ------------------------------------------------------------------------------

#[test]
fn l1_whatever_ends_a_wait_the_lock_is_held_again() {
    in_time("waits that end", || {
        let lock = Lock::new(0);
        let mut guard = lock.lock();
        let stop = Signal::new();
        assert_eq!(guard.wait_until(Signal::done()), Err(Stopped));
        assert!(lock.is_locked());
        assert_eq!(guard.wait_until(Duration::ZERO), Err(Stopped));
        assert!(lock.is_locked());
        assert_eq!(guard.wait_until(Duration::from_millis(1)), Err(Stopped));
        assert!(lock.is_locked());
        thread::scope(|s| {
            s.spawn(|| stop.go());
            assert_eq!(guard.wait_until((&stop, AGES)), Err(Stopped));
            assert!(lock.is_locked());
            s.spawn(|| *lock.lock() = 1);
            guard.wait_while(|n| *n == 0);
            assert!(lock.is_locked());
        });
    });
}

#[test]
fn a_gone_until_still_lets_others_in_once() {
    in_time("polling with a gone until", || {
        let lock = Lock::new(false);
        thread::scope(|s| {
            let mut guard = lock.lock();
            s.spawn(|| *lock.lock() = true);
            while !*guard {
                let _ = guard.wait_until(Signal::done());
            }
        });
    });
}

#[test]
fn wait_some_asks_once_more_when_it_is_stopped() {
    let lock = Lock::new(3);
    let mut asked = 0;
    let end = lock.lock().wait_some_until(
        |n| {
            asked += 1;
            (asked == 2).then_some(*n)
        },
        Signal::done(),
    );
    assert_eq!((end, asked), (Ok(3), 2));
    assert_eq!(lock.lock().wait_some_until(|_| None::<()>, Signal::done()), Err(Stopped));
    assert_eq!(lock.lock().wait_while_until(|n| *n == 3, Duration::ZERO), Err(Stopped));
    assert_eq!(lock.lock().wait_while_until(|n| *n != 3, Duration::ZERO), Ok(()));
}

#[test]
fn durations_count_from_the_call_not_from_each_look() {
    in_time("a bounded wait among changes", || {
        let (lock, done) = (Lock::new(0u64), Signal::new());
        thread::scope(|s| {
            s.spawn(|| {
                while !done.is_go() {
                    *lock.lock() += 1;
                    thread::yield_now();
                }
            });
            let end = lock.lock().wait_some_until(|_| None::<()>, Duration::from_millis(20));
            assert_eq!(end, Err(Stopped));
            done.go();
        });
    });
}

#[test]
fn a_huge_duration_is_never() {
    in_time("a wait for ages", || {
        let lock = Lock::new(0);
        thread::scope(|s| {
            s.spawn(|| *lock.lock() = 1);
            assert_eq!(lock.lock().wait_while_until(|n| *n == 0, Duration::MAX), Ok(()));
        });
    });
}

#[test]
fn unlocked_lets_others_in_and_comes_back() {
    in_time("unlocked", || {
        let lock = Lock::new(0);
        let mut guard = lock.lock();
        *guard = 1;
        let seen = LockGuard::unlocked(&mut guard, || {
            thread::scope(|s| s.spawn(|| std::mem::replace(&mut *lock.lock(), 2)).join().unwrap())
        });
        assert_eq!((seen, *guard, lock.is_locked()), (1, 2, true));
        let panic = catch_unwind(AssertUnwindSafe(|| LockGuard::unlocked(&mut guard, || resume_unwind(Box::new(7)))));
        assert!(panic.is_err() && lock.is_locked());
    });
}

// ---- L5: fairness ----------------------------------------------------------------------------------------

#[test]
fn l5_who_has_waited_is_not_overtaken_for_ever() {
    in_time("a lock that is hardly ever free", || {
        let (lock, done) = (Lock::new(()), Signal::new());
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    while !done.is_go() {
                        let _guard = lock.lock();
                        let begun = Instant::now();
                        while begun.elapsed() < Duration::from_millis(2) {
                            std::hint::spin_loop();
                        }
                    }
                });
            }
            (0..20).for_each(|_| drop(lock.lock()));
            done.go();
        });
    });
}

// ---- R8: panics ------------------------------------------------------------------------------------------

#[test]
fn r8_a_panic_inside_unlocks_and_is_told() {
    let lock = Lock::new(0);
    assert!(!lock.panicked_inside());
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = lock.lock();
        *guard = 1;
        resume_unwind(Box::new("inside"));
    }));
    assert!(lock.panicked_inside() && !lock.is_locked());
    assert_eq!(*lock.lock(), 1);
}

#[test]
fn a_panic_outside_is_none_of_a_locks_that_is_used_on_the_way() {
    struct Uses<'a>(&'a Lock<i32>);
    impl Drop for Uses<'_> {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let lock = Lock::new(0);
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let _uses = Uses(&lock);
        resume_unwind(Box::new("outside"));
    }));
    assert!(!lock.panicked_inside());
    assert_eq!(lock.into_inner(), 1);
}

#[test]
fn r8_a_closure_that_panics_has_changed_the_state() {
    in_time("a panic in a closure", || {
        let (lock, waits) = (Lock::new((0, 0)), Signal::new());
        thread::scope(|s| {
            let waiter = s.spawn(|| {
                let mut guard = lock.lock();
                guard.1 = 1;
                guard.wait_while(|v| v.0 == 0);
            });
            let mut guard = lock.lock();
            guard.wait_while(|v| v.1 == 0);
            let _ = guard.wait_until(Signal::done()); // its end alone is no change now
            let _ = catch_unwind(AssertUnwindSafe(|| {
                guard.wait_some(|v| -> Option<()> {
                    v.0 = 1;
                    resume_unwind(Box::new("half done"))
                })
            }));
            drop(guard);
            waiter.join().unwrap();
        });
        drop(waits);
    });
}

// ---- what kind of thing it is ----------------------------------------------------------------------------

#[test]
fn values_without_a_size_are_fine() {
    let slice: &Lock<[i32]> = &Lock::new([1, 2, 3]);
    slice.lock()[1] = 5;
    assert_eq!(slice.lock().iter().sum::<i32>(), 9);
    let object: Arc<Lock<dyn std::fmt::Debug + Send>> = Arc::new(Lock::new("shown"));
    assert_eq!(format!("{:?}", object.lock()), "\"shown\"");
    assert_eq!(object.lock().wait_some(|d| Some(format!("{d:?}"))), "\"shown\"");
}

#[test]
fn it_shows_what_is_inside_unless_somebody_is() {
    let lock = Lock::new(5);
    assert_eq!(format!("{lock:?}"), "Lock { data: 5, panicked_inside: false }");
    let guard = lock.lock();
    assert_eq!(format!("{lock:?} {guard:?} {guard}"), "Lock { data: <locked>, panicked_inside: false } 5 5");
}

#[test]
fn it_is_made_and_unmade_like_any_cell() {
    let mut lock: Lock<Vec<u8>> = Lock::default();
    lock.get_mut().push(1);
    assert_eq!(lock.into_inner(), [1]);
    assert_eq!(*Lock::from(7).lock(), 7);
}

#[test]
fn a_guard_shows_the_values_own_names_behind_a_star() {
    let lock = Lock::new(Signal::done());
    let guard = lock.lock();
    (*guard).wait();
    assert!(guard.is_go());
}

/// Data that is only `Send` may be shared in a lock; a guard stays on its thread.
#[test]
fn auto_traits_are_as_promised() {
    fn shared<T: Send + Sync>() {}
    fn sync<T: Sync>() {}
    shared::<Lock<Cell<i32>>>();
    sync::<LockGuard<'_, i32>>();

    trait IsSend<A> {
        fn answer() {}
    }
    struct Yes;
    impl<T: ?Sized> IsSend<()> for T {}
    impl<T: ?Sized + Send> IsSend<Yes> for T {}
    let _: fn() = <LockGuard<'static, i32> as IsSend<_>>::answer; // ambiguous if it were Send
}

#[cfg(feature = "test-clock")]
#[test]
fn t7_a_paused_clock_ends_waits_and_counts_sleepers() {
    use stopwhen::clock;
    in_time("waits on a paused clock", || {
        let time = clock::pause();
        let lock = Arc::new(Lock::new(0));
        let (handle, shared) = (time.handle(), lock.clone());
        let guard = lock.lock();
        let (waits, told) = (Signal::new(), Signal::new());
        let sleeper = thread::spawn({
            let (waits, told) = (waits.clone(), told.clone());
            move || {
                let _scope = handle.register();
                assert!(shared.lock_until(Duration::from_secs(60)).is_err());
                waits.wait();
                let mut guard = shared.lock();
                assert_eq!(guard.wait_until(Duration::from_secs(60)), Ok(()), "told, not out of time");
                told.go();
                assert_eq!(guard.wait_until(Duration::from_secs(60)), Err(Stopped));
            }
        });
        time.wait_for_sleepers(1);
        time.advance(Duration::from_secs(60));
        drop(guard);
        waits.go();
        time.wait_for_sleepers(1);
        drop(lock.lock()); // a guard that never waited: its end is a change
        told.wait();
        time.wait_for_sleepers(1);
        time.advance(Duration::from_secs(60));
        sleeper.join().unwrap();
    });
}
