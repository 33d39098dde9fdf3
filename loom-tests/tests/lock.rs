//! Lock: one inside at a time, and the looks of those who wait for changes.
//!
//! Where age matters a model runs twice: with everybody young, and with everybody over a millisecond old.
#![cfg(loom)]

use loom_tests::*;
use stopwhen::model::{aged, awake, doubts};
use stopwhen::{Lock, LockGuard, Signal, Stopped};

/// Runs models with everybody young, then with everybody over age.
fn young_and_aged(models: impl Fn(&str)) {
    models("young");
    aged(true);
    models("aged");
}

/// Two threads, of which one waits: all there is takes hours, five preemptions seconds.
fn two_and_a_wait() -> Bound {
    threads(2).only(5)
}

/// Locks, counts a write, and unlocks.
fn visit(lock: &Lock<u32>, payload: &Payload) {
    let mut guard = lock.lock();
    payload.set();
    *guard += 1;
}

// ---- one inside at a time --------------------------------------------------------------------------------

/// Breaks if coming in is not Acquire, going out not Release, or a release between look and queue is missed.
#[test]
fn lock_vs_lock() {
    young_and_aged(|age| {
        model(&format!("lock_vs_lock {age}"), threads(2), 0, || {
            let (l, d) = (Lock::new(0), Payload::new());
            join2(|| visit(&l, &d), || visit(&l, &d));
            d.check_times(2);
            assert_eq!(*l.lock(), 2);
        });
    });
}

/// Breaks if the hand-over to the first in line is not Acquire and Release, or the line is served out of turn.
#[test]
fn three_lock() {
    young_and_aged(|age| {
        model(&format!("three_lock {age}"), threads(3), 0, || {
            let (l, d) = (Lock::new(0), Payload::new());
            join3(|| visit(&l, &d), || visit(&l, &d), || visit(&l, &d));
            d.check_times(3);
        });
    });
}

/// Breaks if who stays awake for the lock takes it without Acquire.
#[test]
fn lock_awake() {
    awake(2);
    model("lock_awake", threads(2), 0, || {
        let (l, d) = (Lock::new(0), Payload::new());
        join2(|| visit(&l, &d), || visit(&l, &d));
        d.check_times(2);
    });
}

/// Breaks if `try_lock` takes what is not there, or builds a guard for it.
#[test]
fn try_lock_vs_lock() {
    each_first("try_lock_vs_lock", threads(2), 0, |order| {
        let (l, d) = (Lock::new(0), Payload::new());
        let (_, tried) = order.race(
            || visit(&l, &d),
            || {
                let guard = l.try_lock();
                guard.as_ref().inspect(|_| d.set());
                guard.is_some()
            },
        );
        d.check_times(1 + tried as u32);
        assert!(!l.is_locked());
    });
}

/// Breaks if a stop and an unlock at the same time lose the lock, or take it twice. Payload: unlock, and `go`.
#[test]
fn lock_until_vs_stop_vs_unlock() {
    young_and_aged(|age| {
        model(&format!("lock_until_vs_stop_vs_unlock {age}"), threads(3), 0, || {
            let (l, d, stop, why) = (Lock::new(0), Payload::new(), Signal::new(), Payload::new());
            let (held, d) = (l.lock(), &d);
            join3(
                || raise(&stop, &why),
                || match l.lock_until(&stop) {
                    Ok(_inside) => d.check(),
                    Err(Stopped) => why.check(),
                },
                move || {
                    d.set();
                    drop(held);
                },
            );
            assert!(l.try_lock().is_some());
        });
    });
}

/// Breaks if a stopped waiter that is first in line holds up the one behind it.
#[test]
fn stopped_head_vs_unlock() {
    young_and_aged(|age| {
        model(&format!("stopped_head_vs_unlock {age}"), threads(4), 0, || {
            let (l, stop) = (Lock::new(0), Signal::new());
            let held = l.lock();
            join4(|| drop(l.lock_until(&stop)), || drop(l.lock()), || stop.go(), move || drop(held));
            assert!(l.try_lock().is_some());
        });
    });
}

/// Breaks if two signals that stop one waiter at once do more than stop it.
#[test]
fn lock_until_vs_two_stops() {
    model("lock_until_vs_two_stops", threads(3), 0, || {
        let (l, a, b) = (Lock::new(0), Signal::new(), Signal::new());
        let held = l.lock();
        join3(|| assert!(l.lock_until((&a, &b)).is_err()), || a.go(), || b.go());
        drop(held);
        assert!(l.try_lock().is_some());
    });
}

