//! Until: what may end a wait.
use super::Signal;
use crate::wait::{Leaf, Leaves};
use std::time::{Duration, Instant};

/// What may end a wait: signals, a duration, an instant, or several of them.
///
/// Every blocking call of the crate has a form `x_until(…, until)` that takes it last. Implemented for [`Signal`] (and so
/// for Tills and expressions), [`Duration`] (from the call on), [`Instant`], `Option` (`None`: never), pairs and triples
/// (whichever comes first), and references to all of these. A zero duration, a past instant or a signal that is go
/// means: try once.
///
/// ```
/// use std::time::Duration;
/// use stopwhen::{Signal, Stopped};
///
/// let (ready, stop) = (Signal::new(), Signal::new());
/// stop.go();
/// assert_eq!(ready.wait_until((&stop, Duration::from_secs(3600))), Err(Stopped));
/// assert_eq!(ready.wait_until(Duration::ZERO), Err(Stopped));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot end a wait",
    note = "use a `Signal` (or `&stop | &other`), a `Duration`, an `Instant`, an `Option` of one, or a tuple of them",
    note = "for a number of seconds, write `Duration::from_secs(n)` or `Till::secs(n)`"
)]
pub trait Until: Leaves {}

impl<U: Leaves + ?Sized> Until for U {}

impl Leaves for Signal {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        leaf(Leaf::Signal(&self.0));
    }
}

impl Leaves for Duration {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        leaf(Leaf::After(*self));
    }
}

impl Leaves for Instant {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        leaf(Leaf::At(*self));
    }
}

impl<U: Leaves> Leaves for Option<U> {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.iter().for_each(|u| u.visit(leaf));
    }
}

impl<A: Leaves, B: Leaves, C: Leaves> Leaves for (A, B, C) {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.0.visit(leaf);
        self.1.visit(leaf);
        self.2.visit(leaf);
    }
}
