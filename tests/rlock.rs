//! RLock: one thread at a time, as often as it likes.
#![cfg(not(loom))]
mod common;
use common::*;
use std::cell::{Cell, RefCell};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::{RLock, RLockGuard, Signal, Stopped, Till};

/// Works in a static.
static COUNTS: RLock<Cell<u64>> = RLock::new(Cell::new(0));

// ---- the owner -----------------------------------------------------------------------------------------

#[test]
fn its_owner_comes_in_again_and_again() {
    let lock = RLock::new(Cell::new(0));
    assert_eq!((lock.depth(), lock.is_owned(), lock.is_locked()), (0, false, false));
    let one = lock.lock();
    let two = lock.try_lock().expect("our own");
    let three = lock.lock_until(Duration::ZERO).expect("our own, even if time is up");
    assert_eq!((lock.depth(), lock.is_owned(), lock.is_locked()), (3, true, true));
    three.set(3);
    assert_eq!((one.get(), two.get()), (3, 3));
    drop((one, two, three));
    assert_eq!((lock.depth(), lock.is_owned(), lock.is_locked()), (0, false, false));
}

#[test]
fn others_stay_out_until_the_last_guard_is_gone_whatever_their_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let lock = RLock::new(());
        let free = || thread::scope(|s| s.spawn(|| lock.try_lock().is_some()).join().unwrap());
        let mut guards = [Some(lock.lock()), Some(lock.lock()), Some(lock.lock())];
        for (n, i) in order.into_iter().enumerate() {
            assert!(!free(), "{order:?}: {n} are gone");
            assert_eq!(lock.depth(), 3 - n, "{order:?}");
            guards[i] = None;
        }
        assert!(free(), "{order:?}");
    }
}

#[test]
fn what_others_hold_is_not_ours() {
    let lock = RLock::new(());
    let _guards = (lock.lock(), lock.lock());
    thread::scope(|s| {
        s.spawn(|| {
            assert_eq!((lock.depth(), lock.is_owned(), lock.is_locked()), (0, false, true));
            assert!(lock.try_lock().is_none());
            assert_eq!(lock.lock_until(Duration::ZERO).err(), Some(Stopped));
        });
    });
    assert_eq!(lock.depth(), 2);
}

#[test]
fn one_thread_at_a_time_in_a_static() {
    const ROUNDS: u64 = 20_000;
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for i in 0..ROUNDS {
                    let outer = COUNTS.lock();
                    let seen = outer.get();
                    if i % 3 == 0 {
                        COUNTS.lock().set(seen + 1);
                    } else {
                        outer.set(seen + 1);
                    }
                    assert_eq!(COUNTS.lock().get(), seen + 1);
                }
            });
        }
    });
    assert_eq!(COUNTS.lock().get(), 4 * ROUNDS);
}

/// A number is never given to a second thread: here many come and go, and a reused address would be found.
#[test]
fn a_forgotten_guard_keeps_all_others_out_for_ever() {
    let lock = RLock::new(());
    let forget = || std::mem::forget(lock.lock());
    thread::scope(|s| s.spawn(forget).join().unwrap());
    for _ in 0..100 {
        let seen = thread::scope(|s| s.spawn(|| (lock.is_owned(), lock.try_lock().is_some())).join().unwrap());
        assert_eq!(seen, (false, false));
    }
    assert!(lock.is_locked());
}

#[test]
fn its_owner_may_forget_one_and_go_on() {
    let lock = RLock::new(7);
    std::mem::forget(lock.lock());
    assert_eq!(*lock.lock(), 7);
    assert_eq!(lock.depth(), 1);
}

// ---- until ---------------------------------------------------------------------------------------------

#[test]
fn r1_a_free_lock_beats_a_gone_until() {
    let lock = RLock::new(());
    for _ in 0..2 {
        assert!(lock.lock_until(Signal::done()).is_ok());
        assert!(lock.lock_until(Duration::ZERO).is_ok());
        assert!(lock.lock_until(Instant::now()).is_ok());
        assert!(lock.lock_until((Signal::done(), Duration::MAX)).is_ok());
        std::mem::forget(lock.lock()); // and so does our own
    }
}

#[test]
fn whatever_may_end_a_wait_ends_this_one() {
    let lock = RLock::new(());
    let _held = lock.lock();
    thread::scope(|s| {
        s.spawn(|| {
            let stopped = |r: Result<RLockGuard<'_, ()>, Stopped>| assert_eq!(r.err(), Some(Stopped));
            stopped(lock.lock_until(Signal::done()));
            stopped(lock.lock_until(Duration::from_millis(1)));
            stopped(lock.lock_until(Instant::now() + Duration::from_millis(1)));
            stopped(lock.lock_until(Till::millis(1)));
            stopped(lock.lock_until((Signal::never(), Some(Duration::from_millis(1)))));
            stopped(lock.lock_until(Signal::never() | Till::millis(1)));
        });
    });
}

