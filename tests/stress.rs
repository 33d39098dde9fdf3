//! Real threads, real time: stops after 0 to 200 µs at everything that waits, and what must add up afterwards.
//!
//! Every step is named; one that hangs for ten seconds is told. `STRESS_SECONDS=60` runs each scene so long.
mod common;
#[path = "stress/locks.rs"]
mod locks;
#[path = "stress/permits.rs"]
mod permits;
#[path = "stress/queues.rs"]
mod queues;
#[path = "stress/tills.rs"]
mod tills;

use common::*;
use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::signal::{Cancel, Then};
use stopwhen::{Signal, Stopped, Till};

/// What a scene takes if nobody says how long.
const SCENE: Duration = Duration::from_millis(1800);

/// Plays a scene over and over, each round from dice of its own.
fn scene(name: &'static str, round: impl Fn(&mut Dice) + Send + 'static) {
    step_by_step(move |steps| {
        let asked = std::env::var("STRESS_SECONDS").ok().and_then(|s| s.parse().ok());
        let (begun, length) = (Instant::now(), asked.map_or(SCENE, Duration::from_secs));
        for n in 0.. {
            if begun.elapsed() > length {
                break;
            }
            steps.begin(format!("{name}, round {n}"));
            round(&mut Dice::new(n));
        }
    });
}

/// Lets 0 to 200 µs pass: asleep, or at work.
fn linger(dice: &mut Dice) {
    let d = Duration::from_micros(dice.below(200) as u64);
    let begun = Instant::now();
    match dice.below(3) {
        0 => {}
        1 => thread::park_timeout(d),
        _ => {
            while begun.elapsed() < d {
                thread::yield_now();
            }
        }
    }
}

/// A signal derived from these two that goes once both are go, at the latest.
fn derived(dice: &mut Dice, a: &Signal, b: &Signal) -> Signal {
    match dice.below(7) {
        0 => a | b,
        1 => a & b,
        2 => a.child(),
        3 => a.view() & b.child(),
        4 => Signal::at_least(2, [a, b, a, &Signal::never()]),
        5 => (a | Signal::new()) & (b | Till::secs(3600)),
        _ => a.clone(),
    }
}

#[test]
fn waiters_at_gates_all_return() {
    scene("threads wait, two raise", |dice| {
        let (a, b) = (Signal::new(), Signal::new());
        let waited: Vec<Signal> = (0..4).map(|_| derived(dice, &a, &b)).collect();
        let mut seeds: Vec<Dice> = (0..2).map(|_| Dice::new(dice.roll())).collect();
        thread::scope(|scope| {
            for s in &waited {
                scope.spawn(|| {
                    s.wait();
                    assert!(s.is_go());
                });
            }
            for (s, dice) in [&a, &b].into_iter().zip(&mut seeds) {
                scope.spawn(move || {
                    linger(dice);
                    assert!(s.go());
                });
            }
        });
        assert_eq!((hanging(&a), hanging(&b)), (0, 0));
    });
}

/// R2, R4: of what may end a wait one does; the wait says truly which, and leaves nothing behind.
#[test]
fn waits_for_several_signals_say_what_ended_them() {
    scene("threads wait for a signal, a stop and a time", |dice| {
        let (a, b, stop) = (Signal::new(), Signal::new(), Signal::new());
        let mut parts: Vec<(Signal, Duration, usize)> = (0..4)
            .map(|_| (derived(dice, &a, &b), Duration::from_micros(dice.below(250) as u64), dice.below(4)))
            .collect();
        let mut raisers: Vec<Dice> = (0..3).map(|_| Dice::new(dice.roll())).collect();
        thread::scope(|scope| {
            for (s, d, how) in &mut parts {
                let stop = &stop;
                scope.spawn(move || {
                    let begun = Instant::now();
                    let ended = match how {
                        0 => s.wait_until((stop, *d)),
                        1 => s.wait_until((Some(stop), Till::after(*d))),
                        2 => s.wait_until(begun + *d),
                        _ => s.wait_until((stop, (begun + *d, &Signal::never()), AGES)),
                    };
                    match ended {
                        Ok(()) => assert!(s.is_go()),
                        Err(Stopped) => assert!(stop.is_go() || begun.elapsed() >= *d, "early"),
                    }
                });
            }
            for (s, dice) in [&a, &b, &stop].into_iter().zip(&mut raisers) {
                scope.spawn(move || {
                    linger(dice);
                    s.go()
                });
            }
        });
        assert_eq!([&a, &b, &stop].map(hanging), [0; 3]);
    });
}

