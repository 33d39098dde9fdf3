//! Taking items out.
use super::state::{State, Taken};
use super::{Queue, Task};
use crate::error::{Closed, PopError, TryPopError};
use crate::signal::Until;
use crate::wait::{Leaves, Side, Term};

/// A way to take the first item.
type Way<T> = fn(&mut State<T>) -> Option<Taken<T>>;

impl<T> Queue<T> {
    /// Takes the first item.
    ///
    /// # Blocking
    /// Until there is one, or the queue is closed. [`pop_until`](Queue::pop_until) can be ended.
    ///
    /// # Errors
    /// [`Closed`] if the queue is closed and empty.
    ///
    /// # Panics
    /// As a callback of [`closed`](Queue::closed) or [`drained`](Queue::drained) that this call comes to run, as the one that takes the
    /// last item. The item is dropped then.
    #[inline]
    #[doc(alias = "recv")]
    #[doc(alias = "get")]
    pub fn pop(&self) -> Result<T, Closed> {
        match self.take(State::take_done, None) {
            Some(taken) => self.taken(taken).ok_or(Closed),
            None => Err(Closed), // nothing else ends a wait without end
        }
    }

    /// Takes the first item, unless `until` comes first. What is there is taken even if it has come, and even if the queue is closed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{PopError, Queue};
    ///
    /// let queue = Queue::unbounded();
    /// assert_eq!(queue.pop_until(Duration::from_millis(1)), Err(PopError::Stopped));
    /// queue.push('a').expect("open");
    /// queue.close();
    /// assert_eq!(queue.pop_until(Duration::ZERO), Ok('a'));
    /// assert_eq!(queue.pop_until(Duration::ZERO), Err(PopError::Closed));
    /// ```
    ///
    /// # Blocking
    /// As [`pop`](Queue::pop), or until `until`.
    ///
    /// # Errors
    /// [`PopError::Closed`] if the queue is closed and empty, else [`PopError::Stopped`] if `until` came; nothing was taken.
    ///
    /// # Panics
    /// As [`pop`](Queue::pop).
    #[inline]
    #[doc(alias = "recv_timeout")]
    pub fn pop_until(&self, until: impl Until) -> Result<T, PopError> {
        let taken = self.take(State::take_done, Some(&until)).ok_or(PopError::Stopped)?;
        self.taken(taken).ok_or(PopError::Closed)
    }

    /// Takes the first item if there is one, and nobody has waited for it for over a millisecond.
    ///
    /// # Errors
    /// [`TryPopError::Closed`] if the queue is closed and empty, else [`TryPopError::Empty`].
    ///
    /// # Panics
    /// As [`pop`](Queue::pop).
    #[inline]
    #[doc(alias = "try_recv")]
    pub fn try_pop(&self) -> Result<T, TryPopError> {
        let taken = self.hatch.attempt(Side::Out, State::take_done).ok_or(TryPopError::Empty)?;
        self.taken(taken).ok_or(TryPopError::Closed)
    }

    /// Takes all items that are there, whoever waits for them; does not wait itself. They count as done.
    ///
    /// To take many at a time costs much less than one by one: `pop`, and then whatever else is there.
    ///
    /// ```
    /// use stopwhen::Queue;
    ///
    /// let log = Queue::unbounded();
    /// log.extend(["a", "b", "c"]).expect("open");
    /// log.close();
    /// let mut written = Vec::new();
    /// while let Ok(line) = log.pop() {
    ///     written.push(line);
    ///     written.extend(log.pop_all());
    /// }
    /// assert_eq!(written, ["a", "b", "c"]);
    /// ```
    ///
    /// # Panics
    /// As [`pop`](Queue::pop).
    #[doc(alias = "drain")]
    pub fn pop_all(&self) -> Vec<T> {
        let taken = self.hatch.change(State::take_all);
        self.taken(taken).unwrap_or_default().into()
    }

    /// Takes the first item, which counts as done when its [`Task`] is dropped.
    ///
    /// # Blocking
    /// As [`pop`](Queue::pop).
    ///
    /// # Errors
    /// [`Closed`] if the queue is closed and empty.
    ///
    /// # Panics
    /// As [`pop`](Queue::pop).
    pub fn pop_task(&self) -> Result<Task<'_, T>, Closed> {
        match self.take(State::take, None) {
            Some(taken) => self.taken(taken.into_task(self)).ok_or(Closed),
            None => Err(Closed), // as `pop`
        }
    }

    /// Takes the first item as [`pop_task`](Queue::pop_task), unless `until` comes first.
    ///
    /// # Blocking
    /// As [`pop`](Queue::pop), or until `until`.
    ///
    /// # Errors
    /// As [`pop_until`](Queue::pop_until).
    ///
    /// # Panics
    /// As [`pop`](Queue::pop).
    pub fn pop_task_until(&self, until: impl Until) -> Result<Task<'_, T>, PopError> {
        let taken = self.take(State::take, Some(&until)).ok_or(PopError::Stopped)?;
        self.taken(taken.into_task(self)).ok_or(PopError::Closed)
    }

    /// `None`: `until` (`None`: never) came first.
    #[inline(always)]
    fn take(&self, way: Way<T>, until: Option<&dyn Leaves>) -> Option<Taken<T>> {
        let taken = self.hatch.attempt(Side::Out, way);
        if taken.is_some() { taken } else { self.take_slow(way, until) }
    }

    #[cold]
    fn take_slow(&self, mut way: Way<T>, until: Option<&dyn Leaves>) -> Option<Taken<T>> {
        let term = until.map_or(Term::NEVER, Term::of);
        if term.has_come() { None } else { self.hatch.wait(Side::Out, &term, &mut way) }
    }

    /// What was taken; and if that was the last, all is told. May unwind: whatever it is, it is whole, and counted.
    #[inline(always)]
    pub(super) fn taken<I>(&self, taken: Taken<I>) -> Option<I> {
        if taken.drained {
            self.announce(true);
        }
        taken.item
    }
}
