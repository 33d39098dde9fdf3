//! Lock: the monitor.
#![cfg(loom)]

use loom_tests::*;
use stopwhen::Lock;

/// Breaks if entering is not Acquire, or leaving not Release.
#[test]
fn lock_vs_lock() {
    model("lock_vs_lock", threads(2), 0, || {
        let (l, d) = (Lock::new(0), Payload::new());
        let work = || {
            let mut g = l.lock();
            d.set();
            *g += 1;
        };
        join2(work, work);
        d.check_times(2);
        assert_eq!(*l.lock(), 2);
    });
}

/// Breaks if a change between the look and the sleep is not told.
#[test]
fn change_vs_wait() {
    model("change_vs_wait", threads(2), 0, || {
        let (l, d) = (Lock::new(false), Payload::new());
        join2(
            || {
                let mut g = l.lock();
                d.set();
                *g = true;
            },
            || {
                l.lock().wait_while(|done| !*done);
                d.check();
            },
        );
    });
}
