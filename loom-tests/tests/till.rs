//! Time: Tills armed, fired, raised by hand, dropped and waited for, while a clock is moved; and what is delayed.
//!
//! Time in a model is a paused clock that one of the threads advances, or the process' own, kept by a thread of the model.
#![cfg(loom)]

use loom_tests::*;
use std::time::Duration;
use stopwhen::clock::{self, Paused};
use stopwhen::model::{hanging, settled};
use stopwhen::signal::Cancel;
use stopwhen::{Signal, Till};

const HOUR: Duration = Duration::from_secs(3600);

const SECOND: Duration = Duration::from_secs(1);

/// Lets a second pass, and before that writes what must be seen by whoever sees that it has.
fn advance(paused: &Paused, d: &Payload) {
    d.set();
    paused.advance(SECOND);
}

/// Does `f` by the paused clock.
fn by<T>(paused: &Paused, f: impl FnOnce() -> T) -> T {
    let _scope = paused.register();
    f()
}

// ---- asked -----------------------------------------------------------------------------------------------

/// Breaks if a Till compares a time that another thread is just moving.
#[test]
fn poll_vs_advance() {
    each_first("poll_vs_advance", threads(2), 13, |order| {
        let (paused, d) = (clock::pause(), Payload::new());
        let till = Till::after(SECOND);
        order.race(
            || advance(&paused, &d),
            || {
                if till.is_go() {
                    d.check()
                }
            },
        );
        assert!(till.is_go() && paused.armed() == 0);
    });
}

/// Breaks if a poll that finds it due settles the word Relaxed.
#[test]
fn settled_poll_vs_look() {
    each_first("settled_poll_vs_look", threads(2), 6, |order| {
        let (paused, d) = (clock::pause(), Payload::new());
        let till = Till::after(SECOND);
        order.race(
            || {
                advance(&paused, &d);
                assert!(till.is_go());
            },
            || {
                if settled(&till) {
                    d.check()
                }
            },
        );
    });
}

/// Breaks if a Till that is polled often, and so arms itself, is missed by the clock that passes its time meanwhile.
#[test]
fn polled_often_vs_advance() {
    each_first("polled_often_vs_advance", threads(2), 780, |order| {
        let (paused, d) = (clock::pause(), Payload::new());
        let till = Till::after(SECOND);
        order.race(
            || advance(&paused, &d),
            || {
                (0..3).for_each(|_| {
                    if till.is_go() {
                        d.check()
                    }
                })
            },
        );
        assert!(till.is_go() && paused.armed() == 0);
    });
}

/// Breaks if a hand and a poll that finds it due both raise it.
#[test]
fn poll_of_the_due_vs_go() {
    each_first("poll_of_the_due_vs_go", threads(2), 260, |order| {
        let paused = clock::pause();
        let till = Till::after(SECOND);
        paused.advance(SECOND);
        let (_, won) = order.race(|| assert!(till.is_go()), || till.go());
        let by_time = till.cause().expect("it went").to_string().starts_with("till, set");
        assert!(by_time != won);
    });
}

// ---- armed -----------------------------------------------------------------------------------------------

/// Breaks if a Till that is armed while its time passes is neither fired nor found due; or its callback has not acquired.
#[test]
fn armed_vs_advance() {
    each_first("armed_vs_advance", threads(2), 560, |order| {
        let (paused, d, t) = (clock::pause(), Payload::new(), Tally::new());
        let till = Till::after(SECOND);
        let check = {
            let d = d.clone();
            t.callback(move || d.check())
        };
        order.race(|| advance(&paused, &d), || till.on_go(check));
        t.settle(1, 1);
        assert!(till.is_go() && paused.armed() == 0);
    });
}

/// Breaks if both of two first observers arm it, or the second does not wait until the first has (ARMING).
#[test]
fn two_arm() {
    each_first("two_arm", threads(2), 1700, |order| {
        let (paused, t) = (clock::pause(), Tally::new());
        let till = Till::after(SECOND);
        order.race(|| till.on_go(t.count()), || till.on_go(t.count()));
        assert_eq!(paused.armed(), 1);
        paused.advance(SECOND);
        t.settle(2, 2);
    });
}