#[test]
fn futures_end_by_their_signal_or_their_stop() {
    scene("tasks await, some are dropped", |dice| {
        let (a, b, stop) = (Signal::new(), Signal::new(), Signal::new());
        let mut parts: Vec<(Signal, usize)> = (0..4).map(|_| (derived(dice, &a, &b), dice.below(4))).collect();
        let mut raisers: Vec<Dice> = (0..3).map(|_| Dice::new(dice.roll())).collect();
        thread::scope(|scope| {
            for (s, how) in &mut parts {
                let stop = &stop;
                scope.spawn(move || match how {
                    0 => block_on(&*s),
                    1 => match block_on(stop.run_until_go(&*s)) {
                        Ok(()) => assert!(s.is_go()),
                        Err(Stopped) => assert!(stop.is_go()),
                    },
                    2 => block_on((&*s | stop).into_future()),
                    _ => {
                        let bell = Bell::new();
                        let mut future = Box::pin(s.wait_async());
                        while !stop.is_go() && poll(future.as_mut(), &bell).is_pending() {
                            thread::yield_now();
                        }
                        drop(future);
                        assert!(bell.rung() <= 1);
                    }
                });
            }
            for (s, dice) in [&a, &b, &stop].into_iter().zip(&mut raisers) {
                scope.spawn(move || {
                    linger(dice);
                    s.go()
                });
            }
        });
        assert_eq!([&a, &b, &stop].map(hanging), [0; 3]);
    });
}

/// S7: of removed and ran exactly one, for each of many, and captures are dropped once.
#[test]
fn callbacks_ran_or_were_removed() {
    scene("callbacks hung, cancelled, awaited, run", |dice| {
        let (a, b) = (Signal::new(), Signal::new());
        let (ran, dropped, removed) = (Count::new(), Count::new(), Count::new());
        let register = |on: &Signal, dice: &mut Dice| {
            let (adds, token, busy) = (ran.adds(), dropped.token(), dice.below(8) == 0);
            on.then(move || {
                if busy {
                    thread::yield_now();
                }
                adds();
                drop(token);
            })
        };
        let cancel = |then: &Then, dice: &mut Dice| {
            let said = if dice.below(2) == 0 { then.cancel() } else { then.cancel_and_wait() };
            if said == Cancel::Removed {
                removed.add();
            }
        };
        let before: Vec<Then> = (0..20).map(|_| register(&derived(dice, &a, &b), dice)).collect();
        let seeds: [u64; 4] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            let (early, late) = before.split_at(10);
            for (thens, seed) in [(early, seeds[0]), (late, seeds[1])] {
                let cancel = &cancel;
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    linger(&mut dice);
                    thens.iter().for_each(|t| cancel(t, &mut dice));
                });
            }
            scope.spawn(|| {
                let mut dice = Dice::new(seeds[2]);
                for _ in 0..10 {
                    let then = register(&derived(&mut dice, &a, &b), &mut dice);
                    cancel(&then, &mut dice);
                }
            });
            linger(&mut Dice::new(seeds[3]));
            a.go();
            b.go();
        });
        assert_eq!((ran.get() + removed.get(), dropped.get()), (30, 30));
    });
}

/// S8: whoever drops the last handle, each callback ran or was dropped unrun, and is freed.
#[test]
fn abandoned_callbacks_are_all_let_go_of() {
    scene("handles dropped while others hang callbacks, and one raises", |dice| {
        let (a, b, c) = (Signal::new(), Signal::new(), Signal::new());
        let (ran, dropped) = (Count::new(), Count::new());
        let seeds: [u64; 3] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            for seed in seeds {
                let (a, b, c) = (a.clone(), b.clone(), c.clone());
                let (ran, dropped) = (&ran, &dropped);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..10 {
                        let (adds, token, s) = (ran.adds(), dropped.token(), derived(&mut dice, &a, &b));
                        let (other, keeps) = (derived(&mut dice, &b, &c).view(), dice.below(2) == 0);
                        s.on_go(move || {
                            adds();
                            drop((token, keeps.then_some(other)));
                        });
                    }
                    linger(&mut dice);
                    drop((a, b));
                    if dice.below(3) == 0 {
                        c.go();
                    }
                });
            }
            if seeds[0] % 2 == 0 {
                a.go();
                b.go();
            }
            drop((a, b));
        });
        assert_eq!(dropped.get(), 30);
        assert!(ran.get() <= 30);
    });
}

