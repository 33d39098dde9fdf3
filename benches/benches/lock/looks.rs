//! Monitors with many waiters: L4, how often they look in vain, and what they cost the one who is meant.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};
use stopwhen::{Lock, LockGuard};
use stopwhen_benches::args::args;
use stopwhen_benches::{Goal, Row, Samples, Suite, Unit, sys};

/// What the waiters wait on.
#[derive(Default)]
struct State {
    /// Since when there is something for the one who is meant.
    pushed: VecDeque<Instant>,
    /// What the others wait for in vain.
    nothing: VecDeque<()>,
    over: bool,
}

/// How somebody waits in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// Asks by `wait_some`, which promises that a look in vain changes nothing.
    Some,
    /// Waits again on one guard, having read only.
    Rewait,
    /// Comes in, reads, waits, leaves.
    Fresh,
    /// As `Rewait`, but looks through `&mut`.
    RewaitMut,
    /// As `Fresh`, but looks through `&mut`.
    FreshMut,
}

impl Way {
    const QUIET: [Way; 3] = [Way::Some, Way::Rewait, Way::Fresh];

    /// Whether there is anything, with one more look counted.
    fn look(self, state: &mut LockGuard<'_, State>, looks: &AtomicU64) -> bool {
        looks.fetch_add(1, SeqCst);
        match self {
            Way::RewaitMut | Way::FreshMut => state.nothing.pop_front().is_some(),
            _ => !state.nothing.is_empty(),
        }
    }

    fn wait_in_vain(self, lock: &Lock<State>, looks: &AtomicU64) {
        match self {
            Way::Some => lock.lock().wait_some(|state| {
                looks.fetch_add(1, SeqCst);
                (state.over || state.nothing.pop_front().is_some()).then_some(())
            }),
            Way::Rewait | Way::RewaitMut => {
                let mut state = lock.lock();
                while !state.over && !self.look(&mut state, looks) {
                    state.wait();
                }
            }
            Way::Fresh | Way::FreshMut => loop {
                let mut state = lock.lock();
                if state.over || self.look(&mut state, looks) {
                    break;
                }
                state.wait();
            },
        }
    }
}

/// Starts `n` threads that wait in vain, and returns once each has looked.
fn crowd<'s>(s: &'s Scope<'s, '_>, n: usize, wait: impl Fn(&AtomicU64) + Clone + Send + 's) -> Arc<AtomicU64> {
    const SMALL_STACK: usize = 64 << 10;
    let (looks, there) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicUsize::new(0)));
    for i in 0..n {
        let (looks, there, wait) = (Arc::clone(&looks), Arc::clone(&there), wait.clone());
        let small = thread::Builder::new().stack_size(SMALL_STACK);
        let body = move || {
            sys::pinned(i % 2, || {
                there.fetch_add(1, SeqCst);
                wait(&looks);
            });
        };
        small.spawn_scoped(s, body).expect("the system has threads left");
    }
    while there.load(SeqCst) < n || looks.load(SeqCst) < n as u64 {
        thread::yield_now();
    }
    // The doubts that are taken at their word, and what looks they set off, are over soon.
    thread::sleep(Duration::from_millis(100));
    looks
}

fn window() -> Duration {
    if args().quick { Duration::from_millis(50) } else { Duration::from_secs(1) }
}

/// Looks per second, of all together. Row 0: idle, the three ways at once, each with a lock of its own. Row 1 and 2: polled.
fn looks(n: usize) -> impl FnMut(&mut Samples) {
    move |out| {
        for (row, ways) in [&Way::QUIET[..], &[Way::RewaitMut], &[Way::FreshMut]].into_iter().enumerate() {
            let locks: Vec<Lock<State>> = ways.iter().map(|_| Lock::default()).collect();
            thread::scope(|s| {
                let start = |(way, lock)| crowd(s, n, move |looks| Way::wait_in_vain(way, lock, looks));
                let counts: Vec<_> = ways.iter().copied().zip(&locks).map(start).collect();
                let sum = || counts.iter().map(|c| c.load(SeqCst)).sum::<u64>();
                let (before, start) = (sum(), Instant::now());
                thread::sleep(window());
                out.put(row, (sum() - before) as f64 / start.elapsed().as_secs_f64());
                locks.iter().for_each(|lock| lock.lock().over = true);
            });
        }
    }
}

/// The same of std's, where a look in vain tells nobody.
fn std_looks(n: usize) -> impl FnMut(&mut Samples) {
    move |out| {
        let (lock, told) = (Mutex::new(State::default()), Condvar::new());
        thread::scope(|s| {
            let wait = |looks: &AtomicU64| {
                let vain = |state: &mut State| {
                    looks.fetch_add(1, SeqCst);
                    !state.over && state.nothing.pop_front().is_none()
                };
                drop(told.wait_while(lock.lock().unwrap(), vain).unwrap());
            };
            let count = crowd(s, n, wait);
            let (before, start) = (count.load(SeqCst), Instant::now());
            thread::sleep(window());
            out.put(0, (count.load(SeqCst) - before) as f64 / start.elapsed().as_secs_f64());
            lock.lock().unwrap().over = true;
            told.notify_all();
        });
    }
}

