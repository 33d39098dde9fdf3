//! Random graphs of signals against a boolean oracle.
//!
//! `PROPTEST_CASES=100000 cargo test --release --test graph` looks longer.
mod common;
#[path = "graph/oracle.rs"]
mod oracle;
#[path = "graph/program.rs"]
mod program;

use common::*;
use oracle::{Decider, Oracle, State};
use program::{Act, Op, act, build, make};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;
use stopwhen::Signal;
use stopwhen::signal::{Cancel, Then, WaitAsync};

/// What became of one callback.
#[derive(Default)]
struct Fate {
    ran: AtomicUsize,
    dropped: Count,
}

/// A callback that tells its fate, and raises `target`.
fn callback(fate: &Arc<Fate>, target: Option<Signal>) -> impl FnOnce() + Send + 'static + use<> {
    let (fate, token) = (fate.clone(), fate.dropped.token());
    move || {
        fate.ran.fetch_add(1, AcqRel);
        if let Some(target) = target {
            target.go();
        }
        drop(token);
    }
}

struct Awaited {
    on: usize,
    future: Pin<Box<WaitAsync<'static>>>,
    bell: Arc<Bell>,
    was_pending: bool,
}

/// The signals, and the oracle beside them, on one thread.
#[derive(Default)]
struct World {
    signals: Vec<Option<Signal>>,
    oracle: Oracle,
    fates: Vec<Arc<Fate>>,
    thens: Vec<Option<(usize, Then)>>,
    awaited: Vec<Awaited>,
    /// Callbacks that raise run in an order that the oracle does not know: then it knows no causes either.
    causes_unknown: bool,
}

impl World {
    fn step(&mut self, op: &Op) {
        match op {
            Op::Make(make) => {
                if let Some(signal) = build(make, &self.signals, &mut self.oracle) {
                    self.signals.push(Some(signal));
                }
            }
            Op::Act(act) => self.act(act).unwrap_or(()),
        }
        self.check();
    }

    fn act(&mut self, act: &Act) -> Option<()> {
        let n = self.signals.len().max(1);
        let held = |i: &usize| self.signals.get(i % n)?.clone();
        match act {
            Act::Go(i) => {
                let signal = held(i)?;
                let clone = self.oracle.can_be_raised(i % n);
                let wins = self.oracle.go(i % n);
                assert_eq!(signal.go(), wins);
                assert!(!clone || signal.is_go());
            }
            Act::Then(i, raises) | Act::OnGo(i, raises) => {
                let (on, signal) = (i % n, held(i)?);
                let target =
                    raises.map(|t| t % n).filter(|&t| t > on && self.oracle.can_be_raised(t) && held(&t).is_some());
                self.causes_unknown |= target.is_some();
                let fate = Arc::new(Fate::default());
                self.fates.push(fate.clone());
                self.oracle.then(on, target);
                let f = callback(&fate, target.and_then(|t| held(&t)));
                match act {
                    Act::Then(..) => self.thens.push(Some((self.fates.len() - 1, signal.then(f)))),
                    _ => signal.on_go(f),
                }
            }
            Act::Cancel(i, wait) => {
                let n = self.thens.len().max(1);
                let (call, then) = self.thens.get(i % n)?.as_ref()?;
                self.oracle.cancel(*call);
                let said = if *wait { then.cancel_and_wait() } else { then.cancel() };
                assert_eq!(said == Cancel::Ran, self.oracle.calls[*call].state == State::Ran, "{said:?}");
                assert_ne!(said, Cancel::Running);
            }
            Act::Detach(i) => {
                let n = self.thens.len().max(1);
                *self.thens.get_mut(i % n)? = None;
            }
            Act::Poll(i, times) => {
                let (signal, go) = (held(i)?, self.oracle.is_go(i % n));
                assert!((0..*times).all(|_| signal.is_go() == go));
            }
            Act::Cause(i) => self.check_cause(i % n, &held(i)?),
            Act::Show(i) => assert!(format!("{0} {0:?}", held(i)?).len() < 4000),
            Act::Wait(i, j) => {
                let (signal, until) = (held(i)?, held(j)?);
                let moment = Duration::from_nanos(1);
                assert_eq!(signal.wait_until((&until, moment)).is_ok(), self.oracle.is_go(i % n));
                assert_eq!(signal.wait_until(moment).is_ok(), self.oracle.is_go(i % n));
            }
            Act::Await(i) => {
                let future = Box::pin(held(i)?.view().into_future());
                let (on, bell) = (self.signals.len().min(i % n), Bell::new());
                self.awaited.push(Awaited { on, future, bell, was_pending: false });
                self.poll_future(self.awaited.len() - 1);
            }
            Act::PollAgain(i) => {
                let n = self.awaited.len().max(1);
                self.awaited.get_mut(i % n)?.bell = Bell::new();
                self.awaited[i % n].was_pending = false;
                self.poll_future(i % n);
            }
            Act::Forget(i) => {
                let n = self.awaited.len();
                drop((n > 0).then(|| self.awaited.swap_remove(i % n)));
            }
            Act::Drop(i) => {
                drop(self.signals.get_mut(i % n)?.take()?);
                self.oracle.drop_hand(i % n);
            }
        }
        Some(())
    }

