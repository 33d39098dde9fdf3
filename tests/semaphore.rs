//! Semaphore: permits taken, waited for, stopped and given back.
mod common;
use common::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Mutex};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};
use stopwhen::{OwnedPermit, Permit, Semaphore, Signal, Stopped, Till};

const MAX: usize = Semaphore::MAX_PERMITS;

/// Until so many are in line.
fn queued(s: &Semaphore, n: usize) {
    while s.waiting() != n {
        yield_now();
    }
}

// ---- taking and giving back ------------------------------------------------------------------------------

#[test]
fn k4_what_is_taken_is_given_back() {
    let s = Semaphore::new(5);
    let (one, three) = (s.acquire(), s.acquire_many(3));
    assert_eq!((one.count(), three.count(), s.available()), (1, 3, 1));
    let last = s.try_acquire().expect("a last one");
    assert!(s.try_acquire().is_none() && s.try_acquire_many(2).is_none());
    assert_eq!(s.available(), 0);
    drop((three, last));
    assert_eq!(s.available(), 4);
    assert!(s.try_acquire_many(5).is_none() && s.try_acquire_many(4).is_some());
    drop(one);
    assert_eq!((s.available(), s.waiting()), (5, 0));
}

#[test]
fn k4_permits_come_and_go_with_release_forget_and_drain() {
    let s = Semaphore::new(3);
    s.release(2);
    s.acquire_many(2).forget();
    assert_eq!(s.available(), 3);
    assert_eq!((s.forget_permits(2), s.forget_permits(2), s.forget_permits(2)), (2, 1, 0));
    s.release(4);
    let held = s.acquire();
    assert_eq!((s.drain(), s.drain()), (3, 0));
    drop(held);
    assert_eq!(s.available(), 1);
    s.release(0);
    assert_eq!(s.available(), 1);
}

#[test]
fn a_permit_is_split_and_merged() {
    let s = Semaphore::new(4);
    let mut all = s.acquire_many(4);
    assert!(all.split(5).is_none());
    let mut two = all.split(2).expect("two of four");
    let none = two.split(0).expect("none of two");
    assert_eq!((all.count(), two.count(), none.count()), (2, 2, 0));
    drop(none);
    assert_eq!(s.available(), 0);
    all.merge(two);
    assert_eq!((all.count(), s.available()), (4, 0));
    let rest = all.split(4).expect("all of them");
    assert_eq!(all.count(), 0);
    drop(all);
    assert_eq!(s.available(), 0);
    drop(rest);
    assert_eq!(s.available(), 4);
}

#[test]
fn permits_of_two_semaphores_do_not_merge() {
    let (a, b) = (Semaphore::new(1), Semaphore::new(1));
    let mut of_a = a.acquire();
    let told = panic_of(|| of_a.merge(b.acquire()));
    assert!(told.contains("two different semaphores"), "{told}");
    assert_eq!((of_a.count(), a.available(), b.available()), (1, 0, 1));
}

#[test]
fn owned_permits_keep_their_semaphore() {
    let s = Arc::new(Semaphore::new(6));
    let stop = Signal::done();
    let mut owned: Vec<OwnedPermit> = vec![s.acquire_owned(), s.acquire_many_owned(2)];
    owned.push(s.acquire_owned_until(&stop).expect("free"));
    owned.push(s.try_acquire_owned().expect("free"));
    assert_eq!(s.acquire_many_owned_until(2, &stop).err(), Some(Stopped));
    owned.push(s.acquire_many_owned_until(1, &stop).expect("free"));
    assert!(s.try_acquire_owned().is_none() && s.try_acquire_many_owned(1).is_none());
    assert_eq!(s.acquire_owned_until(&stop).err(), Some(Stopped));
    let mut all = s.try_acquire_many_owned(0).expect("always there");
    owned.into_iter().for_each(|permit| all.merge(permit));
    assert_eq!(all.count(), 6);
    let kept = all.split(1).expect("one of six");
    all.split(2).expect("two of five").forget();
    let weak = Arc::downgrade(&s);
    drop(s);
    thread::spawn(move || drop(all)).join().unwrap();
    assert_eq!(weak.upgrade().expect("a permit is out").available(), 3);
    drop(kept);
    assert!(weak.upgrade().is_none());
}

#[test]
fn a_static_semaphore_needs_no_one_to_make_it() {
    static SLOTS: Semaphore = Semaphore::new(2);
    let permit: Permit<'static> = SLOTS.acquire();
    thread::spawn(move || drop(permit)).join().unwrap();
    assert_eq!(SLOTS.available(), 2);
}

