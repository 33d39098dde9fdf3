//! The engine: a word and its lock, a leaf's `go` against polls, waits and other `go`s, handles that end.
#![cfg(loom)]

use loom_tests::*;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use stopwhen::Signal;
use stopwhen::model::{go_but_callbacks, hanging, locked, settled};

// ---- the lock bit, spinning ------------------------------------------------------------------------------

/// Breaks if taking the lock is not Acquire, or giving it back not Release.
#[test]
fn two_lock() {
    spinning(|| {
        model("two_lock", threads(2), 8, || {
            let (s, d) = (Signal::new(), Payload::new());
            join2(|| locked(&s, || d.set()), || locked(&s, || d.set()));
            d.check_times(2);
        });
    });
}

/// Breaks if the lock is not Acquire on its slow path, after a step that failed and told the word.
#[test]
fn two_lock_twice() {
    spinning(|| {
        model("two_lock_twice", threads(2), 130, || {
            let (s, d) = (Signal::new(), Payload::new());
            let twice = || (0..2).for_each(|_| locked(&s, || d.set()));
            join2(twice, twice);
            d.check_times(4);
        });
    });
}

/// Breaks if whoever waited for the lock takes it though another was faster.
#[test]
fn three_lock() {
    spinning(|| {
        model("three_lock", threads(3), 610, || {
            let (s, d) = (Signal::new(), Payload::new());
            let once = || locked(&s, || d.set());
            join3(once, once, once);
            d.check_times(3);
        });
    });
}

/// Breaks if `rise_alone` raises a word whose lock is taken: unlocking would take that back.
#[test]
fn lock_vs_rise_alone() {
    spinning(|| {
        each_first("lock_vs_rise_alone", threads(2), 45, |order| {
            let (s, d) = (Signal::new(), Payload::new());
            order.race(
                || assert!(raise(&s, &d)),
                || {
                    locked(&s, || {
                        if s.is_go() {
                            d.check()
                        }
                    })
                },
            );
            assert!(s.is_go());
        });
    });
}

/// Breaks if the mark of a sleeper is set in a word that another thread has locked: unlocking would wipe it off.
#[test]
fn lock_vs_mark_sleep() {
    spinning(|| {
        model("lock_vs_mark_sleep", threads(3), 16_000, || {
            let (s, d, e) = (Signal::new(), Payload::new(), Payload::new());
            join3(
                || raise(&s, &e),
                || locked(&s, || d.set()),
                || {
                    s.wait();
                    e.check();
                    locked(&s, || d.set());
                },
            );
            d.check_times(2);
        });
    });
}

/// Breaks if UP, which shows while the ring is taken apart, shows without the lock, or Relaxed.
#[test]
fn lock_kept_over_up() {
    spinning(|| {
        each_first("lock_kept_over_up", threads(2), 1000, |order| {
            let (s, d) = (Signal::new(), Payload::new());
            let (mut one, mut two) = (pin!(s.wait_async()), Box::pin(s.wait_async()));
            let mut task = Context::from_waker(Waker::noop());
            assert!(one.as_mut().poll(&mut task).is_pending() && two.as_mut().poll(&mut task).is_pending());
            order.race(
                || raise(&s, &d),
                || {
                    if s.is_go() {
                        d.check();
                        drop(two); // comes off the ring that is being taken apart
                    }
                },
            );
            assert_eq!(hanging(&s), 0);
        });
    });
}

// ---- a leaf ----------------------------------------------------------------------------------------------

/// Breaks if `rise_alone` is not Release, or `look` not Acquire.
#[test]
fn poll_vs_go() {
    each_first("poll_vs_go", threads(2), 11, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        order.race(
            || raise(&s, &d),
            || {
                if s.is_go() {
                    d.check()
                }
            },
        );
    });
}

/// Breaks if the unlock that raises a signal with nothing but callbacks is not Release.
#[test]
fn poll_vs_go_with_callback() {
    each_first("poll_vs_go_with_callback", threads(2), 18, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        s.on_go(t.count());
        order.race(
            || raise(&s, &d),
            || {
                if s.is_go() {
                    d.check()
                }
            },
        );
        t.settle(1, 1);
    });
}

/// Breaks if UP is stored Relaxed before the ring is taken apart (`show`).
#[test]
fn poll_vs_go_with_slot() {
    each_first("poll_vs_go_with_slot", threads(2), 6, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        s.view().on_go(t.count());
        order.race(
            || raise(&s, &d),
            || {
                if s.is_go() {
                    d.check()
                }
            },
        );
        t.settle(1, 1);
    });
}

