//! Futures: polled, woken, given another waker and dropped, against `go` and the end of the last handle.
#![cfg(loom)]

use loom_tests::*;
use std::future::{Future, IntoFuture, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Wake, Waker};
use stopwhen::Signal;
use stopwhen::model::hanging;

/// Counts how often a task was woken. Outside loom's view: it adds no edge.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Wakes {
    fn new() -> (Arc<Wakes>, Waker) {
        let wakes = Arc::<Wakes>::default();
        (wakes.clone(), wakes.into())
    }

    fn get(&self) -> usize {
        self.0.load(SeqCst)
    }
}

/// True: it is ready.
fn poll(future: Pin<&mut impl Future<Output = ()>>, waker: &Waker) -> bool {
    future.poll(&mut Context::from_waker(waker)).is_ready()
}

/// Breaks if the node is hung without a look at the word under the lock, or the word is not acquired.
#[test]
fn poll_vs_go() {
    each_first("poll_vs_go", threads(2), 50, |order| {
        let (s, d, (wakes, waker)) = (Signal::new(), Payload::new(), Wakes::new());
        let mut future = pin!(s.wait_async());
        let (_, ready) = order.race(
            || raise(&s, &d),
            || {
                let ready = poll(future.as_mut(), &waker);
                if ready {
                    d.check();
                }
                ready
            },
        );
        assert_eq!(wakes.get(), !ready as usize);
        assert!(poll(future.as_mut(), &waker) && poll(future.as_mut(), &waker));
    });
}

/// Breaks if a task is woken before the word is UP, or by a raiser that has not released.
#[test]
fn await_vs_go() {
    each_first("await_vs_go", threads(2), 700, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        order.race(
            || raise(&s, &d),
            || {
                loom::future::block_on(s.wait_async());
                d.check();
            },
        );
    });
}

/// Breaks if an owned future does not keep what it awaits.
#[test]
fn await_owned_vs_go() {
    each_first("await_owned_vs_go", threads(2), 32_000, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        let (mine, yours) = (s.clone(), d.clone());
        order.race(
            move || {
                raise(&s, &d);
                drop(s);
            },
            move || {
                loom::future::block_on(mine.into_future());
                yours.check();
            },
        );
    });
}

/// Breaks if a future leaves its node on the ring, or takes it off a second time.
#[test]
fn dropped_vs_go() {
    each_first("dropped_vs_go", threads(2), 37, |order| {
        let (s, (wakes, waker)) = (Signal::new(), Wakes::new());
        let mut future = Box::pin(s.wait_async());
        assert!(!poll(future.as_mut(), &waker));
        order.race(|| s.go(), move || drop(future));
        assert!(wakes.get() <= 1 && hanging(&s) == 0);
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 1);
    });
}

/// Breaks if the waker is changed outside the lock, or a raiser wakes the one before.
#[test]
fn replaced_vs_go() {
    each_first("replaced_vs_go", threads(2), 49, |order| {
        let s = Signal::new();
        let ((old, before), (new, after)) = (Wakes::new(), Wakes::new());
        let mut future = pin!(s.wait_async());
        assert!(!poll(future.as_mut(), &before));
        let (_, ready) = order.race(|| s.go(), || poll(future.as_mut(), &after));
        if ready {
            assert_eq!(new.get(), 0);
        } else {
            assert_eq!((old.get(), new.get()), (0, 1));
        }
        assert!(poll(future.as_mut(), &before));
    });
}

/// Breaks if a future on an expression hangs on it before that is linked.
#[test]
fn expression_vs_go() {
    each_first("expression_vs_go", threads(2), 82_000, |order| {
        let (a, b, d, (wakes, waker)) = (Signal::new(), Signal::new(), Payload::new(), Wakes::new());
        let o = &a | &b;
        let mut future = pin!(o.wait_async());
        let (_, ready) = order.race(
            || raise(&a, &d),
            || {
                let ready = poll(future.as_mut(), &waker);
                if ready {
                    d.check();
                }
                ready
            },
        );
        assert_eq!(wakes.get(), !ready as usize);
        assert!(poll(future.as_mut(), &waker) && hanging(&b) == 0);
    });
}

/// Breaks if a future that is dropped on an expression leaves that on its inputs, or the raiser wakes it.
#[test]
fn expression_dropped_vs_go() {
    each_first("expression_dropped_vs_go", threads(2), 7900, |order| {
        let (a, b, (wakes, waker)) = (Signal::new(), Signal::new(), Wakes::new());
        let mut future = Box::pin((&a | &b).into_future());
        assert!(!poll(future.as_mut(), &waker));
        order.race(|| a.go(), move || drop(future));
        assert_eq!((hanging(&a), hanging(&b)), (0, 0));
        drop(waker);
        assert_eq!(Arc::strong_count(&wakes), 1);
    });
}

// ---- several on one signal: one node under one hold of the lock -----------------------------------------

