//! R8: a panic that passes a wait, as of a callback that the wait comes to run, leaves nobody waiting for the one it took.
use super::*;
use crate::wait::Leaf;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

/// Does something each time a wait looks at it.
struct Looked<F: Fn(usize)>(Cell<usize>, F);

impl<F: Fn(usize)> Leaves for Looked<F> {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.0.set(self.0.get() + 1);
        (self.1)(self.0.get());
        leaf(Leaf::After(Duration::from_millis(20)));
    }
}

fn planned() {
    resume_unwind(Box::new(()));
}

fn kinds() -> [Barrier; 3] {
    [Barrier::new(3), Barrier::new(3).with_action(|| ()), Barrier::new(3).on_stop(OnStop::Withdraw)]
}

#[test]
fn r8_a_panic_that_passes_a_wait_breaks_what_it_was_counted_in() {
    let (mut panics, mut before) = (0, 0);
    for nth in 1.. {
        let mut ended = 0;
        for b in kinds() {
            let withdraws = b.queue.enter().on_stop == OnStop::Withdraw;
            thread::scope(|s| {
                let other = s.spawn(|| b.wait());
                while b.waiting() < 1 {
                    thread::yield_now();
                }
                let until = Looked(Cell::new(0), |n| {
                    if n == nth {
                        planned()
                    }
                });
                match catch_unwind(AssertUnwindSafe(|| b.meet(Some(&until)))) {
                    Err(_) => panics += 1,
                    Ok(end) => {
                        assert_eq!(end, Err(BarrierError::Stopped));
                        ended += 1;
                    }
                }
                if !b.is_broken() {
                    before += 1;
                    assert_eq!(b.waiting(), 1, "the one is not counted, or no more");
                    b.abort();
                } else {
                    assert!(!withdraws);
                }
                assert_eq!(other.join().unwrap(), Err(Broken));
            });
            assert_eq!(b.waiting(), 0);
        }
        if ended == 3 {
            break;
        }
    }
    assert!(panics > 9 && before > 3, "{panics} panics, {before} of them before the arrival");
}

#[test]
fn r8_a_panic_that_passes_the_one_appointed_is_as_good_as_one_in_the_action() {
    let b = Shared::new(Barrier::new(3).with_action(|| ()));
    let party = RefCell::new(Some(b.party()));
    thread::scope(|s| {
        let other = RefCell::new(None);
        let until = Looked(Cell::new(0), |_| {
            if b.waiting() == 0 {
                return; // not in line yet
            }
            *other.borrow_mut() = Some(s.spawn(|| b.wait()));
            while b.waiting() < 2 {
                thread::yield_now();
            }
            drop(party.take());
            planned();
        });
        assert!(catch_unwind(AssertUnwindSafe(|| b.meet(Some(&until)))).is_err());
        assert_eq!(other.take().unwrap().join().unwrap(), Err(Broken));
    });
    assert!(b.is_broken() && b.waiting() == 0);
}

/// P2: broken by another, which has yet to send the sleepers home, when the panic passes one of them.
#[test]
fn r8_a_panic_that_passes_one_whose_barrier_was_just_broken_takes_its_arrival_back() {
    let b = Barrier::new(2);
    let until = Looked(Cell::new(0), |_| {
        if b.waiting() == 1 && b.queue.enter().count(|_| true) == 1 {
            // As a stopped sleeper does in `may_leave`, under the lock, before its `Leaving` is dropped.
            let inside = b.queue.enter();
            b.mark_broken();
            drop(inside);
            planned();
        }
    });
    assert!(catch_unwind(AssertUnwindSafe(|| b.meet(Some(&until)))).is_err());
    b.send_home(b.queue.enter(), 0); // as that one does
    assert_eq!(b.waiting(), 0, "nobody is there, and reset() would wait for it for ever");
}
