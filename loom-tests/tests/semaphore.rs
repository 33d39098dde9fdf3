//! Semaphore: the door, and what it gives.
//!
//! Each race is run twice: with everybody young, and with everybody over a millisecond old, who once unserved is served first.
#![cfg(loom)]

use loom_tests::*;
use std::sync::Arc;
use stopwhen::model::aged;
use stopwhen::{Permit, Semaphore, Signal};

/// A race at both ages.
fn both(name: &str, bound: Bound, floor: usize, f: impl Fn() + Clone + Send + Sync + 'static) {
    young(name, bound, floor, f.clone());
    old(name, bound, floor, f);
}

fn young(name: &str, bound: Bound, floor: usize, f: impl Fn() + Send + Sync + 'static) {
    aged(false);
    model(&format!("{name}, young"), bound, floor, f);
}

fn old(name: &str, bound: Bound, floor: usize, f: impl Fn() + Send + Sync + 'static) {
    aged(true);
    model(&format!("{name}, aged"), bound, floor, f);
}

/// As [`both`], with each contestant once as the first.
fn both_first(name: &str, bound: Bound, floor: usize, f: impl Fn(Order) + Clone + Send + Sync + 'static) {
    aged(false);
    each_first(&format!("{name}, young"), bound, floor, f.clone());
    aged(true);
    each_first(&format!("{name}, aged"), bound, floor, f);
}

/// K4: when nobody is at it, so many are there, nobody is in line, and whoever comes can have them all.
#[track_caller]
fn settled(s: &Semaphore, permits: usize) {
    assert_eq!((s.available(), s.waiting()), (permits, 0), "permits, and those in line");
    assert!(s.try_acquire_many(permits).is_some(), "free, and nobody is served first");
}

// ---- permits travel, and what came before with them ------------------------------------------------------

/// Breaks if giving back is not Release, or trying not Acquire.
#[test]
fn drop_vs_try() {
    each_first("drop_vs_try", threads(2), 6, |order| {
        let (s, d) = (Semaphore::new(1), Payload::new());
        let held = s.acquire();
        order.race(
            || {
                d.set();
                drop(held);
            },
            || {
                if s.try_acquire().is_some() {
                    d.check()
                }
            },
        );
        settled(&s, 1);
    });
}

/// Breaks if making permits is not Release.
#[test]
fn release_vs_try() {
    each_first("release_vs_try", threads(2), 11, |order| {
        let (s, d) = (Semaphore::new(0), Payload::new());
        order.race(
            || {
                d.set();
                s.release(1);
            },
            || {
                if s.try_acquire().is_some() {
                    d.check()
                }
            },
        );
        settled(&s, 1);
    });
}

/// Breaks if taking what is there for ever is not Acquire.
#[test]
fn release_vs_drain() {
    each_first("release_vs_drain", threads(2), 22, |order| {
        let (s, d) = (Semaphore::new(0), Payload::new());
        let (_, drained) = order.race(
            || {
                d.set();
                s.release(1);
            },
            || {
                let drained = s.drain();
                if drained > 0 {
                    d.check();
                }
                drained
            },
        );
        settled(&s, 1 - drained);
    });
}

/// Breaks if a release between a newcomer's look and its sleep is lost.
#[test]
fn release_vs_acquire() {
    both_first("release_vs_acquire", threads(2), 84, |order| {
        let (s, d) = (Semaphore::new(0), Payload::new());
        order.race(
            || {
                d.set();
                s.release(1);
            },
            || {
                s.acquire().forget();
                d.check();
            },
        );
        settled(&s, 0);
    });
}

/// Breaks if the last look of a newcomer, the line's lock in hand, is not Acquire.
#[test]
fn drop_vs_acquire() {
    both_first("drop_vs_acquire", threads(2), 34, |order| {
        let (s, d) = (Semaphore::new(1), Payload::new());
        let held = s.acquire();
        order.race(
            || {
                let _permit = s.acquire();
                d.check();
            },
            || {
                d.set();
                drop(held);
            },
        );
        settled(&s, 1);
    });
}

