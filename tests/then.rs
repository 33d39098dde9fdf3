//! Callbacks: `then`, `on_go`, cancelling, panics, abandonment. A test says which promise it shows.
#[path = "then/abandoned.rs"]
mod abandoned;
mod common;
#[path = "then/panics.rs"]
mod panics;

use common::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex, OnceLock};
use std::thread;
use stopwhen::signal::{Cancel, Then};
use stopwhen::{Signal, Till};

// ---- S4, S5: phases and order ----------------------------------------------------------------------------

/// S5: once, in order of registration, whatever they were registered with; those of the raised signal first.
#[test]
fn callbacks_run_once_in_order_of_registration() {
    let (s, log) = (Signal::new(), Log::new());
    let derived = s.view();
    derived.on_go(log.says("derived"));
    s.on_go(log.says("one"));
    let two = s.then(log.says("two"));
    let gone = s.then(log.says("cancelled"));
    drop(s.then(log.says("three")));
    s.on_go(log.says("four"));
    assert_eq!(gone.cancel(), Cancel::Removed);
    assert!(s.go() && !s.go());
    assert_eq!(log.said(), "one two three four derived");
    assert_eq!((two.cancel(), gone.cancel()), (Cancel::Ran, Cancel::Removed));
}

/// S5: those of the raised signal first; those of a composite in order, and after those of what raised it.
#[test]
fn callbacks_of_composites_follow_those_of_what_raised_them() {
    let (s, other, log) = (Signal::new(), Signal::new(), Log::new());
    let near = [&s | &other, s.child(), s.view()];
    let far = &near[0] & &near[1];
    far.on_go(log.says("far"));
    for (i, n) in near.iter().enumerate() {
        n.on_go(log.says(&format!("near{i}a")));
        n.on_go(log.says(&format!("near{i}b")));
    }
    s.on_go(log.says("s"));
    s.go();
    let said = log.said();
    let place = |word: &str| said.find(word).unwrap_or_else(|| panic!("{word} in {said}"));
    assert_eq!(place("s"), 0, "{said}");
    for i in 0..3 {
        assert_eq!(place(&format!("near{i}a")) + "near0a ".len(), place(&format!("near{i}b")), "{said}");
    }
    assert!(place("far") > place("near0b").max(place("near1b")), "{said}");
}

/// S5: they run on the thread of the winning `go`; on what is go already, inline before `then` returns.
#[test]
fn callbacks_run_on_the_raisers_thread_or_inline() {
    in_time("a raiser", || {
        let (s, ran_on) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
        let note = || {
            let ran_on = ran_on.clone();
            move || ran_on.lock().unwrap().push(thread::current().id())
        };
        (&s | &Signal::new()).on_go(note());
        s.on_go(note());
        let raiser = thread::spawn({
            let s = s.clone();
            move || (s.go(), thread::current().id()).1
        });
        let raiser = raiser.join().unwrap();
        assert_eq!(*ran_on.lock().unwrap(), [raiser; 2]);
        for s in [s.clone(), s.view(), s.child(), &s & &s.child(), Signal::done(), Till::secs(0)] {
            ran_on.lock().unwrap().clear();
            let then = s.then(note());
            s.on_go(note());
            assert_eq!(*ran_on.lock().unwrap(), [thread::current().id(); 2]);
            assert_eq!((then.cancel(), then.cancel_and_wait()), (Cancel::Ran, Cancel::Ran));
        }
    });
}

