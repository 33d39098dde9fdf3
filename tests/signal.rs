//! Signal: raising, waiting, looking, and what a handle is worth. A test says which promise it shows.
mod common;
#[path = "signal/waits.rs"]
mod waits;

use common::*;
use std::cell::UnsafeCell;
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;
use stopwhen::{Signal, Till};

// ---- S1: who can raise ---------------------------------------------------------------------------------

/// S1: `go()` is true for exactly one caller.
#[test]
fn go_is_true_for_one_caller() {
    let s = Signal::new();
    assert!(!s.is_go());
    assert!(s.go());
    assert!(!s.go() && !s.go_because("late") && !s.clone().go());
    assert!(s.is_go());
}

/// S1, S3: of many threads one wins, and all the losers find what is derived gone.
#[test]
fn go_has_one_winner_among_many_threads() {
    in_time("eight threads raise", || {
        for _ in 0..300 {
            let s = Signal::new();
            let derived = [s.child(), &s | &Signal::new(), s.view(), s.child().child()];
            derived.iter().for_each(|d| d.on_go(|| ()));
            let (won, start) = (AtomicUsize::new(0), Barrier::new(8));
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| {
                        start.wait();
                        won.fetch_add(s.go() as usize, Relaxed);
                        assert!(s.is_go() && derived.iter().all(Signal::is_go));
                    });
                }
            });
            assert_eq!(won.into_inner(), 1);
        }
    });
}

/// S1: expressions and views are raised by what they look at.
#[test]
fn expressions_and_views_cannot_be_raised() {
    let (a, b, c) = (Signal::new(), Signal::new(), Signal::new());
    let all = [
        &a | &b,
        &a & &b,
        Signal::any([&a, &b, &c]),
        Signal::all([&a, &b, &c]),
        Signal::at_least(2, [&a, &b, &c]),
        a.view(),
        a.view().view(),
        Signal::any([&a]),
        &a | None::<Signal>,
        a.delayed(Duration::ZERO),
        Signal::never(),
    ];
    for s in &all {
        assert!(!s.go() && !s.go_because("no"));
        assert!(!s.is_go(), "{s}");
    }
    assert!(!a.is_go() && !b.is_go() && !c.is_go());
    // Observed ones likewise.
    for s in &all[..9] {
        s.on_go(|| ());
        assert!(!s.go() && !s.go_because("no") && !s.is_go(), "{s}");
    }
    assert!(a.go() && b.go() && c.go());
    assert!(all[..9].iter().all(|s| s.is_go() && !s.go()));
    assert!(!Signal::done().go() && Signal::done().is_go());
}

/// S1: a child goes with its parent, may go alone, and never raises the parent.
#[test]
fn child_goes_with_its_parent_or_alone() {
    let parent = Signal::new();
    let (with, alone) = (parent.child(), parent.child());
    let below = alone.child();
    assert!(alone.go() && !alone.go());
    assert!(below.is_go() && !parent.is_go() && !with.is_go());
    assert!(parent.go());
    assert!(with.is_go() && !with.go() && !with.go_because("late"));
    assert!(!parent.child().go(), "born go");
    // Of an expression, a view, a time, what is fixed.
    let (a, b) = (Signal::new(), Signal::new());
    for parent in [&a | &b, a.view(), Till::secs(3600), Signal::never()] {
        let child = parent.child();
        assert!(child.go() && child.is_go() && !parent.is_go());
    }
    assert!(!a.is_go() && Signal::done().child().is_go());
}

/// S1: a child of what is dead can still go by hand.
/// What hangs on a signal is told in the order in which it came to hang there; children before that, the newest first.
#[test]
fn children_are_told_newest_first() {
    let (parent, order) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
    let tell = |signal: &Signal, name: &'static str| {
        let order = order.clone();
        signal.on_go(move || order.lock().unwrap().push(name));
    };
    let (a, x, b) = (parent.child(), &parent | &Signal::new(), parent.child());
    let (y, below) = (&parent | &Signal::new(), b.child());
    for (signal, name) in [(&a, "a"), (&x, "x"), (&b, "b"), (&y, "y"), (&below, "below b"), (&parent, "parent")] {
        tell(signal, name);
    }
    parent.go();
    assert_eq!(*order.lock().unwrap(), ["parent", "b", "below b", "a", "x", "y"]);
}

#[test]
fn child_outlives_its_parent() {
    let child = Signal::new().child();
    let ran = Count::new();
    child.on_go(ran.adds());
    assert!(child.go());
    assert_eq!(ran.get(), 1);
}