/// Breaks if two `go`s both win, or if one that lost at once (`is_up`) has not acquired.
#[test]
fn go_vs_go() {
    each_first("go_vs_go", threads(2), 9, |order| {
        let (s, d, e) = (Signal::new(), Payload::new(), Payload::new());
        let raise = |mine: &Payload, other: &Payload| {
            let won = raise(&s, mine);
            if !won {
                other.check();
            }
            won
        };
        let (a, b) = order.race(|| raise(&d, &e), || raise(&e, &d));
        assert!(a ^ b);
    });
}

/// Breaks if the list of an UP word is taken over by both.
#[test]
fn go_vs_go_with_callback() {
    each_first("go_vs_go_with_callback", threads(2), 180, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        s.on_go(t.count());
        let (a, b) = order.race(|| s.go(), || s.go());
        assert!(a ^ b);
        t.settle(1, 1);
    });
}

/// Breaks if a `go` that found the signal DOWN does not look again under the lock.
#[test]
fn three_go() {
    model("three_go", threads(3), 1500, || {
        let (s, t) = (Signal::new(), Tally::new());
        s.on_go(t.count());
        let (a, b, c) = join3(|| s.go(), || s.go(), || s.go());
        assert_eq!(usize::from(a) + usize::from(b) + usize::from(c), 1);
        t.settle(1, 1);
    });
}

// ---- reasons ---------------------------------------------------------------------------------------------

/// Breaks if the reason is stored after UP, or the tale's pointer published Relaxed.
#[test]
fn reason_vs_cause() {
    each_first("reason_vs_cause", threads(2), 6, |order| {
        let s = Signal::new();
        order.race(
            || s.go_because("why"),
            || {
                if let Some(cause) = s.cause() {
                    assert_eq!(cause.reason().expect("published with UP").to_string(), "why");
                }
            },
        );
    });
}

/// Breaks if a `go` that loses leaves its reason.
#[test]
fn reason_vs_reason() {
    each_first("reason_vs_reason", threads(2), 93, |order| {
        let s = Signal::new();
        let (a, b) = order.race(|| s.go_because("one"), || s.go_because("two"));
        assert!(a ^ b);
        let cause = s.cause().expect("it went");
        assert_eq!(cause.reason().expect("the winner's").to_string(), if a { "one" } else { "two" });
    });
}

/// Breaks if the second to make a tale replaces the first.
#[test]
fn two_make_the_tale() {
    each_first("two_make_the_tale", threads(2), 18, |order| {
        let s = Signal::new();
        s.go();
        let number = || s.cause().expect("it went").number();
        let (a, b) = order.race(number, number);
        assert_eq!(a, b);
    });
}

/// Breaks if a tale's pointer is loaded or published Relaxed: here whoever asks for the name has nothing else to go by.
#[test]
fn name_vs_tale() {
    each_first("name_vs_tale", threads(2), 6, |order| {
        let s = Signal::new();
        s.go();
        order.race(|| s.cause().expect("it went").number(), || assert!(s.name().is_none()));
    });
}

// ---- waits -----------------------------------------------------------------------------------------------

/// Breaks if `go` wakes a gate without going through its door, or the word that a thread sleeps is not looked at.
#[test]
fn wait_vs_go() {
    each_first("wait_vs_go", threads(2), 200, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        order.race(
            || raise(&s, &d),
            || {
                s.wait();
                d.check();
            },
        );
    });
}

/// Breaks if a gate wakes one sleeper only.
#[test]
fn two_waits_vs_go() {
    model("two_waits_vs_go", threads(3), 14_000, || {
        let (s, d) = (Signal::new(), Payload::new());
        let wait = || {
            s.wait();
            d.check();
        };
        join3(wait, wait, || raise(&s, &d));
    });
}

/// Breaks if the raiser touches a signal after its waiter could free it, but for what keeps it alive: a leak, or worse.
#[test]
fn waiter_frees_it() {
    each_first("waiter_frees_it", threads(2), 1100, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        let (mine, yours) = (s.clone(), d.clone());
        order.race(
            move || {
                d.set();
                s.go();
            },
            move || {
                mine.wait();
                yours.check();
                drop(mine);
            },
        );
    });
}

/// Breaks if `Waiter::stop` is not Release, `Waiter::sleep` not Acquire, or its thread is written too late.
#[test]
fn wait_among_vs_go() {
    each_first("wait_among_vs_go", threads(2), 190, |order| {
        let (s, never, d) = (Signal::new(), Signal::new(), Payload::new());
        order.race(
            || raise(&s, &d),
            || {
                assert!(s.wait_until(&never).is_ok());
                d.check();
            },
        );
        assert_eq!((hanging(&s), hanging(&never)), (0, 0));
    });
}

