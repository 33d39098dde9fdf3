//! L2, L3, L6: who looks, when, in which order; and who does not.
use crate::common::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};
use stopwhen::{Lock, LockGuard, Signal};

/// A waiter that says when it is about to wait, and each version that it looks at from then on, until the `last`.
fn watch(lock: &Lock<u32>, who: usize, last: u32, said: Sender<(usize, Option<u32>)>) {
    let mut guard = lock.lock();
    said.send((who, None)).unwrap();
    let mut waits = false;
    guard.wait_while(|version| {
        if std::mem::replace(&mut waits, true) {
            said.send((who, Some(*version))).unwrap();
        }
        *version < last
    });
    LockGuard::quiet(guard);
}

/// Starts `n` waiters, one after the other; all are in line when this returns, and nothing has changed.
fn gather<'s>(s: &'s Scope<'s, '_>, lock: &'s Lock<u32>, n: usize, last: u32) -> Receiver<(usize, Option<u32>)> {
    let (say, said) = channel();
    for who in 0..n {
        let say = say.clone();
        s.spawn(move || watch(lock, who, last, say));
        assert_eq!(said.recv(), Ok((who, None)));
        LockGuard::quiet(lock.lock()); // it has left, so it waits
    }
    said
}

#[test]
fn l2_each_waiter_looks_once_in_the_order_of_the_last_looks() {
    in_time("three waiters, three changes", || {
        let lock = Lock::new(0);
        thread::scope(|s| {
            let said = gather(s, &lock, 3, 3);
            for version in 1..=3 {
                *lock.lock() = version;
                let looks: Vec<_> = said.iter().take(3).collect();
                assert_eq!(looks, [(0, Some(version)), (1, Some(version)), (2, Some(version))]);
            }
            assert!(said.recv().is_err(), "no look more than that");
        });
    });
}

