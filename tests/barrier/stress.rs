//! Many generations at once with stops, resets, aborts, parties; whatever happens, the laws hold.
use super::*;
use std::collections::HashMap;
use std::sync::Mutex;

/// How long a scene of stops lasts.
const SCENE: Duration = Duration::from_millis(1200);

/// B3: indices 0..n-1 once each, in every generation, and one leader.
fn rounds(n: usize, rounds: usize, steps: &Steps) {
    let b = Barrier::new(n);
    let seen: Vec<AtomicUsize> = (0..rounds).map(|_| AtomicUsize::new(0)).collect();
    let leaders = AtomicUsize::new(0);
    thread::scope(|s| {
        for _ in 0..n {
            s.spawn(|| {
                for (round, seen) in seen.iter().enumerate() {
                    let p = b.wait().unwrap();
                    if p.is_leader() && round % 500 == 0 {
                        steps.begin(format!("{n} threads, generation {round}"));
                    }
                    assert_eq!(p.generation(), round as u64);
                    let before = seen.fetch_add(1 << p.index(), Relaxed);
                    assert_eq!(before & 1 << p.index(), 0, "index {} twice", p.index());
                    leaders.fetch_add(p.is_leader().into(), Relaxed);
                }
            });
        }
    });
    assert!(seen.iter().all(|s| s.load(Relaxed) == (1 << n) - 1));
    assert_eq!((leaders.load(Relaxed), b.waiting(), b.is_broken()), (rounds, 0, false));
}

#[test]
fn b3_indices_are_given_once_each_by_a_million_arrivals() {
    step_by_step(|steps| {
        for (n, many) in [(2, 400_000), (4, 50_000), (8, 12_000)] {
            rounds(n, many, steps);
        }
    });
}

/// Who has passed: indices by generation.
#[derive(Default)]
struct Passes(Mutex<HashMap<u64, Vec<Passed>>>);

impl Passes {
    fn add(&self, own: Vec<Passed>) {
        let mut all = self.0.lock().unwrap();
        own.into_iter().for_each(|p| all.entry(p.generation()).or_default().push(p));
    }

    /// Of each generation all have passed, or nobody.
    fn check(self, n: impl Fn(usize) -> bool) -> usize {
        let all = self.0.into_inner().unwrap();
        for (generation, passed) in &all {
            settled(passed, *generation);
            assert!(n(passed.len()), "{passed:?}");
        }
        all.len()
    }
}

/// One wait, ended by nothing, a signal, a time, or both, within 200 µs; or by the end of the scene.
fn visit(dice: &mut Dice, b: &Barrier, bell: &Mutex<Signal>, over: &Signal) -> Result<Passed, BarrierError> {
    let d = Duration::from_micros(dice.below(200) as u64);
    let stop = bell.lock().unwrap().clone();
    match dice.below(8) {
        0..4 => b.wait_until(over),
        4 => b.wait_until((over, d)),
        5 => b.wait_until((over, &stop)),
        6 => b.wait_until((over, (Instant::now() + d, &stop))),
        _ => b.wait_until(over | Till::after(d)),
    }
}

/// Six threads on four places, stopped at random; some reset what is broken.
fn stops(name: &'static str, acts: bool, make: impl FnOnce(Count) -> Barrier + Send + 'static) {
    step_by_step(move |steps| {
        let actions = Count::new();
        let (b, over, bell) = (make(actions.clone()), Signal::new(), Mutex::new(Signal::new()));
        let (passes, ends) = (Passes::default(), [const { AtomicUsize::new(0) }; 3]);
        steps.begin(format!("{name}: visits"));
        thread::scope(|s| {
            for seed in 0..6 {
                let (b, over, bell, passes, ends) = (&b, &over, &bell, &passes, &ends);
                s.spawn(move || {
                    let (mut dice, mut own) = (Dice::new(seed), Vec::new());
                    while !over.is_go() {
                        match visit(&mut dice, b, bell, over) {
                            Ok(p) => {
                                ends[0].fetch_add(1, Relaxed);
                                own.push(p);
                            }
                            Err(BarrierError::Stopped) => _ = ends[1].fetch_add(1, Relaxed),
                            Err(_) => {
                                ends[2].fetch_add(1, Relaxed);
                                if dice.below(2) == 0 {
                                    b.reset();
                                }
                            }
                        }
                        if dice.below(1000) == 0 {
                            b.abort();
                        }
                    }
                    passes.add(own);
                });
            }
            let (mut dice, end) = (Dice::new(9), Till::after(SCENE));
            while !end.is_go() {
                let next = std::mem::take(&mut *bell.lock().unwrap());
                let _ = next.wait_until((&end, Duration::from_micros(dice.below(200) as u64)));
                next.go();
            }
            steps.begin(format!("{name}: the end"));
            over.go();
        });
        assert_eq!((b.waiting(), hanging(&over)), (0, 0));
        let generations = passes.check(|n| n == 4);
        let [passed, stopped, broken] = ends.map(AtomicUsize::into_inner);
        println!("{name}: {generations} generations, {passed} passed, {stopped} stopped, {broken} broken");
        assert!(generations > 0 && stopped > 0 && passed == 4 * generations);
        assert_eq!(actions.get(), if acts { generations } else { 0 });
    });
}

#[test]
fn b1_stops_and_resets_on_the_word() {
    stops("plain", false, |_| Barrier::new(4));
}

/// B2 too: of each generation that ends, and of no other, the action has run once.
#[test]
fn b1_stops_and_resets_in_line() {
    stops("with an action", true, |runs| Barrier::new(4).with_action(move || runs.add()));
}

#[test]
fn b1_withdrawals() {
    stops("withdrawals", false, |_| Barrier::new(4).on_stop(OnStop::Withdraw));
}

/// B4: parties come and go, some of them by a panic; at every moment all members are parties.
#[test]
fn b4_parties_come_and_go() {
    step_by_step(|steps| {
        for seed in 0..40 {
            steps.begin(format!("parties, round {seed}"));
            let (b, passes) = (Arc::new(Barrier::new(1)), Passes::default());
            let (over, first) = (Signal::new(), b.party());
            let parties: Vec<Party> = (0..5).map(|_| b.party()).collect();
            thread::scope(|s| {
                for (i, mut party) in parties.into_iter().enumerate() {
                    let (b, passes, over) = (&b, &passes, &over);
                    s.spawn(move || {
                        let (mut dice, mut own) = (Dice::new(seed * 8 + i as u64), Vec::new());
                        for _ in 0..50 {
                            match dice.below(40) {
                                0 => party = b.party(),
                                1 => {
                                    let other = b.party();
                                    let panic = catch_unwind(AssertUnwindSafe(move || {
                                        let _other = other;
                                        std::panic::resume_unwind(Box::new(()));
                                    }));
                                    assert!(panic.is_err());
                                }
                                _ => {}
                            }
                            match party.wait_until(over) {
                                Ok(p) => own.push(p),
                                Err(BarrierError::Broken) => b.reset(),
                                Err(e) => panic!("{e}"),
                            }
                        }
                        passes.add(own);
                    });
                }
                Till::after(Duration::from_micros(100)).wait();
                drop(first);
            });
            assert_eq!((b.size(), b.waiting(), Arc::strong_count(&b)), (0, 0, 1));
            passes.check(|n| (1..=5).contains(&n));
        }
    });
}
