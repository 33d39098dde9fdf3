//! RLock: the owner comes in again, all others wait for its last guard.
#![cfg(loom)]

use loom_tests::*;
use stopwhen::{RLock, Signal, model as engine};

/// Breaks if the first guard that goes unlocks, if entering is not Acquire, or leaving not Release.
#[test]
fn two_owners_each_twice() {
    model("two_owners_each_twice", threads(2), 20, || {
        let (lock, payload) = (RLock::new(()), Payload::new());
        let work = || {
            let outer = lock.lock();
            let inner = lock.lock();
            payload.set();
            drop(outer);
            payload.set();
            drop(inner);
        };
        join2(work, work);
        payload.check_times(4);
        assert!(!lock.is_locked());
    });
}

/// Breaks as the one above, with somebody in line behind somebody in line.
#[test]
fn three_owners() {
    for aged in [false, true] {
        engine::aged(aged);
        let name = if aged { "three_owners, all over age" } else { "three_owners" };
        model(name, threads(3), 600, || {
            let (lock, payload) = (RLock::new(()), Payload::new());
            let work = || {
                let _outer = lock.lock();
                let _inner = lock.lock();
                payload.set();
            };
            join3(work, work, work);
            payload.check_times(3);
            assert!(!lock.is_locked());
        });
    }
}

/// Breaks if a failed try leaves itself as the owner, or a guard is made of one.
#[test]
fn try_vs_lock() {
    model("try_vs_lock", threads(2), 15, || {
        let (lock, payload) = (RLock::new(()), Payload::new());
        let (tried, ()) = join2(
            || {
                let guard = lock.try_lock();
                assert_eq!(lock.is_owned(), guard.is_some());
                guard.map(|_guard| payload.set()).is_some()
            },
            || {
                let _guards = (lock.lock(), lock.lock());
                payload.set();
            },
        );
        payload.check_times(1 + tried as u32);
    });
}

/// Breaks if a stopped waiter leaves its seat in line, or takes the permit and says that it was stopped.
#[test]
fn until_vs_stop() {
    for aged in [false, true] {
        engine::aged(aged);
        let name = if aged { "until_vs_stop, all over age" } else { "until_vs_stop" };
        model(name, threads(3), 600, || {
            let (lock, stop, payload) = (RLock::new(()), Signal::new(), Payload::new());
            let (in_time, _, ()) = join3(
                || {
                    let Ok(_outer) = lock.lock_until(&stop) else { return false };
                    let _inner = lock.lock();
                    payload.set();
                    true
                },
                || stop.go(),
                || {
                    let _guards = (lock.lock(), lock.lock());
                    payload.set();
                },
            );
            payload.check_times(1 + in_time as u32);
            assert!(!lock.is_locked() && lock.try_lock().is_some());
        });
    }
}
