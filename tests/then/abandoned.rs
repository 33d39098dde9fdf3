//! S8: callbacks of what nobody can raise any more, and of what fires although nobody holds it.
use crate::common::*;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;
use stopwhen::signal::Cancel;
use stopwhen::{Signal, Till};

/// S8: without a raising handle a signal is dead: its callbacks are dropped unrun, by the thread that dropped the last.
#[test]
fn abandoned_callbacks_are_dropped_unrun_on_the_dropping_thread() {
    struct Where(Arc<Mutex<Option<thread::ThreadId>>>);
    impl Drop for Where {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = Some(thread::current().id());
        }
    }
    in_time("the last handle", || {
        let (s, ran, place) = (Signal::new(), Count::new(), Arc::default());
        let (mark, adds) = (Where(Arc::clone(&place)), ran.adds());
        s.on_go(move || (adds(), drop(mark)).0);
        let views = [s.view(), s.child().view(), &s | &s.view()];
        let then = views[2].then(ran.adds());
        let dropper = thread::spawn(move || (drop(s), thread::current().id()).1).join().unwrap();
        assert_eq!(*place.lock().unwrap(), Some(dropper), "views do not keep it");
        assert_eq!((ran.get(), then.cancel()), (0, Cancel::Removed));
        assert!(views.iter().all(|v| !v.is_go()));
    });
}

/// S8: only what nothing can decide any more is dead: OR with one living input lives, AND with one dead does not.
#[test]
fn death_needs_every_input_of_or_and_one_of_and() {
    let [a, b, c] = std::array::from_fn(|_| Signal::new());
    let (dead, ran) = (Count::new(), Count::new());
    let watch = |s: Signal| {
        let (token, adds) = (dead.token(), ran.adds());
        s.on_go(move || (adds(), std::mem::forget(token)).0);
    };
    watch(&a | &b);
    watch(&a & &c);
    watch(Signal::at_least(2, [&a, &b, &c]));
    watch((&a | &b).child().view());
    watch(a.child().view());
    assert_eq!(dead.get(), 0);
    drop(a);
    assert_eq!(dead.get(), 2, "the AND, and the child without a hand");
    b.go();
    assert_eq!((dead.get(), ran.get()), (2, 2));
    c.go();
    assert_eq!((dead.get(), ran.get()), (2, 3));
}

/// S8: detached callbacks of expressions fire although their handles are gone.
#[test]
fn detached_expressions_fire() {
    let (a, b, ran) = (Signal::new(), Signal::new(), Count::new());
    (&a | &b).on_go(ran.adds());
    drop((&a & &b).then(ran.adds()));
    ((&a | &b).view() & b.child()).child().on_go(ran.adds());
    a.view().on_go(ran.adds());
    b.go();
    assert_eq!(ran.get(), 2);
    a.go();
    assert_eq!(ran.get(), 4);
    assert_eq!((hanging(&a), hanging(&b)), (0, 0));
}

/// S8: an armed Till can always go.
#[test]
fn an_armed_till_fires_although_nobody_holds_it() {
    in_time("Tills let go of", || {
        let (ran, runs) = channel();
        let add = |what: &'static str| {
            let ran = ran.clone();
            move || ran.send(what).unwrap()
        };
        Till::millis(1).on_go(add("till"));
        (Till::millis(1) | Signal::never()).on_go(add("or"));
        (Till::millis(1) & Till::millis(2)).view().on_go(add("and"));
        drop(Till::millis(1).child().then(add("child")));
        let source = Signal::new();
        source.delayed(Duration::from_millis(1)).on_go(add("delayed"));
        source.go();
        drop(source);
        let mut told: Vec<_> = (0..5).map(|_| runs.recv().unwrap()).collect();
        told.sort();
        assert_eq!(told, ["and", "child", "delayed", "or", "till"]);
    });
}

/// S8: a callback that captures a handle of its own signal keeps both until it runs or is cancelled.
#[test]
fn a_callback_may_hold_its_own_signal() {
    let (s, dropped) = (Signal::new(), Count::new());
    let view = s.view();
    let (own, token) = (s.clone(), dropped.token());
    let then = s.then(move || drop((own, token)));
    drop(s);
    assert_eq!((dropped.get(), view.is_go()), (0, false));
    assert_eq!(then.cancel(), Cancel::Removed);
    assert_eq!(dropped.get(), 1);
    let s = Signal::new();
    let (own, token) = (s.clone(), dropped.token());
    s.on_go(move || assert!(own.is_go() && dropped_in(token)));
    s.go();
    drop(s);
    assert_eq!(dropped.get(), 2);
    fn dropped_in(token: Token) -> bool {
        drop(token);
        true
    }
}

/// S8, R3: drops of abandoned captures run with no lock held: they may use every signal there is.
#[test]
fn drops_of_abandoned_captures_may_use_signals() {
    struct Busy(Signal, Signal, Count);
    impl Drop for Busy {
        fn drop(&mut self) {
            let Busy(dead, living, ran) = self;
            dead.on_go(ran.adds());
            assert!(!dead.is_go() && !dead.go());
            assert!(dead.wait_until(Duration::ZERO).is_err());
            let _ = format!("{dead:?} {living:?}");
            let child = (&*dead | &*living).child();
            child.go();
            assert!(child.is_go());
            living.go();
            self.2.add();
        }
    }
    in_time("busy drops", || {
        let (s, living, ran) = (Signal::new(), Signal::new(), Count::new());
        let (view, derived) = (s.view(), (&s & &living).view());
        for on in [&s, &view, &derived] {
            let busy = Busy(on.view(), living.clone(), ran.clone());
            on.on_go(move || drop(busy));
        }
        living.on_go(ran.adds());
        drop(s);
        assert_eq!(ran.get(), 4);
    });
}

/// S8: the last handle dropped inside a callback of another signal, or by a callback's own end.
#[test]
fn the_last_handle_may_be_dropped_in_a_callback() {
    let (a, b, ended) = (Signal::new(), Signal::new(), Count::new());
    let token = ended.token();
    b.on_go(move || drop(token));
    a.on_go(move || drop(b));
    assert_eq!(ended.get(), 0);
    a.go();
    assert_eq!(ended.get(), 1);
    // Each holds the next: abandoning the first drops a long line of them, one inside the other.
    let mut first = Signal::new();
    for _ in 0..100 {
        let (next, token) = (first, ended.token());
        first = Signal::new();
        first.on_go(move || drop((next, token)));
    }
    drop(first);
    assert_eq!(ended.get(), 101);
}

/// S8: abandonment against everything else at the same time.
#[test]
fn abandonment_races_with_observers() {
    in_time("drop against then, cancel, child, poll", || {
        for round in 0..800 {
            let (s, ended) = (Signal::new(), Count::new());
            let view = s.view();
            let token = ended.token();
            let early = s.then(move || drop(token));
            let start = Barrier::new(3);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    let token = ended.token();
                    view.on_go(move || drop(token));
                });
                scope.spawn(|| {
                    start.wait();
                    match round % 3 {
                        0 => assert_eq!(early.cancel_and_wait(), Cancel::Removed),
                        1 => assert!(!(&view | &Signal::new()).is_go()),
                        _ => drop(view.child()),
                    }
                });
                start.wait();
                drop(s);
            });
            assert_eq!(ended.get(), 2);
            assert!(!view.is_go());
        }
    });
}