/// S4: inside any callback all derived signals are already go, and threads and tasks were woken before.
#[test]
fn inside_a_callback_everything_derived_is_go() {
    in_time("a callback that looks around", || {
        let (s, other) = (Signal::new(), Signal::new());
        let mut derived = vec![s.view(), s.child(), &s | &other, Signal::at_least(2, [&s, &s, &other])];
        for i in 0..30 {
            let next = &derived[i % derived.len()] & derived.last().unwrap();
            derived.push(if i % 3 == 0 { next.child() } else { next });
        }
        let bell = Bell::new();
        let awaited = derived.last().unwrap().clone();
        let mut future = Box::pin(awaited.wait_async());
        assert!(poll(future.as_mut(), &bell).is_pending());
        let waiters: Vec<_> = derived.iter().take(3).cloned().map(|d| thread::spawn(move || d.wait())).collect();
        let (looks, woken) = (Count::new(), Arc::new(Barrier::new(2)));
        for d in [&s, &derived[0], &derived[20]] {
            let (all, looks, bell) = (derived.clone(), looks.clone(), bell.clone());
            d.on_go(move || {
                assert!(all.iter().all(Signal::is_go));
                assert!(all.iter().all(|d| !d.go()));
                assert_eq!(bell.rung(), 1);
                looks.add();
            });
        }
        let (end, at_end) = (woken.clone(), looks.clone());
        s.on_go(move || {
            end.wait(); // only once the waiters have returned
            at_end.add();
        });
        let raiser = thread::spawn(move || s.go());
        waiters.into_iter().for_each(|w| w.join().unwrap());
        woken.wait();
        assert!(raiser.join().unwrap());
        assert_eq!(looks.get(), 4);
    });
}

/// S4, S3: a losing `go()` waits for the winner's flags, never for its callbacks.
#[test]
fn a_losing_go_does_not_wait_for_callbacks() {
    in_time("a loser while a callback blocks", || {
        let s = Signal::new();
        let derived = (s.child() | &Signal::new()).child();
        let (entered, enter) = channel();
        let (leave, left) = channel::<()>();
        s.on_go(move || {
            entered.send(()).unwrap();
            left.recv().unwrap();
        });
        derived.on_go(|| ());
        let raiser = thread::spawn({
            let s = s.clone();
            move || s.go()
        });
        enter.recv().unwrap();
        assert!(!s.go() && !derived.go() && derived.is_go());
        s.wait();
        derived.wait();
        let ran = Count::new();
        s.on_go(ran.adds());
        assert_eq!(ran.get(), 1, "inline, while an earlier one still runs");
        leave.send(()).unwrap();
        assert!(raiser.join().unwrap());
    });
}

/// S5: a callback may raise, wait, register and drop.
#[test]
fn a_callback_may_do_anything() {
    in_time("a busy callback", || {
        let (s, other, log) = (Signal::new(), Signal::new(), Log::new());
        let both = &s & &other;
        both.on_go(log.says("both"));
        let (inner, me, said) = (other.clone(), s.clone(), log.clone());
        s.on_go(move || {
            said.say("in");
            me.wait();
            assert!(!me.go());
            me.on_go(said.says("nested"));
            assert!(inner.go());
            inner.wait();
            assert!(Signal::new().wait_until((&me, AGES)).is_err());
            block_on(&me);
            let child = me.child();
            drop((inner, me));
            assert!(child.is_go());
            said.say("out");
        });
        s.on_go(log.says("after"));
        drop(other);
        assert!(s.go() && both.is_go());
        assert_eq!(log.said(), "in nested both out after");
    });
}

/// S5: callbacks that raise signals whose callbacks raise signals: one after the other, and all run.
#[test]
fn callbacks_may_raise_in_chains() {
    in_time("a chain of callbacks", || {
        let (first, ran) = (Signal::new(), Count::new());
        let mut last = first.clone();
        for _ in 0..200 {
            let next = Signal::new();
            let raise = next.clone();
            last.on_go(move || assert!(raise.go()));
            last.on_go(ran.adds());
            last = next;
        }
        assert!(first.go() && last.is_go());
        assert_eq!(ran.get(), 200);
    });
}

/// S5: composites that were decided before anybody observed them run their callbacks in the call that finds it.
#[test]
fn a_composite_already_decided_runs_callbacks_inline() {
    let (a, b, ran) = (Signal::new(), Signal::new(), Count::new());
    let (or, and) = (&a | &b, (&a & &b).view());
    a.go();
    or.on_go(ran.adds());
    assert_eq!(ran.get(), 1);
    b.go();
    let then = and.then(ran.adds());
    assert_eq!((ran.get(), then.cancel()), (2, Cancel::Ran));
}

// ---- S7: cancel ------------------------------------------------------------------------------------------

