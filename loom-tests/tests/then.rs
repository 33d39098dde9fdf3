//! Callbacks: registered, run, cancelled, waited for and dropped, against `go` and the end of the last handle.
#![cfg(loom)]

use loom_tests::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use stopwhen::Signal;
use stopwhen::signal::{Cancel, Then};

/// 1 if a callback that was cancelled with that answer ran, else 0.
fn ran(said: Cancel) -> usize {
    (said != Cancel::Removed) as usize
}

// ---- registered ------------------------------------------------------------------------------------------

/// Breaks if `then` looks at the word before the lock only, or runs inline without having acquired.
#[test]
fn then_vs_go() {
    each_first("then_vs_go", threads(2), 260, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        let check = {
            let d = d.clone();
            t.callback(move || d.check())
        };
        let (_, then) = order.race(|| raise(&s, &d), || s.then(check));
        t.settle(1, 1);
        assert_eq!(then.cancel(), Cancel::Ran);
    });
}

/// Breaks as `then_vs_go`, without a handle.
#[test]
fn on_go_vs_go() {
    each_first("on_go_vs_go", threads(2), 50, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        let check = {
            let d = d.clone();
            t.callback(move || d.check())
        };
        order.race(|| raise(&s, &d), || s.on_go(check));
        t.settle(1, 1);
    });
}

/// Breaks if two that hang callbacks at once lose one: the ring is guarded by the lock.
#[test]
fn on_go_vs_on_go() {
    each_first("on_go_vs_on_go", threads(2), 37, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        order.race(|| s.on_go(t.count()), || s.on_go(t.count()));
        s.go();
        t.settle(2, 2);
    });
}

/// Breaks if callbacks are hung in front, or taken over in another order.
#[test]
fn order_vs_registration() {
    each_first("order_vs_registration", threads(2), 130, |order| {
        let (s, seen) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
        let note = |n: u32| {
            let seen = seen.clone();
            move || seen.lock().unwrap().push(n)
        };
        s.on_go(note(1));
        s.on_go(note(2));
        order.race(|| s.go(), || s.on_go(note(3)));
        let mut seen = seen.lock().unwrap();
        // The third may run inline while the others run elsewhere.
        seen.retain(|&n| n != 3);
        assert_eq!(*seen, [1, 2]);
    });
}

// ---- cancelled -------------------------------------------------------------------------------------------

/// Breaks if a callback that was removed runs, or is dropped twice.
#[test]
fn cancel_vs_go() {
    each_first("cancel_vs_go", threads(2), 120, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let then = s.then(t.count());
        let (_, said) = order.race(|| s.go(), || then.cancel());
        t.settle(ran(said), 1);
        assert_eq!(ran(then.cancel()), ran(said));
    });
}

/// Breaks if a `cancel` that comes too late has not acquired the end of the callback.
#[test]
fn cancel_told_that_it_ran_vs_go() {
    each_first("cancel_told_that_it_ran_vs_go", threads(2), 120, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        let set = {
            let d = d.clone();
            move || d.set()
        };
        let then = s.then(set);
        order.race(
            || s.go(),
            || {
                if then.cancel() == Cancel::Ran {
                    d.check();
                }
            },
        );
    });
}

/// Breaks if a callback that was off the ring when it was cancelled, and then let go of, is run unseen.
#[test]
fn cancelled_and_dropped_vs_go() {
    each_first("cancelled_and_dropped_vs_go", threads(2), 310, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        s.on_go(|| ());
        let then = s.then(t.count());
        let (_, said) = order.race(
            || s.go(),
            move || {
                let said = then.cancel();
                drop(then);
                said
            },
        );
        t.settle(ran(said), 1);
    });
}

/// Breaks as `cancelled_and_dropped_vs_go`; here both are spawned, in either order.
#[test]
fn cancelled_and_dropped_vs_go_beside_a_third() {
    model("cancelled_and_dropped_vs_go_beside_a_third", threads(3), 180, || {
        let (s, t) = (Signal::new(), Tally::new());
        s.on_go(|| ());
        let then = s.then(t.count());
        let (_, said, ()) = join3(
            || s.go(),
            move || {
                let said = then.cancel();
                drop(then);
                said
            },
            || (),
        );
        t.settle(ran(said), 1);
    });
}