/// S3: a `go` that meets what another thread is just raising does not return before that has told all above it.
#[test]
fn go_returns_when_all_above_has_followed_whoever_told_it() {
    in_time("two raisers, one above the other", || {
        for _ in 0..20 {
            let root = &Signal::new();
            let below = &root.child();
            let middle = &below.child();
            let wide: &[Signal] = &(0..2000).map(|_| middle.child()).collect::<Vec<_>>();
            thread::scope(|scope| {
                scope.spawn(|| middle.go());
                let look = move |who: &str, raise: &Signal| {
                    while !middle.is_go() {
                        std::hint::spin_loop();
                    }
                    raise.go();
                    let late = wide.iter().filter(|s| !s.is_go()).count();
                    assert_eq!(late, 0, "{who} has returned");
                };
                scope.spawn(move || look("the go of the root", root));
                scope.spawn(move || look("a go that loses, or not", below));
                look("a go that lost", middle);
            });
        }
    });
}

// ---- S2: what happens before ---------------------------------------------------------------------------

/// Written by one thread before `go`, read by others after: a race if the signal orders nothing.
struct Payload(UnsafeCell<u64>);

// SAFETY: the tests write before `go` and read after it was seen.
unsafe impl Sync for Payload {}
// SAFETY: a number.
unsafe impl Send for Payload {}

impl Payload {
    fn set(&self, v: u64) {
        // SAFETY: nobody reads before the `go` that follows.
        unsafe { *self.0.get() = v }
    }

    fn get(&self) -> u64 {
        // SAFETY: the `go` that followed the write was seen.
        unsafe { *self.0.get() }
    }
}

/// S2: what came before `go` is seen by polls, waits, callbacks, futures and losing `go`s, through composites too.
#[test]
fn what_came_before_go_is_seen_after_it() {
    in_time("observers of every kind", || {
        for round in 1..=200 {
            let data = Arc::new(Payload(UnsafeCell::new(0)));
            let (a, b) = (Signal::new(), Signal::new());
            let (any, all) = (&a | &Signal::new(), &a & &b);
            let seen = data.clone();
            all.on_go(move || assert_eq!(seen.get(), round));
            let see = || assert_eq!(data.get(), round);
            thread::scope(|scope| {
                scope.spawn(|| (a.wait(), see()));
                scope.spawn(|| (any.wait(), see()));
                scope.spawn(|| (block_on(&all), see()));
                scope.spawn(|| {
                    while !all.is_go() {
                        thread::yield_now();
                    }
                    see();
                });
                scope.spawn(|| (any.wait_until((&b, AGES)).unwrap_or_else(|_| a.wait()), see()));
                data.set(round);
                a.go();
                scope.spawn(|| (a.go(), see()));
                b.go();
            });
        }
    });
}

// ---- handles ---------------------------------------------------------------------------------------------

/// Clones of one another are equal; a view is another signal.
#[test]
fn equality_is_identity() {
    let (a, b) = (Signal::new(), Signal::new());
    assert_eq!(a, a.clone());
    assert!(a != b && a != a.view() && a != a.child() && (&a | &b) != (&a | &b));
    let signals: HashSet<Signal> = [&a, &a, &b, &a.clone()].into_iter().cloned().collect();
    assert_eq!(signals.len(), 2);
    assert!(signals.contains(&a) && !signals.contains(&a.view()));
    assert_eq!(Signal::from(&a), a);
}

/// A name is that of the signal, not of what is made of it.
#[test]
fn names_are_the_signals_own() {
    let a = Signal::named("a");
    assert_eq!((a.name(), a.clone().name()), (Some("a"), Some("a")));
    assert_eq!((a.view().name(), a.child().name(), (&a | &a).name()), (None, None, None));
    assert_eq!((Signal::new().name(), Signal::default().name(), Till::secs(1).name()), (None, None, None));
    assert_eq!(Signal::named(String::from("ä b\0")).name(), Some("ä b\0"));
    assert_eq!(Signal::named("").name(), Some(""));
}

/// `go_on_drop` raises when it is dropped, on a panic too, and not once disarmed.
#[test]
fn go_on_drop_raises_unless_disarmed() {
    let s = Signal::new();
    s.go_on_drop().disarm();
    assert!(!s.is_go());
    drop(s.go_on_drop());
    assert!(s.is_go());
    let t = Signal::new();
    let guard = t.go_on_drop();
    panic_of(move || {
        let _guard = guard;
        panic!("worker")
    });
    assert!(t.is_go());
    let view = Signal::new().view();
    drop(view.go_on_drop());
    assert!(!view.is_go());
}

