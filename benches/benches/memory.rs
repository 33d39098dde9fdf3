//! Heap bytes, of every room: in a binary of its own, so that counting slows no timed row.

mod peers;

use event_listener::Event;
use peers::poll_once;
use std::pin::Pin;
use std::sync::{self, Arc};
use std::time::Duration;
use stopwhen::{Barrier, Condition, Lock, Semaphore, Signal, Till};
use stopwhen_benches::heap::{Counting, bytes_each};
use stopwhen_benches::time::values;
use stopwhen_benches::{Goal, Group, Row, Samples, Suite, Unit};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken as Token;

#[global_allocator]
static HEAP: Counting = Counting;

fn main() {
    let mut suite = Suite::start("memory");
    signal(&mut suite);
    till(&mut suite);
    places(&mut suite);
    suite.finish();
}

/// Enough to spread what all of them share.
const MANY: usize = 10_000;

fn once(g: &mut Group) {
    g.rounds(1);
    g.cold();
}

fn bytes<T>(make: impl Fn() -> T) -> impl FnMut(&mut Samples) {
    values(move || [bytes_each(MANY, &make)])
}

/// What a program with a million of them pays. More: a field that could be a bit, or a node that
/// grew.
fn signal(suite: &mut Suite) {
    let row = Row::ns("S16", "heap bytes of a signal").unit(Unit::Bytes);
    suite.group([row.goal(Goal::AtMost(40.0))], |g| {
        once(g);
        g.limit("Arc<AtomicBool>", bytes(|| Arc::new(std::sync::atomic::AtomicBool::new(false))));
        g.ours(bytes(Signal::new));
        g.peer("Arc<tokio Notify>", bytes(|| Arc::new(Notify::new())));
        g.peer("CancellationToken", bytes(Token::new));
    });
    // The closure holds one word: at most 32 bytes and that.
    let row = Row::ns("S16-then", "heap bytes of a callback with 8 bytes of captures");
    suite.group([row.unit(Unit::Bytes).goal(Goal::AtMost(40.0))], |g| {
        once(g);
        let (signal, token, event) = (Signal::new(), Token::new(), Event::<()>::new());
        // The first listener makes the list: not counted.
        let first = event.listen();
        let word = 1_usize;
        g.limit("a boxed closure and a link", bytes(move || Box::new([word, word, word])));
        g.ours(bytes(move || {
            let captured = std::hint::black_box(word);
            signal.then(move || assert!(captured > 0))
        }));
        g.peer("event-listener", bytes(move || (&first, event.listen()).1));
        g.peer("CancellationToken child", bytes(move || token.child_token()));
    });
}

const LONG: Duration = Duration::from_secs(360);

/// Bytes of a future and what it armed, without the future itself.
fn armed<F: Future>(make: impl Fn() -> F) -> impl FnMut(&mut Samples) {
    let arm = move || {
        let mut future: Pin<Box<F>> = Box::pin(make());
        assert!(poll_once(future.as_mut()).is_pending());
        future
    };
    // The first one starts the clock: not counted.
    let first = arm();
    values(move || {
        let all = bytes_each(MANY, &arm);
        let signal = bytes_each(MANY, Signal::new);
        [(&first, all - signal - size_of::<F>() as f64).1]
    })
}

/// What an armed Till holds beside its signal and its waiter; tokio's timer lies in its future.
/// More: a timer's node grew, or the wheel keeps too much in reserve.
fn till(suite: &mut Suite) {
    let row = Row::ns("T5", "heap bytes per armed Till beyond the signal").unit(Unit::Bytes);
    suite.group([row.goal(Goal::AtMost(48.0))], |g| {
        once(g);
        g.ours(armed(|| Till::after(LONG).into_future()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let sleeps = bytes(move || {
            let _inside = runtime.enter();
            let mut sleep = Box::pin(tokio::time::sleep(LONG));
            assert!(poll_once(sleep.as_mut()).is_pending());
            sleep
        });
        g.peer("tokio sleep", sleeps);
    });
}

/// The primitives in place, without what is locked; they have nothing on the heap. More: a field that could be a bit. std's
/// words know nothing of owners, ages, places, or who has seen which change.
fn places(suite: &mut Suite) {
    const fn size<T>() -> impl FnMut(&mut Samples) {
        |out: &mut Samples| out.put(0, size_of::<T>() as f64)
    }
    let row = |id, what, most| Row::ns(id, what).unit(Unit::Bytes).goal(Goal::AtMost(most));
    suite.group([row("Z1-lock", "bytes of a Lock<()>", 88.0)], |g| {
        once(g);
        g.ours(size::<Lock<()>>());
        g.peer("std Mutex<()> and Condvar", size::<(sync::Mutex<()>, sync::Condvar)>());
        g.peer("tokio Mutex<()>", size::<tokio::sync::Mutex<()>>());
    });
    suite.group([row("Z1-condition", "bytes of a Condition", 56.0)], |g| {
        once(g);
        g.ours(size::<Condition>());
        g.peer("std Condvar", size::<sync::Condvar>());
        g.peer("parking_lot Condvar", size::<parking_lot::Condvar>());
    });
    suite.group([row("Z1-semaphore", "bytes of a Semaphore", 32.0)], |g| {
        once(g);
        g.ours(size::<Semaphore>());
        g.peer("tokio Semaphore", size::<tokio::sync::Semaphore>());
        g.peer("async-lock Semaphore", size::<async_lock::Semaphore>());
    });
    suite.group([row("Z1-barrier", "bytes of a Barrier", 80.0)], |g| {
        once(g);
        g.ours(size::<Barrier>());
        g.peer("std Barrier", size::<sync::Barrier>());
        g.peer("tokio Barrier", size::<tokio::sync::Barrier>());
    });
}