/// Breaks if the signal that ends a wait does not stop the waiter, or one that found it gone does not say so.
#[test]
fn wait_among_vs_until() {
    each_first("wait_among_vs_until", threads(2), 440, |order| {
        let (s, until, d) = (Signal::new(), Signal::new(), Payload::new());
        order.race(
            || raise(&until, &d),
            || {
                assert!(s.wait_until(&until).is_err());
                d.check();
            },
        );
        assert_eq!((hanging(&s), hanging(&until)), (0, 0));
    });
}

/// Breaks if both stop the waiter, each with an unpark: the second would end its next sleep.
#[test]
fn wait_among_vs_both() {
    model("wait_among_vs_both", threads(3), 13_000, || {
        let (a, b, d, e) = (Signal::new(), Signal::new(), Payload::new(), Payload::new());
        join3(|| raise(&a, &d), || raise(&b, &e), || if a.wait_until(&b).is_ok() { d.check() } else { e.check() });
    });
}

/// Breaks if a signal stops only the first of the waiters on its ring.
#[test]
fn two_wait_among_vs_go() {
    model("two_wait_among_vs_go", threads(3), 46_000, || {
        let (s, never, d) = (Signal::new(), Signal::new(), Payload::new());
        let wait = || {
            assert!(s.wait_until(&never).is_ok());
            d.check();
        };
        join3(wait, wait, || raise(&s, &d));
        assert_eq!((hanging(&s), hanging(&never)), (0, 0));
    });
}

/// Breaks if a signal that dies stops who waits for it among others, or leaves its node behind.
#[test]
fn wait_among_vs_death() {
    model("wait_among_vs_death", threads(2), 90_000, || {
        let (s, dies, d) = (Signal::new(), Signal::new(), Payload::new());
        let until = dies.view();
        join2(
            || {
                drop(dies);
                raise(&s, &d);
            },
            || {
                assert!(s.wait_until(&until).is_ok());
                d.check();
            },
        );
    });
}

/// Breaks if the word forgets a sleeper while something is taken off its ring: it would sleep for ever.
#[test]
fn sleeper_vs_cancel_and_go() {
    each_first("sleeper_vs_cancel_and_go", threads(2), 2300, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        let then = s.then(t.count());
        order.race(
            || {
                s.wait();
                d.check();
            },
            || {
                then.cancel();
                raise(&s, &d);
            },
        );
        t.settle(0, 1);
    });
}

/// Breaks if the word forgets a sleeper while something is hung on its ring.
#[test]
fn sleeper_vs_callback_and_go() {
    each_first("sleeper_vs_callback_and_go", threads(2), 4700, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        order.race(
            || {
                s.wait();
                d.check();
            },
            || {
                s.on_go(t.count());
                raise(&s, &d);
            },
        );
        t.settle(1, 1);
    });
}

// ---- handles that end ------------------------------------------------------------------------------------

/// Breaks if both of two last handles free the signal, or neither does.
#[test]
fn two_hands_end() {
    each_first("two_hands_end", threads(2), 13, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        s.on_go(t.count());
        let other = s.clone();
        order.race(move || drop(s), move || drop(other));
        t.settle(0, 1);
    });
}

/// Breaks if the last of two handles of a signal on which nothing hangs frees it without having acquired the other's end.
#[test]
fn two_hands_of_nothing_end() {
    each_first("two_hands_of_nothing_end", threads(2), 13, |order| {
        let s = Signal::new();
        let other = s.clone();
        order.race(
            move || drop(s),
            move || {
                assert!(!other.is_go());
                drop(other);
            },
        );
    });
}

/// Breaks as `two_hands_of_nothing_end`, where the other is a view.
#[test]
fn hand_and_view_end() {
    each_first("hand_and_view_end", threads(2), 31, |order| {
        let s = Signal::new();
        let view = s.view();
        order.race(
            move || drop(s),
            move || {
                view.is_go();
                drop(view);
            },
        );
    });
}

/// Breaks if the last handle of a signal that somebody looks at frees it.
#[test]
fn hand_and_user_end() {
    each_first("hand_and_user_end", threads(2), 120, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let then = s.then(t.count());
        order.race(move || drop(s), move || drop(then));
        t.settle(0, 1);
    });
}

/// Breaks if a signal dies while another handle is about to raise it, or its callback is run and dropped unrun.
#[test]
fn hand_ends_vs_go() {
    each_first("hand_ends_vs_go", threads(2), 13, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        s.on_go(t.count());
        let other = s.clone();
        order.race(
            move || drop(s),
            move || {
                assert!(other.go());
            },
        );
        t.settle(1, 1);
    });
}

/// Breaks if whoever hangs something on a dying signal leaves it there, or drops it twice.
#[test]
fn death_vs_callback() {
    each_first("death_vs_callback", threads(2), 49, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let view = s.view();
        view.on_go(t.count());
        order.race(move || drop(s), || view.on_go(t.count()));
        assert!(!view.is_go());
        t.settle(0, 2);
    });
}

