//! Condition: a word of its own for some of those who wait on a Lock.
#![cfg(loom)]

use loom_tests::*;
use std::sync::Arc;
use stopwhen::{Condition, Lock, Signal};

/// Sits down in a lock that counts who has.
fn sit(sat: &Lock<u32>, word: &Condition) {
    let mut sat = sat.lock();
    *sat += 1;
    word.wait(&mut sat);
}

/// As [`sit`], until `stop`. True: it was told.
fn sit_until(sat: &Lock<u32>, word: &Condition, stop: &Signal) -> bool {
    let mut sat = sat.lock();
    *sat += 1;
    word.wait_until(&mut sat, stop).is_ok()
}

fn all_sit(sat: &Lock<u32>, n: u32) {
    sat.lock().wait_while(|sat| *sat < n);
}

// ---- one word ------------------------------------------------------------------------------------------

/// Breaks if a seat is in line only after the lock is open, or `occupied` is set after that.
#[test]
fn word_vs_wait() {
    model("word_vs_wait", threads(2), 80, || {
        let (done, word, payload) = (Lock::new(false), Condition::new(), Payload::new());
        join2(
            || {
                payload.set();
                *done.lock() = true;
                word.notify_one();
            },
            || {
                word.wait_while(&mut done.lock(), |done| !*done);
                payload.check();
            },
        );
    });
}

/// Breaks if waiting here tells the lock's own waiters nothing, or if a grant is not Release or is seen without Acquire.
#[test]
fn what_comes_before_a_word_is_seen() {
    model("what_comes_before_a_word_is_seen", threads(2), 350, || {
        let (sat, word, payload) = (Lock::new(0), Condition::new(), Payload::new());
        join2(
            || {
                all_sit(&sat, 1);
                payload.set();
                assert!(word.notify_one());
            },
            || {
                sit(&sat, &word);
                payload.check();
            },
        );
    });
}

/// Breaks if a word inside the lock is not sent on its way by whoever unlocks.
#[test]
fn a_word_inside_the_lock() {
    model("a_word_inside_the_lock", threads(2), 1000, || {
        let (sat, word, payload) = (Lock::new(0), Condition::new(), Payload::new());
        join2(
            || {
                let mut guard = sat.lock();
                guard.wait_while(|sat| *sat == 0);
                payload.set();
                assert!(word.notify_one());
            },
            || {
                sit(&sat, &word);
                payload.check();
            },
        );
    });
}

/// Breaks if a waiter that was passed over as stopped is counted, or says that it was told.
#[test]
fn word_vs_word() {
    model("word_vs_word", threads(3), 12_000, || {
        let (sat, word, stop) = (Lock::new(0), Condition::new(), Signal::new());
        let (one, two, told) = join3(
            || word.notify(1),
            || {
                let n = word.notify(2);
                stop.go();
                n
            },
            || sit_until(&sat, &word, &stop),
        );
        assert_eq!(one + two, told as usize);
    });
}

// ---- stops ---------------------------------------------------------------------------------------------

/// Breaks if a stopped waiter is counted, or one that was counted says that it was stopped.
#[test]
fn word_vs_stop() {
    model("word_vs_stop", threads(3), 3500, || {
        let (sat, word, stop) = (Lock::new(0), Condition::new(), Signal::new());
        let (n, _, told) = join3(|| word.notify_all(), || stop.go(), || sit_until(&sat, &word, &stop));
        assert_eq!(n, told as usize);
        assert_eq!(word.notify_all(), 0);
    });
}

/// Breaks if the word is lost with a stopped waiter in front, or nobody is thought to wait when the other one does.
#[test]
fn two_waiters_one_word_one_stop() {
    model("two_waiters_one_word_one_stop", threads(4), 16_000, || {
        let (sat, word, stop) = (Lock::new(0), Condition::new(), Signal::new());
        join4(
            || {
                if sit_until(&sat, &word, &stop) {
                    assert_eq!(word.notify_all(), 1, "the other one is still there");
                }
            },
            || stop.go(),
            || sit(&sat, &word),
            || {
                all_sit(&sat, 2);
                assert!(word.notify_one());
            },
        );
        assert_eq!(word.notify_all(), 0);
    });
}

/// Breaks if who comes back into the lock holds the line meanwhile.
///
/// Not all there can be: a signal, a lock and a line are 1,500,000 executions.
#[test]
fn a_callback_of_the_stop_locks_too() {
    model("a_callback_of_the_stop_locks_too", threads(2).only(6), 28_000, || {
        let room = Arc::new((Lock::new(0), Condition::new()));
        let (stop, tally) = (Signal::new(), Tally::new());
        stop.on_go(tally.callback({
            let room = room.clone();
            move || {
                let mut told = room.0.lock();
                *told += room.1.notify_all();
            }
        }));
        let (_, told) = join2(|| stop.go(), || room.1.wait_until(&mut room.0.lock(), &stop).is_ok());
        assert_eq!(*room.0.lock(), told as usize);
        tally.settle(1, 1);
    });
}

// ---- several -------------------------------------------------------------------------------------------

/// Breaks if a word to all stops at the first, or one of two wake-ups that are owed at once is dropped.
#[test]
fn a_word_to_all() {
    for inside in [false, true] {
        let name = if inside { "a_word_to_all, inside the lock" } else { "a_word_to_all" };
        model(name, threads(3), 9000, move || {
            let (sat, word, payload) = (Lock::new(0), Condition::new(), Payload::new());
            let waiter = || {
                sit(&sat, &word);
                payload.check();
            };
            join3(waiter, waiter, || {
                let mut guard = sat.lock();
                guard.wait_while(|sat| *sat < 2);
                let guard = inside.then_some(guard);
                payload.set();
                assert_eq!(word.notify_all(), 2);
                drop(guard);
            });
        });
    }
}

/// Breaks if who sits down again while a word to all is being told is told again.
///
/// Not all there can be: two stays and a signal are 270,000 executions.
#[test]
fn a_word_to_all_is_said_once() {
    model("a_word_to_all_is_said_once", threads(2).only(8), 20_000, || {
        let (sat, word, end) = (Lock::new(0), Condition::new(), Signal::new());
        let ((), again) = join2(
            || {
                all_sit(&sat, 1);
                assert_eq!(word.notify_all(), 1);
                end.go();
            },
            || {
                sit(&sat, &word);
                sit_until(&sat, &word, &end)
            },
        );
        assert!(!again);
    });
}

// ---- ends ----------------------------------------------------------------------------------------------

/// Breaks if who tells looks at the lock after the waiter was told (E1).
#[test]
fn the_lock_ends_with_its_waiter() {
    model("the_lock_ends_with_its_waiter", threads(3), 3500, || {
        let (word, stop) = (Condition::new(), Signal::new());
        let (n, _, told) = join3(
            || word.notify_all(),
            || stop.go(),
            || {
                let lock = Lock::new(());
                let mut guard = lock.lock();
                word.wait_until(&mut guard, &stop).is_ok()
            },
        );
        assert_eq!(n, told as usize);
    });
}