/// Breaks if a removal is published after the lock: two would drop the closure.
#[test]
fn two_cancels_vs_go() {
    model("two_cancels_vs_go", threads(3), 990, || {
        let (s, t) = (Signal::new(), Tally::new());
        let then = s.then(t.count());
        let (_, one, two) = join3(|| s.go(), || then.cancel(), || then.cancel());
        assert_eq!(ran(one), ran(two));
        t.settle(ran(one), 1);
    });
}

/// Breaks if a callback taken off the ring in the middle takes another one with it.
#[test]
fn cancel_one_of_three_vs_go() {
    each_first("cancel_one_of_three_vs_go", threads(2), 89, |order| {
        let (s, t, u) = (Signal::new(), Tally::new(), Tally::new());
        s.on_go(u.count());
        let then = s.then(t.count());
        s.on_go(u.count());
        let (_, said) = order.race(|| s.go(), || then.cancel());
        t.settle(ran(said), 1);
        u.settle(2, 2);
    });
}

/// Breaks if the first in the ring leaves and the word still points at it.
#[test]
fn two_cancel_two_vs_go() {
    model("two_cancel_two_vs_go", threads(3), 810, || {
        let (s, t) = (Signal::new(), Tally::new());
        let (one, two) = (s.then(t.count()), s.then(t.count()));
        let (_, a, b) = join3(|| s.go(), || one.cancel(), || two.cancel());
        t.settle(ran(a) + ran(b), 2);
    });
}

/// Breaks if the handle's letting go, or its meeting it, is not ordered: the node is freed twice, or never.
#[test]
fn then_dropped_vs_go() {
    each_first("then_dropped_vs_go", threads(2), 140, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let then = s.then(t.count());
        order.race(|| s.go(), move || drop(then));
        t.settle(1, 1);
    });
}

// ---- cancelled, and waited for ---------------------------------------------------------------------------

/// Breaks if `cancel_and_wait` returns before a callback that runs has returned, or has not acquired its end.
#[test]
fn cancel_and_wait_vs_run() {
    each_first("cancel_and_wait_vs_run", threads(2), 330, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        let set = {
            let d = d.clone();
            t.callback(move || d.set())
        };
        let then = s.then(set);
        order.race(
            || s.go(),
            || {
                let said = then.cancel_and_wait();
                d.check_times(ran(said) as u32);
                assert_ne!(said, Cancel::Running);
                t.settle(ran(said), 1);
            },
        );
    });
}

/// Writes when it is dropped: what a callback captures.
struct SetOnDrop(Payload);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}

fn capturing(d: &Payload) -> impl FnOnce() + Send + 'static {
    let captured = SetOnDrop(d.clone());
    move || drop(captured)
}

/// Breaks if `cancel_and_wait` returns while another `cancel` still drops the captures.
#[test]
fn cancel_and_wait_vs_cancel() {
    each_first("cancel_and_wait_vs_cancel", threads(2), 800, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        let then = s.then(capturing(&d));
        let (one, two) = order.race(
            || then.cancel(),
            || {
                let said = then.cancel_and_wait();
                d.check();
                said
            },
        );
        assert_eq!((one, two), (Cancel::Removed, Cancel::Removed));
    });
}

/// Breaks if `cancel_and_wait` returns while the end of the last handle still drops the captures.
#[test]
fn cancel_and_wait_vs_death() {
    each_first("cancel_and_wait_vs_death", threads(2), 350, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        let then = s.then(capturing(&d));
        let (_, said) = order.race(
            move || drop(s),
            || {
                let said = then.cancel_and_wait();
                d.check();
                said
            },
        );
        assert_eq!(said, Cancel::Removed);
    });
}

/// Breaks if only one of those who wait for a callback is woken.
#[test]
fn two_cancel_and_wait_vs_run() {
    model("two_cancel_and_wait_vs_run", threads(3), 6100, || {
        let (s, d) = (Signal::new(), Payload::new());
        let set = {
            let d = d.clone();
            move || d.set()
        };
        let then = s.then(set);
        let wait = || {
            let said = then.cancel_and_wait();
            d.check_times(ran(said) as u32);
            said
        };
        let (_, one, two) = join3(|| s.go(), wait, wait);
        assert_eq!(one, two);
    });
}

/// Breaks if a callback that waits for its own end is not told from another's.
#[test]
fn cancel_and_wait_in_the_callback_vs_outside() {
    each_first("cancel_and_wait_in_the_callback_vs_outside", threads(2), 15_000, |order| {
        let (s, own) = (Signal::new(), Arc::new(OnceLock::<Then>::new()));
        let inside = own.clone();
        let then = s.then(move || {
            let own = inside.get().expect("set before it goes");
            assert_eq!(own.cancel_and_wait(), Cancel::Running);
        });
        own.set(then).expect("set once");
        order.race(|| s.go(), || own.get().expect("set").cancel_and_wait());
        assert_ne!(own.get().expect("set").cancel(), Cancel::Running);
    });
}