    fn poll_future(&mut self, i: usize) {
        let Awaited { on, future, bell, was_pending } = &mut self.awaited[i];
        let ready = poll(future.as_mut(), bell).is_ready();
        assert_eq!(ready, self.oracle.is_go(*on));
        *was_pending |= !ready;
    }

    fn check_cause(&self, i: usize, signal: &Signal) {
        let cause = signal.cause();
        assert_eq!(cause.is_some(), self.oracle.is_go(i));
        let Some(cause) = cause.filter(|_| !self.causes_unknown) else { return };
        match self.oracle.decider(i) {
            Decider::Leaf(leaf) => assert_eq!(cause.name(), Some(&*format!("{leaf}"))),
            Decider::Done => assert!(cause.to_string().starts_with("done"), "{cause}"),
            Decider::Child(child) => match &self.signals[child] {
                Some(child) => assert_eq!(Some(cause.number()), child.cause().map(|c| c.number())),
                None => assert_eq!(cause.name(), None),
            },
        }
    }

    fn check(&self) {
        for (call, fate) in self.oracle.calls.iter().zip(&self.fates) {
            let expected = match call.state {
                State::Queued => (0, 0),
                State::Ran => (1, 1),
                State::Unrun => (0, 1),
            };
            assert_eq!((fate.ran.load(Acquire), fate.dropped.get()), expected, "{call:?}");
        }
        for a in &self.awaited {
            assert_eq!(a.bell.rung(), usize::from(a.was_pending && self.oracle.is_go(a.on)));
        }
    }

    fn check_all(&self) {
        for (i, signal) in self.signals.iter().enumerate().filter_map(|(i, s)| Some((i, s.as_ref()?))) {
            assert_eq!(signal.is_go(), self.oracle.is_go(i), "{i}: {signal:?}");
            self.check_cause(i, signal);
        }
    }

    /// Everything that looks is let go of: what hangs then hangs for a callback without a handle.
    fn end(&mut self) {
        self.check_all();
        self.awaited.clear();
        (0..self.thens.len()).for_each(|i| self.act(&Act::Cancel(i, false)).unwrap_or(()));
        self.thens.clear();
        self.check();
        let queued: Vec<_> = self.oracle.calls.iter().filter(|c| c.state == State::Queued).collect();
        let mut tops: Vec<usize> = queued.iter().map(|c| c.on).collect();
        tops.extend(queued.iter().filter_map(|c| c.raises));
        let busy = self.oracle.may_hang_below(&tops);
        let leaf = |i: &usize| self.signals[*i].as_ref().is_some_and(|s| s.name().is_some());
        let (leaves, others): (Vec<_>, Vec<_>) = (0..self.signals.len()).partition(leaf);
        others.iter().for_each(|&i| self.act(&Act::Drop(i)).unwrap_or(()));
        for i in leaves {
            let signal = self.signals[i].as_ref().expect("partitioned so");
            assert!(busy[i] || hanging(signal) == 0, "{i}: {signal:?}");
            self.act(&Act::Drop(i)).unwrap_or(());
        }
        self.check();
        assert!(self.oracle.calls.iter().all(|c| c.state != State::Queued), "nobody is left to raise anything");
    }
}

