//! Turns in time.
use super::*;
#[cfg(feature = "test-clock")]
use std::sync::Mutex;
use std::time::Instant;
use stopwhen::loops::Missed;

const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn p3_a_stop_in_the_middle_of_an_hours_sleep_ends_it_at_once() {
    in_time("an hour", || {
        let (turns, begun) = (Count::new(), Signal::new());
        let (counted, first) = (turns.clone(), begun.clone());
        let hourly = PeriodicThread::run("hourly", HOUR, move |_| {
            counted.add();
            first.go();
        });
        begun.wait();
        while !hourly.tree().to_string().contains("more, for") {
            std::thread::yield_now(); // it does not sleep yet
        }
        let (tree, state) = (hourly.tree().to_string(), hourly.state());
        assert!(tree.contains("until hourly.please_stop or at most 3") && state == State::Running, "{tree}");
        hourly.stop();
        assert_eq!((hourly.join(), turns.get()), (Ok(()), 1));
    });
}

#[test]
fn p3_the_kth_turn_is_due_k_periods_after_the_first_on_the_real_clock() {
    in_time("a thousand milliseconds", || {
        let mut start = None;
        let ticks = PeriodicThread::builder("ticks", MS).missed(Missed::Burst).run(move |turn, ()| {
            let start = *start.get_or_insert(turn.due());
            assert_eq!(turn.due(), start + MS * turn.index() as u32, "no drift");
            assert!(Instant::now() >= turn.due(), "never early");
            assert_eq!(turn.missed(), 0);
            if turn.index() == 1000 {
                turn.stop();
            }
        });
        assert_eq!(ticks.join(), Ok(()));
    });
}

#[test]
fn p3_what_is_skipped_is_counted_on_the_real_clock() {
    in_time("half a second", || {
        let (mut start, mut k) = (None, 0);
        let ticks = PeriodicThread::run("ticks", MS / 20, move |turn| {
            let start = *start.get_or_insert(turn.due());
            k += turn.missed() as u32;
            assert_eq!(turn.due(), start + MS / 20 * k, "no drift");
            k += 1;
            if k > 10_000 {
                turn.stop();
            }
        });
        assert_eq!(ticks.join(), Ok(()));
    });
}

#[test]
fn p3_no_period_is_zero() {
    let words = "a PeriodicThread with a period of zero";
    assert!(panic_of(|| PeriodicThread::run("zero", Duration::ZERO, |_| ())).contains(words));
    let thread = PeriodicThread::run("hourly", HOUR, |_| ());
    assert!(panic_of(|| thread.set_period(Duration::ZERO)).contains(words));
    assert_eq!(thread.period(), HOUR);
    drop(thread.stop_on_drop());
}

#[test]
fn p3_what_lies_beyond_the_clock_never_comes_and_nothing_overflows() {
    in_time("huge periods", || {
        let turns = Count::new();
        for missed in [Missed::Skip, Missed::Burst, Missed::Delay] {
            for huge in
                [Duration::MAX, Duration::from_nanos(u64::MAX), Duration::from_nanos(u64::MAX - 1), HOUR * 5_000_000]
            {
                let (turn, begun) = (turns.clone(), Signal::new());
                let go = begun.clone();
                let thread = PeriodicThread::builder("huge", huge).missed(missed).run(move |_, ()| {
                    turn.add();
                    go.go();
                });
                begun.wait();
                thread.set_period(huge);
                thread.stop();
                assert_eq!(thread.join(), Ok(()));
                let never = PeriodicThread::builder("never", MS).initial_delay(Duration::MAX).missed(missed);
                drop(never.run(|_, ()| panic!("a turn")).stop_on_drop());
            }
        }
        assert_eq!(turns.get(), 12);
    });
}

#[cfg(feature = "test-clock")]
mod paused {
    use super::*;
    use stopwhen::clock::Paused;

    /// When a turn began, when it was due, and how many were left out before: milliseconds since the test began.
    type Turns = Vec<(u64, u64, u64)>;
    type Row<'a> = (Missed, &'static [u64], &'a [(u64, u64, u64)]);

    #[derive(Clone)]
    struct Record {
        start: Instant,
        turns: Arc<Mutex<Turns>>,
    }

    impl Record {
        fn new() -> Record {
            Record { start: clock::now(), turns: Arc::default() }
        }

        fn since(&self, t: Instant) -> u64 {
            (t - self.start).as_millis() as u64
        }

        fn note(&self, turn: &loops::Turn<'_>) {
            let turn = (self.since(clock::now()), self.since(turn.due()), turn.missed());
            self.turns.lock().unwrap().push(turn);
        }

