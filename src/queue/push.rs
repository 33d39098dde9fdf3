//! Putting items in.
use super::Queue;
use super::state::{Refused, State};
use crate::error::PushError;
use crate::report;
use crate::signal::Until;
use crate::wait::{Leaves, Side, Term};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a producer waits for room before that is reported.
const LONG: Duration = Duration::from_secs(5);

/// What it waits in, in words.
const PUSH: &str = "in Queue::push";

impl<T> Queue<T> {
    /// Puts an item at the end.
    ///
    /// # Blocking
    /// Until there is room. [`push_until`](Queue::push_until) can be ended. One that has waited for five seconds says so on standard
    /// error, once, unless the queue is [`silent`](Queue::silent).
    ///
    /// # Errors
    /// [`PushError::Closed`] with the item if the queue is closed, or comes to be while it waits.
    #[inline(always)]
    #[doc(alias = "send")]
    #[doc(alias = "add")]
    #[doc(alias = "put")]
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        let mut item = Some(item);
        let put = self.try_put(&mut item);
        if let Some(Ok(())) = put { Ok(()) } else { self.push_slow(item, put, PUSH, None) }
    }

    /// Puts an item at the end, unless `until` comes first. If there is room it does not matter whether `until` has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{PushError, Queue};
    ///
    /// let queue = Queue::bounded(1);
    /// assert_eq!(queue.push_until(1, Duration::ZERO), Ok(()));
    /// assert_eq!(queue.push_until(2, Duration::from_millis(1)), Err(PushError::Stopped(2)));
    /// assert_eq!(queue.try_push(3), Err(PushError::Full(3)));
    /// assert_eq!(queue.push_forced(4), Ok(()));
    /// queue.close();
    /// assert_eq!(queue.push(5), Err(PushError::Closed(5)));
    /// assert_eq!(queue.iter().collect::<Vec<_>>(), [1, 4]);
    /// ```
    ///
    /// # Blocking
    /// As [`push`](Queue::push), or until `until`.
    ///
    /// # Errors
    /// [`PushError::Closed`] or [`PushError::Stopped`], with the item.
    #[inline(always)]
    #[doc(alias = "send_timeout")]
    pub fn push_until(&self, item: T, until: impl Until) -> Result<(), PushError<T>> {
        self.push_as(PUSH, item, until)
    }

    /// As `push_until`, and says so of itself when it waits.
    #[inline(always)]
    pub(crate) fn push_as(&self, what: &'static str, item: T, until: impl Until) -> Result<(), PushError<T>> {
        let mut item = Some(item);
        let put = self.try_put(&mut item);
        if let Some(Ok(())) = put { Ok(()) } else { self.push_slow(item, put, what, Some(&until)) }
    }

    /// Puts an item at the end if there is room, and nobody has waited for that for over a millisecond.
    ///
    /// # Errors
    /// [`PushError::Full`] or [`PushError::Closed`], with the item.
    #[inline]
    #[doc(alias = "try_send")]
    #[doc(alias = "put_nowait")]
    pub fn try_push(&self, item: T) -> Result<(), PushError<T>> {
        let mut item = Some(item);
        let put = self.try_put(&mut item);
        self.pushed(item, put, PushError::Full)
    }

    /// Puts an item at the front, whether there is room or not: what was taken and goes back.
    ///
    /// It does not wait: whoever pops would wait for room that it made itself. What [`Task::into_inner`](super::Task::into_inner) gave was
    /// done by that: a [`join`](Queue::join) may return before it is back.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the item.
    pub fn push_front(&self, item: T) -> Result<(), PushError<T>> {
        self.push_anyway(item, VecDeque::push_front)
    }

    /// Puts an item at the end, whether there is room or not.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the item.
    pub fn push_forced(&self, item: T) -> Result<(), PushError<T>> {
        self.push_anyway(item, VecDeque::push_back)
    }

    /// Puts items at the end, one after the other as they come out of the iterator.
    ///
    /// The first that cannot be pushed comes back, and no further one is taken out: pass `&mut iterator` to keep those. Items of other
    /// threads may come in between.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{PushError, Queue};
    ///
    /// let (queue, mut numbers) = (Queue::bounded(3), 1..);
    /// assert_eq!(queue.extend_until(&mut numbers, Duration::from_millis(1)), Err(PushError::Stopped(4)));
    /// assert_eq!((queue.pop_all(), numbers.next()), (vec![1, 2, 3], Some(5)));
    /// ```
    ///
    /// # Blocking
    /// As [`push`](Queue::push), for each item; and as the iterator does.
    ///
    /// # Errors
    /// [`PushError::Closed`] with the item that was refused.
    pub fn extend(&self, items: impl IntoIterator<Item = T>) -> Result<(), PushError<T>> {
        items.into_iter().try_for_each(|item| self.push(item))
    }

    /// As [`extend`](Queue::extend), unless `until` comes while it waits for room. A duration is for all items together.
    ///
    /// # Blocking
    /// As [`extend`](Queue::extend), or until `until`.
    ///
    /// # Errors
    /// [`PushError::Closed`] or [`PushError::Stopped`], with the item that was not pushed.
    pub fn extend_until(&self, items: impl IntoIterator<Item = T>, until: impl Until) -> Result<(), PushError<T>> {
        let until = super::iter::FromNow::new(until);
        items.into_iter().try_for_each(|item| self.push_until(item, &until))
    }

    /// One try. `None`: there is no room, or others have waited for that.
    #[inline(always)]
    fn try_put(&self, item: &mut Option<T>) -> Option<Result<(), Refused>> {
        self.hatch.attempt(Side::In, |state| state.put(item))
    }

    fn push_anyway(&self, item: T, way: fn(&mut VecDeque<T>, T)) -> Result<(), PushError<T>> {
        let mut item = Some(item);
        let put = self.hatch.change(|state| state.put_anyway(&mut item, way));
        self.pushed(item, Some(put), PushError::Full)
    }

    #[cold]
    fn push_slow(
        &self,
        mut item: Option<T>,
        mut put: Option<Result<(), Refused>>,
        what: &'static str,
        until: Option<&dyn Leaves>,
    ) -> Result<(), PushError<T>> {
        if put.is_none() {
            put = self.wait_for_room(&mut item, &Term::maybe(what, until).named(self.name.as_deref()));
        }
        self.pushed(item, put, PushError::Stopped)
    }

    /// What comes of an item: put in, refused, or still ours.
    #[inline(always)]
    fn pushed(
        &self,
        item: Option<T>,
        put: Option<Result<(), Refused>>,
        without_room: fn(T) -> PushError<T>,
    ) -> Result<(), PushError<T>> {
        let error = match put {
            Some(Ok(())) => return Ok(()),
            Some(Err(Refused(closer))) => {
                self.meet(closer, None);
                PushError::Closed
            }
            None => without_room,
        };
        item.map_or(Ok(()), |item| Err(error(item)))
    }

    /// Waits until the item is put in or refused; `None`: the term came first. Reports a long wait, once.
    fn wait_for_room(&self, item: &mut Option<T>, term: &Term<'_>) -> Option<Result<(), Refused>> {
        let mut put = |state: &mut State<T>| state.put(item);
        let mut since = None;
        if term.has_come() {
            return self.hatch.attempt(Side::In, put); // room made before the stop is used
        }
        if !self.silent {
            let soon = term.or_after(LONG);
            if let put @ Some(_) = self.hatch.wait_since(&mut since, Side::In, &soon, &mut put) {
                return put;
            }
            if term.has_come() {
                return self.hatch.attempt(Side::In, put); // it may have come after that wait's last try
            }
            self.report();
        }
        self.hatch.wait_since(&mut since, Side::In, term, &mut put)
    }

    /// Q4. It is out of line meanwhile, until it has its place again: a slow standard error holds up nobody else.
    #[cold]
    fn report(&self) {
        let name = self.name.as_deref().unwrap_or("without a name");
        let len = self.len();
        report::warn(format_args!(
            "a producer has waited over {LONG:?} for room in the queue {name}: {len} items are in it"
        ));
    }
}
