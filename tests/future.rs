//! Signals awaited by tasks. A test says which promise it shows.
mod common;
use common::*;
use std::future::{Future, pending, ready};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering::*};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;
use stopwhen::{Signal, Stopped, Till};

/// S13: pending until it goes, woken once, then ready for good.
#[test]
fn a_future_is_woken_once_and_stays_ready() {
    let (a, b) = (Signal::new(), Signal::new());
    for s in [a.view(), &a | &b, a.child(), a.clone()] {
        let (bell, mut future) = (Bell::new(), pin!(s.wait_async()));
        assert!((0..3).all(|_| poll(future.as_mut(), &bell).is_pending()));
        assert_eq!((hanging(&s), bell.rung()), (1, 0));
        match s == a {
            true => assert!(a.go()),
            false => continue,
        }
        assert_eq!((hanging(&s), bell.rung()), (0, 1));
        assert!((0..3).all(|_| poll(future.as_mut(), &bell).is_ready()));
        assert_eq!(bell.rung(), 1);
    }
    for s in [a.view(), &a | &b, a.child(), Signal::done(), Till::secs(0)] {
        let (bell, mut future) = (Bell::new(), pin!(s.wait_async()));
        assert!((0..3).all(|_| poll(future.as_mut(), &bell).is_ready()), "go before the first poll");
        assert_eq!((hanging(&s), bell.rung()), (0, 0));
    }
}

/// S13: polled with another waker it forgets the one before; only the last is woken.
#[test]
fn only_the_last_waker_is_woken() {
    let (a, b) = (Signal::new(), Signal::new());
    for s in [&a | &b, a.clone()] {
        let (first, last) = (Bell::new(), Bell::new());
        let mut future = pin!(s.wait_async());
        assert!(poll(future.as_mut(), &first).is_pending());
        assert_eq!(Arc::strong_count(&first), 2);
        assert!(poll(future.as_mut(), &last).is_pending());
        assert_eq!(Arc::strong_count(&first), 1, "forgotten at once");
        assert!(poll(future.as_mut(), &first).is_pending() && poll(future.as_mut(), &last).is_pending());
        assert_eq!(hanging(&s), 1);
        if s == a {
            a.go();
            assert_eq!((first.rung(), last.rung()), (0, 1));
            assert_eq!((Arc::strong_count(&first), Arc::strong_count(&last)), (1, 1));
        }
        assert_eq!(poll(future.as_mut(), &first).is_ready(), s == a);
    }
}

/// S13: dropped at any point it unlinks, forgets its waker, and wakes nobody.
#[test]
fn dropping_a_future_unlinks_it() {
    let (a, b) = (Signal::new(), Signal::new());
    let bell = Bell::new();
    for s in [a.clone(), a.view(), &a & &b] {
        let mut many: Vec<_> = (0..10).map(|_| Box::pin(s.wait_async())).collect();
        assert!(many.iter_mut().all(|f| poll(f.as_mut(), &bell).is_pending()));
        assert_eq!((hanging(&s), Arc::strong_count(&bell)), (10, 11));
        drop(many.remove(9));
        drop(many.remove(0));
        drop(many.remove(4));
        assert_eq!((hanging(&s), Arc::strong_count(&bell)), (7, 8));
        drop(many);
        assert_eq!((hanging(&s), Arc::strong_count(&bell)), (0, 1));
        drop(Box::pin(s.wait_async()));
        drop(s.wait_async());
    }
    assert_eq!((hanging(&a), hanging(&b)), (0, 0));
    a.go();
    assert_eq!(bell.rung(), 0);
}

/// S13: all tasks that wait are woken, each once, in the order in which they came.
#[test]
fn go_wakes_every_task() {
    struct Named(usize, Arc<Mutex<Vec<usize>>>);
    impl std::task::Wake for Named {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }
    let (s, woken) = (Signal::new(), Arc::new(Mutex::new(Vec::new())));
    let mut futures: Vec<_> = (0..200).map(|_| Box::pin(s.wait_async())).collect();
    for (i, future) in futures.iter_mut().enumerate() {
        let waker = Waker::from(Arc::new(Named(i, woken.clone())));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    s.go();
    assert_eq!(*woken.lock().unwrap(), (0..200).collect::<Vec<_>>());
}

/// Signals are awaited by value and by reference, on any executor.
#[test]
fn signals_are_awaited_by_value_and_by_reference() {
    in_time("awaits", || {
        let (a, b) = (Signal::new(), Signal::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                block_on(async {
                    (&a).await;
                    a.clone().await;
                    (&a & &b).await;
                    a.wait_async().await;
                    a.child().await;
                    assert!(a.is_go() && b.is_go());
                })
            });
            a.go();
            b.go();
        });
        block_on(async {
            Till::millis(1).await;
            (Till::millis(2) | Signal::new()).await;
            (Till::millis(1) & Till::millis(2)).await;
        });
    });
}

