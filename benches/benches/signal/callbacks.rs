//! Many callbacks on one signal: S11 registers them, S12 fires and frees them.

use event_listener::Event;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use stopwhen::Signal;
use stopwhen_benches::limits::Callbacks;
use stopwhen_benches::time::fill_and_fire;
use stopwhen_benches::{Goal, Group, Row, Suite};
use tokio_util::sync::CancellationToken as Token;

/// How many callbacks, waker or closure, have run.
static RUN: AtomicUsize = AtomicUsize::new(0);

fn count() {
    // One thread counts: a load and a store, not to time a locked addition.
    RUN.store(RUN.load(Relaxed) + 1, Relaxed);
}

fn counting_waker() -> Waker {
    const TABLE: RawWakerVTable =
        RawWakerVTable::new(|_| RawWaker::new(std::ptr::null(), &TABLE), |_| count(), |_| count(), |_| ());
    // SAFETY: the functions look at nothing.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &TABLE)) }
}

/// Polls each once, so that it registers the counting waker.
fn polled<F: Future>(n: usize, mut make: impl FnMut() -> F) -> Vec<Pin<Box<F>>> {
    let waker = counting_waker();
    let mut context = Context::from_waker(&waker);
    let mut all = Vec::with_capacity(n);
    for _ in 0..n {
        let mut future = Box::pin(make());
        black_box(future.as_mut().poll(&mut context).is_pending());
        all.push(future);
    }
    all
}

/// A fresh vector of `n` of them, its space made at once.
fn many<T>(n: usize, make: impl FnMut() -> T) -> Vec<T> {
    let mut all = Vec::with_capacity(n);
    all.extend(std::iter::repeat_with(make).take(n));
    all
}

/// Registering many, then firing and freeing them all. Listeners that were not polled and child
/// tokens run nothing when fired: they do less. Slower to register: a node is larger or linked
/// twice. Slower to fire: a pass too many over a list that no cache holds.
pub fn callbacks(suite: &mut Suite) {
    let sizes = [
        (1_000, 200, ["S11-1k", "S12-1k", "S11-1k-then", "S12-1k-then"], 0.5),
        (100_000, 12, ["S11-100k", "S12-100k", "S11-100k-then", "S12-100k-then"], 0.4),
        (1_000_000, 5, ["S11-1M", "S12-1M", "S11-1M-then", "S12-1M-then"], 0.3),
    ];
    for (n, rounds, ids, goal) in sizes {
        let row = |id, name| {
            let row = Row::ns(id, name);
            if n > 100_000 { row.large() } else { row }
        };
        let [register, fire, register_then, fire_then] = ids;
        let by_on_go = [
            row(register, "register callbacks by on_go, each").goal(Goal::Peer(goal)),
            row(fire, "fire and free those, each").goal(Goal::Limit(1.3)),
        ];
        suite.group(by_on_go, |g| {
            g.rounds(rounds);
            let ours = |n| {
                let signal = Signal::new();
                (0..n).for_each(|_| signal.on_go(count));
                signal
            };
            g.ours(fill_and_fire(n, ours, |signal| drop((signal.go(), signal))));
            rivals(g, n);
        });
        let by_then = [
            row(register_then, "register callbacks by then, each").goal(Goal::Peer(0.75)),
            row(fire_then, "fire and free those, each"),
        ];
        suite.group(by_then, |g| {
            g.rounds(rounds);
            let ours = |n| {
                let signal = Signal::new();
                let callbacks = many(n, || signal.then(count));
                (signal, callbacks)
            };
            g.ours(fill_and_fire(n, ours, |(signal, all)| drop((signal.go(), all, signal))));
            rivals(g, n);
        });
    }
}

fn rivals(g: &mut Group, n: usize) {
    let by_hand = |n| {
        let callbacks = Callbacks::default();
        (0..n).for_each(|_| callbacks.add(count));
        callbacks
    };
    g.limit("list of callbacks", fill_and_fire(n, by_hand, |all| all.fire()));
    let listeners = |n| {
        let event = Event::<()>::new();
        let all = many(n, || event.listen());
        (event, all)
    };
    let notify = |(event, all): (Event<()>, Vec<_>)| drop((event.notify(usize::MAX), all));
    g.peer("event-listener, unpolled", fill_and_fire(n, listeners, notify));
    let futures = |n| {
        let event = Event::<()>::new();
        let all = polled(n, || event.listen());
        (event, all)
    };
    let notify = |(event, all): (Event<()>, Vec<_>)| drop((event.notify(usize::MAX), all));
    g.peer("event-listener, polled", fill_and_fire(n, futures, notify));
    let tokens = |n| {
        let token = Token::new();
        let all = many(n, || token.child_token());
        (token, all)
    };
    g.peer("CancellationToken children", fill_and_fire(n, tokens, |(t, all)| drop((t.cancel(), all))));
    let waits = |n| {
        let token = Token::new();
        let all = polled(n, || token.clone().cancelled_owned());
        (token, all)
    };
    g.peer("CancellationToken, awaited", fill_and_fire(n, waits, |(t, all)| drop((t.cancel(), all))));
}
