//! Event: `set` against waits, polls, clears and stops.
#![cfg(loom)]

use loom_tests::*;
use stopwhen::model::hanging;
use stopwhen::{Event, Signal, Stopped};

/// Breaks if `set` is not Release, or ignores a sleeper, or if what a wait finds set is not Acquire.
#[test]
fn set_vs_wait() {
    each_first("set_vs_wait", threads(2), 53, |order| {
        let (e, d) = (Event::new(), Payload::new());
        order.race(
            || {
                d.set();
                e.set();
            },
            || {
                e.wait();
                d.check();
            },
        );
        assert!(e.is_set());
    });
}

/// Breaks if `set` is not Release, or `is_set` not Acquire.
#[test]
fn set_vs_is_set() {
    model("set_vs_is_set", threads(2), 5, || {
        let (e, d) = (Event::new(), Payload::new());
        join2(
            || {
                d.set();
                e.set();
            },
            || {
                if e.is_set() {
                    d.check();
                }
            },
        );
    });
}

/// Breaks if a `set` that finds sleepers is not Release.
#[test]
fn set_with_a_sleeper_vs_is_set() {
    model("set_with_a_sleeper_vs_is_set", threads(3), 390, || {
        let (e, d) = (Event::new(), Payload::new());
        join3(
            || e.wait(),
            || {
                if e.is_set() {
                    d.check();
                }
            },
            || {
                d.set();
                e.set();
            },
        );
    });
}

/// Breaks if `set` does not release one that waits: the event is cleared at once.
#[test]
fn set_and_clear_vs_wait() {
    model("set_and_clear_vs_wait", threads(2), 32_000, || {
        let (e, stop, d) = (Event::new(), Signal::new(), Payload::new());
        let (end, waited) = join2(
            || {
                let end = e.wait_until(&stop);
                if end.is_ok() {
                    d.check();
                }
                end
            },
            || {
                // It hangs on the signal once it is in line.
                let waits = hanging(&stop) > 0;
                d.set();
                e.set();
                e.clear();
                stop.go();
                waits
            },
        );
        assert!(end.is_ok() || !waited);
        assert!(!e.is_set());
    });
}

/// Breaks if a `set` on its way releases who came after it was cleared: with two to release, it opens the lock between.
#[test]
fn set_vs_clear_and_wait() {
    model("set_vs_clear_and_wait", threads(4), 27_000, || {
        let (e, stop) = (Event::new(), Signal::new());
        join4(
            || e.wait(),
            || e.wait(),
            || {
                if e.is_set() {
                    e.clear();
                    assert_eq!(e.wait_until(&stop), Err(Stopped));
                    e.set(); // for who has not come yet
                }
            },
            || {
                e.set();
                stop.go();
            },
        );
    });
}

/// Breaks if one that a stop releases at the same time is granted while it is in line.
#[test]
fn stop_vs_set() {
    model("stop_vs_set", threads(3), 1100, || {
        let (e, stop, d) = (Event::new(), Signal::new(), Payload::new());
        join3(
            || {
                if e.wait_until(&stop).is_ok() {
                    d.check();
                }
            },
            || stop.go(),
            || {
                d.set();
                e.set();
            },
        );
        assert_eq!((e.wait_until(&stop), hanging(&stop)), (Ok(()), 0));
    });
}

/// Breaks if of two `set`s neither sees one that waits.
#[test]
fn two_sets_vs_wait() {
    model("two_sets_vs_wait", threads(3), 410, || {
        let e = Event::new();
        join3(|| e.set(), || e.set(), || e.wait());
        assert!(e.is_set());
    });
}

/// Breaks if a second waiter is forgotten where the first was released.
#[test]
fn set_vs_two_waits() {
    model("set_vs_two_waits", threads(3), 1100, || {
        let (e, d) = (Event::new(), Payload::new());
        let wait = || {
            e.wait();
            d.check();
        };
        join3(wait, wait, || {
            d.set();
            e.set();
        });
    });
}

/// Breaks if one that a `set` on its way has yet to release may leave for a stop that came after it.
#[test]
fn set_vs_stop_by_who_was_released() {
    model("set_vs_stop_by_who_was_released", threads(3), 4800, || {
        let (e, stop) = (Event::new(), Signal::new());
        let (_, end, _) = join3(
            || {
                e.wait();
                stop.go()
            },
            || e.wait_until(&stop),
            || e.set(),
        );
        assert_eq!(end, Ok(()));
    });
}
