//! Who wakes tasks at given moments: ours, the peers, and the least by hand.

use crate::LONG;
use async_io::Timer;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use stopwhen::{Signal, Till};
use stopwhen_benches::clocks::Clock;
use tokio::runtime::{Builder, Handle};
use tokio::time::{Sleep, sleep_until};

/// Timers in a map under a mutex, in order of their deadlines.
#[derive(Default)]
pub struct Map {
    timers: Mutex<BTreeMap<(Instant, u64), Waker>>,
    number: AtomicU64,
}

impl Map {
    /// Adds one.
    pub fn insert(&self, due: Instant, waker: Waker) -> (Instant, u64) {
        let key = (due, self.number.fetch_add(1, Relaxed));
        self.timers.lock().unwrap().insert(key, waker);
        key
    }

    fn remove(&self, key: &(Instant, u64)) -> Option<Waker> {
        self.timers.lock().unwrap().remove(key)
    }

    /// Arms one for long, and drops it.
    pub fn armed(&self) -> bool {
        let key = self.insert(Instant::now() + LONG, Waker::noop().clone());
        self.remove(&key).is_some()
    }
}

/// Boxes the future and polls it once with `waker`; too late for its timer, wakes at once.
fn armed_with<F: Future>(future: F, waker: &Waker) -> Pin<Box<F>> {
    let mut future = Box::pin(future);
    let polled = future.as_mut().poll(&mut Context::from_waker(waker));
    if polled.is_ready() {
        waker.wake_by_ref();
    }
    future
}

/// Tills.
pub struct Ours;

impl Clock for Ours {
    type Armed = Pin<Box<<Signal as IntoFuture>::IntoFuture>>;

    fn start() -> Ours {
        Ours
    }

    fn arm(&self, due: Instant, waker: &Waker) -> Self::Armed {
        armed_with(Till::at(due).into_future(), waker)
    }
}

/// async-io's reactor.
pub struct AsyncIo;

impl Clock for AsyncIo {
    type Armed = Pin<Box<Timer>>;

    fn start() -> AsyncIo {
        AsyncIo
    }

    fn arm(&self, due: Instant, waker: &Waker) -> Self::Armed {
        armed_with(Timer::at(due), waker)
    }
}

/// A runtime driven by a thread of its own.
pub struct Tokio(Handle, tokio::sync::mpsc::Sender<()>);

impl Clock for Tokio {
    type Armed = Pin<Box<Sleep>>;

    fn start() -> Tokio {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let handle = runtime.handle().clone();
        // The thread ends when the sender is dropped.
        let (keep, mut dropped) = tokio::sync::mpsc::channel(1);
        thread::spawn(move || runtime.block_on(async move { dropped.recv().await }));
        Tokio(handle, keep)
    }

    fn arm(&self, due: Instant, waker: &Waker) -> Self::Armed {
        let _inside = self.0.enter();
        black_box(&self.1);
        armed_with(sleep_until(due.into()), waker)
    }
}

/// A thread that sleeps until the next of its timers is due.
pub struct Sleeper<T> {
    timers: Arc<T>,
    over: Arc<AtomicBool>,
    thread: Thread,
}

impl<T: Default + Send + Sync + 'static> Sleeper<T> {
    /// `fire` wakes what is due, and says when to look again.
    fn start(fire: impl Fn(&T) -> Option<Instant> + Send + 'static) -> Sleeper<T> {
        let (timers, over) = (Arc::new(T::default()), Arc::new(AtomicBool::new(false)));
        let (theirs, theirs_over) = (timers.clone(), over.clone());
        let run = move || {
            while !theirs_over.load(SeqCst) {
                match fire(&theirs) {
                    Some(next) => thread::park_timeout(next - Instant::now()),
                    None => thread::park(),
                }
            }
        };
        let thread = thread::spawn(run).thread().clone();
        Sleeper { timers, over, thread }
    }
}

impl<T> Drop for Sleeper<T> {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        self.thread.unpark();
    }
}

/// The map, with a thread.
pub struct Mapped(Arc<Sleeper<Map>>);

/// Its place in the map.
pub struct InMap {
    key: (Instant, u64),
    clock: Arc<Sleeper<Map>>,
}

impl Drop for InMap {
    fn drop(&mut self) {
        drop(self.clock.timers.remove(&self.key));
    }
}

impl Clock for Mapped {
    type Armed = InMap;

    fn start() -> Mapped {
        Mapped(Arc::new(Sleeper::start(|map: &Map| {
            let now = Instant::now();
            let mut timers = map.timers.lock().unwrap();
            let later = timers.split_off(&(now, u64::MAX));
            let due = std::mem::replace(&mut *timers, later);
            let next = timers.keys().next().map(|key| key.0);
            drop(timers);
            due.into_values().for_each(Waker::wake);
            next
        })))
    }

    fn arm(&self, due: Instant, waker: &Waker) -> InMap {
        let key = self.0.timers.insert(due, waker.clone());
        let first = self.0.timers.timers.lock().unwrap().keys().next() == Some(&key);
        if first {
            self.0.thread.unpark();
        }
        InMap { key, clock: self.0.clone() }
    }
}

/// Timers sorted once, the last due first, and never removed, looked at every half millisecond:
/// little is left that a clock could do without.
#[derive(Default)]
pub struct Pile {
    timers: Mutex<Vec<(Instant, Waker)>>,
    sorted: AtomicBool,
}

/// The pile, with a thread.
pub struct Sorted(Sleeper<Pile>);

impl Clock for Sorted {
    type Armed = ();

    fn start() -> Sorted {
        Sorted(Sleeper::start(|list: &Pile| {
            if !list.sorted.load(SeqCst) {
                return None;
            }
            let mut timers = list.timers.lock().unwrap();
            let now = Instant::now();
            while timers.last().is_some_and(|(due, _)| *due <= now) {
                timers.pop().expect("it was looked at").1.wake();
            }
            let next = timers.last().map(|(due, _)| (*due).max(now + Duration::from_micros(500)));
            list.sorted.store(next.is_some(), SeqCst);
            next
        }))
    }

    fn arm(&self, due: Instant, waker: &Waker) {
        self.0.timers.timers.lock().unwrap().push((due, waker.clone()));
    }

    fn all_armed(&self) {
        let mut timers = self.0.timers.timers.lock().unwrap();
        timers.sort_unstable_by_key(|(due, _)| std::cmp::Reverse(*due));
        self.0.timers.sorted.store(true, SeqCst);
        drop(timers);
        self.0.thread.unpark();
    }
}