/// Breaks if a future that leaves between two batches takes its neighbour with it.
#[test]
fn one_of_three_dropped_vs_go() {
    each_first("one_of_three_dropped_vs_go", threads(2), 28, |order| {
        let (s, (wakes, waker)) = (Signal::new(), Wakes::new());
        let (mut one, mut two, mut three) = (pin!(s.wait_async()), Box::pin(s.wait_async()), pin!(s.wait_async()));
        assert!(!poll(one.as_mut(), &waker) && !poll(two.as_mut(), &waker) && !poll(three.as_mut(), &waker));
        order.race(|| s.go(), move || drop(two));
        assert!(wakes.get() == 2 || wakes.get() == 3);
        assert!(poll(one.as_mut(), &waker) && poll(three.as_mut(), &waker));
    });
}

/// Breaks if a waker changed between two batches is changed in a node that its raiser has.
#[test]
fn one_of_two_replaced_vs_go() {
    each_first("one_of_two_replaced_vs_go", threads(2), 98, |order| {
        let s = Signal::new();
        let ((others, other), (old, before), (new, after)) = (Wakes::new(), Wakes::new(), Wakes::new());
        let (mut one, mut two) = (pin!(s.wait_async()), pin!(s.wait_async()));
        assert!(!poll(one.as_mut(), &other) && !poll(two.as_mut(), &before));
        let (_, ready) = order.race(|| s.go(), || poll(two.as_mut(), &after));
        assert_eq!(others.get(), 1);
        assert_eq!(old.get() + new.get(), if ready { old.get() } else { 1 });
        assert!(ready || new.get() == 1);
    });
}

/// Breaks if two futures that leave while the ring is taken apart break each other's links.
#[test]
fn two_dropped_vs_go() {
    model("two_dropped_vs_go", threads(3), 240, || {
        let (s, (_, waker)) = (Signal::new(), Wakes::new());
        let (mut one, mut two) = (Box::pin(s.wait_async()), Box::pin(s.wait_async()));
        assert!(!poll(one.as_mut(), &waker) && !poll(two.as_mut(), &waker));
        join3(|| s.go(), move || drop(one), move || drop(two));
        assert_eq!(hanging(&s), 0);
    });
}

// ---- foreign code ----------------------------------------------------------------------------------------

/// A waker that uses the signal it is woken by, cloned and dropped as well.
struct Meddler(Signal);

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.0.on_go(|| ());
        assert!(self.0.is_go() && !self.0.go());
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.0.on_go(|| ());
    }
}

/// Breaks if a waker is woken or dropped with the lock held.
#[test]
fn meddling_waker_vs_go() {
    each_first("meddling_waker_vs_go", threads(2), 630, |order| {
        let s = Signal::new();
        let (waker, other) = (Waker::from(Arc::new(Meddler(s.clone()))), Waker::noop());
        let mut future = Box::pin(s.wait_async());
        assert!(!poll(future.as_mut(), &waker));
        drop(waker);
        order.race(
            || s.go(),
            || {
                poll(future.as_mut(), other);
                drop(future);
            },
        );
    });
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("as planned");
    }
}

/// Breaks if a waker that panics costs another task its wake-up, or a callback its run.
#[test]
fn panicking_waker_vs_poll() {
    quietly("as planned");
    each_first("panicking_waker_vs_poll", threads(2), 170, |order| {
        let (s, t, (wakes, waker)) = (Signal::new(), Tally::new(), Wakes::new());
        s.on_go(t.count());
        let (mut bad, mut good) = (pin!(s.wait_async()), pin!(s.wait_async()));
        assert!(!poll(bad.as_mut(), &Waker::from(Arc::new(Panics))));
        let (told, ready) =
            order.race(|| catch_unwind(AssertUnwindSafe(|| s.go())).is_err(), || poll(good.as_mut(), &waker));
        assert!(told);
        assert_eq!(wakes.get(), !ready as usize);
        t.settle(1, 1);
    });
}

// ---- dead ------------------------------------------------------------------------------------------------

/// Breaks if a signal that dies keeps the wakers of its tasks, or wakes them.
#[test]
fn poll_vs_death() {
    each_first("poll_vs_death", threads(2), 2000, |order| {
        let (s, (wakes, waker)) = (Signal::new(), Wakes::new());
        let view = s.view();
        let mut future = pin!(view.wait_async());
        order.race(move || drop(s), || assert!(!poll(future.as_mut(), &waker)));
        drop(waker);
        assert_eq!((wakes.get(), Arc::strong_count(&wakes)), (0, 1));
    });
}

/// Breaks if a future's node is taken off both by whoever kills the signal and by its drop.
#[test]
fn dropped_vs_death() {
    each_first("dropped_vs_death", threads(2), 140, |order| {
        let (s, (wakes, waker)) = (Signal::new(), Wakes::new());
        let mut future = Box::pin(s.clone().into_future());
        assert!(!poll(future.as_mut(), &waker));
        order.race(move || drop(s), move || drop(future));
        drop(waker);
        assert_eq!((wakes.get(), Arc::strong_count(&wakes)), (0, 1));
    });
}

/// Breaks if `run_until_go` asks the signal once only.
#[test]
fn run_until_go_vs_go() {
    each_first("run_until_go_vs_go", threads(2), 700, |order| {
        let (s, d) = (Signal::new(), Payload::new());
        order.race(
            || raise(&s, &d),
            || {
                assert!(loom::future::block_on(s.run_until_go(pending::<()>())).is_err());
                d.check();
            },
        );
    });
}