// ---- dead ------------------------------------------------------------------------------------------------

/// Breaks if a callback of a signal that dies is dropped by both, or stays.
#[test]
fn cancel_vs_death() {
    each_first("cancel_vs_death", threads(2), 840, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let then = s.then(t.count());
        let (_, said) = order.race(move || drop(s), move || then.cancel());
        assert_eq!(said, Cancel::Removed);
        t.settle(0, 1);
    });
}

/// Breaks as `cancel_vs_death`, where the handle of the callback just ends.
#[test]
fn then_dropped_vs_death() {
    each_first("then_dropped_vs_death", threads(2), 120, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let then = s.then(t.count());
        order.race(move || drop(s), move || drop(then));
        t.settle(0, 1);
    });
}

// ---- what a callback may do ------------------------------------------------------------------------------

/// Breaks if a lock is held while callbacks run: each raises the other's signal.
#[test]
fn go_in_callback_both_ways() {
    each_first("go_in_callback_both_ways", threads(2), 6800, |order| {
        let (a, b, t) = (Signal::new(), Signal::new(), Tally::new());
        let (x, y) = (a.clone(), b.clone());
        a.on_go(t.callback(move || {
            y.go();
        }));
        b.on_go(t.callback(move || {
            x.go();
        }));
        order.race(|| a.go(), || b.go());
        assert!(a.is_go() && b.is_go());
        t.settle(2, 2);
    });
}

/// Breaks if what a callback registers on its own signal hangs for ever.
#[test]
fn then_in_callback_vs_go() {
    each_first("then_in_callback_vs_go", threads(2), 210, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let (own, u) = (s.clone(), t.clone());
        s.on_go(t.callback(move || own.on_go(u.count())));
        order.race(|| s.go(), || s.go());
        t.settle(2, 2);
    });
}

/// Breaks if the signal is freed under the feet of its `go` by a callback that drops a handle.
#[test]
fn last_handle_dropped_in_callback_vs_end() {
    each_first("last_handle_dropped_in_callback_vs_end", threads(2), 13, |order| {
        let (a, b, t) = (Signal::new(), Signal::new(), Tally::new());
        b.on_go(t.count());
        let captured = b.clone();
        a.on_go(t.callback(move || drop(captured)));
        order.race(|| a.go(), move || drop(b));
        t.settle(1, 2);
    });
}

/// Breaks if a callback that removes a later one of the same `go` meets it half taken over.
#[test]
fn cancel_in_callback_vs_cancel() {
    each_first("cancel_in_callback_vs_cancel", threads(2), 680, |order| {
        let (s, t) = (Signal::new(), Tally::new());
        let later = Arc::new(OnceLock::<Then>::new());
        let inside = later.clone();
        s.on_go(move || {
            inside.get().expect("set before it goes").cancel();
        });
        later.set(s.then(t.count())).expect("set once");
        order.race(|| s.go(), || later.get().expect("set").cancel());
        t.settle(0, 1);
    });
}

/// Breaks if a panic in one callback costs another its run, or a sleeper its wake-up.
#[test]
fn panic_among_callbacks_vs_wait() {
    quietly("as planned");
    each_first("panic_among_callbacks_vs_wait", threads(2), 980, |order| {
        let (s, d, t) = (Signal::new(), Payload::new(), Tally::new());
        s.on_go(t.count());
        s.on_go(t.callback(|| panic!("as planned")));
        s.on_go(t.count());
        let (told, ()) = order.race(
            || catch_unwind(AssertUnwindSafe(|| raise(&s, &d))).is_err(),
            || {
                s.wait();
                d.check();
            },
        );
        assert!(told);
        t.settle(3, 3);
    });
}

/// S4: breaks if `on_go` on a signal that is UP runs inline before what is derived from it is UP, too.
#[test]
fn inline_vs_phase_one() {
    each_first("inline_vs_phase_one", threads(2), 2, |order| {
        let (a, b) = (Signal::new(), Signal::new());
        let derived = &a | &b;
        derived.on_go(|| ()); // linked
        let look = derived.clone();
        order.race(|| a.go(), || a.on_go(move || assert!(look.is_go(), "derived from it, and not go")));
    });
}
