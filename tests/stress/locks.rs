//! Locks, monitors and conditions, with stops after 0 to 200 µs: what each wait gets, and what must add up.
use super::{linger, scene};
use crate::common::*;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::thread;
use std::time::Duration;
use stopwhen::{Condition, Lock, LockGuard, Signal, Stopped};

/// Threads of a scene, and what each does in a round.
const THREADS: usize = 5;
const TURNS: usize = 60;

/// What may end a wait: time, a signal, or whichever comes first; always something within 200 µs or so.
fn some_end(dice: &mut Dice, stop: &Signal) -> (Option<Signal>, Duration) {
    let d = Duration::from_micros(dice.below(200) as u64);
    match dice.below(4) {
        0 => (Some(stop.clone()), d),
        1 => (Some(stop | &Signal::new()), d),
        2 => (None, Duration::ZERO),
        _ => (None, d),
    }
}

/// Has everybody do `turn` over and over, while signals that stop them go.
fn turns(dice: &mut Dice, turn: impl Fn(&mut Dice, usize, &Signal) + Sync) {
    let stops: Vec<Signal> = (0..8).map(|_| Signal::new()).collect();
    let seeds: Vec<u64> = (0..=THREADS).map(|_| dice.roll()).collect();
    thread::scope(|scope| {
        for (who, seed) in seeds[1..].iter().enumerate() {
            let (stops, turn) = (&stops, &turn);
            scope.spawn(move || {
                let mut dice = Dice::new(*seed);
                for n in 0..TURNS {
                    turn(&mut dice, who, &stops[n * stops.len() / TURNS]);
                }
            });
        }
        let mut dice = Dice::new(seeds[0]);
        for stop in &stops {
            linger(&mut dice);
            stop.go();
        }
    });
}

/// L4, L5, R1, R2: as many are counted inside as came in, one at a time.
#[test]
fn locks_let_in_whom_they_say() {
    scene("lock, try_lock, lock_until", |dice| {
        let (lock, inside, came) = (Lock::new(0), AtomicUsize::new(0), Count::new());
        turns(dice, |dice, _, stop| {
            let guard = match dice.below(4) {
                0 => Some(lock.lock()),
                1 => lock.try_lock(),
                _ => lock.lock_until(some_end(dice, stop)).ok(),
            };
            if let Some(mut guard) = guard {
                assert_eq!(inside.fetch_add(1, Relaxed), 0);
                *guard += 1;
                if dice.below(8) == 0 {
                    linger(dice);
                }
                inside.fetch_sub(1, Relaxed);
                came.add();
            }
        });
        assert_eq!(lock.into_inner(), came.get());
    });
}

/// L1, L2, L6: what was pushed is popped or left; a full or empty buffer holds nobody up for ever.
#[test]
fn monitors_lose_no_change() {
    scene("a buffer of two", |dice| {
        let (lock, pushed, popped) = (Lock::new(0usize), Count::new(), Count::new());
        turns(dice, |dice, who, stop| {
            let end = some_end(dice, stop);
            let mut guard = lock.lock();
            if who % 2 == 0 {
                if guard.wait_some_until(|n| (*n < 2).then(|| *n += 1), end).is_ok() {
                    pushed.add();
                }
            } else if guard.wait_while_until(|n| *n == 0, end).is_ok() {
                *guard -= 1;
                popped.add();
            }
            assert!(*guard <= 2);
            if dice.below(4) == 0 {
                let told = guard.wait_until(some_end(dice, stop)); // and on, whoever is told
                assert!(matches!(told, Ok(()) | Err(Stopped)));
            }
        });
        assert_eq!(pushed.get(), popped.get() + lock.into_inner());
    });
}

/// L1, L2: waits without an end of their own, told by changes alone: nobody is forgotten.
#[test]
fn monitors_tell_everybody() {
    scene("turns in a ring", |dice| {
        let (lock, polls) = (Lock::new(0usize), dice.below(2) == 0);
        turns(dice, |dice, who, _| {
            let mut guard = lock.lock();
            if polls {
                while *guard % THREADS != who {
                    guard.wait();
                }
            } else {
                guard.wait_while(|n| *n % THREADS != who);
            }
            *guard += 1;
            if dice.below(4) == 0 {
                let _ = guard.wait_until(Duration::ZERO); // a change that is a wait
            }
            if dice.below(4) == 0 {
                LockGuard::unlocked(&mut guard, || linger(dice));
            }
        });
        assert_eq!(lock.into_inner(), THREADS * TURNS);
    });
}

/// Each word is told to one that returns `Ok`, and to nobody else.
#[test]
fn conditions_count_those_that_return() {
    scene("words and stops", |dice| {
        let (lock, condition) = (Lock::new(()), Condition::new());
        let (told, heard) = (AtomicUsize::new(0), Count::new());
        turns(dice, |dice, who, stop| {
            if who % 2 == 0 {
                if condition.wait_until(&mut lock.lock(), some_end(dice, stop)).is_ok() {
                    heard.add();
                }
                return;
            }
            let inside = (dice.below(2) == 0).then(|| lock.lock());
            let n = match dice.below(3) {
                0 => condition.notify_one() as usize,
                1 => condition.notify(2),
                _ => condition.notify_all(),
            };
            drop(inside);
            told.fetch_add(n, Relaxed);
        });
        assert_eq!(told.into_inner(), heard.get());
    });
}
