//! What a model cannot reach: panics that pass, and age.
use super::super::term::{Leaf, Leaves};
use super::*;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

/// Does something each time a wait looks at it: as a callback might that a wait comes to run.
struct Looked<F: Fn(usize)>(Cell<usize>, F);

impl<F: Fn(usize)> Leaves for Looked<F> {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.0.set(self.0.get() + 1);
        (self.1)(self.0.get());
        leaf(Leaf::After(Duration::from_secs(10)));
    }
}

/// So many are there.
struct Few(usize);

impl Passage for Few {
    fn ready(&self, side: Side) -> usize {
        if side == Side::Out { self.0 } else { 0 }
    }

    fn is_over(&self) -> bool {
        false
    }

    fn moments(&self) -> u64 {
        0
    }
}

fn take(few: &mut Few) -> Option<()> {
    few.0 = few.0.checked_sub(1)?;
    Some(())
}

#[test]
fn r8_a_panic_that_passes_one_who_was_called_passes_the_call_on() {
    let hatch = Hatch::new(Few(0));
    thread::scope(|s| {
        // It is called, and then a panic passes; by then another one waits.
        let until = Looked(Cell::new(0), |n| {
            if n != 3 {
                return;
            }
            s.spawn(|| {
                let patient = Looked(Cell::new(0), |_| ());
                assert_eq!(hatch.wait(Side::Out, &Term::of("Queue", &patient), &mut take), Some(()), "in time");
            });
            while hatch.waiting() != [0, 2, 0] {
                thread::yield_now();
            }
            hatch.change(|few| few.0 += 1);
            panic!("planned");
        });
        let term = Term::of("Queue", &until);
        assert!(catch_unwind(AssertUnwindSafe(|| hatch.wait(Side::Out, &term, &mut take))).is_err());
    });
    assert_eq!((hatch.waiting(), hatch.look(|few| few.0)), ([0; 3], 0));
}

/// X3: the first, over age, is called and finds nothing; then what is there is kept for it, until it is gone.
#[test]
fn newcomers_do_not_try_once_an_old_one_came_in_vain() {
    let (hatch, begun) = (Hatch::new(Few(0)), now());
    let serving = || hatch.queue.enter().serving[Side::Out as usize];
    thread::scope(|s| {
        s.spawn(|| {
            let patient = Looked(Cell::new(0), |_| ());
            assert_eq!(hatch.wait(Side::Out, &Term::of("Queue", &patient), &mut take), Some(()), "in time");
        });
        while hatch.waiting() != [0, 1, 0] || now().since(begun) < Duration::from_millis(5) {
            thread::yield_now();
        }
        // It sits down some time after it began to be waited for, so: until it is old enough.
        while !serving() {
            let (mut inside, mut wakes) = (hatch.queue.enter(), Wakes::new());
            inside.passage.0 = 1;
            assert!(inside.call(&mut wakes));
            inside.passage.0 = 0;
            drop(inside);
            wakes.send();
            thread::yield_now();
        }
        hatch.queue.enter().passage.0 = 1;
        assert_eq!(hatch.attempt(Side::Out, take), None, "kept for the one in line");
        hatch.change(|_| ());
    });
    assert!(!serving());
    hatch.change(|few| few.0 = 1);
    assert_eq!(hatch.attempt(Side::Out, take), Some(()));
}

/// Waits for one of the few, which comes in time.
fn patient(hatch: &Hatch<Few>) {
    let until = Looked(Cell::new(0), |_| ());
    assert_eq!(hatch.wait(Side::Out, &Term::of("Queue", &until), &mut take), Some(()), "in time");
}

/// X1: the first was called, and does not come; the one behind it is served meanwhile, and nobody is called for nothing.
#[test]
fn one_who_is_slow_to_come_holds_up_nobody() {
    let hatch = Hatch::new(Few(0));
    let calling = || hatch.queue.enter().calling[Side::Out as usize];
    thread::scope(|s| {
        let until = Looked(Cell::new(0), |n| {
            if n != 3 {
                return; // in line, and not asleep
            }
            (0..2).for_each(|_| drop(s.spawn(|| patient(&hatch))));
            while hatch.waiting() != [0, 3, 0] {
                thread::yield_now();
            }
            hatch.change(|few| few.0 += 1);
            assert_eq!(calling(), 1, "one is there for one");
            hatch.change(|few| few.0 += 1);
            while hatch.look(|few| few.0) == 2 && hatch.waiting() == [0, 3, 0] {
                thread::yield_now();
            }
            assert_eq!(
                (calling(), hatch.waiting()),
                (1, [0, 2, 0]),
                "one is still there for the first, and none for the third"
            );
        });
        assert_eq!(hatch.wait(Side::Out, &Term::of("Queue", &until), &mut take), Some(()));
        hatch.change(|few| few.0 += 1);
    });
    assert_eq!((calling(), hatch.waiting(), hatch.look(|few| few.0)), (0, [0; 3], 0));
}

/// X1: more than go out in one batch of wake-ups.
#[test]
fn many_are_called_at_once_and_all_are_served() {
    let hatch = Hatch::new(Few(0));
    thread::scope(|s| {
        (0..10).for_each(|_| drop(s.spawn(|| patient(&hatch))));
        while hatch.waiting() != [0, 10, 0] {
            thread::yield_now();
        }
        hatch.change(|few| few.0 = 10);
    });
    assert_eq!((hatch.waiting(), hatch.look(|few| few.0)), ([0; 3], 0));
}