#[test]
fn debug_shows_what_is_there_and_who_waits() {
    let s = Arc::new(Semaphore::new(3));
    let two = s.acquire_many(2);
    assert_eq!(format!("{s:?} {two:?}"), "Semaphore { available: 1, waiting: 0 } Permit { count: 2 }");
    assert_eq!(format!("{:?}", s.acquire_owned()), "OwnedPermit { count: 1 }");
}

// ---- limits ----------------------------------------------------------------------------------------------

#[test]
fn k2_none_are_always_there() {
    in_time("acquire_many(0)", || {
        let s = Semaphore::new(0);
        let stop = Signal::new();
        thread::scope(|scope| {
            scope.spawn(|| s.acquire_until(&stop).err());
            queued(&s, 1);
            let none = s.acquire_many(0);
            assert_eq!((none.count(), s.acquire_many_until(0, Signal::done()).map(|p| p.count())), (0, Ok(0)));
            assert!(s.try_acquire_many(0).is_some());
            stop.go();
        });
    });
}

#[test]
fn k2_more_than_there_can_ever_be_is_refused_at_once() {
    let s = Arc::new(Semaphore::new(1));
    for many in [MAX + 1, usize::MAX] {
        let told = [
            panic_of(|| s.acquire_many(many)),
            panic_of(|| s.acquire_many_until(many, AGES)),
            panic_of(|| s.acquire_many_owned(many)),
            panic_of(|| s.acquire_many_owned_until(many, AGES)),
        ];
        assert!(told.iter().all(|t| t.contains("Semaphore::MAX_PERMITS") && t.contains(&many.to_string())), "{told:?}");
        assert!(s.try_acquire_many(many).is_none() && s.try_acquire_many_owned(many).is_none());
    }
    assert_eq!((s.available(), s.waiting()), (1, 0));
    assert!(panic_of(|| Semaphore::new(MAX + 1)).contains("MAX_PERMITS"));
}

#[test]
fn k2_overflow_is_refused_before_anything_changes() {
    let s = Semaphore::new(MAX);
    for n in [1, MAX, usize::MAX] {
        let told = panic_of(|| s.release(n));
        assert!(told.contains("Semaphore::MAX_PERMITS") && told.contains(&n.to_string()), "{told}");
        assert_eq!(s.available(), MAX);
    }
    let all = s.acquire_many(MAX);
    assert_eq!(s.available(), 0);
    drop(all);
    assert_eq!(s.drain(), MAX);
}

/// Permits that were made while others were out: what is too much is lost, and told.
#[test]
fn k2_permits_that_find_no_room_are_told() {
    let s = Semaphore::new(MAX);
    let mut all = s.acquire_many(MAX);
    s.release(MAX);
    let more = s.acquire_many(MAX);
    assert!(panic_of(|| all.merge(more)).contains("MAX_PERMITS"));
    assert_eq!((all.count(), s.available()), (MAX, MAX));
    let one = all.split(1).expect("one");
    assert!(panic_of(|| drop(one)).contains("given back"));
    assert!(panic_of(|| drop(all)).contains("given back"));
    assert_eq!(s.available(), MAX);
}

// ---- waiting and being stopped ---------------------------------------------------------------------------

#[test]
fn r1_what_is_there_is_taken_whatever_has_come() {
    let s = Semaphore::new(1);
    let gone = Signal::done();
    for _ in 0..3 {
        assert!(s.acquire_until(&gone).is_ok());
        assert!(s.acquire_until(Duration::ZERO).is_ok());
        assert!(s.acquire_many_until(1, (&gone, Instant::now())).is_ok());
    }
    let _held = s.acquire();
    assert_eq!(s.acquire_until(&gone).err(), Some(Stopped));
    assert_eq!(s.acquire_until(Duration::ZERO).err(), Some(Stopped));
    assert_eq!(s.acquire_many_until(1, (Some(&gone), AGES)).err(), Some(Stopped));
    assert_eq!((s.available(), s.waiting()), (0, 0));
}

#[test]
fn every_kind_of_until_ends_a_wait() {
    in_time("acquire_until", || {
        let s = Semaphore::new(0);
        let (a, b) = (Signal::new(), Signal::new());
        let short = Duration::from_millis(2);
        let begun = Instant::now();
        assert!(s.acquire_until(short).is_err());
        assert!(begun.elapsed() >= short, "R4: never early");
        assert!(s.acquire_until(Instant::now() + short).is_err());
        assert!(s.acquire_until(Till::after(short)).is_err());
        assert!(s.acquire_many_until(7, (&a, (None::<Signal>, short))).is_err());
        thread::scope(|scope| {
            scope.spawn(|| assert!(s.acquire_until(&a | &b).is_err()));
            scope.spawn(|| assert!(s.acquire_until((&a, &b)).is_err()));
            scope.spawn(|| assert!(s.acquire_many_until(2, (AGES, &b)).is_err()));
            queued(&s, 3);
            b.go();
        });
        assert_eq!((s.available(), s.waiting()), (0, 0));
    });
}