/// S7: removed is final; captures are dropped by whoever removes, before `cancel` returns.
#[test]
fn cancel_removes_and_drops_the_captures() {
    let (s, ran, dropped) = (Signal::new(), Count::new(), Count::new());
    let (adds, token) = (ran.adds(), dropped.token());
    let then = s.then(move || (adds(), drop(token)).0);
    assert_eq!(hanging(&s), 1);
    assert_eq!((then.cancel(), dropped.get(), hanging(&s)), (Cancel::Removed, 1, 0));
    assert_eq!((then.cancel(), then.cancel_and_wait()), (Cancel::Removed, Cancel::Removed));
    s.go();
    assert_eq!((then.cancel(), ran.get(), dropped.get()), (Cancel::Removed, 0, 1));
}

/// S7: dropping a `Then` detaches.
#[test]
fn dropping_the_handle_detaches() {
    let (s, ran) = (Signal::new(), Count::new());
    drop(s.then(ran.adds()));
    assert_eq!(hanging(&s), 1);
    s.go();
    assert_eq!(ran.get(), 1);
}

/// S7: `cancel` never blocks: it says Running while the callback runs, Ran afterwards; `cancel_and_wait` waits for its end.
#[test]
fn cancel_tells_running_and_cancel_and_wait_waits() {
    in_time("a callback that is waited for", || {
        let (s, dropped) = (Signal::new(), Count::new());
        let (entered, enter) = channel();
        let (leave, left) = channel::<()>();
        let ended = Arc::new(AtomicBool::new(false));
        let (end, token) = (ended.clone(), dropped.token());
        let then = Arc::new(s.then(move || {
            let _token = token;
            entered.send(()).unwrap();
            left.recv().unwrap();
            end.store(true, Release);
        }));
        let raiser = thread::spawn({
            let s = s.clone();
            move || s.go()
        });
        enter.recv().unwrap();
        assert_eq!(then.cancel(), Cancel::Running);
        let (calling, called) = channel();
        let waiters: Vec<_> = (0..3)
            .map(|_| {
                let (then, calling, ended, dropped) = (then.clone(), calling.clone(), ended.clone(), dropped.clone());
                thread::spawn(move || {
                    calling.send(()).unwrap();
                    let said = then.cancel_and_wait();
                    assert!(ended.load(Acquire), "it has returned");
                    assert_eq!(dropped.get(), 1, "and its captures are dropped");
                    said
                })
            })
            .collect();
        (0..3).for_each(|_| called.recv().unwrap());
        assert_eq!(then.cancel(), Cancel::Running);
        leave.send(()).unwrap();
        waiters.into_iter().for_each(|w| assert_eq!(w.join().unwrap(), Cancel::Ran));
        assert!(raiser.join().unwrap());
        assert_eq!(then.cancel(), Cancel::Ran);
    });
}

/// S7: *removed XOR ran*, whoever wins, and captures are dropped once.
#[test]
fn removed_xor_ran() {
    in_time("cancel against go", || {
        let mut outcomes = [0; 3];
        for round in 0..3000 {
            let (s, ran, dropped) = (Signal::new(), Count::new(), Count::new());
            let (adds, token) = (ran.adds(), dropped.token());
            let then = s.then(move || (adds(), drop(token)).0);
            let start = Barrier::new(2);
            let said = thread::scope(|scope| {
                let canceller = scope.spawn(|| {
                    start.wait();
                    match round % 3 {
                        0 => then.cancel(),
                        1 => then.cancel_and_wait(),
                        _ => (then.cancel(), then.cancel_and_wait()).1,
                    }
                });
                start.wait();
                s.go();
                canceller.join().unwrap()
            });
            outcomes[said as usize] += 1;
            assert_eq!((ran.get(), dropped.get()), (usize::from(said != Cancel::Removed), 1), "{said:?}");
            assert_eq!(then.cancel(), if said == Cancel::Removed { said } else { Cancel::Ran });
        }
        assert_eq!(outcomes.iter().sum::<i32>(), 3000);
    });
}