/// Breaks if a Till that is raised while it is being armed stays with its clock.
#[test]
fn armed_vs_go() {
    each_first("armed_vs_go", threads(2), 540, |order| {
        let (paused, d, t) = (clock::pause(), Payload::new(), Tally::new());
        let till = Till::after(SECOND);
        let check = {
            let d = d.clone();
            t.callback(move || d.check())
        };
        order.race(|| raise(&till, &d), || till.on_go(check));
        t.settle(1, 1);
        assert_eq!(paused.armed(), 0);
    });
}

/// Breaks if hand and clock both raise it.
#[test]
fn go_vs_advance() {
    each_first("go_vs_advance", threads(2), 430, |order| {
        let (paused, t) = (clock::pause(), Tally::new());
        let till = Till::after(SECOND);
        till.on_go(t.count());
        let (_, won) = order.race(|| paused.advance(SECOND), || till.go());
        t.settle(1, 1);
        let by_time = till.cause().expect("it went").to_string().starts_with("till, set");
        assert!(by_time != won && paused.armed() == 0);
    });
}

/// Breaks if a Till that its clock has just handed out is taken back as well: two would let go of the clock's user.
#[test]
fn dropped_vs_advance() {
    each_first("dropped_vs_advance", threads(2), 280, |order| {
        let paused = clock::pause();
        let till = Till::after(SECOND);
        till.then(|| ()).cancel(); // armed from now on, and nothing hangs on it
        assert_eq!(paused.armed(), 1);
        order.race(|| paused.advance(SECOND), move || drop(till));
        assert_eq!(paused.armed(), 0);
    });
}

/// Breaks if the last but the clock goes and a callback is taken from a Till that can still go.
#[test]
fn dropped_with_callback_vs_advance() {
    each_first("dropped_with_callback_vs_advance", threads(2), 36, |order| {
        let (paused, t) = (clock::pause(), Tally::new());
        let till = Till::after(SECOND);
        till.on_go(t.count());
        order.race(|| paused.advance(SECOND), move || drop(till));
        t.settle(1, 1);
    });
}

/// Breaks if two that drop the last handles each leave it to the other to take it back from the clock.
#[test]
fn two_handles_dropped() {
    each_first("two_handles_dropped", threads(2), 19, |order| {
        let paused = clock::pause();
        let till = Till::after(SECOND);
        till.then(|| ()).cancel();
        let other = till.clone();
        order.race(move || drop(till), move || drop(other));
        assert_eq!(paused.armed(), 0);
    });
}

/// Breaks if the last handle ends while a callback is being cancelled, and the Till stays with its clock for ever.
#[test]
fn dropped_vs_cancel() {
    each_first("dropped_vs_cancel", threads(2), 17, |order| {
        let (paused, t) = (clock::pause(), Tally::new());
        let till = Till::after(SECOND);
        let then = till.then(t.count());
        order.race(
            move || drop(till),
            move || {
                then.cancel();
                drop(then);
            },
        );
        t.settle(0, 1);
        assert_eq!(paused.armed(), 0);
    });
}

/// Breaks if a callback that is cancelled while its time passes runs, or is lost.
#[test]
fn cancel_vs_advance() {
    each_first("cancel_vs_advance", threads(2), 5300, |order| {
        let (paused, t) = (clock::pause(), Tally::new());
        let till = Till::after(SECOND);
        let then = till.then(t.count());
        let (_, said) = order.race(
            || paused.advance(SECOND),
            move || {
                let said = then.cancel();
                drop((then, till));
                said
            },
        );
        t.settle((said != Cancel::Removed) as usize, 1);
    });
}