#[test]
fn r5_no_wait_ends_without_a_reason() {
    in_time("unparked for nothing", || {
        let s = Semaphore::new(0);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| s.acquire().forget());
            queued(&s, 1);
            for _ in 0..1000 {
                waiter.thread().unpark();
                yield_now();
            }
            assert_eq!(s.waiting(), 1);
            s.release(1);
        });
    });
}

#[test]
fn k1_those_in_line_are_served_in_order() {
    in_time("seven in line", || {
        for _ in 0..20 {
            let s = Semaphore::new(0);
            let order = Mutex::new(Vec::new());
            let work = |i| {
                let permit = s.acquire_many(1 + i % 2);
                order.lock().unwrap().push(i);
                permit.forget();
            };
            thread::scope(|scope| {
                for i in 0..7 {
                    scope.spawn(move || work(i));
                    queued(&s, i + 1);
                }
                // A permit at a time; who comes first in line with enough of them is the next.
                for i in 0..10 {
                    s.release(1);
                    let done = [1, 1, 2, 3, 3, 4, 5, 5, 6, 7][i];
                    while order.lock().unwrap().len() < done {
                        yield_now();
                    }
                }
            });
            let order = order.into_inner().unwrap();
            assert_eq!((order, s.available()), (vec![0, 1, 2, 3, 4, 5, 6], 0));
        }
    });
}

#[test]
fn k1_a_large_request_is_served_however_many_hammer() {
    let s = Arc::new(Semaphore::new(4));
    let over = Arc::new(AtomicBool::new(false));
    let hammers: Vec<_> = (0..6)
        .map(|i| {
            let (s, over) = (s.clone(), over.clone());
            thread::spawn(move || {
                while !over.load(Acquire) {
                    match i % 2 {
                        0 => drop(s.acquire()),
                        _ => drop(s.try_acquire()),
                    }
                }
            })
        })
        .collect();
    for round in 0..20 {
        let s = s.clone();
        in_time(&format!("all of them, round {round}"), move || assert_eq!(s.acquire_many(4).count(), 4));
    }
    over.store(true, Release);
    hammers.into_iter().for_each(|h| h.join().unwrap());
    assert_eq!((s.available(), s.waiting()), (4, 0));
}

/// Until the first in line is over age and unserved, newcomers take what it cannot use.
#[test]
fn k1_newcomers_queue_behind_an_unserved_head_and_no_longer() {
    in_time("a head that grows old", || {
        let s = Semaphore::new(1);
        let stop = Signal::new();
        thread::scope(|scope| {
            scope.spawn(|| assert!(s.acquire_many_until(2, &stop).is_err()));
            queued(&s, 1);
            let since = Instant::now();
            while let Some(permit) = s.try_acquire() {
                drop(permit);
                yield_now();
            }
            assert!(since.elapsed() < PATIENCE);
            assert_eq!(s.available(), 1, "it is kept for the one in line");
            assert_eq!(s.acquire_until(Signal::done()).err(), Some(Stopped), "a try is a try");
            stop.go();
        });
        assert!(s.try_acquire().is_some());
    });
}

#[test]
fn k1_a_storm_of_short_waits_makes_progress() {
    in_time("a storm", || {
        let s = Semaphore::new(2);
        thread::scope(|scope| {
            for i in 0..8 {
                let (s, mut dice) = (&s, Dice::new(i));
                scope.spawn(move || {
                    let mut served = 0;
                    while served < 200 {
                        let until = Duration::from_micros(dice.below(60) as u64);
                        served += usize::from(s.acquire_many_until(1 + dice.below(2), until).is_ok());
                    }
                });
            }
        });
        assert_eq!((s.available(), s.waiting()), (2, 0));
    });
}

/// Whoever waits briefly for more than there is does not keep what there is from others.
#[test]
fn k1_a_storm_for_too_much_leaves_what_is_free() {
    in_time("a storm for two of one", || {
        let s = Semaphore::new(1);
        let over = Signal::new();
        thread::scope(|scope| {
            for i in 0..4 {
                let (s, over, mut dice) = (&s, &over, Dice::new(i));
                scope.spawn(move || {
                    while !over.is_go() {
                        let until = Duration::from_micros(dice.below(60) as u64);
                        assert!(s.acquire_many_until(2, until).is_err());
                    }
                });
            }
            let mut served = 0;
            while served < 500 {
                served += usize::from(s.try_acquire().is_some());
                yield_now();
            }
            over.go();
        });
        assert_eq!((s.available(), s.waiting()), (1, 0));
    });
}