/// What a guard that has waited can do so that its end, or its next wait, is a change; and what is none.
#[test]
fn l2_what_is_a_change_and_what_is_not() {
    type Act = fn(LockGuard<'_, u32>);
    let acts: [(&str, bool, Act); 8] = [
        ("the end of one that was not used since", false, |guard| drop(guard)),
        ("quiet after a mutable borrow", false, |mut guard| {
            *guard += 1;
            LockGuard::quiet(guard)
        }),
        ("a closure that answers not yet", false, |mut guard| {
            let _ = guard.wait_some_until(|_| None::<()>, Signal::done());
        }),
        ("a mutable borrow, and the end", true, |mut guard| *guard += 1),
        ("a mutable borrow, and a wait", true, |mut guard| {
            *guard += 1;
            let _ = guard.wait_until(Signal::done());
        }),
        ("an answer", true, |mut guard| guard.wait_some(|_| Some(()))),
        ("notify_all", true, |guard| LockGuard::notify_all(&guard)),
        ("unlocked after a mutable borrow", true, |mut guard| {
            *guard += 1;
            LockGuard::unlocked(&mut guard, || ());
            LockGuard::quiet(guard);
        }),
    ];
    for (what, told, act) in acts {
        in_time(what, move || {
            let lock = Lock::new(0);
            let (ready, looked, end) = (Signal::new(), Signal::new(), Signal::new());
            thread::scope(|s| {
                s.spawn(|| {
                    let mut guard = lock.lock();
                    ready.go();
                    let was_told = guard.wait_until(&end).is_ok();
                    LockGuard::quiet(guard);
                    assert_eq!(was_told, told, "{what}");
                    looked.go();
                });
                ready.wait();
                let mut guard = lock.lock();
                let _ = guard.wait_until(Signal::done()); // from here on only what it does counts
                act(guard);
                if told {
                    looked.wait();
                }
                end.go();
            });
        });
    }
}

#[test]
fn l3_idle_waiters_stay_idle() {
    in_time("64 idle waiters", || {
        let lock = Lock::new(0);
        thread::scope(|s| {
            let said = gather(s, &lock, 64, 1);
            (0..1000).for_each(|_| LockGuard::quiet(lock.lock()));
            assert!(said.try_recv().is_err(), "nothing has changed");
            *lock.lock() = 1;
            assert_eq!(said.iter().count(), 64);
        });
    });
}

/// Looks in vain by `n` threads that poll through a mutable borrow, for a while.
fn vain_looks(n: usize, poll: fn(&Lock<VecDeque<u32>>, &Signal) -> usize) -> (usize, Duration) {
    let lock = Arc::new(Lock::new(VecDeque::new()));
    let stop = Signal::new();
    let pollers: Vec<_> = (0..n)
        .map(|_| {
            let (lock, stop) = (lock.clone(), stop.clone());
            thread::spawn(move || poll(&lock, &stop))
        })
        .collect();
    let begun = Instant::now();
    assert!(Signal::never().wait_until(Duration::from_millis(300)).is_err());
    stop.go();
    let looks = pollers.into_iter().map(|poller| poller.join().unwrap()).sum();
    (looks, begun.elapsed())
}

/// Waits again and again on one guard.
fn on_one_guard(lock: &Lock<VecDeque<u32>>, stop: &Signal) -> usize {
    let (mut guard, mut looks) = (lock.lock(), 0);
    while !stop.is_go() {
        assert_eq!(guard.pop_front(), None);
        let _ = guard.wait_until(stop);
        looks += 1;
    }
    looks
}

/// Locks, looks, waits, unlocks.
fn on_new_guards(lock: &Lock<VecDeque<u32>>, stop: &Signal) -> usize {
    let mut looks = 0;
    while !stop.is_go() {
        let mut guard = lock.lock();
        assert_eq!(guard.pop_front(), None);
        let _ = guard.wait_until(stop);
        looks += 1;
    }
    looks
}

#[test]
fn l3_polling_through_a_mutable_borrow_is_damped() {
    for n in [2, 8, 64] {
        for (shape, poll) in [("one guard", on_one_guard as fn(&_, &_) -> _), ("new guards", on_new_guards)] {
            let (looks, time) = in_time("pollers", move || vain_looks(n, poll));
            // About a thousand a second; beside it 16 doubts that each go round, and a last look of each.
            let most = 1250 * time.as_millis() as usize / 1000 + 20 * n + 20;
            assert!(looks <= most, "{n} pollers on {shape}: {looks} looks in {time:?}, {most} at the most");
        }
    }
}

#[test]
fn l3_a_sure_change_is_told_at_once_whoever_polls() {
    in_time("a push among pollers", || {
        let (lock, stop) = (Lock::new(VecDeque::new()), Signal::new());
        thread::scope(|s| {
            for _ in 0..8 {
                s.spawn(|| {
                    let mut guard = lock.lock();
                    while !stop.is_go() {
                        let _: &mut VecDeque<u32> = &mut guard; // borrowed, and nothing done
                        let _ = guard.wait_until(&stop);
                    }
                });
            }
            for n in 0..200 {
                let popper = s.spawn(|| lock.lock().wait_some(|q| q.pop_front()));
                lock.lock().push_back(n);
                assert_eq!(popper.join().unwrap(), n);
            }
            stop.go();
        });
    });
}

/// L6: of every item pushed exactly one is popped, whoever is stopped meanwhile, and nobody sleeps beside one.
#[test]
fn l6_stopped_waiters_swallow_no_change() {
    step_by_step(|steps| {
        for round in 0..300 {
            steps.begin(format!("round {round}"));
            let (lock, mut dice) = (Lock::new(VecDeque::new()), Dice::new(round));
            let stops: Vec<Signal> = (0..4).map(|_| Signal::new()).collect();
            let popped = Count::new();
            thread::scope(|s| {
                for stop in &stops {
                    let (lock, popped) = (&lock, &popped);
                    s.spawn(move || {
                        while lock.lock().wait_some_until(|q: &mut VecDeque<u32>| q.pop_front(), stop).is_ok() {
                            popped.add();
                        }
                    });
                }
                for (n, stop) in stops[1..].iter().enumerate() {
                    (0..dice.below(4)).for_each(|_| lock.lock().push_back(0));
                    stop.go();
                    (0..dice.below(4)).for_each(|_| lock.lock().push_back(n as u32));
                }
                // One is left, and it is told of all that is still there.
                lock.lock().wait_while(|q| !q.is_empty());
                stops[0].go();
            });
            assert!(lock.into_inner().is_empty());
        }
    });
}
