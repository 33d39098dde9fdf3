//! Times that come while everything else happens.
use super::{linger, scene};
use crate::common::*;
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::signal::Cancel;
use stopwhen::{Signal, Till};

/// T1, S8: Tills armed, dropped, raised by hand, and come: each callback once, or removed; never early.
#[test]
fn tills_end_once_each() {
    scene("Tills of 0 to 200 µs", |dice| {
        let (ran, removed, early) = (Count::new(), Count::new(), Count::new());
        let mut expected = 0;
        let seeds: [u64; 2] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            for seed in seeds {
                expected += 12;
                let (ran, removed, early) = (&ran, &removed, &early);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..12 {
                        one_till(&mut dice, ran, removed, early);
                    }
                });
            }
        });
        while ran.get() + removed.get() < expected {
            thread::yield_now();
        }
        assert_eq!((ran.get() + removed.get(), early.get()), (expected, 0));
    });
}

fn one_till(dice: &mut Dice, ran: &Count, removed: &Count, early: &Count) {
    let d = Duration::from_micros(dice.below(200) as u64);
    let (begun, till, by_hand) = (Instant::now(), Till::after(d), dice.below(3) == 0);
    let on = match dice.below(4) {
        0 => till.clone(),
        1 => &till & Till::after(d / 2),
        2 => &till | Till::secs(3600),
        _ => till.child().view(),
    };
    let (adds, early) = (ran.adds(), early.clone());
    let then = on.then(move || {
        if !by_hand && begun.elapsed() < d {
            early.add();
        }
        adds();
    });
    match dice.below(4) {
        0 => drop((till, on)),
        1 => on.wait(),
        2 => block_on(&on),
        _ => {
            linger(dice);
            if by_hand {
                till.go();
            }
            if then.cancel_and_wait() == Cancel::Removed {
                removed.add();
            }
        }
    }
}

/// S8, T3: one handle of a Till is dropped, or its callback cancelled, while another arms it: it comes all the same.
#[test]
fn a_till_outlives_the_handles_that_are_dropped() {
    scene("one arms while others let go", |dice| {
        let till = Till::after(Duration::from_micros(dice.below(100) as u64));
        let (other, seed) = (till.clone(), dice.roll());
        let view = (dice.below(2) == 0).then(|| &till | &Signal::new());
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut dice = Dice::new(seed);
                linger(&mut dice);
                drop((other, view));
            });
            match dice.below(3) {
                0 => while !till.is_go() {},
                1 => block_on(&till),
                _ => {
                    let ran = Signal::new();
                    let tell = ran.clone();
                    till.then(|| ()).cancel();
                    till.on_go(move || {
                        tell.go();
                    });
                    assert_eq!(ran.wait_until((Signal::new(), AGES)), Ok(()));
                }
            }
        });
        assert!(till.is_go());
    });
}

/// S9: expressions are built of Tills that come just now.
#[test]
fn expressions_are_built_while_their_times_come() {
    scene("a wide any, all and k of n over Tills", |dice| {
        let end = Instant::now() + Duration::from_micros(50);
        let n = 2 + dice.below(60);
        let tills: Vec<Till> = (0..n).map(|i| Till::at(end + Duration::from_nanos(i as u64 * 300))).collect();
        let ran = Count::new();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let built = [Signal::any(&tills), Signal::all(&tills), Signal::at_least(n / 2 + 1, &tills)];
                    for s in &built {
                        while !s.is_go() {}
                        assert_eq!(s.cause().map(|c| c.number()), s.cause().map(|c| c.number()));
                        s.on_go(ran.adds());
                    }
                });
            }
            scope.spawn(|| tills.iter().for_each(|t| drop(t.then(|| ()))));
        });
        assert_eq!(ran.get(), 6);
    });
}

/// Delayed signals: not before their source, not before their time, and dead without it.
#[test]
fn delayed_signals_follow_their_source() {
    scene("sources raised, abandoned, awaited", |dice| {
        let d = Duration::from_micros(dice.below(200) as u64);
        let source = Signal::new();
        let late = source.delayed(d);
        let (ended, raises, how) = (Count::new(), dice.below(4) > 0, dice.below(3));
        let token = ended.token();
        late.on_go(move || drop(token));
        assert!(!late.is_go() && !late.go());
        thread::scope(|scope| {
            let mut dice = Dice::new(dice.roll());
            let (raise, begun) = (source.clone(), Instant::now());
            scope.spawn(move || {
                linger(&mut dice);
                if raises {
                    raise.go();
                }
            });
            drop(source);
            if raises {
                match how {
                    0 => late.wait(),
                    1 => block_on(&late),
                    _ => assert_eq!(late.wait_until((Signal::new(), AGES)), Ok(())),
                }
                assert!(begun.elapsed() >= d);
            }
        });
        drop(late);
        while ended.get() == 0 {
            thread::yield_now();
        }
    });
}
