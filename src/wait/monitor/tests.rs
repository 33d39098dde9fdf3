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
