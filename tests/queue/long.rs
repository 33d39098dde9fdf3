//! Q4: a producer that waits long is reported, once.
use super::*;
use std::process::Command;
use stopwhen::{Thread, clock};

/// Set in a child process, which plays one part.
const PART: &str = "STOPWHEN_QUEUE_PART";

/// What a child that plays a part says on standard error.
fn heard(part: &str) -> String {
    let test = "long::q4_a_producer_that_waits_over_five_seconds_is_reported_once";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(PART, part);
    let ended = child.output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{part}: {said}");
    said
}

#[test]
fn q4_a_producer_that_waits_over_five_seconds_is_reported_once() {
    match std::env::var(PART).as_deref() {
        Ok("told") => part(Queue::bounded(1).named("jobs"), 1),
        Ok("silent") => part(Queue::bounded(1).silent(), 0),
        Ok(other) => panic!("no part {other}"),
        Err(_) => {
            let word = "stopwhen: a producer has waited over 5s for room in the queue jobs: 1 items are in it\n";
            let said = heard("told");
            assert_eq!(said.matches("stopwhen:").count(), 2, "once for each: {said}");
            assert_eq!(said.matches(word).count(), 2, "{said}");
            assert!(!heard("silent").contains("stopwhen:"));
        }
    }
}

/// Two producers wait, on a clock that passes five seconds, and then an hour.
fn part(q: Queue<u32>, alarms: usize) {
    let paused = clock::pause();
    q.push(0).unwrap();
    let stop = Signal::new();
    thread::scope(|s| {
        let (q, stop, clock) = (&q, &stop, paused.handle());
        let pushers: Vec<_> = (1..3)
            .map(|n| {
                let clock = clock.clone();
                s.spawn(move || {
                    let _here = clock.register();
                    q.push_until(n, (stop, Duration::from_secs(7200)))
                })
            })
            .collect();
        paused.wait_for_sleepers(2);
        paused.advance(Duration::from_secs(5) - Duration::from_nanos(1));
        paused.wait_for_sleepers(2);
        for _ in 0..alarms {
            paused.advance(Duration::from_nanos(1));
            paused.wait_for_sleepers(2);
        }
        for _ in 0..60 {
            paused.advance(Duration::from_secs(60));
            paused.wait_for_sleepers(2);
        }
        assert_eq!(q.pop(), Ok(0));
        line::until_waiting(q, 1, 0);
        stop.go();
        let ends: Vec<_> = pushers.into_iter().map(|p| p.join().unwrap()).collect();
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1);
        assert_eq!(ends.iter().filter(|end| matches!(end, Err(PushError::Stopped(_)))).count(), 1);
        assert_eq!(q.pop_all().len(), 1);
    });
}

/// The time of a wait that is shorter is not disturbed by the report's, nor a longer one's.
#[test]
fn r4_waits_end_at_their_own_time_on_both_sides_of_the_report() {
    in_time("waits of 3 and of 9 seconds", || {
        for secs in [3, 9] {
            let paused = clock::pause();
            let q = if secs < 5 { Queue::bounded(1) } else { Queue::bounded(1).silent() };
            q.push(0).unwrap();
            thread::scope(|s| {
                let (q, clock) = (&q, paused.handle());
                let pusher = s.spawn(move || {
                    let _here = clock.register();
                    let begun = clock::now();
                    assert_eq!(q.push_until(1, Duration::from_secs(secs)), Err(PushError::Stopped(1)));
                    clock::now() - begun
                });
                paused.wait_for_sleepers(1);
                paused.advance(Duration::from_secs(secs));
                assert_eq!(pusher.join().unwrap(), Duration::from_secs(secs));
            });
        }
    });
}

/// H1: since when a producer waits, the report notwithstanding.
#[test]
fn h1_the_tree_tells_since_when_a_reported_producer_waits() {
    in_time("a wait of seven seconds", || {
        let (paused, q) = (clock::pause(), Arc::new(Queue::bounded(1).named("planned report")));
        q.push(0).unwrap();
        let full = q.clone();
        let producer = Thread::run("producer", move |_| full.push_until(1, AGES));
        for secs in [5, 2] {
            paused.wait_for_sleepers(1);
            paused.advance(Duration::from_secs(secs));
        }
        paused.wait_for_sleepers(1);
        let tree = producer.tree().to_string();
        assert!(tree.contains("waits in Queue::push") && tree.contains("for 7.0 s"), "{tree}");
        assert_eq!((q.pop(), producer.join().unwrap()), (Ok(0), Ok(())));
    });
}

/// H1: what ends the wait is what was said, if anything; the time to the report is not.
#[test]
fn h1_the_tree_shows_no_end_that_nobody_asked_for() {
    in_time("producers, with and without an end", || {
        for virtual_time in [false, true] {
            let paused = virtual_time.then(clock::pause);
            let (stop, q) = (Signal::named("stop"), Arc::new(Queue::bounded(1).named("jobs")));
            q.push(0).unwrap();
            let (free, bound, end) = (q.clone(), q.clone(), stop.clone());
            let free = Thread::run("free", move |_| free.push(1));
            let bound = Thread::run("bound", move |_| bound.push_until(2, &end));
            line::until_waiting(&q, 2, 0);
            for (thread, shown) in [(free.as_ref(), ""), (bound.as_ref(), " until stop")] {
                let shown = format!("{}: waits in Queue::push of jobs{shown}, for ", thread.name());
                let mut tree = thread.tree().to_string();
                while !tree.contains("waits") {
                    tree = thread.tree().to_string();
                }
                assert!(tree.starts_with(&shown), "{tree}");
            }
            stop.go();
            assert_eq!(bound.join().unwrap(), Err(PushError::Stopped(2)));
            assert_eq!((q.pop(), free.join().unwrap()), (Ok(0), Ok(())));
            drop(paused);
        }
    });
}

/// Who is reported leaves its place for as long as that takes, and has it again.
#[test]
fn a_producer_that_is_reported_keeps_its_place() {
    in_time("two producers, four seconds apart", || {
        let (paused, q) = (clock::pause(), Queue::bounded(1).named("planned report"));
        q.push(0).unwrap();
        thread::scope(|s| {
            for n in 1..3 {
                let (q, clock) = (&q, paused.handle());
                s.spawn(move || {
                    let _here = clock.register();
                    q.push_until(n, AGES)
                });
                paused.wait_for_sleepers(n);
                paused.advance(Duration::from_secs(if n == 1 { 4 } else { 1 }));
                paused.wait_for_sleepers(n);
            }
            line::until_waiting(&q, 2, 0);
            assert_eq!([q.pop(), q.pop(), q.pop()], [Ok(0), Ok(1), Ok(2)]);
        });
    });
}