/// R6, as the kernel counts it: those in line sleep through what is not for them.
#[test]
#[cfg(target_os = "linux")]
fn r6_nobody_is_woken_in_vain() {
    use std::path::Path;
    fn slept(task: &Path) -> usize {
        let status = std::fs::read_to_string(task.join("status")).expect("a thread that lives");
        let line = status.lines().find_map(|l| l.strip_prefix("voluntary_ctxt_switches:"));
        line.and_then(|n| n.trim().parse().ok()).expect("a count")
    }
    let asleep = |task: &Path| {
        let status = std::fs::read_to_string(task.join("status")).expect("a thread that lives");
        status.lines().any(|l| l.starts_with("State:") && l.contains("S (sleeping)"))
    };
    in_time("waiters that sleep on", move || {
        let s = Semaphore::new(1);
        let (tell, told) = std::sync::mpsc::channel();
        thread::scope(|scope| {
            let mut tasks = Vec::new();
            for i in 0..3 {
                let (places, tell) = (&s, tell.clone());
                scope.spawn(move || {
                    let own = std::fs::read_link("/proc/thread-self").expect("a thread has one");
                    tell.send(Path::new("/proc").join(own)).unwrap();
                    places.acquire_many(2).forget();
                });
                tasks.push(told.recv().unwrap());
                queued(&s, i + 1);
            }
            while !tasks.iter().all(|task| asleep(task)) {
                yield_now();
            }
            let before: Vec<usize> = tasks.iter().map(|task| slept(task)).collect();
            for _ in 0..10_000 {
                drop(s.try_acquire()); // one is not enough for the head, before it grows old and after
                s.release(0);
            }
            let after: Vec<usize> = tasks.iter().map(|task| slept(task)).collect();
            s.release(5);
            // One more each: a thread may have been on its way to its sleep.
            let vain: Vec<usize> = before.iter().zip(after).map(|(before, after)| after - before).collect();
            assert!(vain.iter().all(|woken| *woken < 2), "{vain:?} wake-ups of 10000 releases");
        });
        assert_eq!((s.available(), s.waiting()), (0, 0));
    });
}

#[test]
fn r8_a_panic_gives_permits_back() {
    in_time("a panic with permits", || {
        let s = Arc::new(Semaphore::new(2));
        let told = catch_unwind(AssertUnwindSafe(|| {
            let _borrowed = s.acquire();
            let _owned = s.acquire_owned();
            thread::scope(|scope| {
                scope.spawn(|| assert!(s.acquire_until(Duration::ZERO).is_err()));
            });
            resume_unwind(Box::new("boom"))
        }));
        assert!(told.is_err());
        assert_eq!(s.available(), 2);
        thread::scope(|scope| {
            let held = s.acquire_many(2);
            let waiter = scope.spawn(|| s.acquire_many(2).count());
            queued(&s, 1);
            let _ = catch_unwind(AssertUnwindSafe(move || {
                let _held = held;
                resume_unwind(Box::new("boom"))
            }));
            assert_eq!(waiter.join().unwrap(), 2);
        });
        assert_eq!(s.available(), 2);
    });
}

#[cfg(feature = "test-clock")]
#[test]
fn t7_a_paused_clock_ends_an_acquire_and_counts_its_sleeper() {
    in_time("an hour", || {
        let paused = stopwhen::clock::pause();
        let handle = paused.handle();
        let s = Arc::new(Semaphore::new(0));
        let waiter = thread::spawn({
            let s = s.clone();
            move || {
                let _scope = handle.register();
                let hour = Duration::from_secs(3600);
                assert!(s.acquire_until(hour).is_err());
                assert!(s.acquire_many_until(2, (Signal::new(), hour)).is_err());
                s.acquire_until(hour).expect("released before the hour is over").forget();
            }
        });
        for _ in 0..2 {
            paused.wait_for_sleepers(1);
            paused.advance(Duration::from_secs(3599));
            assert_eq!((s.waiting(), waiter.is_finished()), (1, false));
            paused.advance(Duration::from_secs(1));
        }
        paused.wait_for_sleepers(1);
        s.release(1);
        waiter.join().unwrap();
        assert_eq!((s.available(), s.waiting()), (0, 0));
    });
}
