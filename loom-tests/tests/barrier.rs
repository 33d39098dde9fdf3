//! Barrier: arrivals against stops, resets, withdrawals, parties, and what all of them send across.
#![cfg(loom)]

use loom_tests::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use stopwhen::barrier::{OnStop, Passed};
use stopwhen::model::{awake, hanging};
use stopwhen::{Barrier, BarrierError, Broken, Signal};

/// How the members of a barrier wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// The word tells; they look at it once, and then sleep.
    Looks,
    /// The word tells, and they sleep at once.
    Sleeps,
    /// The line decides.
    Line,
    /// The line decides; they look once whether they were told, and then sleep.
    LineLooks,
}
use Form::*;

impl Form {
    fn set(self) {
        awake(usize::from([Looks, LineLooks].contains(&self)));
    }

    fn barrier(self, n: usize) -> Barrier {
        let plain = Barrier::new(n);
        if [Line, LineLooks].contains(&self) { plain.with_action(|| ()) } else { plain }
    }
}

/// All have passed the same generation, each with an index of its own, and one of them led.
fn settled(passed: &[Passed], generation: u64) {
    let mut indices: Vec<usize> = passed.iter().map(Passed::index).collect();
    indices.sort_unstable();
    assert!(indices.iter().enumerate().all(|(i, index)| i == *index), "{passed:?}");
    assert!(passed.iter().all(|p| p.generation() == generation), "{passed:?}");
    assert_eq!(passed.iter().filter(|p| p.is_leader()).count(), 1, "{passed:?}");
}

// ---- what is sent across ---------------------------------------------------------------------------------

fn payloads(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(2), floor, move || {
        let (b, mine, yours) = (form.barrier(2), Payload::new(), Payload::new());
        let meet = |mine: &Payload, yours: &Payload| {
            mine.set();
            let passed = b.wait().unwrap();
            yours.check();
            passed
        };
        let (p, q) = join2(|| meet(&mine, &yours), || meet(&yours, &mine));
        settled(&[p, q], 0);
        assert_eq!(b.waiting(), 0);
    });
}

/// Breaks if an arrival is not Release, or the last one's step not Acquire, or what it leaves not Release, or the look not Acquire.
#[test]
fn payloads_of_who_looks() {
    payloads("payloads_of_who_looks", Looks, 120);
}

/// Breaks if the last arrival ignores sleepers, or the word found on the way to the seat is not Acquire.
#[test]
fn payloads_of_who_sleeps() {
    payloads("payloads_of_who_sleeps", Sleeps, 94);
}

/// Breaks if the last arrival does not let the line pass.
#[test]
fn payloads_in_line() {
    payloads("payloads_in_line", Line, 33);
}

/// Breaks if being told, seen awake, is not Acquire.
#[test]
fn payloads_in_line_looked_at() {
    payloads("payloads_in_line_looked_at", LineLooks, 67);
}

fn three(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let (b, d) = (form.barrier(3), [Payload::new(), Payload::new(), Payload::new()]);
        let meet = |i: usize| {
            d[i].set();
            let passed = b.wait().unwrap();
            d.iter().for_each(Payload::check);
            passed
        };
        let (p, q, r) = join3(|| meet(0), || meet(1), || meet(2));
        settled(&[p, q, r], 0);
    });
}

/// Breaks if an arrival in the middle does not hand on what came before it.
#[test]
fn three_look() {
    three("three_look", Looks, 16_000);
}

/// Breaks if who lets two pass, each under its own hold of the lock, forgets the second.
#[test]
fn three_sleep() {
    three("three_sleep", Sleeps, 1600);
}

/// Breaks as `three_sleep`.
#[test]
fn three_in_line() {
    three("three_in_line", Line, 530);
}

fn two_generations(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(2), floor, move || {
        let (b, d) = (form.barrier(2), [Payload::new(), Payload::new()]);
        let meet = |i: usize| {
            d[i].set();
            let first = b.wait().unwrap();
            d[1 - i].check();
            let second = b.wait().unwrap();
            d[i].set();
            (first, second)
        };
        let ((p0, p1), (q0, q1)) = join2(|| meet(0), || meet(1));
        settled(&[p0, q0], 0);
        settled(&[p1, q1], 1);
    });
}

/// Breaks if who looks late takes the second generation's arrivals for its own.
#[test]
fn two_generations_looked_at() {
    two_generations("two_generations_looked_at", Looks, 110_000);
}

