//! What the sanitizers look at: every room under real races, without std's own locks in the way.
//!
//! An ordinary test that takes a second. `.ci/sanitizers` builds it with ThreadSanitizer and with AddressSanitizer and
//! LeakSanitizer; with the argument `plant-race` or `plant-leak` it does what they must report.
use std::cell::UnsafeCell;
use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;
use stopwhen::signal::Cancel;
use stopwhen::{
    Barrier, BoundedSemaphore, Condition, Event, Lock, Queue, RLock, Root, Semaphore, Signal, Thread, Till, TryPopError,
};

const ROUNDS: usize = 300;

/// Written before a `go`, read by whoever sees the signal go: a race for ThreadSanitizer if that is no edge.
struct Plain(UnsafeCell<u64>);

// SAFETY: that it is not is what the sanitizer is to find.
unsafe impl Sync for Plain {}

impl Plain {
    fn new() -> Arc<Plain> {
        Arc::new(Plain(UnsafeCell::new(0)))
    }

    fn set(&self) {
        // SAFETY: before the `go`, by one thread.
        unsafe { *self.0.get() = 42 }
    }

    fn check(&self) {
        // SAFETY: after the `go`.
        assert_eq!(unsafe { *self.0.get() }, 42);
    }
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("plant-race") => plant_race(),
        Some("plant-leak") => std::mem::forget(Box::new([7u8; 64])),
        _ => all(),
    }
}

/// The threads of one race, each joined by name: the end of a scope is no edge that ThreadSanitizer sees.
struct Race<'s, 'e>(&'s thread::Scope<'s, 'e>, Vec<thread::ScopedJoinHandle<'s, ()>>);

impl<'s> Race<'s, '_> {
    fn spawn(&mut self, f: impl FnOnce() + Send + 's) {
        self.1.push(self.0.spawn(f));
    }
}

