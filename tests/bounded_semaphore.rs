//! BoundedSemaphore: permits that are so many and never more.
mod common;
use common::*;
use std::sync::Arc;
use std::thread::{self, yield_now};
use std::time::Duration;
use stopwhen::{AcquireError, BoundedSemaphore, OverRelease, Permit, Semaphore, Signal, Stopped};

/// K3, with `out` permits out: what is missing was forgotten, and exactly that much can be given back.
#[track_caller]
fn law(s: &BoundedSemaphore, out: usize, forgotten: usize) {
    assert_eq!(s.available() + out + forgotten, s.bound());
    let before = s.available();
    assert_eq!(s.release(forgotten + 1), Err(OverRelease));
    assert_eq!(s.available(), before, "nothing was changed");
}

#[test]
fn k3_available_out_and_forgotten_are_the_bound() {
    let s = BoundedSemaphore::new(6);
    law(&s, 0, 0);
    let (one, mut three) = (s.acquire(), s.acquire_many(3));
    law(&s, 4, 0);
    one.forget();
    law(&s, 3, 1);
    three.split(1).expect("one of three").forget();
    law(&s, 2, 2);
    assert_eq!((s.forget_permits(1), s.drain(), s.drain()), (1, 1, 0));
    law(&s, 2, 4);
    assert_eq!(s.release(3), Ok(()));
    law(&s, 2, 1);
    drop(three);
    law(&s, 0, 1);
    assert_eq!((s.release(0), s.release(1), s.release(1)), (Ok(()), Ok(()), Err(OverRelease)));
    assert_eq!((s.available(), s.bound()), (6, 6));
}

#[test]
fn k3_a_drop_cannot_fail_whatever_was_released_before() {
    let s = BoundedSemaphore::new(2);
    let held = s.acquire_many(2);
    for n in [1, 2, usize::MAX] {
        assert_eq!(s.release(n), Err(OverRelease));
    }
    drop(held);
    assert_eq!(s.available(), 2);
}

#[test]
fn k2_more_than_the_bound_is_refused_at_once() {
    let s = Arc::new(BoundedSemaphore::new(2));
    for many in [3, usize::MAX] {
        assert_eq!(s.acquire_many_until(many, AGES).err(), Some(AcquireError::TooMany));
        assert_eq!(s.acquire_many_until(many, Signal::done()).err(), Some(AcquireError::TooMany));
        assert_eq!(s.acquire_many_owned_until(many, AGES).err(), Some(AcquireError::TooMany));
        let told = [panic_of(|| s.acquire_many(many)), panic_of(|| s.acquire_many_owned(many))];
        assert!(told.iter().all(|t| t.contains("bound") && t.contains(&many.to_string())), "{told:?}");
        assert!(s.try_acquire_many(many).is_none() && s.try_acquire_many_owned(many).is_none());
    }
    assert_eq!((s.available(), s.waiting()), (2, 0));
    let too_many = Semaphore::MAX_PERMITS + 1;
    assert!(panic_of(|| BoundedSemaphore::new(too_many)).contains("MAX_PERMITS"));
}

#[test]
fn k2_a_bound_of_none_refuses_at_once() {
    let s = Arc::new(BoundedSemaphore::new(0));
    assert!(panic_of(|| s.acquire()).contains("bound"));
    assert!(panic_of(|| s.acquire_until(AGES)).contains("bound"));
    assert!(panic_of(|| s.acquire_owned()).contains("bound"));
    assert!(panic_of(|| s.acquire_owned_until(AGES)).contains("bound"));
    assert_eq!(s.acquire_many_until(1, AGES).err(), Some(AcquireError::TooMany));
    assert!(s.try_acquire().is_none());
    assert_eq!((s.acquire_many(0).count(), s.drain(), s.release(1)), (0, 0, Err(OverRelease)));
}

#[test]
fn the_largest_bound_counts() {
    let s = BoundedSemaphore::new(Semaphore::MAX_PERMITS);
    assert_eq!(s.drain(), Semaphore::MAX_PERMITS);
    assert_eq!((s.release(Semaphore::MAX_PERMITS), s.release(1)), (Ok(()), Err(OverRelease)));
    assert_eq!(s.acquire_many(Semaphore::MAX_PERMITS).count(), Semaphore::MAX_PERMITS);
    law(&s, 0, 0);
}

#[test]
fn r1_every_form_tries_before_it_looks_at_until() {
    let s = Arc::new(BoundedSemaphore::new(1));
    let gone = Signal::done();
    assert!(s.acquire_until(&gone).is_ok());
    assert!(s.acquire_many_until(1, Duration::ZERO).is_ok());
    assert!(s.acquire_owned_until(&gone).is_ok());
    assert!(s.acquire_many_owned_until(1, (&gone, AGES)).is_ok());
    let held = s.acquire_owned();
    assert_eq!(s.acquire_until(&gone).err(), Some(Stopped));
    assert_eq!(s.acquire_owned_until(Duration::ZERO).err(), Some(Stopped));
    assert_eq!(s.acquire_many_until(1, &gone).err(), Some(AcquireError::Stopped));
    assert_eq!(s.acquire_many_owned_until(1, &gone).err(), Some(AcquireError::Stopped));
    assert!(s.try_acquire().is_none() && s.try_acquire_owned().is_none());
    drop(held);
    assert_eq!((s.try_acquire_owned().map(|p| p.count()), s.acquire_many_owned(1).count()), (Some(1), 1));
    law(&s, 0, 0);
}

#[test]
fn who_waits_is_told_of_what_was_forgotten_and_given_back() {
    in_time("a forgotten permit", || {
        let s = BoundedSemaphore::new(2);
        s.acquire_many(2).forget();
        thread::scope(|scope| {
            let waiter = scope.spawn(|| s.acquire_many(2).count());
            while s.waiting() == 0 {
                yield_now();
            }
            assert_eq!((s.release(1), s.release(1), s.release(1)), (Ok(()), Ok(()), Err(OverRelease)));
            assert_eq!(waiter.join().unwrap(), 2);
        });
        law(&s, 0, 0);
    });
}

#[test]
fn a_permit_does_not_merge_with_another_semaphores() {
    let (bounded, other) = (BoundedSemaphore::new(2), Semaphore::new(1));
    let mut permit = bounded.acquire();
    assert!(panic_of(|| permit.merge(other.acquire())).contains("two different semaphores"));
    permit.merge(bounded.acquire());
    assert_eq!((permit.count(), other.available()), (2, 1));
    law(&bounded, 2, 0);
}

#[test]
fn a_static_one_shows_what_it_has() {
    static SLOTS: BoundedSemaphore = BoundedSemaphore::new(3);
    let permit: Permit<'static> = SLOTS.acquire();
    assert_eq!(format!("{SLOTS:?}"), "BoundedSemaphore { available: 2, bound: 3, waiting: 0 }");
    drop(permit);
    law(&SLOTS, 0, 0);
}
