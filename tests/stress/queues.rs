//! Items under random stops: each is popped once, or comes back to who pushed it.
use super::permits::{Stops, wait};
use super::*;
use stopwhen::{PopError, PushError, Queue};

/// Who pushed it, and which of his it is.
type Item = (usize, usize);

/// What one producer got rid of, and what came back.
#[derive(Default)]
struct Made {
    taken: Vec<Item>,
    back: Vec<Item>,
}

const EACH: usize = 300;
const PRODUCERS: usize = 3;

fn produce(dice: &mut Dice, q: &Queue<Item>, stops: &Stops, me: usize) -> Made {
    let mut made = Made::default();
    for n in 0..EACH {
        let item = (me, n);
        let pushed = match dice.below(10) {
            0 => q.try_push(item),
            1 => q.push_forced(item),
            2 | 3 => q.push(item),
            4 => q.extend_until([item], Duration::from_micros(dice.below(200) as u64)),
            _ => wait(dice, stops, |until| q.push_until(item, until)),
        };
        match pushed {
            Ok(()) => made.taken.push(item),
            Err(PushError::Stopped(back) | PushError::Full(back) | PushError::Closed(back)) => {
                assert_eq!(back, item);
                made.back.push(back);
            }
            Err(other) => panic!("{other}"),
        }
    }
    made
}

/// Takes until the queue is closed and empty.
fn consume(dice: &mut Dice, q: &Queue<Item>, stops: &Stops) -> Vec<Item> {
    let mut got = Vec::new();
    loop {
        match dice.below(12) {
            0 => got.extend(q.try_pop()),
            1 => got.extend(q.pop_all()),
            2 => got.extend(wait(dice, stops, |until| q.pop_task_until(until)).map(|task| *task)),
            3 => {
                let Ok(task) = q.pop_task() else { return got };
                got.push(*task);
                let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                    let _task = task;
                    std::panic::resume_unwind(Box::new("thrown"))
                }));
                assert!(thrown.is_err());
            }
            4 => got.extend(q.iter_until(Duration::from_micros(dice.below(100) as u64)).take(5)),
            5 => {
                let Ok(item) = q.pop() else { return got };
                got.push(item);
            }
            6 => _ = wait(dice, stops, |until| q.join_until(until)),
            _ => match wait(dice, stops, |until| q.pop_until(until)) {
                Ok(item) => got.push(item),
                Err(PopError::Closed) => return got,
                Err(_) => {}
            },
        }
    }
}

/// Q2, Q1, Q3, R1, R2: nothing lost, nothing doubled, of each producer in order, and all is done at the end.
#[test]
fn items_are_popped_once_or_come_back() {
    scene("items pushed and popped under stops", |dice| {
        let q = match dice.below(4) {
            0 => Queue::unbounded(),
            n => Queue::bounded([1, 2, 7][n - 1]),
        };
        let (stops, over) = (Stops::new(), Signal::new());
        let seeds: [u64; 2 * PRODUCERS + 2] = std::array::from_fn(|_| dice.roll());
        let (made, got, left) = thread::scope(|scope| {
            let (q, stops) = (&q, &stops);
            scope.spawn(|| stops.raise(&over, Dice::new(seeds[0])));
            let makers: Vec<_> = (0..PRODUCERS)
                .map(|me| scope.spawn(move || produce(&mut Dice::new(seeds[1 + me]), q, stops, me)))
                .collect();
            let takers: Vec<_> = (0..PRODUCERS)
                .map(|i| scope.spawn(move || consume(&mut Dice::new(seeds[1 + PRODUCERS + i]), q, stops)))
                .collect();
            // Sometimes closed in the middle of it, sometimes with what is left taken out.
            let mut left = Vec::new();
            match dice.below(4) {
                0 => {
                    linger(dice);
                    q.close();
                }
                1 => {
                    linger(dice);
                    left = q.close_now();
                }
                _ => {}
            }
            let made: Vec<Made> = makers.into_iter().map(|m| m.join().unwrap()).collect();
            q.close();
            let got: Vec<Vec<Item>> = takers.into_iter().map(|t| t.join().unwrap()).collect();
            over.go();
            (made, got, left)
        });
        q.join();
        assert!(q.drained().is_go() && q.is_empty());
        for one in got.iter().chain([&left]) {
            let of = |p| one.iter().filter(move |item| item.0 == p).map(|item| item.1);
            assert!((0..PRODUCERS).all(|p| of(p).is_sorted()), "in order");
        }
        let mut popped: Vec<Item> = got.into_iter().flatten().chain(left).collect();
        popped.sort();
        let taken: Vec<Item> = made.iter().flat_map(|m| &m.taken).copied().collect();
        assert!(popped == taken, "nothing lost, nothing doubled");
        assert_eq!(taken.len() + made.iter().map(|m| m.back.len()).sum::<usize>(), PRODUCERS * EACH);
    });
}

/// Q1, Q3: whoever waits for the end of a queue learns of it, whatever else happens.
#[test]
fn everybody_learns_of_the_end() {
    scene("a close among those who wait", |dice| {
        let q = Queue::bounded(1 + dice.below(2));
        let seeds: [u64; 3] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            let q = &q;
            for seed in seeds {
                scope.spawn(move || {
                    linger(&mut Dice::new(seed));
                    while q.pop().is_ok() {}
                    assert!(q.closed().is_go() && q.drained().is_go());
                });
                scope.spawn(move || {
                    linger(&mut Dice::new(!seed));
                    while q.push(0).is_ok() {}
                    assert!(q.closed().is_go());
                });
            }
            scope.spawn(|| {
                q.drained().wait();
                assert!(q.is_empty());
                q.join();
            });
            linger(dice);
            q.close();
        });
    });
}