fn together<'e>(f: impl for<'s> FnOnce(&mut Race<'s, 'e>)) {
    thread::scope(|s| {
        let mut race = Race(s, Vec::new());
        f(&mut race);
        race.1.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

fn plant_race() {
    for _ in 0..ROUNDS {
        let (signal, plain) = (Signal::new(), Plain::new());
        together(|s| {
            s.spawn(|| {
                assert!(signal.go());
                plain.set(); // too late: who saw the signal go may be reading
            });
            s.spawn(|| {
                signal.wait();
                // SAFETY: none; that is the plant.
                assert!(unsafe { plain.0.get().read_volatile() } <= 42);
            });
        });
    }
}

fn all() {
    what_there_is_one_of();
    for round in 0..ROUNDS {
        every_observer_sees_what_came_before();
        callbacks_come_and_go(round);
        composites_come_and_go(round);
        tills_come_and_go(round);
        orphans();
        barriers_and_events(round);
        locks_and_conditions(round);
        permits(round);
        queues(round);
        trees(round);
    }
    println!("races: {ROUNDS} rounds");
}

/// Made before there are threads that could meet at it: how std publishes what is made once, ThreadSanitizer does not see.
fn what_there_is_one_of() {
    let till = Till::millis(1);
    till.on_go(|| ());
    till.wait();
    drop(Root::new("first").tree().to_string());
}

fn every_observer_sees_what_came_before() {
    let (a, b, plain) = (Signal::new(), Signal::new(), Plain::new());
    let (either, child) = (&a | &b, a.child());
    {
        let plain = plain.clone();
        either.on_go(move || plain.check());
    }
    together(|s| {
        s.spawn(|| {
            plain.set();
            assert!(a.go());
        });
        s.spawn(|| {
            while !either.is_go() {
                std::hint::spin_loop();
            }
            plain.check();
        });
        s.spawn(|| {
            either.wait();
            plain.check();
        });
        s.spawn(|| {
            assert!(child.wait_until((&either, Duration::from_secs(10))).is_ok() || either.is_go());
            plain.check();
        });
    });
    assert!(!a.go() && child.is_go());
}

/// What one has done inside is seen by the next inside, by those who look at the change, and by who is told.
fn locks_and_conditions(round: usize) {
    let (lock, condition, rlock) = (Lock::new(0), Condition::new(), RLock::new(Plain::new()));
    let (plain, stop) = (Plain::new(), Signal::new());
    let look = |rlock: &RLock<Arc<Plain>>| {
        let outer = rlock.lock();
        outer.set();
        rlock.lock().check();
    };
    together(|s| {
        s.spawn(|| {
            let mut guard = lock.lock();
            plain.set();
            *guard += 1;
            condition.notify_all();
            drop(guard);
            look(&rlock);
            stop.go();
        });
        s.spawn(|| {
            lock.lock().wait_while(|n| *n == 0);
            plain.check();
        });
        s.spawn(|| {
            let mut guard = lock.lock();
            let told = condition.wait_while_until(&mut guard, |n| *n == 0, &stop);
            assert!(told.is_ok() && *guard > 0, "the stop comes after the change");
            plain.check();
        });
        s.spawn(|| {
            let short = Duration::from_micros(round as u64);
            if let Ok(mut guard) = lock.lock_until((&stop, short)) {
                let _ = guard.wait_until(short);
                *guard += 0; // borrowed mutably: perhaps a change
            }
        });
        look(&rlock);
    });
}

/// What came before a permit was given back is seen by who takes it next, however it got there.
fn permits(round: usize) {
    let (semaphore, bounded, stop) = (Arc::new(Semaphore::new(1)), BoundedSemaphore::new(2), Signal::new());
    let (plain, inside) = (Plain::new(), Plain::new());
    let first = semaphore.acquire();
    together(|s| {
        s.spawn(|| {
            drop(semaphore.acquire_owned());
            plain.check();
        });
        s.spawn(|| {
            if semaphore.acquire_until((&stop, Duration::from_micros(round as u64))).is_ok() {
                plain.check();
            }
        });
        s.spawn(|| drop(bounded.acquire_many(2)));
        s.spawn(|| {
            bounded.acquire().forget();
            inside.set();
            bounded.release(1).unwrap();
            stop.go();
        });
        plain.set();
        drop(first);
    });
    inside.check();
    assert_eq!((semaphore.available(), bounded.available()), (1, 2));
}

/// What came before a push is seen by who pops; before an end of a task, by who joins; before a close, by who is told of it.
fn queues(round: usize) {
    let (q, plain, done) = (Queue::bounded(2), Plain::new(), [Plain::new(), Plain::new()]);
    let (closing, stop) = (Plain::new(), Signal::new());
    let short = Duration::from_micros(round as u64);
    together(|s| {
        s.spawn(|| {
            plain.set();
            assert!(q.push(0).is_ok() && q.push(1).is_ok());
            q.join();
            done.iter().for_each(|d| d.check());
            closing.set();
            q.close();
            stop.go();
        });
        for _ in 0..2 {
            s.spawn(|| {
                while let Ok(task) = q.pop_task() {
                    plain.check();
                    done[*task].set();
                }
                closing.check();
            });
        }
        s.spawn(|| {
            if let Ok(task) = q.pop_task_until((&stop, short)) {
                plain.check();
                done[*task].set();
            }
            q.drained().wait();
            closing.check();
        });
    });
    assert_eq!(q.try_pop(), Err(TryPopError::Closed));
}

/// What a thread has done is seen by who joins it, by who sees it stopped, and by who ends the tree; and looks at the tree race with all.
fn trees(round: usize) {
    let root = Root::builder("main").on_panic(|_| ()).build();
    let plain: [Arc<Plain>; 4] = std::array::from_fn(|_| Plain::new());
    let body = |plain: &Arc<Plain>, panics: bool| {
        let (mine, below) = (plain.clone(), Plain::new());
        move |please_stop: &Signal| {
            let seen = below.clone();
            let child = Thread::run("child", move |please_stop| {
                let _ = please_stop.wait_until(Duration::from_micros(50));
                below.set();
            });
            if round % 3 == 0 {
                assert!(child.join().is_ok());
                seen.check();
            }
            let _ = please_stop.wait_until(Duration::from_micros(round as u64));
            mine.set();
            if panics {
                std::panic::resume_unwind(Box::new("planned"));
            }
        }
    };
    let [a, b, c] = [0, 1, 2].map(|i| root.run("t", body(&plain[i], i == 1)));
    together(|s| {
        s.spawn(|| {
            let _ = a.join();
            plain[0].check();
        });
        s.spawn(|| {
            a.stopped().wait();
            plain[0].check();
            b.stop();
        });
        s.spawn(|| {
            while !root.please_stop().is_go() {
                drop((root.tree().to_string(), root.as_ref().children()));
            }
            drop(c);
        });
        s.spawn(|| {
            let registration = root.register("foreign");
            let inner = plain[3].clone();
            Thread::run("below", move |_| inner.set()).release();
            drop(registration);
            plain[3].check();
            root.shutdown(Duration::from_secs(10)).expect("all stop");
            plain[..3].iter().for_each(|p| p.check());
        });
    });
    assert!(b.join().is_err());
}

/// What came before any arrival is seen by all who pass; what came before a set, by all it releases.
fn barriers_and_events(round: usize) {
    let (plain, event) = ([Plain::new(), Plain::new()], Event::new());
    let acted = Plain::new();
    let seen = acted.clone();
    let b = if round % 2 == 0 { Barrier::new(3) } else { Barrier::new(3).with_action(move || seen.set()) };
    let (b, stop) = (Arc::new(b), Signal::new());
    together(|s| {
        s.spawn(|| {
            plain[0].set();
            b.wait().unwrap();
            plain[1].set();
            event.set();
            stop.go();
        });
        s.spawn(|| {
            b.wait_until(&stop).unwrap();
            plain[0].check();
            event.wait();
            plain[1].check();
        });
        let mut party = b.party();
        s.spawn(|| {
            party.wait().unwrap();
            plain[0].check();
            if round % 2 == 1 {
                acted.check();
            }
            if event.wait_until(&stop).is_ok() {
                plain[1].check();
            }
            drop(party);
        });
    });
}

fn callbacks_come_and_go(round: usize) {
    let (signal, ran) = (Signal::new(), Arc::new(AtomicU32::new(0)));
    let count = || {
        let ran = ran.clone();
        move || {
            ran.fetch_add(1, Relaxed);
        }
    };
    let handles: Vec<_> = (0..8).map(|_| signal.then(count())).collect();
    together(|s| {
        s.spawn(|| (0..round % 4).for_each(|_| signal.on_go(count())));
        s.spawn(|| handles.iter().for_each(|h| _ = h.cancel()));
        s.spawn(|| handles.iter().rev().for_each(|h| _ = h.cancel_and_wait()));
        s.spawn(|| _ = signal.go());
    });
    let removed = handles.iter().filter(|h| h.cancel() == Cancel::Removed).count();
    assert_eq!(ran.load(Relaxed) as usize, 8 - removed + round % 4);
}

fn composites_come_and_go(round: usize) {
    let parts: Vec<Signal> = (0..4).map(|_| Signal::new()).collect();
    let quorum = Signal::at_least(2, &parts);
    let (parts, quorum) = (&parts, &quorum);
    together(|s| {
        for part in parts {
            s.spawn(move || {
                let mut future = pin!((quorum | part).into_future());
                let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                for _ in 0..round % 8 {
                    let short = (part | quorum) & Signal::any(parts);
                    short.on_go(|| ());
                    let _ = short.then(|| ()).cancel();
                }
                part.go();
            });
        }
        quorum.wait();
    });
    assert!(quorum.cause().is_some());
}

fn tills_come_and_go(round: usize) {
    let (cancel, fired) = (Signal::new(), Arc::new(AtomicU32::new(0)));
    let soon = Till::after(Duration::from_micros(round as u64 % 120));
    let stop = &cancel | &soon;
    {
        let fired = fired.clone();
        stop.on_go(move || {
            fired.fetch_add(1, Relaxed);
        });
    }
    together(|s| {
        s.spawn(|| {
            let far = Till::secs(3600);
            far.on_go(|| ());
            let later = cancel.delayed(Duration::from_micros(10));
            later.on_go(|| ());
            cancel.go();
            later.wait();
        });
        s.spawn(|| stop.wait());
        s.spawn(|| while !stop.is_go() {});
    });
    assert!(fired.load(Relaxed) <= 1 && stop.is_go());
}

fn orphans() {
    let (a, b) = (Signal::new(), Signal::new());
    (&a & &b).on_go(|| ());
    let child = a.child();
    child.on_go(|| ());
    together(|s| {
        s.spawn(move || drop(a));
        s.spawn(move || drop(child));
        s.spawn(move || assert!(b.go()));
    });
}
