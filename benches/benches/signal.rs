//! The rows of Signal: polls, births and deaths, waiters, callbacks, sleepers.

#[path = "signal/callbacks.rs"]
mod callbacks;
mod peers;
#[path = "signal/sleepers.rs"]
mod sleepers;
#[path = "signal/waiters.rs"]
mod waiters;

use event_listener::{Event, listener};
use peers::{Cancel, Ours, Synchronoise, Triggered, poll_once};
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::*};
use stopwhen::{Signal, Till};
use stopwhen_benches::latch::Latch;
use stopwhen_benches::limits::Callbacks;
use stopwhen_benches::time::{batch, branch_on, each, pair};
use stopwhen_benches::{Goal, Group, Row, Suite};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken as Token;

fn main() {
    let mut suite = Suite::start("signal");
    poll(&mut suite);
    poll_on_two_cores(&mut suite);
    poll_composites(&mut suite);
    create(&mut suite);
    go(&mut suite);
    create_go_drop(&mut suite);
    wait_when_go(&mut suite);
    waiters::register_waiter(&mut suite);
    waiters::register_callback(&mut suite);
    waiters::register_among_many(&mut suite);
    waiters::observe_composite(&mut suite);
    waiters::register_on_two_cores(&mut suite);
    whole_life(&mut suite);
    compose(&mut suite);
    callbacks::callbacks(&mut suite);
    sleepers::hand_overs(&mut suite);
    sleepers::crowds(&mut suite);
    suite.finish();
}

/// One look at a flag that is down, through a handle. Slower: every loop that polls pays.
fn poll(suite: &mut Suite) {
    suite.group([Row::ns("S1", "is_go(), not go").goal(Goal::Limit(1.1))], |g| {
        let (flag, signal) = (Arc::new(AtomicBool::new(false)), Signal::new());
        let (token, event, latch) = (Token::new(), Synchronoise::fresh(), Triggered::fresh());
        g.limit("load of an Arc<AtomicBool>", each(move || branch_on(flag.load(Acquire))));
        g.ours(each(move || branch_on(signal.is_go())));
        g.peer("CancellationToken", each(move || branch_on(token.is_cancelled())));
        g.peer("synchronoise", each(move || branch_on(event.0.status())));
        g.peer("triggered", each(move || branch_on(latch.1.is_triggered())));
    });
}

/// The same by two cores at once. Slower: a poll writes, or shares its line with what is written.
fn poll_on_two_cores(suite: &mut Suite) {
    let row = Row::ns("S1-2c", "is_go(), two cores polling one signal").median();
    suite.group([row.goal(Goal::Limit(1.1))], |g| {
        let (flag, signal) = (Arc::new(AtomicBool::new(false)), Signal::new());
        let (token, event, latch) = (Token::new(), Synchronoise::fresh(), Triggered::fresh());
        g.limit("load of an Arc<AtomicBool>", pair(move || branch_on(flag.load(Acquire))));
        g.ours(pair(move || branch_on(signal.is_go())));
        g.peer("CancellationToken", pair(move || branch_on(token.is_cancelled())));
        g.peer("synchronoise", pair(move || branch_on(event.0.status())));
        g.peer("triggered", pair(move || branch_on(latch.1.is_triggered())));
    });
}

/// One look at an expression; the peer looks at one token only, for want of expressions.
/// The goals are 2, 2 and 1.5 ns where a load takes 0.5. Slower: composites answer by a walk
/// instead of a word or two.
fn poll_composites(suite: &mut Suite) {
    let load = || {
        let flag = Arc::new(AtomicBool::new(false));
        each(move || branch_on(flag.load(Acquire)))
    };
    let row = Row::ns("S1x-or", "is_go() of a | b");
    suite.group([row.goal(Goal::Limit(4.0))], |g| {
        let (a, b, token) = (Signal::new(), Signal::new(), Token::new());
        let (either, child) = (&a | &b, token.child_token());
        g.limit("load of one Arc<AtomicBool>", load());
        g.ours(each(move || branch_on((&a, &b, either.is_go()).2)));
        g.peer("CancellationToken, a child", each(move || branch_on((&token, child.is_cancelled()).1)));
    });
    let row = Row::ns("S1x-till", "is_go() of cancel | Till::secs(360), in a loop");
    suite.group([row.goal(Goal::Limit(4.0))], |g| {
        let cancel = Signal::new();
        let either = &cancel | &Till::secs(360);
        g.limit("load of one Arc<AtomicBool>", load());
        g.ours(each(move || branch_on((&cancel, either.is_go()).1)));
    });
    let row = Row::ns("S1x-21", "is_go() of any of 21");
    suite.group([row.goal(Goal::Limit(3.0))], |g| {
        let inputs: Vec<Signal> = (0..21).map(|_| Signal::new()).collect();
        let any = Signal::any(&inputs);
        g.limit("load of one Arc<AtomicBool>", load());
        g.ours(each(move || branch_on((&inputs, any.is_go()).1)));
    });
}