/// Breaks if the last arrival ignores sleepers, the second time.
#[test]
fn two_generations_slept_through() {
    two_generations("two_generations_slept_through", Sleeps, 14_000);
}

/// Breaks if the last arrival does not let the line pass, the second time.
#[test]
fn two_generations_in_line() {
    two_generations("two_generations_in_line", Line, 870);
}

/// Breaks if who lets one generation pass, after the action, takes those who have come meanwhile along.
#[test]
fn arrivals_during_the_action() {
    Line.set();
    model("arrivals_during_the_action", threads(3), 2000, || {
        let b = Line.barrier(2);
        // Two of three pass; who has passed lets the third go.
        let meet = |end: Result<Passed, BarrierError>| {
            if end.is_ok() {
                b.abort();
            }
            end.is_ok()
        };
        let wait = || b.wait().map_err(|Broken| BarrierError::Broken);
        let (p, q, r) = join3(|| meet(wait()), || meet(wait()), || meet(b.wait_until(Duration::ZERO)));
        assert!([0, 2].contains(&[p, q, r].iter().filter(|passed| **passed).count()));
    });
}

fn again_at_once(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let b = form.barrier(3);
        let (p, q, r) = join3(
            || {
                let passed = b.wait().unwrap();
                assert_eq!(b.wait_until(Duration::ZERO), Err(BarrierError::Stopped));
                passed
            },
            || b.wait().unwrap(),
            || b.wait().unwrap(),
        );
        settled(&[p, q, r], 0);
        assert_eq!((b.waiting(), b.is_broken()), (0, true));
    });
}

/// Breaks if who lets many pass, and opens the lock between, takes one along that was let go of and has come again.
#[test]
fn again_at_once_sleeping() {
    again_at_once("again_at_once_sleeping", Sleeps, 2100);
}

/// Breaks as the one above.
#[test]
fn again_at_once_in_line() {
    again_at_once("again_at_once_in_line", Line, 570);
}

fn abort_by_who_has_passed(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let b = form.barrier(3);
        let (p, q, r) = join3(
            || {
                let passed = b.wait().unwrap();
                b.abort();
                passed
            },
            || b.wait().unwrap(),
            || b.wait().unwrap(),
        );
        settled(&[p, q, r], 0);
        assert!(b.waiting() == 0 && b.is_broken());
    });
}

/// B2. Breaks if an abort sends members home of a generation that has ended, and that have yet to be let go of.
#[test]
fn abort_by_who_has_passed_sleeping() {
    abort_by_who_has_passed("abort_by_who_has_passed_sleeping", Sleeps, 1700);
}

/// B2. Breaks as the one above.
#[test]
fn abort_by_who_has_passed_in_line() {
    abort_by_who_has_passed("abort_by_who_has_passed_in_line", Line, 560);
}

// ---- stops -----------------------------------------------------------------------------------------------

fn stop_vs_last(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let (b, stop, d) = (form.barrier(2), Signal::new(), Payload::new());
        let (stopped, _, last) = join3(
            || {
                let end = b.wait_until(&stop);
                if end.is_ok() {
                    d.check();
                }
                end
            },
            || stop.go(),
            || {
                d.set();
                b.wait()
            },
        );
        match (stopped, last) {
            (Ok(p), Ok(q)) => {
                settled(&[p, q], 0);
                assert!(!b.is_broken());
            }
            (Err(BarrierError::Stopped), Err(Broken)) => {
                assert!(b.is_broken());
                assert_eq!(b.wait(), Err(Broken));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!((b.waiting(), hanging(&stop)), (0, 0));
        b.reset();
        assert!(!b.is_broken());
    });
}

/// B1, B2. Breaks if a stopped one keeps its arrival, or leaves a generation that has ended.
#[test]
fn stop_vs_last_looking() {
    stop_vs_last("stop_vs_last_looking", Looks, 560);
}

/// B1, B2. Breaks as the one above, or if who was stopped is granted while it is in line.
#[test]
fn stop_vs_last_sleeping() {
    stop_vs_last("stop_vs_last_sleeping", Sleeps, 1300);
}

/// B1, B2. Breaks if a stopped one leaves a generation that has ended.
#[test]
fn stop_vs_last_in_line() {
    stop_vs_last("stop_vs_last_in_line", Line, 1200);
}

/// B1, B2. Breaks as the one above.
#[test]
fn stop_vs_last_in_line_looking() {
    stop_vs_last("stop_vs_last_in_line_looking", LineLooks, 970);
}

