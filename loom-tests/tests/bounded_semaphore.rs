//! BoundedSemaphore: available, out and forgotten are the bound.
#![cfg(loom)]

use loom_tests::*;
use stopwhen::BoundedSemaphore;

/// K3, with nobody at it and nothing out: what is not there was forgotten.
#[track_caller]
fn settled(s: &BoundedSemaphore, forgotten: usize) {
    assert_eq!((s.available(), s.waiting()), (s.bound() - forgotten, 0), "permits, and those in line");
    assert!(s.release(forgotten + 1).is_err());
    assert!(s.release(forgotten).is_ok() && s.release(1).is_err());
    assert_eq!(s.available(), s.bound());
}

/// Breaks if forgetting is not Release, or giving the forgotten back not Acquire.
#[test]
fn forget_vs_release() {
    each_first("forget_vs_release", threads(2), 6, |order| {
        let (s, d) = (BoundedSemaphore::new(1), Payload::new());
        let held = s.acquire();
        let (_, back) = order.race(
            || {
                d.set();
                held.forget();
            },
            || {
                let back = s.release(1).is_ok();
                assert_eq!(s.available(), usize::from(back));
                if back {
                    d.check();
                }
                back
            },
        );
        settled(&s, usize::from(!back));
    });
}

/// Breaks if one forgotten permit is given back twice.
#[test]
fn release_vs_release() {
    each_first("release_vs_release", threads(2), 22, |order| {
        let s = BoundedSemaphore::new(2);
        s.acquire().forget();
        let (a, b) = order.race(|| s.release(1).is_ok(), || s.release(1).is_ok());
        assert!(a != b);
        settled(&s, 0);
    });
}

/// Breaks if what is given back is not told to who waits, or the forgetter's work does not travel with it.
#[test]
fn forgotten_for_a_waiter() {
    each_first("forgotten_for_a_waiter", threads(3), 82, |order| {
        let (s, d) = (BoundedSemaphore::new(1), Payload::new());
        let held = s.acquire();
        let (_, back, _) = order.race3(
            || {
                d.set();
                held.forget();
            },
            || s.release(1).is_ok(),
            || {
                if s.try_acquire().is_some() {
                    d.check();
                }
            },
        );
        settled(&s, usize::from(!back));
    });
}

/// Breaks if drained permits are not counted, or are counted before they were taken.
#[test]
fn drain_vs_release() {
    each_first("drain_vs_release", threads(3), 790, |order| {
        let s = BoundedSemaphore::new(2);
        let (drained, back, _) = order.race3(
            || s.drain(),
            || usize::from(s.release(1).is_ok()),
            || {
                drop(s.try_acquire());
                assert!(s.available() <= 2);
            },
        );
        settled(&s, drained - back);
    });
}

/// Breaks if a release of the forgotten is lost on one who queues meanwhile.
#[test]
fn release_vs_acquire() {
    each_first("release_vs_acquire", threads(2), 34, |order| {
        let s = BoundedSemaphore::new(1);
        s.acquire().forget();
        order.race(|| s.release(1).is_ok(), || drop(s.acquire()));
        settled(&s, 0);
    });
}