/// Making what can be set, shared and waited for, and dropping it unused. The crate oneshot is
/// shown only, here and below: for one sender and one receiver, neither shared nor cloned. Slower: a second
/// allocation, or counts that are touched although nobody else has a handle.
fn create(suite: &mut Suite) {
    suite.group([Row::ns("S2", "create + drop").goal(Goal::Limit(0.5))], |g| {
        g.limit("Arc<AtomicBool>", each(|| Arc::new(AtomicBool::new(false))));
        g.ours(each(Signal::new));
        g.peer("Arc<tokio Notify>", each(|| Arc::new(Notify::new())));
        g.note("oneshot", each(oneshot::channel::<()>));
        g.peer("tokio oneshot", each(tokio::sync::oneshot::channel::<()>));
        g.peer("triggered", each(triggered::trigger));
        g.peer("CancellationToken", each(Token::new));
    });
}

/// Setting what nobody waits for, made before and dropped after. Slower: `go` takes a lock, or
/// looks for waiters in a second place.
fn go(suite: &mut Suite) {
    suite.group([Row::ns("S3", "first go(), nobody there").goal(Goal::Peer(0.5))], |g| {
        let flag = || Arc::new(AtomicBool::new(false));
        g.limit("swap on an Arc<AtomicBool>", batch(flag, |flag| flag.swap(true, Release)));
        g.ours(batch(Signal::new, |signal| signal.go()));
        g.peer("synchronoise", batch(|| Arc::new(Synchronoise::fresh()), |event| event.set()));
        g.peer("triggered", batch(Triggered::fresh, |latch| latch.set()));
        g.peer("CancellationToken", batch(Token::new, |token| token.cancel()));
    });
    // The composite is not observed: nothing hangs on the signal, but it has a user. The goal is
    // 35 ns where the swap takes 5.8.
    let row = Row::ns("S3-over", "first go() with a composite over it");
    suite.group([row.goal(Goal::Limit(6.0))], |g| {
        let flag = || Arc::new(AtomicBool::new(false));
        g.limit("swap on an Arc<AtomicBool>", batch(flag, |flag| flag.swap(true, Release)));
        let other = Signal::new();
        let over = move || {
            let signal = Signal::new();
            let either = &signal | &other;
            (signal, either)
        };
        g.ours(batch(over, |(signal, _)| signal.go()));
        let parent = || {
            let token = Token::new();
            let child = token.child_token();
            (token, child)
        };
        g.peer("CancellationToken with a child", batch(parent, |(token, _)| token.cancel()));
    });
}

/// A life without waiters. Slower: S2 or S3 is.
fn create_go_drop(suite: &mut Suite) {
    suite.group([Row::ns("S4", "create + go + drop").goal(Goal::Peer(0.4))], |g| {
        g.limit("Arc<AtomicBool>", each(|| Arc::new(AtomicBool::new(false)).swap(true, Release)));
        g.ours(each(|| Signal::new().go()));
        g.note("oneshot", each(|| oneshot::channel().0.send(()).is_err()));
        let tokio_oneshot = || {
            let (sender, receiver) = tokio::sync::oneshot::channel();
            (sender.send(()), receiver)
        };
        g.peer("tokio oneshot", each(tokio_oneshot));
        g.peer("Arc<synchronoise>", each(|| Arc::new(Synchronoise::fresh()).set()));
        g.peer("triggered", each(|| Triggered::fresh().set()));
        g.peer("CancellationToken", each(|| Token::new().cancel()));
    });
}

