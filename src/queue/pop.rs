//! Taking items out.
use super::close::Maker;
use super::state::{State, Taken};
use super::{Queue, Task};
use crate::error::{Closed, PopError, TryPopError};
use crate::signal::Until;
use crate::wait::{Leaves, Side, Term};
use std::panic::Location;

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
    /// As a callback of [`drained`](Queue::drained), if this call takes the last item of a closed queue. The item is dropped then.
    #[inline(always)]
    #[doc(alias = "recv")]
    #[doc(alias = "get")]
    #[track_caller]
    pub fn pop(&self) -> Result<T, Closed> {
        match self.hatch.attempt(Side::Out, State::take_done) {
            Some(Taken { item: Some(item), drained: None }) => Ok(item),
            Some(Taken { item, drained }) => self.taken(Taken { item, drained }).ok_or(Closed),
            None => self.take_slow(State::take_done, None).map_err(|_| Closed), // nothing else ends it
        }
    }

    /// Takes the first item, unless `until` comes first.
    ///
    /// What is there is taken even if it has come, and even if the queue is closed; but not, if it has come, from those who have waited
    /// for it for over a millisecond.
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
    #[inline(always)]
    #[doc(alias = "recv_timeout")]
    #[doc(alias = "select")]
    #[track_caller]
    pub fn pop_until(&self, until: impl Until) -> Result<T, PopError> {
        match self.hatch.attempt(Side::Out, State::take_done) {
            Some(Taken { item: Some(item), drained: None }) => Ok(item),
            Some(Taken { item, drained }) => self.taken(Taken { item, drained }).ok_or(PopError::Closed),
            None => self.take_slow(State::take_done, Some(&until)),
        }
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
    #[doc(alias = "get_nowait")]
    #[track_caller]
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
    #[track_caller]
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
    #[doc(alias = "task_done")]
    #[track_caller]
    pub fn pop_task(&self) -> Result<Task<'_, T>, Closed> {
        let tried = self.hatch.attempt(Side::Out, State::take_task);
        self.take_task_slow(tried, None).map_err(|_| Closed) // as `pop`
    }

    /// Takes the first item as [`pop_task`](Queue::pop_task), unless `until` comes first.
    ///
    /// ```
    /// use stopwhen::{Queue, Signal};
    ///
    /// let (jobs, stop) = (Queue::unbounded(), Signal::new());
    /// jobs.extend(["sweep", "mop"]).expect("open");
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         while let Ok(job) = jobs.pop_task_until(&stop) {
    ///             println!("{}", *job);
    ///         }
    ///     });
    ///     jobs.join(); // both are done
    ///     stop.go();
    /// });
    /// ```
    ///
    /// # Blocking
    /// As [`pop`](Queue::pop), or until `until`.
    ///
    /// # Errors
    /// As [`pop_until`](Queue::pop_until).
    ///
    /// # Panics
    /// As [`pop`](Queue::pop).
    #[track_caller]
    pub fn pop_task_until(&self, until: impl Until) -> Result<Task<'_, T>, PopError> {
        let tried = self.hatch.attempt(Side::Out, State::take_task);
        self.take_task_slow(tried, Some(&until))
    }

    /// As `pop_until`; in words it waits like that: `for an item`.
    #[track_caller]
    pub(crate) fn pop_as(&self, what: &'static str, until: impl Until) -> Result<T, PopError> {
        let tried = self.hatch.attempt(Side::Out, State::take_done);
        let waits = || self.wait_for_item(State::take_done, &Term::of(what, &until));
        self.taken(tried.or_else(waits).ok_or(PopError::Stopped)?).ok_or(PopError::Closed)
    }

    /// After a first try that gave nothing: waits for an item.
    #[cold]
    #[track_caller]
    fn take_slow(&self, way: Way<T>, until: Option<&dyn Leaves>) -> Result<T, PopError> {
        let taken = self.wait_for_item(way, &self.pops(until)).ok_or(PopError::Stopped)?;
        self.taken(taken).ok_or(PopError::Closed)
    }

    /// As `take_slow`, with the first try, of an item that a task holds: from here on, so that it ends whatever unwinds.
    #[track_caller]
    fn take_task_slow(&self, tried: Option<Taken<T>>, until: Option<&dyn Leaves>) -> Result<Task<'_, T>, PopError> {
        let taken =
            tried.or_else(|| self.wait_for_item(State::take_task, &self.pops(until))).ok_or(PopError::Stopped)?;
        self.taken(taken.into_task(self)).ok_or(PopError::Closed)
    }

    /// The end of a wait for an item; `None`: never.
    fn pops<'a>(&'a self, until: Option<&'a dyn Leaves>) -> Term<'a> {
        Term::maybe("in Queue::pop", until).named(self.name.as_deref())
    }

    /// `None`: the term has come first.
    #[cold]
    fn wait_for_item(&self, mut way: Way<T>, term: &Term<'_>) -> Option<Taken<T>> {
        if term.has_come() {
            return self.hatch.attempt(Side::Out, way); // what came before the stop is served
        }
        self.hatch.wait(Side::Out, term, &mut way)
    }

    /// What was taken. If that was the last, all is told: may unwind, and whatever it is, it is whole, and counted.
    #[inline]
    #[track_caller]
    pub(super) fn taken<I>(&self, taken: Taken<I>) -> Option<I> {
        if let Some(closer) = taken.drained {
            let place = Some(Location::caller());
            if taken.item.is_some() { self.announce(closer, place, Maker::Emptied) } else { self.meet(closer, place) }
        }
        taken.item
    }
}
