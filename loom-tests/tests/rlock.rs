//! RLock: the owner comes in again, all others wait for its last guard.
#![cfg(loom)]

use loom::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use loom_tests::*;
use stopwhen::{RLock, Signal, model as engine};

/// What is to be seen by one thread at a time, in order.
///
/// The owner is no step of loom's, and neither is a payload: so that others come while somebody is inside, all look at the
/// count first. It is Relaxed, which orders nothing.
struct Inside {
    payload: Payload,
    here: AtomicUsize,
}

impl Inside {
    fn new() -> Inside {
        Inside { payload: Payload::new(), here: AtomicUsize::new(0) }
    }

    fn look(&self) {
        self.here.load(Relaxed);
    }

    fn enter(&self) {
        assert_eq!(self.here.fetch_add(1, Relaxed), 0, "somebody else is inside");
        self.payload.set();
    }

    fn leave(&self) {
        self.payload.set();
        self.here.fetch_sub(1, Relaxed);
    }

    /// So many were inside.
    fn check(&self, n: u32) {
        self.payload.check_times(2 * n);
    }
}

/// Breaks if the first guard that goes unlocks, if who finds it locked takes itself for the owner, if entering is not
/// Acquire, or leaving not Release.
#[test]
fn two_owners_each_twice() {
    model("two_owners_each_twice", threads(2), 250, || {
        let (lock, inside) = (RLock::new(()), Inside::new());
        let work = || {
            inside.look();
            let outer = lock.lock();
            inside.enter();
            let inner = lock.lock();
            drop(outer);
            inside.leave();
            drop(inner);
        };
        join2(work, work);
        inside.check(2);
        assert!(!lock.is_locked());
    });
}

/// Breaks as the one above, with somebody in line behind somebody in line.
#[test]
fn three_owners() {
    for aged in [false, true] {
        engine::aged(aged);
        let name = if aged { "three_owners, all over age" } else { "three_owners" };
        model(name, threads(3), 20_000, || {
            let (lock, inside) = (RLock::new(()), Inside::new());
            let work = || {
                inside.look();
                let _outer = lock.lock();
                inside.enter();
                let _inner = lock.lock();
                inside.leave();
            };
            join3(work, work, work);
            inside.check(3);
            assert!(!lock.is_locked());
        });
    }
}

/// Breaks if a failed try leaves itself as the owner, or a guard is made of one.
#[test]
fn try_vs_lock() {
    model("try_vs_lock", threads(2), 80, || {
        let (lock, inside) = (RLock::new(()), Inside::new());
        let (tried, ()) = join2(
            || {
                inside.look();
                let guard = lock.try_lock();
                assert_eq!(lock.is_owned(), guard.is_some());
                if guard.is_some() {
                    inside.enter();
                    inside.leave();
                }
                guard.is_some()
            },
            || {
                inside.look();
                let _guards = (lock.lock(), lock.lock());
                inside.enter();
                inside.leave();
            },
        );
        inside.check(1 + tried as u32);
    });
}

/// Breaks if a stopped waiter leaves its seat in line, or takes the permit and says that it was stopped.
#[test]
fn until_vs_stop() {
    for aged in [false, true] {
        engine::aged(aged);
        let name = if aged { "until_vs_stop, all over age" } else { "until_vs_stop" };
        model(name, threads(3), 4000, || {
            let (lock, stop, inside) = (RLock::new(()), Signal::new(), Inside::new());
            let (in_time, _, ()) = join3(
                || {
                    inside.look();
                    let Ok(_outer) = lock.lock_until(&stop) else { return false };
                    let _inner = lock.lock();
                    inside.enter();
                    inside.leave();
                    true
                },
                || stop.go(),
                || {
                    inside.look();
                    let _guards = (lock.lock(), lock.lock());
                    inside.enter();
                    inside.leave();
                },
            );
            inside.check(1 + in_time as u32);
            assert!(!lock.is_locked() && lock.try_lock().is_some());
        });
    }
}
