//! Waiters and callbacks that are registered and taken back: S6, S7, and S8 on two cores.

use crate::peers::poll_once;
use event_listener::{Event, listener};
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, Ordering::AcqRel};
use stopwhen::Signal;
use stopwhen_benches::limits::Bit;
use stopwhen_benches::time::{each, pair};
use stopwhen_benches::{FLAT, Goal, Row, Suite};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken as Token;

/// A task's waiter that lies on the stack: listed, with its waker, and unlisted. The unpolled
/// listener stores no waker: it does less, and still is the peer to beat. Slower: a wait that is
/// not needed in the end (a select, a timeout) costs more.
pub fn register_waiter(suite: &mut Suite) {
    let row = Row::ns("S6", "register a waiter on the stack + drop it");
    suite.group([row.goal(Goal::Peer(0.65))], |g| {
        let (signal, token, bit) = (Signal::new(), Token::new(), Bit::default());
        let (event, polled) = (Event::<()>::new(), Event::<()>::new());
        let notify = Notify::new();
        let two_holds = move || {
            bit.hold(|| black_box(()));
            bit.hold(|| black_box(()));
        };
        g.limit("two lock pairs", each(two_holds));
        g.ours(each(move || poll_once(signal.wait_async()).is_pending()));
        let unpolled = move || {
            listener!(event => waiter);
            black_box(&waiter);
        };
        g.peer("event-listener, unpolled", each(unpolled));
        let polled = move || {
            listener!(polled => waiter);
            poll_once(waiter).is_pending()
        };
        g.peer("event-listener, polled", each(polled));
        g.peer("tokio Notify", each(move || poll_once(notify.notified()).is_pending()));
        g.peer("CancellationToken", each(move || poll_once(token.cancelled()).is_pending()));
    });
}

fn then_and_cancel(signal: &Signal) {
    let callback = signal.then(|| {
        black_box(1);
    });
    black_box(callback.cancel());
}

/// A registration on the heap that is taken back. A listener or a child runs nothing by itself:
/// the peers do less. Slower: a step that is undone (a scope that ends in time) costs more.
pub fn register_callback(suite: &mut Suite) {
    suite.group([Row::ns("S7", "then + cancel").goal(Goal::Peer(0.65))], |g| {
        let (signal, token, bit, event) = (Signal::new(), Token::new(), Bit::default(), Event::<()>::new());
        let box_and_holds = move || {
            let node = Box::new([1u64; 5]);
            bit.hold(|| black_box(&node));
            bit.hold(|| black_box(&node));
        };
        g.limit("a box and two lock pairs", each(box_and_holds));
        g.ours(each(move || then_and_cancel(&signal)));
        g.peer("event-listener", each(move || event.listen()));
        g.peer("CancellationToken child", each(move || token.child_token()));
    });
}

/// The same where 100,000 others are registered. Slower than alone: something walks the list.
pub fn register_among_many(suite: &mut Suite) {
    const OTHERS: usize = 100_000;
    let row = Row::ns("S7-100k", "then + cancel, 100,000 others there").goal(Goal::Peer(0.65));
    suite.group([row.goal(Goal::Than("ours, alone", FLAT))], |g| {
        let (signal, alone) = (Signal::new(), Signal::new());
        let others: Vec<_> = (0..OTHERS).map(|_| signal.then(|| ())).collect();
        g.ours(each(move || then_and_cancel((&others, &signal).1)));
        g.note("ours, alone", each(move || then_and_cancel(&alone)));
        let event = Event::<()>::new();
        let others: Vec<_> = (0..OTHERS).map(|_| event.listen()).collect();
        g.peer("event-listener", each(move || (&others, event.listen()).1));
        let token = Token::new();
        let others: Vec<_> = (0..OTHERS).map(|_| token.child_token()).collect();
        g.peer("CancellationToken child", each(move || (&others, token.child_token()).1));
    });
}

/// A composite that is linked because it was observed, and unlinked again. The child token
/// watches one parent, the composite two. Slower: every `x_until(a | b)` that sleeps pays.
pub fn observe_composite(suite: &mut Suite) {
    let row = Row::ns("S7-or", "a | b made, observed, dropped");
    suite.group([row.goal(Goal::Than("CancellationToken child", 1.0))], |g| {
        let (a, b, token) = (Signal::new(), Signal::new(), Token::new());
        g.ours(each(move || then_and_cancel(&(&a | &b))));
        g.peer("CancellationToken child", each(move || token.child_token()));
    });
}

/// S6 and S7 by two cores on one signal. Slower: who meets the lock sleeps or bounces lines.
pub fn register_on_two_cores(suite: &mut Suite) {
    let row = Row::ns("S8-wait", "register + drop a waiter, two cores on one signal").median();
    suite.group([row.goal(Goal::Peer(0.2))], |g| {
        let (signal, token, event) = (Signal::new(), Token::new(), Event::<()>::new());
        let word = AtomicU32::new(0);
        let two_rmws = move || word.fetch_add(1, AcqRel) + word.fetch_sub(1, AcqRel);
        g.limit("two read-modify-writes", pair(two_rmws));
        g.ours(pair(move || poll_once(signal.wait_async()).is_pending()));
        let unpolled = move || {
            listener!(event => waiter);
            black_box(&waiter);
        };
        g.peer("event-listener, unpolled", pair(unpolled));
        g.peer("CancellationToken", pair(move || poll_once(token.cancelled()).is_pending()));
    });
    let row = Row::ns("S8-then", "then + cancel, two cores on one signal").median();
    suite.group([row.goal(Goal::Peer(0.5))], |g| {
        let (signal, token, event) = (Signal::new(), Token::new(), Event::<()>::new());
        let word = AtomicU32::new(0);
        let two_rmws = move || word.fetch_add(1, AcqRel) + word.fetch_sub(1, AcqRel);
        g.limit("two read-modify-writes", pair(two_rmws));
        g.ours(pair(move || then_and_cancel(&signal)));
        g.peer("event-listener", pair(move || event.listen()));
        g.peer("CancellationToken child", pair(move || token.child_token()));
    });
}
