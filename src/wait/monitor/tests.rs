//! What no user can see of a monitor, and models neither: how many looks are under way.
use super::*;
use crate::wait::seat::Seat;

/// L2, M3: one look at a time is under way, whatever changes meanwhile; and it goes to the first that is owed one.
#[test]
fn one_look_is_under_way_at_a_time() {
    let monitor = Monitor::new();
    let visit = monitor.enter();
    let seats = [Seat::new(0), Seat::new(0)];
    // SAFETY: the seats outlive their stay: both are granted below.
    seats.iter().for_each(|seat| monitor.inside(|inner| unsafe { inner.line.push(seat) }));
    assert!(monitor.pass().is_none(), "nothing has changed");
    assert!(monitor.part(true).is_some(), "the first looks");
    assert!(monitor.part(true).is_none() && monitor.pass().is_none(), "the second waits until that look has come in");
    assert!(monitor.inside(|inner| inner.line.is_first(&seats[1])));
    // SAFETY: from inside.
    unsafe { monitor.passed.set(false) };
    assert!(monitor.pass().is_some(), "the second looks, at both changes at once");
    assert!(monitor.inside(|inner| inner.line.is_empty()));
    drop(visit);
}

/// R8: a panic that passes one who naps must not take its hidden change with it, nor leave the monitor without a napper.
#[test]
fn r8_a_panic_that_passes_the_napper_loses_no_change() {
    use crate::wait::term::{Leaf, Leaves, Term};
    use std::cell::Cell;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    struct Panics(Cell<usize>);
    impl Leaves for Panics {
        fn visit<'a>(&'a self, _: &mut dyn FnMut(Leaf<'a>)) {
            self.0.set(self.0.get() + 1);
            assert!(self.0.get() != 2, "planned"); // the first is `Term::of`, the second is in the wait
        }
    }
    let monitor = Monitor::new();
    let mut visit = monitor.enter();
    let seat = Seat::new(0);
    // SAFETY: it outlives its stay.
    monitor.inside(|inner| unsafe { inner.line.push(&seat) });
    // SAFETY: from inside.
    unsafe { monitor.doubts.set(doubts()) };
    let until = Panics(Cell::new(0));
    let term = Term::of("Lock", &until);
    visit.touch();
    assert!(catch_unwind(AssertUnwindSafe(|| visit.wait(&term))).is_err());
    assert!(monitor.is_mine());
    // SAFETY: from inside.
    let (hidden, napping) = unsafe { (monitor.hidden.get(), monitor.napping.get()) };
    let owed = monitor.pass().is_some();
    monitor.inside(|inner| _ = inner.line.remove(&seat));
    drop(visit);
    assert!(owed && hidden == 0 && !napping, "lost: owed {owed}, hidden {hidden}, napping for ever {napping}");
}

/// L3, M4: doubts are counted since the last sure change, and told at once while there are few.
#[test]
fn a_sure_change_ends_the_doubts_before_it() {
    let monitor = Monitor::new();
    let visit = monitor.enter();
    let seat = Seat::new(0);
    // SAFETY: it outlives its stay.
    monitor.inside(|inner| unsafe { inner.line.push(&seat) });
    assert!((0..doubts()).all(|_| !monitor.doubt()), "taken at their word");
    assert!(monitor.doubt(), "hidden, and the caller naps");
    // SAFETY: from inside.
    unsafe { monitor.napping.set(false) };
    monitor.change();
    assert!(!monitor.doubt(), "the first since a sure change");
    monitor.inside(|inner| _ = inner.line.remove(&seat));
    drop(visit);
}