fn stop_by_who_has_passed(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let (b, stop) = (form.barrier(3), Signal::new());
        let (p, q, r) = join3(
            || {
                let passed = b.wait().unwrap();
                stop.go();
                passed
            },
            || b.wait_until(&stop).unwrap(),
            || b.wait().unwrap(),
        );
        settled(&[p, q, r], 0);
        assert_eq!(b.waiting(), 0);
    });
}

/// B2. Breaks if one that has yet to be let go of, because the lock was opened between, leaves a generation that has ended.
#[test]
fn stop_by_who_has_passed_sleeping() {
    stop_by_who_has_passed("stop_by_who_has_passed_sleeping", Sleeps, 6200);
}

/// B2. Breaks as the one above.
#[test]
fn stop_by_who_has_passed_in_line() {
    stop_by_who_has_passed("stop_by_who_has_passed_in_line", Line, 3700);
}

fn two_stops(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let (b, stop) = (form.barrier(3), Signal::new());
        let (p, q, _) = join3(|| b.wait_until(&stop), || b.wait_until(&stop), || stop.go());
        let ends = [p.unwrap_err(), q.unwrap_err()];
        assert_ne!(ends[0], ends[1], "one is stopped, and breaks it for the other");
        assert!(b.is_broken() && b.waiting() == 0);
    });
}

/// B1. Breaks if one whose barrier is broken may leave for its own stop, with nobody to take its arrival back.
#[test]
fn two_stops_sleeping() {
    two_stops("two_stops_sleeping", Sleeps, 39_000);
}

/// B1. Breaks as the one above.
#[test]
fn two_stops_in_line() {
    two_stops("two_stops_in_line", Line, 29_000);
}

/// B1. Breaks if one that withdraws keeps its arrival, or breaks the barrier, or if the others keep a hole in their indices.
#[test]
fn withdraw_vs_arrive() {
    Sleeps.set();
    model("withdraw_vs_arrive", threads(3), 1300, || {
        let (b, stop) = (Barrier::new(2).on_stop(OnStop::Withdraw), Signal::new());
        let (p, _, q) = join3(
            || b.wait_until(&stop).or_else(|_| b.wait().map_err(|Broken| BarrierError::Broken)),
            || stop.go(),
            || b.wait(),
        );
        settled(&[p.unwrap(), q.unwrap()], 0);
        assert_eq!((b.waiting(), b.is_broken()), (0, false));
    });
}

// ---- the action ------------------------------------------------------------------------------------------

/// B2. Breaks if a member passes before the action has run, or is stopped during it.
#[test]
fn action_vs_stop() {
    Sleeps.set();
    model("action_vs_stop", threads(3), 1200, || {
        let (d, stop) = (Payload::new(), Signal::new());
        let seen = d.clone();
        let b = Barrier::new(2).with_action(move || seen.set());
        let (p, _, q) = join3(|| b.wait_until(&stop), || stop.go(), || b.wait());
        match (p, q) {
            (Ok(p), Ok(q)) => {
                settled(&[p, q], 0);
                d.check();
            }
            (Err(BarrierError::Stopped), Err(Broken)) => d.check_times(0),
            other => panic!("{other:?}"),
        }
    });
}

/// B2. Breaks if what the action did is not seen by those who pass.
#[test]
fn action_payload() {
    Sleeps.set();
    model("action_payload", threads(2), 33, || {
        let d = Payload::new();
        let seen = d.clone();
        let b = Barrier::new(2).with_action(move || seen.set());
        let meet = || {
            b.wait().unwrap();
            d.check();
        };
        join2(meet, meet);
    });
}

/// B2. Breaks if a panic in the action leaves somebody waiting, or lets it pass.
#[test]
fn action_panics() {
    Sleeps.set();
    quietly("planned");
    model("action_panics", threads(3), 1300, || {
        let (b, stop) = (Barrier::new(2).with_action(|| panic!("planned")), Signal::new());
        let b = Arc::new(b);
        let (other, last) = (b.clone(), b.clone());
        let (p, _, q) = join3(
            || catch_unwind(AssertUnwindSafe(|| other.wait_until(&stop))).ok(),
            || stop.go(),
            || catch_unwind(AssertUnwindSafe(|| last.wait())).ok(),
        );
        match (p, q) {
            // Whoever came last led.
            (Some(Err(BarrierError::Broken)), None) | (None, Some(Err(Broken))) => {}
            (Some(Err(BarrierError::Stopped)), Some(Err(Broken))) => {}
            other => panic!("{other:?}"),
        }
        assert!(b.is_broken() && b.waiting() == 0);
    });
}