// ---- changes and looks -----------------------------------------------------------------------------------

/// Breaks if a change between the look and the sleep is not told. Payload: change → look.
#[test]
fn change_vs_wait() {
    model("change_vs_wait", two_and_a_wait(), 0, || {
        let (l, d) = (Lock::new(false), Payload::new());
        join2(
            || {
                let mut guard = l.lock();
                d.set();
                *guard = true;
            },
            || {
                l.lock().wait_while(|done| !*done);
                d.check();
            },
        );
    });
}

/// L2: breaks if a wait after a mutable borrow, an answer or a panic of a closure, or a `notify_all` is no change.
#[test]
fn every_change_vs_wait() {
    type Change = fn(&mut LockGuard<'_, u32>);
    let changes: [(&str, Change); 3] = [
        ("answer", |guard| guard.wait_some(|n| (*n == 0).then(|| *n = 1))),
        ("panic", |guard| {
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                guard.wait_some(|n| -> Option<()> {
                    *n = 1;
                    std::panic::resume_unwind(Box::new("half done"))
                })
            }));
            assert!(panic.is_err());
        }),
        ("borrow", |guard| **guard = 1),
    ];
    for (name, change) in changes {
        model(&format!("every_change_vs_wait {name}"), two_and_a_wait(), 0, move || {
            let l = Lock::new(0);
            let back = Signal::new();
            join2(
                || {
                    let mut guard = l.lock();
                    let _ = guard.wait_until(Signal::done()); // from here on its end alone is no change
                    change(&mut guard);
                    let _ = guard.wait_until(&back);
                },
                || {
                    l.lock().wait_while(|n| *n == 0);
                    back.go();
                },
            );
        });
    }
}

/// L3: breaks if one change gives a waiter two looks, or a waiter looks where nothing has changed.
#[test]
fn looks_are_counted() {
    model("looks_are_counted", threads(3), 0, || {
        let (l, stop) = (Lock::new(0), Signal::new());
        let look = || {
            let mut looks = 0;
            let mut guard = l.lock();
            while guard.wait_until(&stop).is_ok() {
                looks += 1;
            }
            LockGuard::quiet(guard);
            looks
        };
        let (a, b, ()) = join3(look, look, || {
            *l.lock() = 1;
            stop.go();
        });
        assert!(a <= 1 && b <= 1, "{a} and {b} looks at one change");
    });
}

/// Breaks if a waiter that waits again, and never leaves, keeps the look that is under way.
#[test]
fn rewait_passes_on() {
    model("rewait_passes_on", threads(3), 0, || {
        let l = Lock::new(0);
        join3(
            || l.lock().wait_while(|n| *n < 2),
            || {
                l.lock().wait_some(|n| (*n == 1).then(|| *n = 2));
            },
            || *l.lock() = 1,
        );
    });
}

/// L1, L6: breaks if a stop ends a wait without the lock, or a change is lost by it. Payload: both.
#[test]
fn wait_vs_stop() {
    model("wait_vs_stop", two_and_a_wait(), 0, || {
        let (l, d, stop) = (Lock::new(0), Payload::new(), Signal::new());
        join2(
            || {
                visit(&l, &d);
                stop.go();
            },
            || {
                let mut guard = l.lock();
                let told = guard.wait_until(&stop);
                if *guard == 1 {
                    d.check();
                }
                assert!(*guard == 1 || told.is_ok(), "the stop comes after the change");
                d.set(); // inside, whatever ended it
            },
        );
        d.check_times(2);
    });
}

/// L6: breaks if a stopped waiter swallows a change that another one waits for.
#[test]
fn change_vs_stop_vs_other_waiter() {
    model("change_vs_stop_vs_other_waiter", threads(4), 0, || {
        let (l, stop) = (Lock::new(0), Signal::new());
        join4(
            || {
                let mut guard = l.lock();
                let _ = guard.wait_until(&stop);
                LockGuard::quiet(guard);
            },
            || l.lock().wait_while(|n| *n == 0),
            || stop.go(),
            || *l.lock() = 1,
        );
    });
}

/// Breaks if a guard that leaves without a word keeps the look that is under way.
#[test]
fn quiet_passes_on() {
    model("quiet_passes_on", threads(3), 0, || {
        let l = Lock::new(0);
        join3(
            || {
                let mut guard = l.lock();
                if *guard == 0 {
                    guard.wait();
                }
                LockGuard::quiet(guard);
            },
            || l.lock().wait_while(|n| *n == 0),
            || *l.lock() = 1,
        );
    });
}