/// S8: a future looks and cannot raise: awaiting the last handle awaits the dead.
#[test]
fn a_future_is_no_raising_handle() {
    let (s, ran, bell) = (Signal::new(), Count::new(), Bell::new());
    let view = s.view();
    view.on_go(ran.adds());
    let token = ran.token();
    s.on_go(move || drop(token));
    let mut future = Box::pin(s.into_future());
    assert_eq!(ran.get(), 1, "dropped unrun: nobody can raise it");
    assert!(poll(future.as_mut(), &bell).is_pending());
    assert_eq!(Arc::strong_count(&bell), 1, "the dead keep no waker");
    drop(future);
    assert!(!view.is_go());
    // One that hangs when its signal dies forgets its waker.
    let s = Signal::new();
    let mut future = Box::pin(s.view().into_future());
    assert!(poll(future.as_mut(), &bell).is_pending());
    assert_eq!(Arc::strong_count(&bell), 2);
    drop(s);
    assert_eq!((Arc::strong_count(&bell), bell.rung()), (1, 0));
    assert!(poll(future.as_mut(), &bell).is_pending());
}

/// S13: an owned future keeps its expression.
#[test]
fn an_owned_future_keeps_its_expression() {
    let (a, b, bell) = (Signal::new(), Signal::new(), Bell::new());
    let mut future = Box::pin((&a & &b).into_future());
    assert!(poll(future.as_mut(), &bell).is_pending());
    a.go();
    assert_eq!(hanging(&b), 1);
    b.go();
    assert_eq!((hanging(&b), bell.rung()), (0, 1));
    assert!(poll(future.as_mut(), &bell).is_ready());
    let mut dropped = Box::pin((&Signal::new() & &Signal::new()).into_future());
    assert!(poll(dropped.as_mut(), &bell).is_pending());
}

/// R3: no waker is cloned, woken or dropped while a lock is held: such a one may use the signal itself.
#[test]
fn wakers_run_with_no_lock_held() {
    struct Nosy(Signal, Arc<AtomicBool>);
    impl Nosy {
        fn looks(&self) {
            let Nosy(signal, looked) = self;
            looked.store(true, Release);
            let _ = format!("{signal:?} {}", signal.is_go());
            signal.then(|| ()).cancel();
            let mut future = pin!(signal.wait_async());
            let _ = poll(future.as_mut(), &Bell::new());
            drop(signal.child());
        }
    }
    fn nosy<'a>(data: *const ()) -> &'a Nosy {
        // SAFETY: made below from an `Arc<Nosy>` that lives to the end of the test.
        unsafe { &*data.cast::<Nosy>() }
    }
    const TABLE: RawWakerVTable = RawWakerVTable::new(
        |data| (nosy(data).looks(), RawWaker::new(data, &TABLE)).1,
        |data| nosy(data).looks(),
        |data| nosy(data).looks(),
        |data| nosy(data).looks(),
    );
    in_time("nosy wakers", || {
        for how in 0..4 {
            let s = Signal::new();
            let seen = if how == 3 { &s | &Signal::new() } else { s.view() };
            let data = Arc::new(Nosy(seen.clone(), Arc::default()));
            // SAFETY: the table's functions only look; the data outlives every waker.
            let waker = unsafe { Waker::new(Arc::as_ptr(&data).cast(), &TABLE) };
            let mut future = Box::pin(seen.wait_async());
            for _ in 0..2 {
                assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            }
            assert!(poll(future.as_mut(), &Bell::new()).is_pending());
            assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            data.1.store(false, Release);
            match how {
                0 | 3 => assert!(s.go()),
                1 => drop(s),
                _ => drop(future),
            }
            assert!(data.1.load(Acquire), "{how}");
        }
    });
}

