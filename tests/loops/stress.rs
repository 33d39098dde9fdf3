//! Many at once, stopped at any moment: nothing is lost, nothing doubled.
use super::*;
use common::{Dice, step_by_step};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Each item is run, refused, or handed back: exactly one of these.
#[test]
fn p4_every_item_is_run_or_comes_back() {
    step_by_step(|steps| {
        let mut dice = Dice::new(11);
        for round in 0..60 {
            steps.begin(format!("round {round}"));
            const EACH: usize = 200;
            let fates: Arc<Vec<AtomicU32>> = Arc::new((0..2 * EACH).map(|_| AtomicU32::new(0)).collect());
            let run = fates.clone();
            let builder = OperationThread::builder("worker");
            let builder = if round % 2 == 0 { builder.capacity(4) } else { builder };
            let worker = builder.run(move |_, (), n: usize| _ = run[n].fetch_add(1, SeqCst));
            let (wait, how, twice) = (dice.below(40), dice.below(3), dice.below(2) == 0);
            let add = |n: usize| match worker.add(n) {
                Err(PushError::Closed(n)) => _ = fates[n].fetch_add(1, SeqCst),
                added => added.expect("nothing else ends it"),
            };
            let back = |items: Vec<usize>| items.into_iter().for_each(|n| _ = fates[n].fetch_add(1, SeqCst));
            std::thread::scope(|s| {
                s.spawn(|| (0..EACH).for_each(add));
                s.spawn(|| (EACH..2 * EACH).for_each(add));
                s.spawn(|| {
                    (0..wait).for_each(|_| std::thread::yield_now());
                    match how {
                        0 => _ = worker.stop(),
                        1 => worker.close(),
                        _ => back(worker.discard()),
                    }
                });
                if twice {
                    back(worker.discard());
                }
            });
            worker.stop();
            assert_eq!(worker.join(), Ok(()));
            back(worker.discard());
            let wrong: Vec<_> = fates.iter().map(|fate| fate.load(SeqCst)).filter(|n| *n != 1).collect();
            assert!(wrong.is_empty(), "round {round}: {wrong:?}");
        }
    });
}

/// Pauses, resumes and a stop from all sides: whoever waits is let go, and the thread ends.
#[test]
fn p2_pauses_from_all_sides_end_with_the_stop() {
    step_by_step(|steps| {
        let mut dice = Dice::new(7);
        for round in 0..30 {
            steps.begin(format!("round {round}"));
            let thread = PausableThread::run("thread", |_| ());
            let wait = dice.below(12);
            std::thread::scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        while !thread.please_stop().is_go() {
                            assert_eq!(thread.pause_until(AGES), Ok(()));
                            thread.resume();
                        }
                    });
                }
                s.spawn(|| {
                    (0..wait).for_each(|_| std::thread::yield_now());
                    thread.stop();
                });
            });
            assert_eq!((thread.join(), thread.state()), (Ok(()), State::Ended));
        }
    });
}