        fn turns(&self) -> Turns {
            self.turns.lock().unwrap().clone()
        }
    }

    /// Lets time pass by the millisecond, as soon as the thread sleeps, until it has stopped.
    fn pass_time(paused: &Paused, thread: &PeriodicThread) {
        while !thread.stopped().is_go() {
            if paused.sleepers() > 0 {
                paused.advance(MS);
            } else {
                std::thread::yield_now();
            }
        }
    }

    /// Turns that take so long each, and then no time; with a period of 10 ms.
    fn run(missed: Missed, take: &'static [u64], n: usize) -> Turns {
        let paused = clock::pause();
        let record = Record::new();
        let noted = record.clone();
        let thread = PeriodicThread::builder("table", 10 * MS).missed(missed).run(move |turn, ()| {
            noted.note(turn);
            if turn.index() + 1 == n as u64 {
                return turn.stop();
            }
            let takes = take.get(turn.index() as usize).copied().unwrap_or(0);
            if takes > 0 {
                let _ = thread::sleep(MS * takes as u32);
            }
        });
        pass_time(&paused, &thread);
        assert_eq!(thread.join(), Ok(()));
        record.turns()
    }

    /// Begin, due, missed.
    #[rustfmt::skip]
    #[test]
    fn p3_missed_turns_are_skipped_caught_up_or_put_off_as_the_table_says() {
        use Missed::*;
        let table: [Row<'_>; 16] = [
            // In time: all the same.
            (Skip,  &[3, 9, 0],      &[(0, 0, 0), (10, 10, 0), (20, 20, 0), (30, 30, 0)]),
            (Burst, &[3, 9, 0],      &[(0, 0, 0), (10, 10, 0), (20, 20, 0), (30, 30, 0)]),
            (Delay, &[3, 9, 0],      &[(0, 0, 0), (10, 10, 0), (20, 20, 0), (30, 30, 0)]),
            // Just in time.
            (Skip,  &[10, 10, 10],   &[(0, 0, 0), (10, 10, 0), (20, 20, 0), (30, 30, 0), (40, 40, 0)]),
            (Burst, &[10, 10, 10],   &[(0, 0, 0), (10, 10, 0), (20, 20, 0), (30, 30, 0), (40, 40, 0)]),
            (Delay, &[10, 10, 10],   &[(0, 0, 0), (10, 10, 0), (20, 20, 0), (30, 30, 0), (40, 40, 0)]),
            // The example of the docs.
            (Skip,  &[25],           &[(0, 0, 0), (25, 20, 1), (30, 30, 0), (40, 40, 0), (50, 50, 0)]),
            (Burst, &[25],           &[(0, 0, 0), (25, 10, 0), (25, 20, 0), (30, 30, 0), (40, 40, 0)]),
            (Delay, &[25],           &[(0, 0, 0), (25, 25, 0), (35, 35, 0), (45, 45, 0), (55, 55, 0)]),
            // Two periods to the millisecond: the second turn's time has just come.
            (Skip,  &[20],           &[(0, 0, 0), (20, 20, 1), (30, 30, 0)]),
            (Burst, &[20],           &[(0, 0, 0), (20, 10, 0), (20, 20, 0), (30, 30, 0)]),
            (Delay, &[20],           &[(0, 0, 0), (20, 20, 0), (30, 30, 0)]),
            // Always a little late.
            (Skip,  &[12, 12, 12],   &[(0, 0, 0), (12, 10, 0), (24, 20, 0), (36, 30, 0), (40, 40, 0)]),
            (Delay, &[12, 12, 12],   &[(0, 0, 0), (12, 12, 0), (24, 24, 0), (36, 36, 0), (46, 46, 0)]),
            // Long, later on.
            (Skip,  &[0, 47],        &[(0, 0, 0), (10, 10, 0), (57, 50, 3), (60, 60, 0)]),
            (Burst, &[0, 47],        &[(0, 0, 0), (10, 10, 0), (57, 20, 0), (57, 30, 0), (57, 40, 0), (57, 50, 0), (60, 60, 0)]),
        ];
        for (missed, take, turns) in table {
            let n = turns.len();
            let had = in_time("a row", move || run(missed, take, n));
            assert_eq!(had, turns, "{missed:?} {take:?}");
        }
    }

    #[test]
    fn p3_nothing_drifts_over_a_thousand_turns() {
        in_time("a thousand turns", || {
            let paused = clock::pause();
            let record = Record::new();
            let noted = record.clone();
            let mut dice = common::Dice::new(3);
            let thread = PeriodicThread::builder("turns", 10 * MS).run(move |turn, ()| {
                noted.note(turn);
                let _ = thread::sleep(MS * dice.below(10) as u32);
                if turn.index() == 1000 {
                    turn.stop();
                }
            });
            pass_time(&paused, &thread);
            assert_eq!(thread.join(), Ok(()));
            let exact: Turns = (0..=1000).map(|k| (10 * k, 10 * k, 0)).collect();
            assert_eq!(record.turns(), exact);
        });
    }