/// S7: from inside the callback itself `cancel_and_wait` returns at once.
#[test]
fn a_callback_may_cancel_itself() {
    in_time("a callback that waits for itself", || {
        let (s, said) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
        let own: Arc<OnceLock<Then>> = Arc::default();
        let (me, note) = (own.clone(), said.clone());
        let then = s.then(move || {
            let then = me.get().unwrap();
            note.lock().unwrap().extend([then.cancel(), then.cancel_and_wait()]);
        });
        assert!(own.set(then).is_ok());
        s.go();
        assert_eq!(*said.lock().unwrap(), [Cancel::Running; 2]);
        assert_eq!(own.get().unwrap().cancel_and_wait(), Cancel::Ran);
    });
}

/// Tells what the callback's own handle says, when it is dropped.
struct Asks(Arc<OnceLock<Then>>, Arc<Mutex<Vec<Cancel>>>);

impl Drop for Asks {
    fn drop(&mut self) {
        let then = self.0.get().unwrap();
        self.1.lock().unwrap().extend([then.cancel(), then.cancel_and_wait()]);
    }
}

/// S7: likewise from the drop of its captures: when it runs, when it is cancelled, and when its signal dies.
#[test]
fn captures_may_cancel_the_callback_they_belong_to() {
    in_time("captures that wait for their callback", || {
        for (how, expected) in [(0, Cancel::Running), (1, Cancel::Removed), (2, Cancel::Removed), (3, Cancel::Removed)]
        {
            let (s, said) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
            let own: Arc<OnceLock<Then>> = Arc::default();
            let asks = Asks(own.clone(), said.clone());
            let then = s.then(move || drop(asks));
            assert!(own.set(then).is_ok());
            match how {
                0 => assert!(s.go()),
                1 => assert_eq!(own.get().unwrap().cancel(), Cancel::Removed),
                2 => assert_eq!(own.get().unwrap().cancel_and_wait(), Cancel::Removed),
                _ => drop(s),
            }
            assert_eq!(*said.lock().unwrap(), [expected; 2], "{how}");
            let end = if how == 0 { Cancel::Ran } else { Cancel::Removed };
            assert_eq!(own.get().unwrap().cancel_and_wait(), end);
        }
    });
}

/// S7: one callback may cancel others, before and after itself.
#[test]
fn callbacks_may_cancel_each_other() {
    in_time("callbacks that cancel", || {
        let (s, log) = (Signal::new(), Log::new());
        let thens: Arc<OnceLock<[Then; 3]>> = Arc::default();
        let first = s.then(log.says("first"));
        let (others, said) = (thens.clone(), log.clone());
        let second = s.then(move || {
            let outcomes = others.get().unwrap().each_ref().map(|t| format!("{:?}", t.cancel_and_wait()));
            said.say(outcomes.join("/"));
        });
        let third = s.then(log.says("third"));
        assert!(thens.set([first, second, third]).is_ok());
        s.go();
        assert_eq!(log.said(), "first Ran/Running/Removed");
    });
}

/// S7: handles of callbacks outlive everything.
#[test]
fn handles_outlive_their_signals() {
    let (s, ran) = (Signal::new(), Count::new());
    let (then, dead) = (s.then(ran.adds()), Signal::new().then(ran.adds()));
    s.go();
    drop(s);
    assert_eq!((then.cancel(), then.cancel_and_wait()), (Cancel::Ran, Cancel::Ran));
    assert_eq!((dead.cancel(), dead.cancel_and_wait()), (Cancel::Removed, Cancel::Removed));
    assert_eq!((Signal::never().then(ran.adds()).cancel(), ran.get()), (Cancel::Removed, 1));
    assert_eq!(format!("{then:?}"), "Then { .. }");
}

/// S7: what panics has run: `cancel_and_wait` is not left behind.
#[test]
fn cancel_and_wait_survives_a_panicking_callback() {
    in_time("a canceller", || {
        let s = Signal::new();
        let (entered, enter) = channel();
        let then = s.then(move || {
            entered.send(()).unwrap();
            resume_unwind(Box::new("callback"))
        });
        let raiser = thread::spawn(move || catch_unwind(AssertUnwindSafe(|| s.go())).is_err());
        enter.recv().unwrap();
        assert_eq!(then.cancel_and_wait(), Cancel::Ran);
        assert!(raiser.join().unwrap());
    });
}