/// Nothing changes. More: idle waiters wake one another; or pollers, who look through `&mut`, keep one another awake
/// faster than a thousand times a second.
pub fn idle_and_polled(suite: &mut Suite) {
    for (ids, n) in [
        (["L4-2", "L4-rewait-2", "L4-fresh-2"], 2),
        (["L4-3", "L4-rewait-3", "L4-fresh-3"], 3),
        (["L4-8", "L4-rewait-8", "L4-fresh-8"], 8),
        (["L4-64", "L4-rewait-64", "L4-fresh-64"], 64),
    ] {
        let row = |id, what| Row::ns(id, what).unit(Unit::Looks).median();
        let rows = [
            row(ids[0], "looks of so many idle waiters").goal(Goal::AtMost(0.0)),
            row(ids[1], "looks of so many &mut pollers that wait again").goal(Goal::AtMost(1_250.0)),
            row(ids[2], "looks of so many &mut pollers that come anew").goal(Goal::AtMost(1_250.0)),
        ];
        suite.group(rows, |g| {
            g.rounds(3);
            g.cold();
            g.ours(looks(n));
            g.peer("std Condvar", std_looks(n));
        });
    }
}

/// Between two pushes.
const PAUSE: Duration = Duration::from_millis(2);
/// How long the one who is meant stays away, so that it is last in line when it is back.
const AWAY: Duration = Duration::from_micros(900);
/// Pushes in one round.
const PUSHES: usize = 40;

/// From before each push until the one who is meant has it, in microseconds. It has come last of `n` and one.
fn push(n: usize, way: Way) -> impl FnMut(&mut Samples) {
    move |out| {
        let lock = Lock::<State>::default();
        let pop = || lock.lock().wait_some(|state| state.pushed.pop_front());
        let push = || lock.lock().pushed.push_back(Instant::now());
        thread::scope(|s| {
            crowd(s, n, |looks| Way::wait_in_vain(way, &lock, looks));
            to_and_fro(out, pop, push);
            lock.lock().over = true;
        });
    }
}

/// The same of std's, where all are woken at once.
fn std_push(n: usize) -> impl FnMut(&mut Samples) {
    move |out| {
        let (lock, told) = (Mutex::new(State::default()), Condvar::new());
        let inside = || lock.lock().unwrap();
        let pop = || told.wait_while(inside(), |state| state.pushed.is_empty()).unwrap().pushed.pop_front().unwrap();
        let push = || {
            inside().pushed.push_back(Instant::now());
            told.notify_all();
        };
        thread::scope(|s| {
            let vain = |looks: &AtomicU64| {
                looks.fetch_add(1, SeqCst);
                drop(told.wait_while(inside(), |state| !state.over && state.nothing.is_empty()).unwrap());
            };
            crowd(s, n, vain);
            to_and_fro(out, pop, push);
            inside().over = true;
            told.notify_all();
        });
    }
}

fn to_and_fro(out: &mut Samples, pop: impl Fn() -> Instant + Sync, push: impl Fn()) {
    let (pushes, done) = (if args().quick { 5 } else { PUSHES }, AtomicBool::new(false));
    thread::scope(|s| {
        let popper = s.spawn(|| {
            sys::pinned(1, || {
                (0..pushes)
                    .map(|_| {
                        let late = pop().elapsed();
                        done.store(true, SeqCst);
                        thread::sleep(AWAY);
                        late.as_nanos() as f64 / 1_000.0
                    })
                    .collect::<Vec<_>>()
            })
        });
        sys::pinned(0, || {
            for _ in 0..pushes {
                thread::sleep(PAUSE);
                done.store(false, SeqCst);
                push();
                while !done.load(SeqCst) {
                    thread::sleep(PAUSE / 4);
                }
            }
        });
        popper.join().expect("a bench does not panic").into_iter().for_each(|late| out.put(0, late));
    });
}

/// A push to one waiter among many others, who look first. Slower than among quiet ones: pollers delay sure changes.
pub fn push_to_the_last(suite: &mut Suite) {
    for (ids, n) in [
        (["L4-push-2", "L4-push-fresh-2"], 2),
        (["L4-push-8", "L4-push-fresh-8"], 8),
        (["L4-push-64", "L4-push-fresh-64"], 64),
    ] {
        let row = |id, what| Row::ns(id, what).unit(Unit::Us).median().goal(Goal::Than("among quiet waiters", 1.5));
        let variants = |way| {
            move |g: &mut stopwhen_benches::Group| {
                g.rounds(5);
                g.note("among quiet waiters", push(n, Way::Some));
                g.ours(push(n, way));
                g.peer("std Condvar, among quiet waiters", std_push(n));
            }
        };
        suite.group([row(ids[0], "push → last in line, among &mut pollers that wait again")], variants(Way::RewaitMut));
        suite.group([row(ids[1], "push → last in line, among &mut pollers that come anew")], variants(Way::FreshMut));
    }
}
