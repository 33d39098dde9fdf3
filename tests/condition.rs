//! Condition: a word of its own for some of those who wait on a Lock.
#![cfg(not(loom))]
mod common;
use common::*;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::{Condition, Lock, LockGuard, Signal, Stopped, Till, Until};

/// Works in a static, with a Lock in a static.
static WORD: Condition = Condition::new();

/// A lock, a condition, and how many have sat down to wait. Who counts them inside the lock knows that they are in line.
#[derive(Default)]
struct Room {
    sat: Lock<usize>,
    word: Condition,
}

impl Room {
    fn sit(&self, until: impl Until) -> Result<(), Stopped> {
        let mut sat = self.sat.lock();
        *sat += 1;
        self.word.wait_until(&mut sat, until)
    }

    /// Returns once so many have sat down, ever.
    fn all_sit(&self, n: usize) {
        self.sat.lock().wait_while(|sat| *sat < n);
    }
}

// ---- what a word does ----------------------------------------------------------------------------------

#[test]
fn notify_counts_those_that_return_ok() {
    in_time("all are told", || {
        let room = Room::default();
        assert_eq!((room.word.notify_one(), room.word.notify(7), room.word.notify_all()), (false, 0, 0));
        thread::scope(|s| {
            (0..4).for_each(|_| drop(s.spawn(|| room.sit(AGES).unwrap())));
            room.all_sit(4);
            assert_eq!(room.word.notify(0), 0);
            assert_eq!(room.word.notify(2), 2);
            assert!(room.word.notify_one());
            assert_eq!(room.word.notify_all(), 1);
            assert_eq!(room.word.notify_all(), 0);
        });
    });
}

#[test]
fn a_word_goes_to_who_has_waited_longest() {
    in_time("one after the other", || {
        let (room, order) = (Room::default(), Lock::new(Vec::new()));
        thread::scope(|s| {
            for i in 0..8 {
                let (room, order) = (&room, &order);
                s.spawn(move || {
                    room.sit(AGES).unwrap();
                    order.lock().push(i);
                });
                room.all_sit(i + 1);
            }
            for i in 0..8 {
                assert!(room.word.notify_one());
                order.lock().wait_while(|order| order.len() == i);
            }
        });
        assert_eq!(order.into_inner(), [0, 1, 2, 3, 4, 5, 6, 7]);
    });
}

/// L2: its waiters are told by nothing else: after many changes of the lock they are still in line.
#[test]
fn its_waiters_are_woken_by_it_alone() {
    in_time("a thousand changes and one word", || {
        let (room, other) = (Room::default(), Condition::new());
        thread::scope(|s| {
            s.spawn(|| room.sit(AGES).unwrap());
            room.all_sit(1);
            for _ in 0..1000 {
                *room.sat.lock() += 1;
                LockGuard::notify_all(&room.sat.lock());
                assert_eq!(other.notify_all(), 0);
            }
            assert_eq!(room.word.notify_all(), 1);
        });
    });
}

/// L2: waiting on a condition is a leave: the lock's own waiters are told of what has changed.
#[test]
fn l2_to_wait_here_is_to_leave() {
    in_time("the lock's own waiter, then the condition's", || {
        let (lock, word) = (Lock::new((false, false)), Condition::new());
        thread::scope(|s| {
            s.spawn(|| {
                let mut state = lock.lock();
                state.0 = true;
                word.wait_while(&mut state, |state| !state.1);
            });
            lock.lock().wait_while(|state| !state.0);
            lock.lock().1 = true;
            assert!(word.notify_one());
        });
    });
}

/// A guard that comes back from a wait has left, and has told of nothing since.
#[test]
fn l2_what_came_before_the_wait_is_told_once() {
    in_time("one look", || {
        let (lock, word, looks) = (Lock::new(0), Condition::new(), Count::new());
        thread::scope(|s| {
            s.spawn(|| {
                let mut n = lock.lock();
                *n = 1;
                word.wait(&mut n); // told of 1
            });
            let mut n = lock.lock();
            n.wait_while(|n| {
                looks.add();
                *n == 0
            });
            let before = looks.get();
            assert!(word.notify_one());
            // The other one ends a guard that has waited and changed nothing since: no look.
            let ended = n.wait_while_until(
                |n| {
                    looks.add();
                    *n == 1
                },
                Duration::from_millis(20),
            );
            assert_eq!((ended, looks.get()), (Err(Stopped), before + 2), "at once, and as time is up");
        });
    });
}