/// Breaks if a newcomer that stays awake for a while takes what it should queue for, or forgets to queue.
#[test]
fn drop_vs_acquire_awake() {
    stopwhen::model::awake(2);
    both_first("drop_vs_acquire_awake", threads(2), 20, |order| {
        let (s, d) = (Semaphore::new(1), Payload::new());
        let held = s.acquire();
        order.race(
            || {
                let _permit = s.acquire();
                d.check();
            },
            || {
                d.set();
                drop(held);
            },
        );
        settled(&s, 1);
    });
}

/// Breaks if handing over is not Acquire: then the first giver's work does not travel by the second one.
#[test]
fn two_releases_vs_acquire_many() {
    both("two_releases_vs_acquire_many", threads(3), 830, || {
        let (s, d, e) = (Semaphore::new(0), Payload::new(), Payload::new());
        join3(
            || {
                d.set();
                s.release(1);
            },
            || {
                e.set();
                s.release(1);
            },
            || {
                s.acquire_many(2).forget();
                d.check();
                e.check();
            },
        );
        settled(&s, 0);
    });
}

/// Breaks if taking many does not take as many.
#[test]
fn many_vs_small() {
    both("many_vs_small", threads(3), 960, || {
        let (s, d) = (Semaphore::new(2), Payload::new());
        let read = || {
            let _permit = s.acquire();
            d.look();
        };
        join3(read, read, || {
            let _all = s.acquire_many(2);
            d.set();
        });
        d.check();
        settled(&s, 2);
    });
}

// ---- those in line ---------------------------------------------------------------------------------------

/// Breaks if who took does not call the next: the second of two permits would lie there.
#[test]
fn one_release_for_two() {
    both("one_release_for_two", threads(3), 760, || {
        let (s, d) = (Semaphore::new(0), Payload::new());
        let work = || {
            s.acquire().forget();
            d.check();
        };
        join3(work, work, || {
            d.set();
            s.release(2);
        });
        settled(&s, 0);
    });
}

/// Breaks if giving back does not look whether somebody is in line.
#[test]
fn three_in_turn() {
    both("three_in_turn", threads(3), 1000, || {
        let (s, d) = (Semaphore::new(1), Payload::new());
        let work = || {
            let _permit = s.acquire();
            d.set();
        };
        join3(work, work, work);
        d.check_times(3);
        settled(&s, 1);
    });
}

/// Breaks if a failed try gives back what nobody held, if who is called and finds nothing does not go on waiting, or if its
/// answer is not Acquire: it may take what another one gave back, who called nobody.
#[test]
fn called_and_overtaken() {
    both("called_and_overtaken", threads(3), 230, || {
        let (s, d) = (Semaphore::new(1), Payload::new());
        let held = s.acquire();
        let (_, overtook, _) = join3(
            || {
                let _permit = s.acquire();
                d.set();
            },
            || {
                let permit = s.try_acquire();
                permit.iter().for_each(|_| d.set());
                permit.is_some()
            },
            || {
                d.set();
                drop(held);
            },
        );
        d.check_times(2 + u32::from(overtook));
        settled(&s, 1);
    });
}

/// Breaks if who is called and finds nothing leaves CALLING set: the next release would call nobody.
#[test]
fn called_and_drained() {
    both_first("called_and_drained", threads(2), 10000, |order| {
        let s = Semaphore::new(0);
        order.race(
            || s.acquire().forget(),
            || {
                s.release(1);
                let taken = s.forget_permits(1);
                s.release(taken);
            },
        );
        settled(&s, 0);
    });
}

// ---- stops -----------------------------------------------------------------------------------------------

/// Who may be stopped: whether it got its permit, which it has given back.
fn try_until(s: &Semaphore, n: usize, stop: &Signal, d: &Payload) -> bool {
    let permit = s.acquire_many_until(n, stop);
    if permit.is_ok() {
        d.set();
    }
    permit.is_ok()
}

/// Breaks if a permit on its way to one that is stopped, and taken in its last try, is lost.
#[test]
fn grant_vs_stop() {
    both("grant_vs_stop", threads(3), 600, || {
        let (s, stop, d) = (Semaphore::new(1), Signal::new(), Payload::new());
        let held = s.acquire();
        let (got, _, _) = join3(
            || try_until(&s, 1, &stop, &d),
            || stop.go(),
            || {
                d.set();
                drop(held);
            },
        );
        settled(&s, 1);
        d.check_times(1 + u32::from(got));
    });
}