// ---- reset, abort ----------------------------------------------------------------------------------------

fn reset_vs_arrive(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(2), floor, move || {
        let (b, d) = (form.barrier(2), Payload::new());
        let (p, q) = join2(
            || {
                let end = b.wait();
                d.check(); // however it ended
                end
            },
            || {
                d.set();
                b.reset();
                b.wait_until(Duration::ZERO)
            },
        );
        match (p, q) {
            (Ok(p), Ok(q)) => settled(&[p, q], 1),
            both => assert_eq!(both, (Err(Broken), Err(BarrierError::Stopped))),
        }
        assert_eq!((b.waiting(), b.is_broken()), (0, q.is_err()));
    });
}

/// B3. Breaks if the reset does not wait for one that looks, or that one keeps its arrival; or if breaking is not Release.
#[test]
fn reset_vs_arrive_looking() {
    reset_vs_arrive("reset_vs_arrive_looking", Looks, 2000);
}

/// B3. Breaks if the reset leaves a sleeper where it is, or its arrival.
#[test]
fn reset_vs_arrive_sleeping() {
    reset_vs_arrive("reset_vs_arrive_sleeping", Sleeps, 1200);
}

/// B3. Breaks if the reset leaves an arrival.
#[test]
fn reset_vs_arrive_in_line() {
    reset_vs_arrive("reset_vs_arrive_in_line", Line, 570);
}

fn reset_vs_last(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(3), floor, move || {
        let b = form.barrier(2);
        let (p, q, _) = join3(
            || b.wait(),
            || b.wait(),
            || {
                b.reset();
                b.abort(); // for those who came after
            },
        );
        match (p, q) {
            (Ok(p), Ok(q)) => settled(&[p, q], p.generation()),
            both => assert_eq!(both, (Err(Broken), Err(Broken))),
        }
        assert!(b.is_broken() && b.waiting() == 0);
    });
}

/// B3. Breaks if one that looks late takes a generation that has ended for one that was reset, or the other way round.
#[test]
fn reset_vs_last_looking() {
    reset_vs_last("reset_vs_last_looking", Looks, 8600);
}

/// B3. Breaks if the arrival of one that is sent home stays.
#[test]
fn reset_vs_last_sleeping() {
    reset_vs_last("reset_vs_last_sleeping", Sleeps, 2700);
}

/// B3. Breaks if the reset sends members of a generation home that has ended.
#[test]
fn reset_vs_last_in_line() {
    reset_vs_last("reset_vs_last_in_line", Line, 650);
}

fn abort_payload(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(2), floor, move || {
        let (b, d) = (form.barrier(2), Payload::new());
        join2(
            || {
                d.set();
                b.abort();
            },
            || {
                assert_eq!(b.wait(), Err(Broken));
                d.check();
            },
        );
        assert_eq!(b.waiting(), 0);
    });
}

/// Breaks if breaking is not Release, or the look, or the look of who finds it broken, not Acquire.
#[test]
fn abort_payload_looking() {
    abort_payload("abort_payload_looking", Looks, 73);
}

/// Breaks if an abort leaves a sleeper where it is.
#[test]
fn abort_payload_sleeping() {
    abort_payload("abort_payload_sleeping", Sleeps, 57);
}

/// Breaks as the one above.
#[test]
fn abort_payload_in_line() {
    abort_payload("abort_payload_in_line", Line, 20);
}

// ---- parties ---------------------------------------------------------------------------------------------

fn party_vs_arrive(name: &str, action: bool, floor: usize) {
    Sleeps.set();
    model(name, threads(2), floor, move || {
        let (d, before) = (Payload::new(), Payload::new());
        let seen = d.clone();
        let b = Barrier::new(2);
        let b = Arc::new(if action { b.with_action(move || seen.set()) } else { b });
        let party = b.party();
        let (_, p) = join2(
            || {
                before.set();
                drop(party);
            },
            || {
                let passed = b.wait().unwrap();
                d.check_times(action.into());
                before.check();
                passed
            },
        );
        settled(&[p], 0);
        assert_eq!((b.size(), b.waiting()), (1, 0));
    });
}

/// B4. Breaks if a party that leaves does not look whether all others are there, or nobody runs the action then.
#[test]
fn party_leaves_vs_arrive_with_action() {
    party_vs_arrive("party_leaves_vs_arrive_with_action", true, 11);
}