/// Breaks if a `go` that loses to the clock returns before what is above has followed.
#[test]
fn loser_vs_advance() {
    each_first("loser_vs_advance", threads(2), 670, |order| {
        let (paused, other) = (clock::pause(), Signal::new());
        let till = Till::after(SECOND);
        let o = Signal::at_least(1, [&till, &other, &other, &other]);
        order.race(
            || paused.advance(SECOND),
            || {
                till.go();
                assert!(settled(&o));
            },
        );
    });
}

// ---- in expressions --------------------------------------------------------------------------------------

/// Breaks if an expression that is armed while its time passes is not told.
#[test]
fn expression_vs_advance() {
    each_first("expression_vs_advance", threads(2), 7200, |order| {
        let (paused, stop, d, t) = (clock::pause(), Signal::new(), Payload::new(), Tally::new());
        let o = &stop | Till::after(SECOND);
        let check = {
            let d = d.clone();
            t.callback(move || d.check())
        };
        order.race(|| advance(&paused, &d), || o.on_go(check));
        t.settle(1, 1);
        assert_eq!((hanging(&stop), paused.armed()), (0, 0));
    });
}

/// Breaks if an expression that goes leaves its Till armed.
#[test]
fn expression_vs_go() {
    // Linking, arming and a callback in one: unbounded it does not end in two minutes.
    each_first("expression_vs_go", threads(2).only(3), 17_100, |order| {
        let (paused, stop, t) = (clock::pause(), Signal::new(), Tally::new());
        let o = &stop | Till::after(SECOND);
        order.race(|| stop.go(), || o.on_go(t.count()));
        t.settle(1, 1);
        drop(o);
        assert_eq!(paused.armed(), 0);
    });
}

/// Breaks if time and a hand both complete an expression.
#[test]
fn linked_expression_vs_go_and_advance() {
    each_first("linked_expression_vs_go_and_advance", threads(2), 3000, |order| {
        let (paused, stop, t) = (clock::pause(), Signal::new(), Tally::new());
        let o = &stop | Till::after(SECOND);
        o.on_go(t.count());
        order.race(|| stop.go(), || paused.advance(SECOND));
        t.settle(1, 1);
        assert_eq!(hanging(&stop), 0);
    });
}

// ---- waits -----------------------------------------------------------------------------------------------

/// Breaks if a thread counts as asleep before its Till is armed.
#[test]
fn advance_vs_sleeper() {
    model("advance_vs_sleeper", threads(2), 6700, || {
        let (paused, d) = (clock::pause(), Payload::new());
        join2(
            || {
                by(&paused, || {
                    Till::after(SECOND).wait();
                    d.check();
                })
            },
            || {
                paused.wait_for_sleepers(1);
                advance(&paused, &d);
            },
        );
        assert_eq!(paused.sleepers(), 0);
    });
}

/// Breaks if a thread that was woken, and does not know yet, still counts as asleep.
#[test]
fn second_advance_vs_sleeper() {
    // Two sleeps and two advances, each with the clock's lock: unbounded it does not end in two minutes.
    model("second_advance_vs_sleeper", threads(2).only(3), 3600, || {
        let paused = clock::pause();
        join2(
            || by(&paused, || (0..2).for_each(|_| Till::after(SECOND).wait())),
            || {
                (0..2).for_each(|_| {
                    paused.wait_for_sleepers(1);
                    paused.advance(SECOND);
                })
            },
        );
    });
}

/// Breaks if a clock that ends does not see what is armed meanwhile.
#[test]
fn end_of_the_clock_vs_sleeper() {
    model("end_of_the_clock_vs_sleeper", threads(2), 17000, || {
        let paused = clock::pause();
        let handle = paused.handle();
        join2(
            || {
                let _scope = handle.register();
                Till::after(SECOND).wait();
            },
            move || drop(paused),
        );
    });
}

/// Breaks if a hand that raises a Till does not wake who sleeps through it.
#[test]
fn wait_vs_go() {
    each_first("wait_vs_go", threads(2), 53000, |order| {
        let (paused, d) = (clock::pause(), Payload::new());
        let till = Till::after(SECOND);
        order.race(
            || raise(&till, &d),
            || {
                by(&paused, || {
                    till.wait();
                    d.check();
                })
            },
        );
    });
}