/// Breaks if who hands permits over to one that is stopped keeps them.
#[test]
fn hand_over_vs_stop() {
    both("hand_over_vs_stop", threads(3), 4000, || {
        let (s, stop, d) = (Semaphore::new(1), Signal::new(), Payload::new());
        join3(
            || try_until(&s, 2, &stop, &d),
            || stop.go(),
            || {
                drop(s.try_acquire());
                s.release(1);
            },
        );
        settled(&s, 2);
    });
}

/// Breaks if a stopped one stays in line, whichever of two stops it.
#[test]
fn stop_vs_stop() {
    both("stop_vs_stop", threads(3), 10600, || {
        let (s, a, b) = (Semaphore::new(0), Signal::new(), Signal::new());
        join3(|| a.go(), || b.go(), || assert!(s.acquire_until((&a, &b)).is_err()));
        settled(&s, 0);
        s.release(1);
        settled(&s, 1);
    });
}

/// Breaks if a stopped one stays in line when another one is behind it.
#[test]
fn one_stop_for_two() {
    both("one_stop_for_two", threads(3), 10900, || {
        let (s, stop) = (Semaphore::new(1), Signal::new());
        let held = s.acquire();
        let wait = || assert!(s.acquire_until(&stop).is_err());
        join3(wait, wait, || stop.go());
        drop(held);
        settled(&s, 1);
    });
}

/// Breaks if a stopped head, who wants more than there is, does not serve the one behind it when it leaves.
#[test]
fn stopped_head() {
    both("stopped_head", threads(3), 3900, || {
        let (s, stop) = (Semaphore::new(0), Signal::new());
        join3(
            || assert!(s.acquire_many_until(2, &stop).is_err()),
            || s.acquire().forget(),
            || {
                s.release(1);
                stop.go();
            },
        );
        settled(&s, 0);
    });
}

/// Breaks if a head that was called, then stopped, and took all the same, leaves CALLING set: nobody would be called again.
#[test]
fn called_and_stopped_with_one_behind() {
    both("called_and_stopped_with_one_behind", threads(3), 2500, || {
        let (s, stop, d) = (Semaphore::new(1), Signal::new(), Payload::new());
        let held = s.acquire();
        let (got, _, _) = join3(
            || try_until(&s, 1, &stop, &d),
            || {
                let _permit = s.acquire();
                d.set();
            },
            || {
                d.set();
                drop(held);
                stop.go();
            },
        );
        settled(&s, 1);
        d.check_times(2 + u32::from(got));
    });
}

/// Breaks if a head that was called, then overtaken, then stopped in vain, leaves CALLING set, or another's leaving clears it.
#[test]
fn called_overtaken_stopped_with_one_behind() {
    both("called_overtaken_stopped_with_one_behind", threads(4), 1500, || {
        let (s, stop, d) = (Semaphore::new(1), Signal::new(), Payload::new());
        let held = s.acquire();
        let (got, _, overtook, _) = join4(
            || try_until(&s, 1, &stop, &d),
            || {
                let _permit = s.acquire();
                d.set();
            },
            || {
                let permit = s.try_acquire();
                permit.iter().for_each(|_| d.set());
                permit.is_some()
            },
            || {
                d.set();
                drop(held);
                stop.go();
            },
        );
        settled(&s, 1);
        d.check_times(2 + u32::from(got) + u32::from(overtook));
    });
}

/// Breaks if a head that is stopped when it is to be called leaves CALLING set.
#[test]
fn stopped_and_called_with_one_behind() {
    both("stopped_and_called_with_one_behind", threads(3), 3700, || {
        let (s, stop, d) = (Semaphore::new(1), Signal::new(), Payload::new());
        let held = s.acquire();
        let (got, _, _) = join3(
            || try_until(&s, 1, &stop, &d),
            || {
                let _permit = s.acquire();
                d.set();
            },
            || {
                stop.go();
                d.set();
                drop(held);
            },
        );
        settled(&s, 1);
        d.check_times(2 + u32::from(got));
    });
}

/// Breaks if permits that were to be handed to one who is stopped do not go to the one behind it.
#[test]
fn hand_over_vs_stop_with_one_behind() {
    both("hand_over_vs_stop_with_one_behind", threads(3), 9200, || {
        let (s, stop, d) = (Semaphore::new(1), Signal::new(), Payload::new());
        let (got, _, _) = join3(
            || try_until(&s, 3, &stop, &d),
            || {
                let _permit = s.acquire_many(2);
                d.set();
            },
            || {
                s.release(0); // who is there and over age is found unserved
                stop.go();
                s.release(2);
            },
        );
        settled(&s, 3);
        d.check_times(1 + u32::from(got));
    });
}