/// However a guard is left, a word that was given inside is sent on its way.
#[test]
fn a_word_inside_the_lock_wakes_after_the_unlock_whatever_that_is() {
    type Leave = fn(LockGuard<'_, usize>);
    let ways: [(&str, Leave); 7] = [
        ("drop", |guard| drop(guard)),
        ("quiet", |guard| LockGuard::quiet(guard)),
        ("wait", |mut guard| assert_eq!(guard.wait_until(Duration::ZERO), Err(Stopped))),
        ("wait_some", |mut guard| _ = guard.wait_some_until(|_| None::<()>, Duration::ZERO)),
        ("unlocked", |mut guard| LockGuard::unlocked(&mut guard, || ())),
        ("another condition", |mut guard| {
            assert_eq!(Condition::new().wait_until(&mut guard, Duration::ZERO), Err(Stopped));
        }),
        ("a panic", |guard| {
            panic_of(|| {
                let _guard = guard;
                panic!("inside");
            });
        }),
    ];
    for (name, leave) in ways {
        in_time(name, move || {
            let room = Room::default();
            thread::scope(|s| {
                let waiters = [(); 3].map(|()| s.spawn(|| room.sit(AGES)));
                room.all_sit(3);
                let guard = room.sat.lock();
                assert_eq!(room.word.notify(2), 2);
                assert!(room.word.notify_one());
                assert!(waiters.iter().all(|w| !w.is_finished()), "{name}: nobody is inside but us");
                leave(guard);
                assert!(waiters.into_iter().all(|w| w.join().unwrap().is_ok()));
            });
        });
    }
}

/// A word to all is for those in line when it is said: who comes back meanwhile is not told twice, and it has an end.
#[test]
fn a_word_to_all_is_said_once() {
    const WAITERS: usize = 3;
    step_by_step(|steps| {
        let (lock, word) = (Lock::new(false), Condition::new());
        thread::scope(|s| {
            for _ in 0..WAITERS {
                s.spawn(|| word.wait_while(&mut lock.lock(), |done| !*done));
            }
            for round in 0..3000 {
                if round % 100 == 0 {
                    steps.begin(format!("word {round}"));
                }
                let told = word.notify_all();
                assert!(told <= WAITERS, "{told} told of {WAITERS}");
            }
            *lock.lock() = true;
            steps.begin("the last word");
            word.notify_all();
        });
    });
}

#[test]
fn a_word_may_be_given_from_inside_a_closure_and_from_a_static() {
    static LOCK: Lock<u32> = Lock::new(0);
    in_time("to and fro", || {
        thread::scope(|s| {
            for me in 0..2 {
                s.spawn(move || {
                    for _ in 0..1000 {
                        WORD.wait_some(&mut LOCK.lock(), |turn| {
                            WORD.notify_all();
                            (*turn % 2 == me).then(|| *turn += 1)
                        });
                        WORD.notify_all();
                    }
                });
            }
        });
        assert_eq!(*LOCK.lock(), 2000);
    });
}

// ---- two locks -----------------------------------------------------------------------------------------

#[test]
fn two_locks_at_once_are_refused_and_the_guard_is_as_it_was() {
    in_time("the second lock", || {
        let (room, other) = (Room::default(), Lock::new(1));
        thread::scope(|s| {
            s.spawn(|| room.sit(AGES).unwrap());
            room.all_sit(1);
            let looked = s.spawn(|| other.lock().wait_while(|n| *n < 3));
            let mut guard = other.lock();
            *guard = 2;
            for _ in 0..2 {
                let panic = panic_of(|| room.word.wait(&mut guard));
                assert!(panic.contains("two Locks"), "{panic}");
                assert!(panic_of(|| room.word.wait_until(&mut guard, Duration::ZERO)).contains("two Locks"));
            }
            assert!(other.try_lock().is_none(), "still inside");
            *guard = 3;
            drop(guard); // and what it has changed is told
            looked.join().unwrap();
            assert!(!other.panicked_inside());
            assert!(room.word.notify_one(), "the first is still in line");
        });
        // Nobody waits any more: now the other lock may have it.
        assert_eq!(room.word.wait_until(&mut other.lock(), Duration::ZERO), Err(Stopped));
        assert_eq!(room.word.wait_until(&mut room.sat.lock(), Duration::ZERO), Err(Stopped));
    });
}

// ---- until ---------------------------------------------------------------------------------------------

#[test]
fn whatever_may_end_a_wait_ends_this_one() {
    in_time("all that may end it", || {
        let (room, soon) = (Room::default(), Duration::from_millis(1));
        let mut sat = room.sat.lock();
        let mut ended = |until: &dyn Fn(&mut LockGuard<'_, usize>) -> Result<(), Stopped>| {
            assert_eq!(until(&mut sat), Err(Stopped));
            assert!(room.sat.try_lock().is_none(), "L1: the lock is held");
        };
        ended(&|g| room.word.wait_until(g, Signal::done()));
        ended(&|g| room.word.wait_until(g, Duration::ZERO));
        ended(&|g| room.word.wait_until(g, Instant::now()));
        ended(&|g| room.word.wait_until(g, soon));
        ended(&|g| room.word.wait_until(g, Instant::now() + soon));
        ended(&|g| room.word.wait_until(g, Till::millis(1)));
        ended(&|g| room.word.wait_until(g, Signal::never() | Till::millis(1)));
        ended(&|g| room.word.wait_until(g, (Signal::never(), Some(soon), AGES)));
        ended(&|g| room.word.wait_while_until(g, |_| true, Duration::ZERO));
        ended(&|g| room.word.wait_while_until(g, |_| true, (Signal::never(), soon)));
        ended(&|g| room.word.wait_some_until(g, |_| None, Signal::done()));
        ended(&|g| room.word.wait_some_until(g, |_| None, soon));
    });
}

#[test]
fn a_huge_duration_is_never() {
    in_time("told before the end of time", || {
        let room = Room::default();
        thread::scope(|s| {
            let waiter = s.spawn(|| room.sit((Duration::MAX, None::<Signal>)));
            room.all_sit(1);
            assert!(room.word.notify_one());
            assert_eq!(waiter.join().unwrap(), Ok(()));
        });
    });
}

/// R1: what the closure makes of the value beats the until, before the wait and after it.
#[test]
fn r1_the_closure_is_asked_at_once_and_once_more_at_the_end() {
    let (lock, word) = (Lock::new(0), Condition::new());
    let mut n = lock.lock();
    assert_eq!(word.wait_some_until(&mut n, |n| Some(*n), Signal::done()), Ok(0));
    assert_eq!(word.wait_while_until(&mut n, |n| *n > 0, Duration::ZERO), Ok(()));
    let mut asked = 0;
    let second = |n: &mut u8| {
        asked += 1;
        (asked == 2).then(|| *n = 2)
    };
    assert_eq!(word.wait_some_until(&mut n, second, Signal::done()), Ok(()));
    assert_eq!((asked, *n), (2, 2));
    let mut asked = 0;
    let never = |_: &mut u8| {
        asked += 1;
        true
    };
    assert_eq!(word.wait_while_until(&mut n, never, Signal::done()), Err(Stopped));
    assert_eq!(asked, 2);
}

/// R1: a gone until still lets go of the lock once.
#[test]
fn a_loop_around_a_gone_until_keeps_nobody_out() {
    in_time("the other one gets in", || {
        let (lock, word) = (Lock::new(false), Condition::new());
        let mut done = lock.lock();
        thread::scope(|s| {
            s.spawn(|| *lock.lock() = true);
            while !*done {
                assert_eq!(word.wait_until(&mut done, Signal::done()), Err(Stopped));
            }
        });
    });
}

#[test]
fn a_stopped_waiter_is_passed_over_and_leaves_nothing_behind() {
    in_time("stopped, then told", || {
        let (room, stop) = (Room::default(), Signal::new());
        thread::scope(|s| {
            let stopped: Vec<_> = (0..3).map(|_| s.spawn(|| room.sit(&stop))).collect();
            room.all_sit(3);
            let told = s.spawn(|| room.sit(AGES));
            room.all_sit(4);
            while hanging(&stop) < 3 {
                thread::yield_now(); // who is in line, but does not hang there yet, is told before it is stopped
            }
            stop.go();
            assert!(room.word.notify_one(), "the fourth");
            assert!(!room.word.notify_one(), "not the stopped ones, gone or not");
            assert!(stopped.into_iter().all(|w| w.join().unwrap() == Err(Stopped)));
            assert_eq!(told.join().unwrap(), Ok(()));
        });
        assert_eq!(hanging(&stop), 0);
    });
}

/// Two waiters, one word, one of the two stopped at the same time: exactly one returns `Ok`, whoever it is.
#[test]
fn a_stop_and_a_word_lose_nothing() {
    const ROUNDS: usize = 1500;
    step_by_step(|steps| {
        let mut stopped = 0;
        for round in 0..ROUNDS {
            if round % 50 == 0 {
                steps.begin(format!("round {round}"));
            }
            let (room, stop) = (Room::default(), Signal::new());
            thread::scope(|s| {
                let first = s.spawn(|| room.sit(&stop));
                room.all_sit(1);
                let second = s.spawn(|| room.sit(AGES));
                room.all_sit(2);
                if round % 2 == 0 {
                    s.spawn(|| stop.go());
                    assert!(room.word.notify_one());
                } else {
                    let teller = s.spawn(|| room.word.notify_one());
                    stop.go();
                    assert!(teller.join().unwrap());
                }
                let first = first.join().unwrap();
                assert_eq!(room.word.notify_all(), first.is_ok() as usize, "who is left, if the first was told");
                second.join().unwrap().unwrap();
                stopped += first.is_err() as usize;
            });
        }
        assert!((1..ROUNDS).contains(&stopped), "both happen: {stopped} stopped");
    });
}

/// R3: nothing internal is held while foreign code runs: a callback of the signal that stops a waiter takes its lock.
#[test]
fn r3_a_callback_of_what_stops_the_wait_may_lock_and_notify() {
    in_time("the callback", || {
        for _ in 0..200 {
            let (room, stop) = (Arc::new(Room::default()), Signal::new());
            stop.on_go({
                let room = room.clone();
                move || {
                    let mut sat = room.sat.lock();
                    *sat += 10 * room.word.notify_all(); // those whom the signal has not reached yet
                }
            });
            thread::scope(|s| {
                let waiters = [(); 2].map(|()| s.spawn(|| room.sit(&stop)));
                room.all_sit(2);
                stop.go();
                let oks = waiters.into_iter().filter_map(|w| w.join().unwrap().ok()).count();
                assert_eq!(*room.sat.lock(), 2 + 10 * oks);
            });
        }
    });
}

#[cfg(feature = "test-clock")]
#[test]
fn a_duration_is_one_of_the_paused_clock() {
    use stopwhen::clock;
    in_time("an hour", || {
        let time = clock::pause();
        let room = Room::default();
        thread::scope(|s| {
            let (clock, room) = (time.handle(), &room);
            let waiter = s.spawn(move || {
                let _scope = clock.register();
                room.sit(Duration::from_secs(3600))
            });
            time.wait_for_sleepers(1);
            time.advance(Duration::from_secs(3599));
            assert!(!waiter.is_finished());
            time.advance(Duration::from_secs(1));
            assert_eq!(waiter.join().unwrap(), Err(Stopped));
        });
    });
}

// ---- panics --------------------------------------------------------------------------------------------

/// L2, R8: a closure that panics counts as one that has changed the value.
#[test]
fn r8_a_panicking_closure_is_a_change_and_unlocks() {
    in_time("the lock's waiter", || {
        let (lock, word) = (Lock::new(0), Condition::new());
        thread::scope(|s| {
            let waiter = s.spawn(|| lock.lock().wait_while(|n| *n == 0));
            let thrown = catch_unwind(AssertUnwindSafe(|| {
                let mut guard = lock.lock();
                word.wait_until(&mut guard, Duration::ZERO).unwrap_err(); // the end of this guard alone tells nothing
                word.wait_some(&mut guard, |n| -> Option<()> {
                    *n = 1;
                    panic!("planned")
                });
            }));
            assert_eq!(message(&*thrown.unwrap_err()), "planned");
            waiter.join().unwrap();
        });
        assert!(lock.panicked_inside());
        assert_eq!(word.wait_until(&mut lock.lock(), Duration::ZERO), Err(Stopped));
    });
}

// ---- many ----------------------------------------------------------------------------------------------

/// Two conditions on one lock, every wait stopped now and then: each item arrives once.
#[test]
fn a_bounded_buffer_under_stops_loses_and_doubles_nothing() {
    const ITEMS: usize = 3000;
    step_by_step(|steps| {
        for capacity in [1, 4] {
            steps.begin(format!("capacity {capacity}"));
            let buffer = Lock::new(VecDeque::new());
            let (filled, emptied) = (Condition::new(), Condition::new());
            let sums = thread::scope(|s| {
                for p in 0..2 {
                    let (buffer, filled, emptied) = (&buffer, &filled, &emptied);
                    s.spawn(move || {
                        for i in 0..ITEMS {
                            let mut guard = buffer.lock();
                            let full = |b: &mut VecDeque<usize>| b.len() == capacity;
                            while emptied.wait_while_until(&mut guard, full, Duration::from_micros(50)).is_err() {}
                            guard.push_back(p * ITEMS + i);
                            if i % 2 == 0 {
                                drop(guard);
                            }
                            filled.notify_one();
                        }
                    });
                }
                let takers = [(); 2].map(|()| {
                    s.spawn(|| {
                        let mut dice = Dice::new(capacity as u64);
                        let mut sum = 0;
                        for _ in 0..ITEMS {
                            let mut guard = buffer.lock();
                            sum += loop {
                                let until = (Signal::never(), Duration::from_micros(dice.below(100) as u64));
                                if let Ok(item) = filled.wait_some_until(&mut guard, |b| b.pop_front(), until) {
                                    break item;
                                }
                            };
                            emptied.notify_one();
                        }
                        sum
                    })
                });
                takers.into_iter().map(|t| t.join().unwrap()).sum::<usize>()
            });
            assert_eq!(sums, (0..2 * ITEMS).sum());
            assert!(buffer.lock().is_empty());
        }
    });
}

/// Words that are never lost need no time-outs: the same buffer, and nobody ever wakes by himself.
#[test]
fn a_bounded_buffer_needs_no_more_than_its_words() {
    const ITEMS: usize = 5000;
    in_time("all items", || {
        let buffer = Lock::new(VecDeque::new());
        let (filled, emptied) = (Condition::new(), Condition::new());
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    for i in 0..ITEMS {
                        let mut guard = buffer.lock();
                        emptied.wait_while(&mut guard, |b| b.len() == 2);
                        guard.push_back(i);
                        drop(guard);
                        filled.notify_one();
                    }
                });
                s.spawn(|| {
                    for _ in 0..ITEMS {
                        let mut guard = buffer.lock();
                        filled.wait_some(&mut guard, |b| b.pop_front());
                        emptied.notify_one();
                    }
                });
            }
        });
        assert!(buffer.lock().is_empty());
    });
}

/// The lock may end as soon as its waiter is back: whoever told it is through with it by then.
#[test]
fn the_lock_may_end_while_its_word_is_being_told() {
    step_by_step(|steps| {
        let word = Condition::new();
        for round in 0..2000 {
            if round % 100 == 0 {
                steps.begin(format!("round {round}"));
            }
            thread::scope(|s| {
                s.spawn(|| {
                    let lock = Box::new(Lock::new(()));
                    word.wait(&mut lock.lock());
                });
                while word.notify(1 + round % 2) == 0 {
                    thread::yield_now();
                }
            });
        }
    });
}

#[test]
fn is_shared_survives_panics_and_shows() {
    fn shared<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + 'static>() {}
    shared::<Condition>();
    #[cfg(target_pointer_width = "64")]
    assert!(size_of::<Condition>() <= 56);
    assert_eq!(format!("{:?}", Condition::default()), "Condition { .. }");
}