/// Breaks if "in time" and "out of time" both end a wait, or neither.
#[test]
fn wait_until_vs_go_and_advance() {
    model("wait_until_vs_go_and_advance", threads(3), 110000, || {
        let (paused, s, (d, e)) = (clock::pause(), Signal::new(), (Payload::new(), Payload::new()));
        let till = Till::after(SECOND);
        join3(
            || advance(&paused, &e),
            || raise(&s, &d),
            || match by(&paused, || s.wait_until(&till)) {
                Ok(()) => d.check(),
                Err(_) => e.check(),
            },
        );
    });
}

/// Breaks if a deadline set by the wait itself is left with the clock.
#[test]
fn wait_for_a_while_vs_go() {
    each_first("wait_for_a_while_vs_go", threads(2), 1700, |order| {
        let (paused, s, d) = (clock::pause(), Signal::new(), Payload::new());
        order.race(
            || raise(&s, &d),
            || {
                by(&paused, || {
                    assert!(s.wait_until(SECOND).is_ok());
                    d.check();
                })
            },
        );
        assert_eq!(paused.armed(), 0);
    });
}

// ---- delayed ---------------------------------------------------------------------------------------------

/// Breaks if the deadline that the source's `go` sets is not published to who then looks at the clock.
#[test]
fn delayed_vs_source() {
    each_first("delayed_vs_source", threads(2), 19, |order| {
        let (paused, s, d, t) = (clock::pause(), Signal::new(), Payload::new(), Tally::new());
        let late = s.delayed(SECOND);
        let check = {
            let d = d.clone();
            t.callback(move || d.check())
        };
        order.race(|| raise(&s, &d), || late.on_go(check));
        assert_eq!(paused.armed(), 1);
        paused.advance(SECOND);
        t.settle(1, 1);
    });
}

/// Breaks if a poll of what is delayed takes its clock's word before the source's.
#[test]
fn delayed_poll_vs_source_and_advance() {
    each_first("delayed_poll_vs_source_and_advance", threads(2), 11, |order| {
        let (paused, s, d) = (clock::pause(), Signal::new(), Payload::new());
        let late = s.delayed(SECOND);
        order.race(
            || {
                raise(&s, &d);
                paused.advance(SECOND);
            },
            || {
                if late.is_go() {
                    d.check()
                }
            },
        );
        assert!(late.is_go());
    });
}

/// Breaks if the deadline that the source's `go` sets is stored or loaded Relaxed: who sees it must see the source go.
#[test]
fn deadline_of_the_delayed_vs_source() {
    each_first("deadline_of_the_delayed_vs_source", threads(2), 11, |order| {
        let (_paused, s, d) = (clock::pause(), Signal::new(), Payload::new());
        let late = s.delayed(SECOND);
        order.race(
            || raise(&s, &d),
            || {
                if late.deadline().is_some() {
                    d.check();
                    assert!(s.is_go());
                }
            },
        );
    });
}

/// Breaks if what is delayed is built while its source goes, and misses that.
#[test]
fn delayed_built_vs_source() {
    each_first("delayed_built_vs_source", threads(2), 160, |order| {
        let (paused, s) = (clock::pause(), Signal::new());
        let (_, late) = order.race(|| by(&paused, || s.go()), || by(&paused, || s.delayed(SECOND)));
        paused.advance(SECOND);
        assert!(late.is_go());
    });
}

/// Breaks if the hook on the source is undone by both: who drops the last handle, and the source.
#[test]
fn delayed_dropped_vs_source() {
    each_first("delayed_dropped_vs_source", threads(2), 21_000, |order| {
        let (paused, s) = (clock::pause(), Signal::new());
        let late = s.delayed(SECOND);
        order.race(|| s.go(), move || drop(late));
        paused.advance(SECOND);
        assert_eq!((paused.armed(), hanging(&s)), (0, 0));
    });
}