/// Breaks if a large head that is stopped leaves SERVING set: newcomers would queue for what is free.
#[test]
fn large_head_stopped() {
    both("large_head_stopped", threads(3), 2000, || {
        let (s, stop) = (Semaphore::new(1), Signal::new());
        join3(|| assert!(s.acquire_many_until(2, &stop).is_err()), || drop(s.try_acquire()), || stop.go());
        settled(&s, 1);
    });
}

/// K1. Breaks if a newcomer takes what is free while a head that is over age waits for more, unserved.
#[test]
fn newcomers_queue_behind_an_aged_head() {
    aged(true);
    each_first("newcomers_queue_behind_an_aged_head", threads(2), 1700, |order| {
        let (s, stop) = (Semaphore::new(1), Signal::new());
        order.race(
            || assert!(s.acquire_many_until(2, &stop).is_err()),
            || {
                if s.waiting() == 1 {
                    s.release(0); // finds it unserved
                    assert!(s.try_acquire().is_none());
                }
                stop.go();
            },
        );
        settled(&s, 1);
    });
}

/// K1. Breaks if SERVING outlasts the head that was over age: the one behind is young, and does not stand in the way.
#[test]
fn an_aged_head_leaves_a_young_one() {
    aged(false);
    model("an_aged_head_leaves_a_young_one", threads(3), 16700, || {
        aged(true);
        let of = std::sync::Arc::new((Semaphore::new(1), Signal::new(), Signal::new()));
        let wait = |stop: fn(&(Semaphore, Signal, Signal)) -> &Signal| {
            let of = of.clone();
            loom::thread::spawn(move || assert!(of.0.acquire_many_until(2, stop(&of)).is_err()))
        };
        let head = wait(|of| &of.1);
        drop(of.0.try_acquire()); // it is found unserved, if it is there
        aged(false);
        let behind = wait(|of| &of.2);
        of.1.go();
        head.join().unwrap();
        assert!(of.0.try_acquire().is_some(), "one is free, and whoever waits is young");
        of.2.go();
        behind.join().unwrap();
        settled(&of.0, 1);
    });
}

// ---- permits ---------------------------------------------------------------------------------------------

/// Breaks if a split or merged permit gives back more or less than it stands for.
#[test]
fn split_permit_for_two() {
    both("split_permit_for_two", threads(3), 850, || {
        let (s, d) = (Semaphore::new(2), Payload::new());
        let mut all: Permit<'_> = s.acquire_many(2);
        let work = || {
            let _permit = s.acquire();
            d.check();
        };
        join3(work, work, || {
            d.set();
            let one = all.split(1);
            drop(all);
            drop(one);
        });
        settled(&s, 2);
    });
}

/// K4: breaks if permits for which there is no room are there for a moment, for a `drain` to take.
#[test]
fn drain_vs_overflow() {
    model("drain_vs_overflow", threads(2), 2, || {
        let s = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let permit = s.acquire_many_owned(Semaphore::MAX_PERMITS);
        s.release(Semaphore::MAX_PERMITS);
        let give_back = move || std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(permit))).is_ok();
        let (came_back, drained) = join2(give_back, || s.drain());
        assert_eq!(drained, Semaphore::MAX_PERMITS);
        assert_eq!(s.available(), if came_back { Semaphore::MAX_PERMITS } else { 0 });
    });
}

/// R2: breaks if a waiter whose time has come takes no notice of what it was told at the same time.
#[test]
fn release_vs_time() {
    for age in [false, true] {
        aged(age);
        model("release_vs_time", threads(2), 2, || {
            let (s, d) = (Semaphore::new(0), Payload::new());
            let (_, got) = join2(
                || {
                    d.set();
                    s.release(1);
                },
                || {
                    let got = s.acquire_until(std::time::Duration::from_secs(1)).map(Permit::forget);
                    got.is_ok().then(|| d.check()).is_some()
                },
            );
            assert_eq!(s.available(), 1 - got as usize);
        });
    }
}