/// B4. Breaks as the one above.
#[test]
fn party_leaves_vs_arrive() {
    party_vs_arrive("party_leaves_vs_arrive", false, 11);
}

/// B4. Breaks if the appointed one, stopped before, does not lead.
#[test]
fn party_leaves_vs_stop_of_the_first() {
    Sleeps.set();
    model("party_leaves_vs_stop_of_the_first", threads(3), 490, || {
        let (d, stop) = (Payload::new(), Signal::new());
        let seen = d.clone();
        let b = Arc::new(Barrier::new(2).with_action(move || seen.set()));
        let party = b.party();
        let (p, _, _) = join3(|| b.wait_until(&stop), || stop.go(), || drop(party));
        match p {
            Ok(p) => {
                settled(&[p], 0);
                d.check();
            }
            Err(BarrierError::Stopped) => d.check_times(0),
            other => panic!("{other:?}"),
        }
    });
}

/// B4. Breaks if who was appointed does not let the others pass.
#[test]
fn party_leaves_two() {
    Sleeps.set();
    model("party_leaves_two", threads(3), 160, || {
        let d = Payload::new();
        let seen = d.clone();
        let b = Arc::new(Barrier::new(3).with_action(move || seen.set()));
        let party = b.party();
        let meet = || {
            let passed = b.wait().unwrap();
            d.check();
            passed
        };
        let (p, q, _) = join3(meet, meet, || drop(party));
        settled(&[p, q], 0);
    });
}

/// B4. Breaks if a party dropped by a panic leaves somebody waiting.
#[test]
fn party_panics_vs_arrive() {
    Sleeps.set();
    quietly("planned");
    model("party_panics_vs_arrive", threads(2), 11, || {
        let b = Arc::new(Barrier::new(2));
        let party = b.party();
        let (_, p) = join2(
            || {
                let panic = catch_unwind(AssertUnwindSafe(|| {
                    let _party = party;
                    panic!("planned");
                }));
                assert!(panic.is_err());
            },
            || b.wait(),
        );
        assert_eq!(p, Err(Broken));
        assert!(b.is_broken() && b.waiting() == 0);
    });
}

fn party_made(name: &str, form: Form, floor: usize) {
    form.set();
    model(name, threads(2), floor, move || {
        let (b, mine, yours) = (Arc::new(Barrier::new(2)), Payload::new(), Payload::new());
        let (p, (q, party)) = join2(
            || {
                mine.set();
                let passed = b.wait().unwrap();
                yours.check();
                passed
            },
            || {
                let mut party = b.party();
                yours.set();
                let passed = party.wait().unwrap();
                mine.check();
                (passed, party)
            },
        );
        settled(&[p, q], 0);
        let (p, _) = join2(|| b.wait().unwrap(), || drop(party));
        settled(&[p], 1);
        assert_eq!((b.size(), b.waiting()), (1, 0));
    });
}

/// P5. Breaks if a plain barrier goes over to its line while somebody looks at the word.
#[test]
fn party_made_vs_who_looks() {
    party_made("party_made_vs_who_looks", Looks, 7500);
}

/// P5. Breaks if those in line are not counted when the line takes over, or if a last arrival passes by the word all the same.
#[test]
fn party_made_vs_who_sleeps() {
    party_made("party_made_vs_who_sleeps", Sleeps, 1400);
}

/// P5. Breaks as the first of these, for one that looks while the other arrives.
#[test]
fn party_made_vs_two() {
    Looks.set();
    model("party_made_vs_two", threads(3), 5500, || {
        let b = Arc::new(Barrier::new(2));
        let meet = || b.wait().unwrap();
        let (p, q, _) = join3(meet, meet, || std::mem::forget(b.party()));
        settled(&[p, q], 0);
        assert_eq!((b.size(), b.waiting()), (2, 0));
    });
}

/// P5. Breaks if one that found it broken does not look again whether the line decides now.
#[test]
fn party_made_after_a_reset() {
    Sleeps.set();
    model("party_made_after_a_reset", threads(2), 9500, || {
        let b = Arc::new(Barrier::new(2));
        let (p, q) = join2(
            || b.wait(),
            || {
                b.abort();
                b.reset();
                b.party().wait_until(Duration::ZERO)
            },
        );
        match (p, q) {
            (Ok(p), Ok(q)) => settled(&[p, q], 1),
            both => assert_eq!(both, (Err(Broken), Err(BarrierError::Stopped))),
        }
        assert_eq!(b.waiting(), 0);
    });
}