/// Breaks if the source dies and what is delayed keeps its callback.
#[test]
fn delayed_vs_death_of_source() {
    each_first("delayed_vs_death_of_source", threads(2), 120, |order| {
        let (_paused, s, t) = (clock::pause(), Signal::new(), Tally::new());
        let late = s.delayed(SECOND);
        order.race(move || drop(s), || late.on_go(t.count()));
        t.settle(0, 1);
        assert!(!late.is_go());
    });
}

/// Breaks as `delayed_dropped_vs_source`, where the source ends.
#[test]
fn delayed_dropped_vs_death_of_source() {
    each_first("delayed_dropped_vs_death_of_source", threads(2), 940, |order| {
        let (_paused, s) = (clock::pause(), Signal::new());
        let late = s.delayed(SECOND);
        order.race(move || drop(s), move || drop(late));
    });
}

// ---- the process' clock ----------------------------------------------------------------------------------

const LATE: Duration = Duration::from_secs(5000);

/// Breaks if the thread that keeps time is not hurried, or reads what is earliest before it takes the lock (P2).
#[test]
fn arming_vs_long_sleep() {
    model("arming_vs_long_sleep", threads(2), 450, || {
        let (till, t) = (Till::after(SECOND), Tally::new());
        join2(|| till.on_go(t.count()), || clock::keep_time(LATE, || till.is_go()));
        t.settle(1, 1);
    });
}

/// Breaks if a key finds a Till that was handed out to be fired.
#[test]
fn dropped_vs_turn() {
    model("dropped_vs_turn", threads(2), 1300, || {
        let (till, t) = (Till::after(SECOND), Tally::new());
        let then = till.then(t.count());
        let (removed, ()) = join2(
            move || {
                let said = then.cancel();
                drop((then, till));
                said == Cancel::Removed
            },
            || clock::keep_time(LATE, || true),
        );
        t.settle(!removed as usize, 1);
    });
}

/// Breaks if hand and clock both raise it, or a callback that was handed on is run by both.
#[test]
fn go_vs_turn() {
    each_first("go_vs_turn", threads(2), 230, |order| {
        let (till, t) = (Till::after(SECOND), Tally::new());
        till.on_go(t.count());
        order.race(|| till.go(), || clock::keep_time(LATE, || true));
        t.settle(1, 1);
        assert!(till.is_go());
    });
}

// ---- T3: what nobody can see any more, no clock holds ----------------------------------------------------

/// Breaks if the last holder takes the clock, by now, for the hook on the source that was there when it looked.
#[test]
fn delayed_dropped_vs_source_costs_nothing_later() {
    each_first("delayed_dropped_vs_source_costs_nothing_later", threads(2), 2, |order| {
        let (paused, s) = (clock::pause(), Signal::new());
        let late = s.delayed(HOUR);
        order.race(|| s.go(), move || drop(late));
        let armed = paused.armed();
        paused.advance(HOUR); // so that loom has no leak to tell of
        assert_eq!(armed, 0, "nobody can see it, and the clock holds it for an hour");
    });
}

/// Breaks if one who lets go takes the clock for the other handle that was there when it looked.
#[test]
fn dropped_vs_armed_and_dropped() {
    each_first("dropped_vs_armed_and_dropped", threads(2), 2, |order| {
        let paused = clock::pause();
        let till = Till::after(HOUR);
        let other = till.clone();
        order.race(
            move || drop(till),
            move || {
                other.then(|| ()).cancel();
                drop(other);
            },
        );
        let armed = paused.armed();
        paused.advance(HOUR);
        assert_eq!(armed, 0, "nobody can see it, and the clock holds it for an hour");
    });
}

/// Breaks if who lets go of a Till that is not yet its last does so without Release: the last one might free it while the
/// other still opens the lock under which it let go.
#[test]
fn two_drop() {
    spinning(|| {
        each_first("two_drop", threads(2), 2, |order| {
            let _paused = clock::pause();
            let till = Till::after(HOUR);
            let other = till.clone();
            order.race(move || drop(till), move || drop(other));
        });
    });
}
