//! The end of a queue, and the signals that tell of it.
use super::Queue;
use super::state::{Place, State};
use crate::signal::Signal;
use crate::wait::Firing;
use crate::wait::Mutex;
use std::collections::VecDeque;
use std::fmt;
use std::panic::Location;

/// A queue's signals. The handles that raise them stay here.
pub(super) struct Ends {
    closed: End,
    drained: End,
    left: Mutex<Left>,
}

/// Z7: foreign code that signals which have gone leave to be run.
struct Left {
    /// Wakers of tasks, of either: they are not waited for.
    wakers: VecDeque<Firing>,
    closed: Option<Firing>,
    drained: Option<Firing>,
    /// Whether whoever closed it has run what hung on `closed`.
    is_told: bool,
}

/// Who makes an end of a queue, and tells of it (Z7).
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Maker {
    /// Who closed it, empty or not.
    Closed,
    /// Who took the last item once it was closed.
    Emptied,
}

impl Left {
    /// What that one runs next.
    fn next(&mut self, maker: Maker) -> Option<Firing> {
        if let wakers @ Some(_) = self.wakers.pop_front() {
            return wakers;
        }
        if maker == Maker::Closed {
            if let closed @ Some(_) = self.closed.take() {
                return closed;
            }
            self.is_told = true;
        }
        if self.is_told { self.drained.take() } else { None }
    }
}

struct End {
    hand: Signal,
    view: Signal,
}

impl End {
    fn new(name: Option<&str>, what: &str) -> End {
        let hand = Signal::named(format!("{} {what}", name.unwrap_or("queue")));
        End { view: hand.view(), hand }
    }
}

impl Ends {
    fn new(name: Option<&str>) -> Ends {
        let left = Left { wakers: VecDeque::new(), closed: None, drained: None, is_told: false };
        Ends { closed: End::new(name, "closed"), drained: End::new(name, "drained"), left: Mutex::new(left) }
    }

    /// Z4. Both go, the second if it has a place; threads that wait for them are woken, and no foreign code runs (Z7).
    fn raise(&self, closed: Place, drained: Option<Place>) {
        let left = &mut *self.left.lock();
        let ends = [(&self.closed, Some(closed), &mut left.closed), (&self.drained, drained, &mut left.drained)];
        for (end, place, rest) in ends {
            let Some(mut firing) = place.and_then(|place| end.hand.0.begin_go(place)) else { continue };
            left.wakers.extend(firing.split_wakers());
            *rest = Some(firing);
        }
    }

    /// Z7. May unwind: the first panic of a callback, after all have run.
    fn tell(&self, maker: Maker) {
        Firing::finish_each(|| self.left.lock().next(maker));
    }
}

impl<T> Queue<T> {
    /// Closes it: nothing is pushed any more, and what is left can still be popped. Once closed it does nothing.
    ///
    /// Everybody who waits to push gets the item back; those who wait to pop get what is left, and then
    /// [`Closed`](crate::Closed). Joiners wait on, until what is left is done.
    ///
    /// # Panics
    /// As a callback of [`closed`](Queue::closed) or [`drained`](Queue::drained), after all is told, if this call was the first.
    #[doc(alias = "shutdown")]
    #[track_caller]
    pub fn close(&self) {
        self.close_from(Location::caller());
    }

    fn close_from(&self, place: Place) {
        let (made, closer, drained) = self.hatch.change(|state| (state.close(place), state.closer(), state.drained()));
        let (closer, drained) = (closer.unwrap_or(place), drained.map(|_| place));
        if made { self.announce(closer, drained, Maker::Closed) } else { self.meet(closer, drained) }
    }

    /// Closes it and takes out what is left, which counts as done.
    ///
    /// ```
    /// use stopwhen::{PushError, Queue};
    ///
    /// let queue = Queue::unbounded();
    /// queue.extend([1, 2]).expect("open");
    /// assert_eq!(queue.close_now(), [1, 2]);
    /// assert_eq!(queue.push(3), Err(PushError::Closed(3)));
    /// queue.join(); // nothing is left to be done
    /// assert!(queue.drained().is_go());
    /// ```
    ///
    /// # Panics
    /// As [`close`](Queue::close); the items are dropped then.
    #[track_caller]
    #[doc(alias = "discard")]
    pub fn close_now(&self) -> Vec<T> {
        let place = Location::caller();
        let (made, taken) = self.hatch.change(|state| (state.close(place), state.take_all()));
        let items = if made {
            self.announce(place, Some(place), Maker::Closed);
            taken.item
        } else {
            self.taken(taken)
        };
        items.unwrap_or_default().into()
    }

