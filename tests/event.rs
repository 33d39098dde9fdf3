//! Event: set, cleared, waited for.
mod common;
use common::*;
use std::sync::atomic::{AtomicUsize, Ordering::*};
use std::thread;
use std::time::{Duration, Instant};
use stopwhen::{Event, Signal, Stopped, Till, Until};

/// Waits until somebody who waits on the event until that signal hangs on it: then it is in line.
fn until_hanging(signal: &Signal, n: usize) {
    while hanging(signal) != n {
        thread::yield_now();
    }
}

#[test]
fn event_goes_up_and_down() {
    static EVENT: Event = Event::new();
    in_time("a static event", || {
        assert!(!EVENT.is_set());
        for _ in 0..3 {
            EVENT.set();
            EVENT.set();
            assert!(EVENT.is_set());
            EVENT.wait();
            assert_eq!(EVENT.wait_until(Duration::ZERO), Ok(()));
            EVENT.clear();
            EVENT.clear();
            assert!(!EVENT.is_set());
        }
    });
}

#[test]
fn event_wakes_all_who_wait() {
    in_time("forty waiters, a set", || {
        let (event, never, data) = (Event::default(), Signal::new(), AtomicUsize::new(0));
        thread::scope(|s| {
            for i in 0..40 {
                let (event, never, data) = (&event, &never, &data);
                s.spawn(move || {
                    if i % 2 == 0 {
                        event.wait()
                    } else {
                        event.wait_until(never).unwrap()
                    }
                    assert_eq!(data.load(Relaxed), 7);
                });
            }
            until_hanging(&never, 20);
            data.store(7, Relaxed);
            event.set();
        });
        assert!(event.is_set() && hanging(&never) == 0);
    });
}

#[test]
fn event_set_and_cleared_releases_everyone_waiting_at_that_moment() {
    in_time("set and clear", || {
        for n in [1, 2, 15, 16, 17, 40] {
            let (event, never) = (Event::new(), Signal::new());
            thread::scope(|s| {
                (0..n).for_each(|_| _ = s.spawn(|| event.wait_until(&never).unwrap()));
                until_hanging(&never, n);
                event.set();
                event.clear();
            });
            assert!(!event.is_set());
            assert_eq!(event.wait_until(Duration::ZERO), Err(Stopped), "who comes later waits");
        }
    });
}

#[test]
fn event_wait_is_ended_by_whatever_ends_a_wait() {
    in_time("untils", || {
        let event = Event::new();
        let (gone, never, past) = (Signal::done(), Signal::never(), Instant::now());
        let untils: [&dyn Until; 6] =
            [&gone, &Duration::ZERO, &past, &(&never, Duration::from_micros(200)), &Till::millis(1), &Some(&gone)];
        for until in untils {
            event.clear();
            assert_eq!(event.wait_until(until), Err(Stopped));
            event.set();
            assert_eq!(event.wait_until(until), Ok(()), "what is there beats what has come");
        }
        event.clear();
        let stop = Signal::new();
        thread::scope(|s| {
            let stopped = s.spawn(|| event.wait_until((&stop, AGES)));
            until_hanging(&stop, 1);
            stop.go();
            assert_eq!(stopped.join().unwrap(), Err(Stopped));
        });
        assert_eq!(hanging(&stop), 0);
        event.set();
        event.wait();
    });
}

#[test]
fn event_debug_tells_its_state() {
    let event = Event::new();
    assert_eq!(format!("{event:?}"), "Event { is_set: false, .. }");
    event.set();
    assert_eq!(format!("{event:?}"), "Event { is_set: true, .. }");
}

/// Waiters stopped at random, and a setter that clears at once: nobody returns without a set since it came.
#[test]
fn event_stress_of_rounds_and_stops() {
    step_by_step(|steps| {
        let (event, over) = (Event::new(), Signal::new());
        let (begun, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let counts = [const { AtomicUsize::new(0) }; 2];
        let bell = std::sync::Mutex::new(Signal::new());
        steps.begin("waits");
        thread::scope(|s| {
            for seed in 0..4 {
                let (event, begun, done, over, counts, bell) = (&event, &begun, &done, &over, &counts, &bell);
                s.spawn(move || {
                    let mut dice = Dice::new(seed);
                    while !over.is_go() {
                        let (before, d) = (done.load(Acquire), Duration::from_micros(dice.below(200) as u64));
                        let stop = bell.lock().unwrap().clone();
                        let end = match dice.below(4) {
                            0 => event.wait_until(over),
                            1 => event.wait_until((over, d)),
                            2 => event.wait_until((over, &stop)),
                            _ => event.wait_until((over, &stop, d)),
                        };
                        assert!(end.is_err() || begun.load(Acquire) > before);
                        counts[usize::from(end.is_err())].fetch_add(1, Relaxed);
                    }
                });
            }
            let (mut dice, end) = (Dice::new(9), Till::after(Duration::from_millis(1200)));
            while !end.is_go() {
                let next = std::mem::take(&mut *bell.lock().unwrap());
                let _ = next.wait_until((&end, Duration::from_micros(dice.below(200) as u64)));
                if dice.below(2) == 0 {
                    next.go();
                }
                begun.fetch_add(1, AcqRel);
                event.set();
                event.clear();
                done.fetch_add(1, AcqRel);
            }
            steps.begin("the end");
            over.go();
        });
        let [ok, stopped] = counts.map(AtomicUsize::into_inner);
        println!("{ok} released, {stopped} stopped, {} rounds", done.into_inner());
        assert!(ok > 0 && stopped > 0 && !event.is_set() && hanging(&over) == 0);
    });
}

/// Two threads hand a turn to and fro: no set is lost.
#[test]
fn event_ping_pong() {
    in_time("twenty thousand turns", || {
        let (ping, pong) = (Event::new(), Event::new());
        thread::scope(|s| {
            s.spawn(|| {
                for _ in 0..20_000 {
                    ping.wait();
                    ping.clear();
                    pong.set();
                }
            });
            for _ in 0..20_000 {
                ping.set();
                pong.wait();
                pong.clear();
            }
        });
        assert!(!ping.is_set() && !pong.is_set());
    });
}

#[cfg(feature = "test-clock")]
#[test]
fn event_on_a_paused_clock() {
    in_time("an hour on a paused clock", || {
        let (event, paused) = (Event::new(), stopwhen::clock::pause());
        let hour = Duration::from_secs(3600);
        thread::scope(|s| {
            let ended = s.spawn(|| {
                let _scope = paused.register();
                let first = event.wait_until(hour);
                (first, event.wait_until((Instant::now() + AGES, hour)))
            });
            paused.wait_for_sleepers(1);
            paused.advance(hour);
            paused.wait_for_sleepers(1);
            event.set();
            assert_eq!(ended.join().unwrap(), (Err(Stopped), Ok(())));
        });
        assert_eq!(paused.sleepers(), 0);
    });
}