/// Runs a property so many times, or as often as `PROPTEST_CASES` says, and shows the program that hangs.
fn check<S: Strategy + 'static>(
    cases: u32,
    programs: impl Fn() -> S + Send + 'static,
    test: impl Fn(S::Value) + Send + 'static,
) {
    step_by_step(move |steps| {
        let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(cases);
        let config = Config { cases, failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
        let result = TestRunner::new(config).run(&programs(), |program| {
            steps.begin(format!("{program:?}"));
            test(program);
            Ok(())
        });
        if let Err(smallest) = result {
            panic!("{smallest}");
        }
    });
}

/// S1, S3, S5, S7, S8, S10, S11, S13: whatever is built, raised, cancelled, awaited and dropped, in any order.
#[test]
fn random_programs_do_as_the_oracle_says() {
    let op = || prop_oneof![2 => make().prop_map(Op::Make), 3 => act().prop_map(Op::Act)];
    check(
        2000,
        move || prop::collection::vec(op(), 1..80),
        |program| {
            let mut world = World::default();
            program.iter().for_each(|op| world.step(op));
            world.end();
        },
    );
}

/// Order does not matter: signals are monotone, so in whatever order leaves go, the same is go in the end.
#[test]
fn the_order_of_gos_does_not_matter() {
    let makes = || prop::collection::vec(make(), 1..40);
    let gos = || prop::collection::vec(any::<usize>(), 0..20);
    check(
        500,
        move || (makes(), gos(), any::<u64>()),
        |(makes, gos, seed)| {
            let run = |gos: &[usize]| {
                let (mut signals, mut oracle) = (Vec::new(), Oracle::default());
                for make in &makes {
                    signals.extend(build(make, &signals, &mut oracle).map(Some));
                }
                let ran = Count::new();
                signals.iter().flatten().for_each(|s| s.on_go(ran.adds()));
                gos.iter().filter(|_| !signals.is_empty()).for_each(|i| {
                    let i = i % signals.len();
                    assert_eq!(signals[i].as_ref().is_some_and(Signal::go), oracle.go(i));
                });
                let go: Vec<bool> = signals.iter().flatten().map(Signal::is_go).collect();
                assert_eq!(go, (0..go.len()).map(|i| oracle.is_go(i)).collect::<Vec<_>>());
                assert_eq!(ran.get(), go.iter().filter(|go| **go).count());
                go
            };
            let (mut dice, mut shuffled) = (Dice::new(seed), gos.clone());
            (1..gos.len()).for_each(|i| shuffled.swap(i, dice.below(i + 1)));
            assert_eq!(run(&gos), run(&shuffled));
        },
    );
}

/// What one thread of several is told to do, with handles of its own.
fn take_part(acts: &[Act], signals: &[Signal], hooks: &[(Then, AtomicUsize)], late: &Mutex<Vec<(usize, Arc<Fate>)>>) {
    let n = signals.len();
    let bell = Bell::new();
    let mut futures = Vec::new();
    for act in acts {
        match act {
            Act::Go(i) => {
                let won = signals[i % n].go();
                assert!(!won || signals[i % n].is_go());
            }
            Act::Then(i, _) | Act::OnGo(i, _) => {
                let fate = Arc::new(Fate::default());
                late.lock().unwrap().push((i % n, fate.clone()));
                signals[i % n].on_go(callback(&fate, None));
            }
            Act::Cancel(i, wait) if !hooks.is_empty() => {
                let (then, removed) = &hooks[i % hooks.len()];
                let said = if *wait { then.cancel_and_wait() } else { then.cancel() };
                removed.fetch_max(usize::from(said == Cancel::Removed), AcqRel);
            }
            Act::Poll(i, times) => {
                let mut before = false;
                for _ in 0..*times {
                    let now = signals[i % n].is_go();
                    assert!(now || !before, "go, and then not");
                    before = now;
                }
            }
            Act::Cause(i) => {
                let number = |s: &Signal| s.cause().map(|c| c.number());
                let (first, again) = (number(&signals[i % n]), number(&signals[i % n]));
                assert!(first.is_none() || first == again);
            }
            Act::Wait(i, j) => drop(signals[i % n].wait_until((&signals[j % n], Duration::from_micros(1)))),
            Act::Await(i) => {
                let mut future = Box::pin(signals[i % n].clone().into_future());
                let _ = poll(future.as_mut(), &bell);
                futures.push(future);
            }
            Act::Forget(_) => drop(futures.pop()),
            Act::Drop(i) => drop((&signals[i % n] & &signals[(i >> 8) % n]).child().then(|| ())),
            _ => drop((&signals[0] | &signals[n - 1]).is_go()),
        }
    }
}

/// S3, S7: the same program dealt out to several threads ends in the oracle's state.
#[test]
fn programs_dealt_out_to_threads_end_as_the_oracle_says() {
    let makes = || prop::collection::vec(make(), 1..30);
    let hooks = || prop::collection::vec(any::<usize>(), 0..12);
    let deals = || prop::collection::vec(prop::collection::vec(act(), 1..25), 2..4);
    check(
        400,
        move || (makes(), hooks(), deals()),
        |(makes, hooks, deals)| {
            let (mut signals, mut oracle) = (Vec::new(), Oracle::default());
            for make in &makes {
                signals.extend(build(make, &signals, &mut oracle).map(Some));
            }
            let signals: Vec<Signal> = signals.into_iter().flatten().collect();
            if signals.is_empty() {
                return;
            }
            let on = |i: &usize| i % signals.len();
            let fates: Vec<_> = hooks.iter().map(|_| Arc::new(Fate::default())).collect();
            let hang = |(i, fate): (&usize, _)| (signals[on(i)].then(callback(fate, None)), AtomicUsize::new(0));
            let thens: Vec<_> = hooks.iter().zip(&fates).map(hang).collect();
            let (late, start) = (Mutex::new(Vec::new()), Barrier::new(deals.len()));
            thread::scope(|scope| {
                for acts in &deals {
                    let (signals, thens, late, start) = (signals.clone(), &thens, &late, &start);
                    scope.spawn(move || {
                        start.wait();
                        take_part(acts, &signals, thens, late);
                    });
                }
            });
            deals.iter().flatten().for_each(|act| {
                if let Act::Go(i) = act {
                    oracle.go(on(i));
                }
            });
            for (i, signal) in signals.iter().enumerate() {
                assert_eq!(signal.is_go(), oracle.is_go(i), "{i}: {signal:?}");
            }
            for ((hook, fate), (_, removed)) in hooks.iter().zip(&fates).zip(&thens) {
                let ran = oracle.is_go(on(hook)) && removed.load(Acquire) == 0;
                assert_eq!(fate.ran.load(Acquire), usize::from(ran));
            }
            let late = late.into_inner().unwrap();
            for (i, fate) in &late {
                assert_eq!(fate.ran.load(Acquire), usize::from(oracle.is_go(*i)));
            }
            drop((thens, signals));
            assert!(late.iter().map(|(_, fate)| fate).chain(&fates).all(|fate| fate.dropped.get() == 1));
        },
    );
}