    #[test]
    fn p3_the_first_turn_is_due_after_the_initial_delay() {
        in_time("a delay", || {
            let paused = clock::pause();
            let record = Record::new();
            let noted = record.clone();
            let builder = PeriodicThread::builder("later", 10 * MS).initial_delay(7 * MS);
            let thread = builder.init(|_| _ = thread::sleep(5 * MS)).run(move |turn, ()| {
                noted.note(turn);
                if turn.index() == 2 {
                    turn.stop();
                }
            });
            pass_time(&paused, &thread);
            assert_eq!(record.turns(), [(12, 12, 0), (22, 22, 0), (32, 32, 0)], "once init has returned");
        });
    }

    /// A thread of three turns; when it sleeps so many milliseconds after the start, the period is changed.
    fn changed(from: Duration, at: u64, to: Duration, missed: Missed) -> Turns {
        in_time("a change", move || {
            let paused = clock::pause();
            let record = Record::new();
            let noted = record.clone();
            let thread = PeriodicThread::builder("changing", from).missed(missed).run(move |turn, ()| {
                noted.note(turn);
                if turn.index() == 2 {
                    turn.stop();
                }
            });
            paused.wait_for_sleepers(1);
            paused.advance(MS * at as u32);
            thread.set_period(to);
            assert_eq!(thread.period(), to);
            while paused.sleepers() == 0 {
                std::thread::yield_now(); // it hears of it, and may take a turn
            }
            pass_time(&paused, &thread);
            record.turns()
        })
    }

    #[test]
    fn p3_a_new_period_counts_from_when_the_last_turn_was_due() {
        for missed in [Missed::Skip, Missed::Burst, Missed::Delay] {
            assert_eq!(changed(10 * MS, 3, 5 * MS, missed), [(0, 0, 0), (5, 5, 0), (10, 10, 0)], "shorter");
            assert_eq!(changed(10 * MS, 3, 20 * MS, missed), [(0, 0, 0), (20, 20, 0), (40, 40, 0)], "longer");
            assert_eq!(changed(10 * MS, 3, 10 * MS, missed), [(0, 0, 0), (10, 10, 0), (20, 20, 0)], "the same");
            assert_eq!(changed(HOUR, 50, 7 * MS, missed), [(0, 0, 0), (50, 50, 0), (57, 57, 0)], "passed: at once");
        }
    }

    #[test]
    fn p3_a_new_period_set_by_the_turn_or_before_the_first() {
        in_time("inside", || {
            let paused = clock::pause();
            let record = Record::new();
            let (noted, (send, own)) = (record.clone(), std::sync::mpsc::channel::<Arc<PeriodicThread>>());
            let builder = PeriodicThread::builder("own", HOUR).initial_delay(10 * MS);
            let mut me = None;
            let thread = Arc::new(builder.run(move |turn, ()| {
                noted.note(turn);
                let me = me.get_or_insert_with(|| own.recv().expect("sent"));
                match turn.index() {
                    0 => assert_eq!(me.period(), 2 * HOUR),
                    1 => me.set_period(3 * MS),
                    2 => me.set_period(4 * MS),
                    _ => turn.stop(),
                }
            }));
            send.send(thread.clone()).expect("it runs");
            paused.wait_for_sleepers(1);
            thread.set_period(2 * HOUR);
            paused.advance(10 * MS);
            paused.wait_for_sleepers(1);
            paused.advance(2 * HOUR);
            paused.wait_for_sleepers(1);
            pass_time(&paused, &thread);
            let turns = record.turns();
            let first = turns[0].1;
            let hours = 7_200_000;
            let due: Vec<_> = turns.iter().map(|turn| turn.1 - first).collect();
            assert_eq!((first, due), (10, vec![0, hours, hours + 3, hours + 7]));
        });
    }

    #[test]
    fn p3_a_thread_that_outlives_its_clock_is_stopped_as_ever() {
        for missed in [Missed::Skip, Missed::Burst, Missed::Delay] {
            in_time("the end of time", move || {
                let paused = clock::pause();
                let thread = PeriodicThread::builder("late", HOUR).missed(missed).run(|_, ()| ());
                paused.wait_for_sleepers(1);
                drop(paused);
                thread.stop();
                assert_eq!(thread.join(), Ok(()));
            });
        }
    }
}
