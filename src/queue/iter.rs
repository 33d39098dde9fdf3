//! Items one after the other, until the queue or something else ends it.
use super::Queue;
use crate::signal::Until;
use crate::till::clock;
use crate::wait::{Leaf, Leaves};
use std::fmt;
use std::iter::FusedIterator;
use std::time::Instant;

impl<T> Queue<T> {
    /// Pops items one after the other, until the queue is closed and empty.
    ///
    /// ```
    /// use stopwhen::Queue;
    ///
    /// let queue = Queue::unbounded();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(queue.iter().sum::<u32>(), 6));
    ///     queue.extend([1, 2, 3]).expect("open");
    ///     queue.close();
    /// });
    /// ```
    ///
    /// # Blocking
    /// Each step, as [`pop`](Queue::pop).
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// Pops items one after the other, until the queue is closed and empty or none is there when `until` has come.
    ///
    /// As for [`pop_until`](Queue::pop_until), what others have waited for over a millisecond is not there.
    ///
    /// A duration counts from this call, for the whole iteration. To learn what ended it ask the signal, or
    /// [`closed`](Queue::closed).
    ///
    /// ```
    /// use stopwhen::{Queue, Signal};
    ///
    /// let (queue, stop) = (Queue::unbounded(), Signal::new());
    /// queue.extend(1..=5).expect("open");
    /// let mut seen = Vec::new();
    /// for n in queue.iter_until(&stop) {
    ///     seen.push(n);
    ///     stop.go(); // what is there is served all the same
    /// }
    /// assert_eq!(seen, [1, 2, 3, 4, 5]);
    /// ```
    ///
    /// # Blocking
    /// Each step, as [`pop_until`](Queue::pop_until).
    pub fn iter_until<U: Until>(&self, until: U) -> IterUntil<'_, T, U> {
        IterUntil { queue: self, until: FromNow::new(until) }
    }
}

impl<'a, T> IntoIterator for &'a Queue<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// Items of a queue, until that is closed and empty: see [`Queue::iter`].
#[must_use = "an iterator takes nothing until it is asked"]
pub struct Iter<'a, T>(&'a Queue<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.0.pop().ok()
    }
}

impl<T> FusedIterator for Iter<'_, T> {}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Iter(self.0)
    }
}

impl<T> fmt::Debug for Iter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(self.0).finish()
    }
}

/// Items of a queue, until that or something else ends it: see [`Queue::iter_until`].
#[must_use = "an iterator takes nothing until it is asked"]
pub struct IterUntil<'a, T, U> {
    queue: &'a Queue<T>,
    until: FromNow<U>,
}

impl<T, U: Until> Iterator for IterUntil<'_, T, U> {
    type Item = T;

    #[track_caller]
    fn next(&mut self) -> Option<T> {
        self.queue.pop_until(&self.until).ok()
    }
}

impl<T, U> fmt::Debug for IterUntil<'_, T, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IterUntil").field("queue", self.queue).finish_non_exhaustive()
    }
}

/// What may end several waits: durations count from when this was made.
pub(super) struct FromNow<U> {
    until: U,
    /// There if there is a duration.
    begun: Option<Instant>,
}

impl<U: Leaves> FromNow<U> {
    pub fn new(until: U) -> FromNow<U> {
        let mut begun = None;
        until.visit(&mut |leaf| {
            if let Leaf::After(_) = leaf {
                begun.get_or_insert_with(clock::now);
            }
        });
        FromNow { until, begun }
    }
}

impl<U: Leaves> Leaves for FromNow<U> {
    fn visit<'a>(&'a self, leaf: &mut dyn FnMut(Leaf<'a>)) {
        self.until.visit(&mut |each| match (each, self.begun) {
            (Leaf::After(d), Some(begun)) => begun.checked_add(d).into_iter().for_each(|end| leaf(Leaf::At(end))),
            (other, _) => leaf(other),
        });
    }
}