/// A wait that need not wait; the goal is 0.6 ns where a load takes 0.44. Slower: `wait` does more than a poll before it finds out.
fn wait_when_go(suite: &mut Suite) {
    suite.group([Row::ns("S5", "wait() when go").goal(Goal::Limit(1.36))], |g| {
        let up = Arc::new(AtomicBool::new(true));
        g.limit("load of an Arc<AtomicBool>", each(move || up.load(Acquire)));
        fn set<L: Latch>() -> L {
            let latch = L::fresh();
            latch.set();
            latch
        }
        let (ours, event, latch) = (set::<Ours>(), set::<Synchronoise>(), set::<Triggered>());
        let token = set::<Cancel>().0;
        g.ours(each(move || ours.wait()));
        g.peer("synchronoise", each(move || event.wait()));
        g.peer("triggered", each(move || latch.wait()));
        g.peer("CancellationToken, polled", each(move || poll_once(token.cancelled())));
    });
}

/// Made, something registered that runs, set, dropped. The channels run a waker instead of a
/// closure. Slower: the set-up of firing is paid for one callback as for a thousand.
fn whole_life(suite: &mut Suite) {
    fn rivals(g: &mut Group) {
        let by_hand = || {
            let callbacks = Box::new(Callbacks::default());
            callbacks.add(|| {
                black_box(1);
            });
            callbacks.fire();
        };
        g.limit("boxed list of callbacks", each(by_hand));
        let one = || {
            let (sender, mut receiver) = oneshot::async_channel();
            black_box(poll_once(&mut receiver).is_pending());
            (sender.send(()).is_ok(), receiver)
        };
        g.note("oneshot", each(one));
        let tokio_one = || {
            let (sender, mut receiver) = tokio::sync::oneshot::channel();
            black_box(poll_once(&mut receiver).is_pending());
            (sender.send(()).is_ok(), receiver)
        };
        g.peer("tokio oneshot", each(tokio_one));
        let parent = || {
            let token = Token::new();
            let child = token.child_token();
            token.cancel();
            child
        };
        g.peer("CancellationToken child", each(parent));
    }
    suite.group([Row::ns("S9", "create, then, go, drop").goal(Goal::Peer(0.65))], |g| {
        let ours = || {
            let signal = Signal::new();
            let callback = signal.then(|| {
                black_box(1);
            });
            (signal.go(), callback)
        };
        g.ours(each(ours));
        rivals(g);
    });
    suite.group([Row::ns("S9-on", "create, on_go, go, drop").goal(Goal::Peer(0.65))], |g| {
        let ours = || {
            let signal = Signal::new();
            signal.on_go(|| {
                black_box(1);
            });
            signal.go()
        };
        g.ours(each(ours));
        rivals(g);
    });
}

/// Two long-lived signals combined for a moment, unobserved; the peers register in both.
/// Slower: composing locks or links although nobody looks yet.
fn compose(suite: &mut Suite) {
    suite.group([Row::ns("S10", "a | b, create + drop").goal(Goal::Peer(0.6))], |g| {
        let (a, b) = (Signal::new(), Signal::new());
        let (x, y) = (AtomicU32::new(0), AtomicU32::new(0));
        let arc_and_counts = move || {
            let both = Arc::new([0u64; 8]);
            x.fetch_add(1, Relaxed);
            y.fetch_add(1, Relaxed);
            black_box(&both);
            x.fetch_sub(1, Release) + y.fetch_sub(1, Release)
        };
        g.limit("an Arc and four counts", each(arc_and_counts));
        g.ours(each(move || &a | &b));
        let (e, f) = (Event::<()>::new(), Event::<()>::new());
        let two_listeners = move || {
            listener!(e => one);
            listener!(f => two);
            black_box((&one, &two));
        };
        g.peer("two event-listeners on the stack", each(two_listeners));
        let (s, t) = (Token::new(), Token::new());
        let two_waits = move || (poll_once(s.cancelled()).is_pending(), poll_once(t.cancelled()).is_pending());
        g.peer("two CancellationTokens awaited", each(two_waits));
        let token = Token::new();
        g.peer("CancellationToken child", each(move || token.child_token()));
    });
}