/// Breaks if the last handle of a signal that is go kills it.
#[test]
fn last_hand_after_go_vs_poll() {
    each_first("last_hand_after_go_vs_poll", threads(2), 5100, |order| {
        let s = Signal::new();
        let view = s.view();
        order.race(
            move || {
                s.go();
                drop(s);
            },
            || {
                let was = view.is_go();
                assert!(view.is_go() || !was);
            },
        );
        assert!(view.is_go());
    });
}

// ---- a go that leaves its callbacks to later -------------------------------------------------------------

/// What a shutdown does with its signals. The callbacks are run by what this returns.
fn raise_but_callbacks(signal: &Signal, d: &Payload) -> Option<impl FnOnce() + Send + 'static> {
    d.set();
    go_but_callbacks(signal, "a shutdown")
}

/// S2, S4. Breaks if those who wait for the signal, or for what is above it, are not woken before the callbacks, or not ordered after it.
#[test]
fn go_but_callbacks_vs_waits() {
    each_first("go_but_callbacks_vs_waits", threads(3), 15_000, |order| {
        let ((s, other), d, t) = ((Signal::new(), Signal::new()), Payload::new(), Tally::new());
        let above = &s | &other;
        for signal in [&s, &above] {
            let d = d.clone();
            signal.on_go(t.callback(move || d.check()));
        }
        let wait = |signal: &Signal| {
            signal.wait();
            d.check();
        };
        let (left, ..) = order.race3(|| raise_but_callbacks(&s, &d), || wait(&s), || wait(&above));
        t.settle(0, 0);
        left.expect("callbacks")();
        t.settle(2, 2);
    });
}

/// S1-S3. Breaks if both won, if who lost returns before what is above has followed, or sees less than the winner did; if a callback is
/// run twice, or by nobody.
#[test]
fn go_but_callbacks_vs_go() {
    each_first("go_but_callbacks_vs_go", threads(2), 450, |order| {
        let ((s, other), [d, e], t) = ((Signal::new(), Signal::new()), [(); 2].map(|()| Payload::new()), Tally::new());
        let above = &s | &other;
        [&s, &above].into_iter().for_each(|signal| signal.on_go(t.count()));
        let (first, second) = order.race(
            || {
                let left = raise_but_callbacks(&s, &d);
                assert!(settled(&above));
                if left.is_none() {
                    e.check();
                }
                left.map(|callbacks| callbacks()).is_some()
            },
            || {
                let won = raise(&s, &e);
                assert!(settled(&above));
                if !won {
                    d.check();
                }
                won
            },
        );
        assert!(first != second);
        t.settle(2, 2);
    });
}

/// The same of two such.
#[test]
fn go_but_callbacks_vs_another() {
    model("go_but_callbacks_vs_another", threads(2), 350, || {
        let ((s, other), [d, e], t) = ((Signal::new(), Signal::new()), [(); 2].map(|()| Payload::new()), Tally::new());
        let above = &s | &other;
        [&s, &above].into_iter().for_each(|signal| signal.on_go(t.count()));
        let go = |mine: &Payload, others: &Payload| {
            let left = raise_but_callbacks(&s, mine);
            assert!(settled(&above));
            if left.is_none() {
                others.check();
            }
            left.map(|callbacks| callbacks()).is_some()
        };
        let (first, second) = join2(|| go(&d, &e), || go(&e, &d));
        assert!(first != second);
        t.settle(2, 2);
    });
}

/// S2, S3. Breaks if an AND whose last two inputs go at once is raised by both, by none, or without what either did before.
#[test]
fn go_but_callbacks_vs_go_of_the_last_other() {
    each_first("go_but_callbacks_vs_go_of_the_last_other", threads(2), 1, |order| {
        let ((s, other), [d, e], t) = ((Signal::new(), Signal::new()), [(); 2].map(|()| Payload::new()), Tally::new());
        let both = &s & &other;
        both.on_go(t.callback({
            let (d, e) = (d.clone(), e.clone());
            move || {
                d.check();
                e.check();
            }
        }));
        // Whoever raised it, that has returned, too, or is far enough.
        let settle = |input: &Signal| {
            if input.is_go() {
                assert!(!input.go() && both.is_go());
            }
        };
        order.race(
            || {
                let left = raise_but_callbacks(&s, &d);
                settle(&other);
                left.into_iter().for_each(|callbacks| callbacks());
            },
            || {
                assert!(raise(&other, &e));
                settle(&s);
            },
        );
        assert!(settled(&both));
        t.settle(1, 1);
    });
}