#[test]
fn a_signal_stops_who_waits_and_leaves_nothing_behind() {
    in_time("lock_until is stopped", || {
        let (lock, stop) = (RLock::new(()), Signal::new());
        let held = lock.lock();
        thread::scope(|s| {
            let waiters: Vec<_> = (0..3).map(|_| s.spawn(|| lock.lock_until(&stop).is_err())).collect();
            stop.go();
            assert!(waiters.into_iter().all(|w| w.join().unwrap()));
        });
        drop(held);
        assert!(thread::scope(|s| s.spawn(|| lock.try_lock().is_some()).join().unwrap()));
        assert_eq!(hanging(&stop), 0);
    });
}

#[test]
fn a_huge_duration_is_never() {
    in_time("lock_until(MAX)", || {
        let lock = RLock::new(());
        let held = lock.lock();
        thread::scope(|s| {
            let waiter = s.spawn(|| lock.lock_until(Duration::MAX).is_ok());
            drop(held);
            assert!(waiter.join().unwrap());
        });
    });
}

// ---- panics, and what is asked of the types --------------------------------------------------------------

#[test]
fn r8_a_panic_inside_unlocks_and_poisons_nothing() {
    let lock = RLock::new(RefCell::new(1));
    let panic = panic_of(|| {
        let outer = lock.lock();
        let inner = lock.lock();
        *inner.borrow_mut() = 2;
        drop(outer);
        panic!("inside");
    });
    assert_eq!((panic.as_str(), lock.depth(), lock.is_locked()), ("inside", 0, false));
    assert_eq!(thread::scope(|s| s.spawn(|| *lock.lock().borrow()).join().unwrap()), 2);
}

/// A value that can be sent, but not shared, goes from thread to thread; one that cannot be sent stays.
#[test]
fn its_threads_take_turns_with_a_value_that_is_only_send() {
    fn is_sync<T: Sync>() {}
    fn is_send<T: Send>() {}
    fn survives_panics<T: UnwindSafe + RefUnwindSafe>() {}
    is_sync::<RLock<Cell<u8>>>();
    is_send::<RLock<Cell<u8>>>();
    is_sync::<RLockGuard<'_, u8>>();
    survives_panics::<RLock<u8>>();
    survives_panics::<RLockGuard<'_, u8>>();

    /// Ambiguous, and so no program, where `T` is what it must not be.
    macro_rules! is_not {
        ($kind:ident: $type:ty) => {
            const _: fn() = || {
                trait Ambiguous<A> {
                    fn some() {}
                }
                impl<T: ?Sized> Ambiguous<()> for T {}
                impl<T: ?Sized + $kind> Ambiguous<u8> for T {}
                <$type as Ambiguous<_>>::some();
            };
        };
    }
    is_not!(Send: RLockGuard<'static, u8>);
    is_not!(Sync: RLockGuard<'static, Cell<u8>>);
    is_not!(Sync: RLock<std::rc::Rc<u8>>);
    is_not!(Send: RLock<std::rc::Rc<u8>>);
    is_not!(Sync: RLock<std::sync::MutexGuard<'static, u8>>);
    is_not!(RefUnwindSafe: RLock<Cell<u8>>);
}

#[test]
fn wraps_and_unwraps_and_shows() {
    let mut lock = RLock::from(vec![1]);
    lock.get_mut().push(2);
    assert_eq!(format!("{lock:?}"), "RLock { data: [1, 2] }");
    let guard = lock.lock();
    assert_eq!(format!("{guard:?} {lock:?}"), "[1, 2] RLock { data: [1, 2] }"); // our own: shown
    let others = thread::scope(|s| s.spawn(|| format!("{lock:?}")).join().unwrap());
    assert_eq!(others, "RLock { data: <locked> }");
    drop(guard);
    assert_eq!(lock.into_inner(), [1, 2]);
    assert_eq!(*RLock::<u8>::default().lock(), 0);
    assert_eq!(RLock::new(5).lock().to_string(), "5");
    #[cfg(target_pointer_width = "64")]
    assert!(size_of::<RLock<()>>() <= 48);
    let slice: &RLock<[u8]> = &RLock::new([1, 2, 3]);
    assert_eq!(slice.lock().len(), 3);
}

#[test]
fn a_waiter_gets_in_while_the_owner_hardly_lets_go() {
    in_time("the waiter", || {
        let (lock, done) = (RLock::new(Cell::new(0)), Signal::new());
        let (inside, came) = channel();
        thread::scope(|s| {
            s.spawn(|| {
                while !done.is_go() {
                    let outer = lock.lock();
                    lock.lock().set(outer.get() + 1);
                    let _ = inside.send(());
                }
            });
            came.recv().unwrap();
            drop(lock.lock());
            done.go();
        });
    });
}