/// Breaks if `unlocked` does not tell what was changed before it, or does not come back in. Payload: both ways.
#[test]
fn unlocked_vs_wait() {
    model("unlocked_vs_wait", two_and_a_wait(), 0, || {
        let (l, d, looked) = (Lock::new(0), Payload::new(), Signal::new());
        join2(
            || {
                let mut guard = l.lock();
                d.set();
                *guard = 1;
                LockGuard::unlocked(&mut guard, || looked.wait());
                d.check_times(2);
            },
            || {
                let mut guard = l.lock();
                guard.wait_while(|n| *n == 0);
                d.set();
                drop(guard);
                looked.go();
            },
        );
    });
}

/// R3: breaks if a callback of the signal that stops a waiter cannot take the lock of that waiter.
#[test]
fn callback_takes_the_lock_of_whom_its_signal_stops() {
    each_first("callback_takes_the_lock_of_whom_its_signal_stops", two_and_a_wait(), 0, |order| {
        let (l, stop) = (std::sync::Arc::new(Lock::new(0)), Signal::new());
        stop.on_go({
            let l = l.clone();
            move || *l.lock() += 1
        });
        let _ = order.race(|| stop.go(), || l.lock().wait_until(&stop));
        assert_eq!(*l.lock(), 1);
    });
}

// ---- doubts ----------------------------------------------------------------------------------------------

/// L3: breaks if a hidden change is not told at the end of the nap.
#[test]
fn hidden_change_is_told() {
    doubts(0);
    model("hidden_change_is_told", two_and_a_wait(), 0, || {
        let (l, back) = (Lock::new(0), Signal::new());
        join2(
            || {
                let mut guard = l.lock();
                let _ = guard.wait_until(Signal::done());
                *guard = 1;
                let _ = guard.wait_until(&back);
                LockGuard::quiet(guard);
            },
            || {
                l.lock().wait_while(|n| *n == 0);
                back.go();
            },
        );
    });
}

/// Breaks if a napper that is stopped or given a look does not tell what was hidden.
#[test]
fn napper_vs_stop() {
    doubts(0);
    model("napper_vs_stop", threads(3), 0, || {
        let (l, stop) = (Lock::new(0), Signal::new());
        join3(
            || {
                let mut guard = l.lock();
                let _ = guard.wait_until(Signal::done());
                *guard = 1;
                let _ = guard.wait_until(&stop);
                LockGuard::quiet(guard);
            },
            || l.lock().wait_while(|n| *n == 0),
            || stop.go(),
        );
    });
}

/// Breaks if what a second one hides while the first naps is told to nobody, or not to the napper.
#[test]
fn two_hide_and_one_naps() {
    doubts(0);
    model("two_hide_and_one_naps", threads(3), 0, || {
        let l = Lock::new(0);
        join3(
            || {
                let mut guard = l.lock();
                *guard |= 1;
                if *guard == 3 {
                    return; // its end is a change
                }
                while *guard < 3 {
                    guard.wait(); // hidden, if somebody waits: it naps
                }
                LockGuard::quiet(guard);
            },
            || {
                let mut guard = l.lock();
                let _ = guard.wait_until(Signal::done()); // from here on its end alone is no change
                *guard |= 2;
                let _ = guard.wait_until(Signal::done()); // hidden, if somebody waits
                LockGuard::quiet(guard);
            },
            || {
                let mut guard = l.lock();
                guard.wait_while(|n| *n < 3);
                LockGuard::quiet(guard); // or its answer would tell whoever was forgotten
            },
        );
    });
}

/// Breaks if a napper that is given a look does not tell what another has hidden since that was granted.
#[test]
fn napper_given_a_look_vs_hider() {
    doubts(0);
    model("napper_given_a_look_vs_hider", threads(3), 0, || {
        let l = Lock::new(0);
        join3(
            || {
                let mut guard = l.lock();
                let _ = guard.wait_until(Signal::done());
                if *guard == 0 {
                    *guard = 1;
                    guard.wait();
                }
                LockGuard::quiet(guard);
            },
            || l.lock().wait_some(|n| (*n == 2).then(|| *n = 3)),
            || {
                drop(l.lock()); // a sure change
                let mut guard = l.lock();
                let _ = guard.wait_until(Signal::done());
                *guard = 2;
                guard.wait_while(|n| *n < 3);
                LockGuard::quiet(guard);
            },
        );
    });
}