/// S8: the guard of `go_on_drop` is a raising handle.
#[test]
fn go_on_drop_keeps_the_signal_alive() {
    let (s, ran) = (Signal::new(), Count::new());
    s.on_go(ran.adds());
    let guard = s.go_on_drop();
    drop(s);
    assert_eq!(ran.get(), 0);
    drop(guard);
    assert_eq!(ran.get(), 1);
}

/// S8: the disarmed guard was the last raising handle: callbacks are dropped unrun.
#[test]
fn a_disarmed_guard_may_be_the_last_handle() {
    let (s, ran, dropped) = (Signal::new(), Count::new(), Count::new());
    let (adds, token) = (ran.adds(), dropped.token());
    s.on_go(move || (adds(), drop(token)).1);
    let guard = s.go_on_drop();
    drop(s);
    assert_eq!(dropped.get(), 0);
    guard.disarm();
    assert_eq!((ran.get(), dropped.get()), (0, 1));
}

/// A static signal is a `LazyLock`.
#[test]
fn a_signal_can_be_static() {
    static STOP: std::sync::LazyLock<Signal> = std::sync::LazyLock::new(|| Signal::named("stop"));
    assert!(!STOP.is_go());
    thread::spawn(|| STOP.go()).join().unwrap();
    assert!(STOP.is_go());
    STOP.wait();
}

/// R8: a panic while a thread waits, or in a callback, leaves the signal whole.
#[test]
fn panics_do_not_poison() {
    in_time("a signal after panics", || {
        let s = Signal::new();
        let _ = thread::spawn({
            let s = s.clone();
            move || {
                let _then = s.then(|| ());
                let _future = Box::pin(s.wait_async());
                panic!("holding handles")
            }
        })
        .join();
        s.on_go(|| panic!("callback"));
        let waiter = thread::spawn({
            let s = s.clone();
            move || s.wait()
        });
        assert_eq!(panic_of(|| s.go()), "callback");
        waiter.join().unwrap();
        assert!(s.is_go() && !s.go());
        let ran = Count::new();
        s.on_go(ran.adds());
        assert_eq!(ran.get(), 1);
    });
}

// ---- S12: how it looks -----------------------------------------------------------------------------------

/// S12: leaves show name or number, and state.
#[test]
fn display_shows_name_and_state() {
    let a = Signal::named("a");
    assert_eq!(a.to_string(), "a");
    a.go();
    assert_eq!(a.to_string(), "a (go)");
    assert_eq!((Signal::done().to_string(), Signal::never().to_string()), ("done".into(), "never".into()));
    let unnamed = Signal::new();
    let shown = unnamed.to_string();
    assert!(shown.strip_prefix("signal #").is_some_and(|n| n.parse::<u64>().is_ok()), "{shown}");
    assert_eq!(unnamed.to_string(), shown, "the number stays");
    unnamed.go();
    assert_eq!(unnamed.to_string(), format!("{shown} (go)"));
    assert_eq!(unnamed.cause().unwrap().number().to_string(), shown["signal #".len()..]);
}

/// S12: what nobody can raise any more says so.
#[test]
fn display_shows_the_dead() {
    let a = Signal::named("a");
    let view = a.view();
    assert_eq!(view.to_string(), "a");
    drop(a);
    assert_eq!(view.to_string(), "a (dead)");
}

/// S12: times show what is left of them.
#[test]
fn display_shows_the_time_left() {
    let till = Till::after(Duration::from_secs(360));
    let shown = till.to_string();
    let left: f64 = shown.strip_prefix("till in ").and_then(|s| s.strip_suffix(" s")).unwrap().parse().unwrap();
    assert!((300.0..=360.0).contains(&left), "{shown}");
    till.go();
    assert_eq!(till.to_string(), "till (go)");
    assert_eq!(Till::secs(0).to_string(), "till (go)");
}

/// S12: `Debug` adds counts.
#[test]
fn debug_adds_counts() {
    let a = Signal::named("a");
    assert_eq!(format!("{a:?}"), "Signal { expr: a, is_go: false, hanging: 0, users: 1, hands: 1 }");
    let (view, clone) = (a.view(), a.clone());
    view.on_go(|| ());
    a.on_go(|| ());
    assert_eq!(format!("{a:?}"), "Signal { expr: a, is_go: false, hanging: 2, users: 2, hands: 2 }");
    a.go();
    drop(clone);
    assert_eq!(format!("{a:?}"), "Signal { expr: a (go), is_go: true, hanging: 0, users: 2, hands: 1 }");
}
