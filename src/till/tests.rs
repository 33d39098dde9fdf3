//! What cannot be seen from outside: the release of a tree's Tills, and the clock's turn.

use super::process::Pace;
use super::*;

/// Puts the thread's release back.
struct Released;

impl Released {
    fn with(release: &Signal) -> Released {
        assert!(release_with(Some(release.clone())).is_none());
        Released
    }
}

impl Drop for Released {
    fn drop(&mut self) {
        release_with(None);
    }
}

#[test]
fn t8_tills_of_a_tree_go_early_with_its_release_and_say_so() {
    let release = Signal::named("half the grace");
    let released = Released::with(&release);
    let (polled, armed) = (Till::secs(3600), Till::secs(3600));
    armed.on_go(|| ());
    drop(released);
    let outside = Till::secs(3600);
    assert!(!polled.is_go() && !armed.is_go());
    release.go_because("shutdown is half over");
    assert!(polled.is_go() && armed.is_go() && !outside.is_go());
    for till in [&polled, &armed] {
        let cause = till.cause().expect("it is go");
        assert_eq!(cause.name(), Some("half the grace"));
        assert_eq!(cause.reason().expect("it was given one").to_string(), "shutdown is half over");
    }
}

#[test]
fn t8_such_a_till_is_a_till_in_all_else() {
    let release = Signal::new();
    let released = Released::with(&release);
    let (by_hand, soon) = (Till::secs(3600), Till::millis(1));
    drop(released);
    assert!(by_hand.deadline().is_some() && soon.remaining().is_some());
    assert!(by_hand.go() && by_hand.is_go());
    soon.wait();
    assert!(!release.is_go(), "raising a Till raises no release");
}

#[test]
fn t8_a_thread_remembers_its_release() {
    let (outer, inner) = (Signal::new(), Signal::new());
    assert!(release_with(Some(outer.clone())).is_none());
    drop(Till::secs(1));
    assert!(release_with(Some(inner)).is_some_and(|old| old == outer));
    assert!(release_with(None).is_some());
    assert!(release_with(None).is_none());
}

#[test]
fn t1_a_hundred_wake_ups_in_a_row_are_at_once_and_more_are_spaced() {
    let (mut pace, now) = (Pace::new(), Moment::from_nanos(1 << 40));
    for _ in 0..=Pace::BURST {
        assert!(pace.rested() <= now);
        pace.woken(now);
    }
    assert_eq!(pace.rested(), now.after(Pace::SPACING));
    let later = now.after(Duration::from_secs(1));
    pace.woken(later);
    assert!(pace.rested() <= later, "a rest pays for all");
}

#[cfg(feature = "test-clock")]
mod turns {
    use super::super::process::ProcessClock;
    use super::*;
    use crate::sys::Shared;
    use crate::wait::Mutex;
    use crate::wait::{Armed, Clock, Key, enter_clock};

    /// A process' clock without its thread, whose time the test sets.
    struct ByHand(&'static ProcessClock, Mutex<Moment>);

    impl Clock for ByHand {
        fn now(&self) -> Moment {
            *self.1.lock()
        }

        fn arm(&self, till: Armed) -> Result<Key, Armed> {
            self.0.arm(till)
        }

        fn disarm(&self, key: Key) -> Option<Armed> {
            self.0.disarm(key)
        }
    }

    /// Runs `f` on a few threads, so that their Tills lie in several shards, all on one clock.
    fn on_threads(clock: &Shared<ByHand>, threads: u64, f: impl Fn(u64) + Sync) {
        std::thread::scope(|s| {
            for n in 0..threads {
                let f = &f;
                s.spawn(move || {
                    enter_clock(clock.clone());
                    f(n);
                });
            }
        });
    }

    #[test]
    fn t5_a_turn_fires_what_is_due_in_order_whoever_armed_it() {
        let clock: &'static ProcessClock = Box::leak(Box::new(ProcessClock::without_thread()));
        let by_hand = Shared::new(ByHand(clock, Mutex::new(Moment::from_nanos(0))));
        let (ran, runs) = std::sync::mpsc::channel();
        on_threads(&by_hand, 5, |n| {
            for k in 0..200 {
                let (nanos, ran) = (1 + k * 1_000 + n, ran.clone());
                till(Moment::from_nanos(nanos)).on_go(move || ran.send(nanos).expect("the test listens"));
            }
        });
        drop(ran);
        let mut due = Vec::new();
        clock.turn(Moment::from_nanos(100_002), &mut due);
        let first: Vec<u64> = (0..502).map(|_| runs.recv().expect("due")).collect();
        assert!(first.is_sorted() && first[501] == 100_002, "five of each round, two of the last");
        clock.turn(Moment::from_nanos(u64::MAX - 1), &mut due);
        let rest: Vec<u64> = runs.iter().collect();
        assert!(rest.is_sorted() && rest.len() == 498);
    }
}