/// `run_until_go` gives the future's output, or `Stopped`; the future is asked first.
#[test]
fn run_until_go_ends_with_whichever_comes_first() {
    let (s, gone) = (Signal::new(), Signal::done());
    assert_eq!(block_on(s.run_until_go(ready(7))), Ok(7));
    assert_eq!(block_on(gone.run_until_go(ready(7))), Ok(7), "the future is asked first");
    assert_eq!(block_on(gone.run_until_go(pending::<()>())), Err(Stopped));
    let (bell, dropped) = (Bell::new(), Count::new());
    let token = dropped.token();
    let mut both = Box::pin(s.run_until_go(async move {
        let _token = token;
        pending::<()>().await
    }));
    assert!(poll(both.as_mut(), &bell).is_pending());
    assert_eq!((hanging(&s), dropped.get()), (1, 0));
    s.go();
    assert_eq!((bell.rung(), poll(both.as_mut(), &bell)), (1, Poll::Ready(Err(Stopped))));
    drop(both);
    assert_eq!(dropped.get(), 1);
}

/// `run_until_go` takes whatever can be awaited, a signal too, and leaves nothing behind when dropped.
#[test]
fn run_until_go_takes_what_can_be_awaited() {
    let (s, job) = (Signal::new(), Signal::new());
    let mut both = Box::pin(s.run_until_go(&job));
    assert!(poll(both.as_mut(), &Bell::new()).is_pending());
    assert_eq!((hanging(&s), hanging(&job)), (1, 1));
    drop(both);
    assert_eq!((hanging(&s), hanging(&job)), (0, 0));
    job.go();
    assert_eq!(block_on(s.run_until_go(job)), Ok(()));
}

/// Counts how often it is polled.
struct Polls<F>(F, Count);

impl<F: Future + Unpin> Future for Polls<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.1.add();
        Pin::new(&mut self.0).poll(cx)
    }
}

/// R5, R6: a task is polled when it is woken, and woken when something happened: no busy loop.
#[test]
fn no_task_is_woken_in_vain() {
    in_time("a sleeping task", || {
        let (s, polls) = (Signal::new(), Count::new());
        let counting = Polls(Box::pin(s.clone().into_future()), polls.clone());
        thread::scope(|scope| {
            scope.spawn(|| block_on(counting));
            while hanging(&s) == 0 {
                thread::yield_now();
            }
            s.go();
        });
        assert_eq!(polls.get(), 2);
    });
}

/// S13: wakers replaced and futures dropped against `go` on another thread: woken iff it was not seen ready before.
#[test]
fn futures_race_with_go() {
    in_time("polls and drops against go", || {
        for round in 0..1500 {
            let (s, other) = (Signal::new(), Signal::new());
            let awaited = if round % 2 == 0 { s.clone() } else { &s | &other };
            let bells = [Bell::new(), Bell::new()];
            thread::scope(|scope| {
                scope.spawn(|| s.go());
                let mut future = Box::pin(awaited.wait_async());
                let mut last = None;
                for i in 0..round % 5 {
                    match poll(future.as_mut(), &bells[i % 2]) {
                        Poll::Pending => last = Some(i % 2),
                        Poll::Ready(()) => break,
                    }
                }
                if round % 3 == 0 {
                    return drop(future);
                }
                if let Some(last) = last {
                    while bells[last].rung() == 0 && poll(future.as_mut(), &bells[last]).is_pending() {
                        thread::yield_now();
                    }
                    assert!(poll(future.as_mut(), &bells[last]).is_ready());
                }
            });
            assert!(bells.iter().all(|b| b.rung() <= 1 && Arc::strong_count(b) == 1));
            assert_eq!((hanging(&s), hanging(&other)), (0, 0));
        }
    });
}

/// Many tasks on many signals, on several small executors.
#[test]
fn tasks_and_threads_wait_side_by_side() {
    in_time("tasks and threads", || {
        for _ in 0..30 {
            let (a, b) = (Signal::new(), Signal::new());
            thread::scope(|scope| {
                for i in 0..6 {
                    let (a, b) = (&a, &b);
                    scope.spawn(move || match i % 3 {
                        0 => block_on(a & b),
                        1 => (a & b).wait(),
                        _ => match block_on(b.run_until_go(a)) {
                            Ok(()) => assert!(a.is_go()),
                            Err(Stopped) => assert!(b.is_go()),
                        },
                    });
                }
                a.go();
                b.go();
            });
            assert_eq!((hanging(&a), hanging(&b)), (0, 0));
        }
    });
}

/// `Debug` says whether it is go.
#[test]
fn futures_have_a_debug_form() {
    let s = Signal::new();
    assert_eq!(format!("{:?}", s.wait_async()), "WaitAsync { is_go: false, .. }");
    s.go();
    assert_eq!(format!("{:?}", s.wait_async()), "WaitAsync { is_go: true, .. }");
    assert!(block_on(s.run_until_go(Till::after(Duration::MAX))).is_err());
}