/// S1: a tree of children: every signal was raised by one `go()` or from above; nothing went up.
#[test]
fn trees_of_children_go_downwards_only() {
    scene("a tree of children, raised here and there", |dice| {
        let mut tree = vec![(Signal::new(), 0)];
        for i in 1..40 {
            let parent = dice.below(i);
            let child = tree[parent].0.child();
            tree.push((child, parent));
        }
        let (tree, root) = (&tree, dice.below(4) == 0);
        let raised: Mutex<HashSet<usize>> = Mutex::default();
        let wins: Vec<AtomicUsize> = tree.iter().map(|_| AtomicUsize::new(0)).collect();
        let seeds: [u64; 3] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            for seed in seeds {
                let (raised, wins) = (&raised, &wins);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..6 {
                        let i = if root { dice.below(tree.len()) } else { 1 + dice.below(tree.len() - 1) };
                        wins[i].fetch_add(usize::from(tree[i].0.go()), AcqRel);
                        raised.lock().unwrap().insert(i);
                        let mut below = vec![false; tree.len()];
                        for (k, (s, parent)) in tree.iter().enumerate() {
                            below[k] = k == i || k > 0 && below[*parent];
                            assert!(!below[k] || s.is_go(), "{k} below {i}, whose `go` has returned");
                        }
                    }
                });
            }
        });
        let raised = raised.into_inner().unwrap();
        let mut expected = vec![false; tree.len()];
        for (i, (s, parent)) in tree.iter().enumerate() {
            expected[i] = raised.contains(&i) || i > 0 && expected[*parent];
            assert_eq!(s.is_go(), expected[i], "{i}");
            assert!(wins[i].load(Acquire) <= usize::from(raised.contains(&i)));
            assert!(!expected[i] || hanging(s) == 0);
        }
    });
}

/// S8, S11: many short expressions on one long-lived signal, until it goes: whoever saw it saw the same cause.
#[test]
fn short_expressions_on_a_long_lived_signal() {
    scene("three threads build on one stop", |dice| {
        let stop = Signal::named("stop");
        let (ran, built) = (Count::new(), Count::new());
        let seeds: [u64; 3] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            for seed in seeds {
                let (stop, ran, built) = (stop.clone(), &ran, &built);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    while !stop.is_go() {
                        let own = Signal::named("own");
                        let either = &stop | &own;
                        let all = (&stop & &own).child();
                        match dice.below(6) {
                            0 => assert!(either.wait_until(Duration::from_nanos(1)).is_err() || stop.is_go()),
                            1 => assert_ne!(all.then(|| ()).cancel_and_wait(), Cancel::Running),
                            2 => assert!(own.go() && either.is_go()),
                            3 => assert!((0..70).all(|_| !either.is_go()) || stop.is_go()),
                            _ => {
                                built.add();
                                either.on_go(ran.adds());
                                if dice.below(2) == 0 {
                                    own.go();
                                }
                            }
                        }
                        if let Some(cause) = either.cause() {
                            assert_eq!(cause.number(), either.cause().expect("go").number());
                            assert!(["stop", "own"].contains(&cause.name().expect("named")));
                        }
                    }
                });
            }
            linger(&mut Dice::new(seeds[0]));
            stop.go();
        });
        assert_eq!((ran.get(), hanging(&stop)), (built.get(), 0));
    });
}

/// S9, S3: a tower and a width that many threads poll, wait on and take apart while its inputs go.
#[test]
fn large_expressions_under_many_threads() {
    scene("a wide k-of-n over towers", |dice| {
        let inputs: Vec<Signal> = (0..60).map(|_| Signal::new()).collect();
        let mut towers: Vec<Signal> = Vec::new();
        for i in 0..20 {
            let below = towers.get(i / 2).unwrap_or(&inputs[i]).clone();
            towers.push((below | &inputs[i + 20]).child() & (&inputs[i + 40] | &inputs[i]));
        }
        let k = 1 + dice.below(20);
        let most = Signal::at_least(k, &towers);
        let ran = Count::new();
        let seeds: [u64; 2] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            scope.spawn(|| most.wait());
            scope.spawn(|| {
                most.on_go(ran.adds());
                towers.iter().for_each(|t| t.on_go(ran.adds()));
                block_on(&most)
            });
            for seed in seeds {
                let (inputs, most) = (&inputs, &most);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    let first = dice.below(60);
                    for i in 0..60 {
                        inputs[(first + i) % 60].go();
                        let _ = (most.is_go(), most.cause().map(|c| c.number()));
                    }
                });
            }
        });
        assert_eq!(ran.get(), 21);
        assert!(inputs.iter().chain(&towers).all(|s| hanging(s) == 0));
    });
}