    /// Closes the queue when the guard is dropped: for a producer that may panic.
    ///
    /// The place that the causes of its signals name is that of this call.
    ///
    /// ```
    /// use stopwhen::Queue;
    ///
    /// let lines = Queue::unbounded();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         let _closed = lines.close_on_drop();
    ///         lines.push("a").expect("open");
    ///     });
    ///     assert_eq!(lines.iter().collect::<Vec<_>>(), ["a"]); // and that is all
    /// });
    /// ```
    #[track_caller]
    pub fn close_on_drop(&self) -> CloseOnDrop<'_, T> {
        CloseOnDrop { queue: Some(self), place: Location::caller() }
    }

    /// A signal that goes when the queue is closed. It cannot be raised by hand.
    ///
    /// It has gone before [`close`](Queue::close) returns, and before any call that says that the queue is closed. Its callbacks run in
    /// the call that closes the queue, or drops it.
    ///
    /// ```
    /// use stopwhen::Queue;
    ///
    /// let queue = Queue::<u8>::unbounded().named("jobs");
    /// let closed = queue.closed().clone();
    /// assert!(!closed.go() && !closed.is_go());
    /// queue.close();
    /// assert!(closed.is_go() && queue.drained().is_go());
    /// assert_eq!(closed.cause().expect("go").name(), Some("jobs closed"));
    /// ```
    #[doc(alias = "is_closed")]
    pub fn closed(&self) -> &Signal {
        &self.ends().closed.view
    }

    /// A signal that goes when the queue is closed and empty: whoever pops will get nothing. It cannot be raised by hand.
    ///
    /// It goes after [`closed`](Queue::closed), before the call returns that closes the empty queue or takes the last item. Its callbacks
    /// run in that call too; but if those of `closed` are still under way, after them, in theirs. What was taken may be still at work:
    /// see [`join`](Queue::join).
    pub fn drained(&self) -> &Signal {
        &self.ends().drained.view
    }

    fn ends(&self) -> &Ends {
        self.ends.get().map(Box::as_ref).unwrap_or_else(|| self.make_ends())
    }

    /// Z5.
    #[cold]
    fn make_ends(&self) -> &Ends {
        fn stage<T>(state: &State<T>) -> [Option<Place>; 2] {
            [state.closer(), state.drained()]
        }
        let mut fresh = Some(Box::new(Ends::new(self.name.as_deref())));
        loop {
            let [closed, drained] = self.hatch.look(stage);
            if let (Some(ends), Some(closed)) = (&fresh, closed) {
                ends.raise(closed, drained);
                ends.tell(Maker::Closed); // nobody knows it yet, and nothing hangs there
            }
            let settled = self.hatch.look(|state| {
                let same = stage(state) == [closed, drained];
                if same {
                    fresh = fresh.take().and_then(|ends| self.ends.set(ends).err());
                }
                same
            });
            if let (true, Some(ends)) = (settled, self.ends.get()) {
                return ends;
            }
        }
    }

    /// Z4, Z7: it is closed, and perhaps drained, from that place, by that one. May unwind, after all is told.
    #[cold]
    pub(super) fn announce(&self, closer: Place, drained: Option<Place>, maker: Maker) {
        if let Some(ends) = self.ends.get() {
            ends.raise(closer, drained);
            ends.tell(maker);
        }
    }

    /// As `announce`, for who only meets it so: never unwinds, and runs nothing foreign.
    #[cold]
    pub(super) fn meet(&self, closer: Place, drained: Option<Place>) {
        if let Some(ends) = self.ends.get() {
            ends.raise(closer, drained);
        }
    }
}

/// The end of all use closes it: what waits for its signals elsewhere is told. A drop knows of no caller: the causes of the signals
/// name a place in here.
impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        if self.ends.get().is_some() {
            // Items are dropped here, also if a callback panics.
            drop(self.close_now());
        }
    }
}

/// Closes its [`Queue`] when dropped.
#[must_use = "a guard that is dropped at once closes at once"]
pub struct CloseOnDrop<'a, T> {
    /// None: disarmed.
    queue: Option<&'a Queue<T>>,
    place: Place,
}

impl<T> CloseOnDrop<'_, T> {
    /// Leaves the queue open.
    pub fn disarm(mut self) {
        self.queue = None;
    }
}

impl<T> Drop for CloseOnDrop<'_, T> {
    fn drop(&mut self) {
        self.queue.iter().for_each(|queue| queue.close_from(self.place));
    }
}

impl<T> fmt::Debug for CloseOnDrop<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseOnDrop").field("queue", &self.queue).finish()
    }
}
