//! Queue: items that go from those who bring to those who take.
//!
//! A ring of items behind a hatch (`wait`): producers wait at one side of it, consumers at the other, and those who join for the moment
//! at which all is done. No item is ever on its way between two threads: it is the producer's, the ring's, or the consumer's.
//!
//! # Invariants
//! - Z1  `open` goes once, under the lock; after that nothing is put in. So "closed and empty" stays so.
//! - Z2  What was put in and is not done is in the ring, or held by one of `tasks`. Each step that leaves none of it counts as a moment,
//!   under the same hold of the lock.
//! - Z3  Items are moved under the lock, and neither made, compared, shown nor dropped.
//! - Z4  Signals go with the lock open, after the state that they tell of: `closed`, and then `drained`. Whoever is told by an error
//!   that the queue is closed sees to it that they have gone before it returns.
//! - Z5  The signals are made when somebody first asks for one, and become known under the lock, in the state that the queue is in: so
//!   whoever changes that later finds them. Most queues never have any.
//! - Z6  Where it was closed stands beside that it is: whoever knows that the queue is closed finds the place.
//! - Z7  Who makes an end (closes it, takes the last item of a closed one) raises the signals and tells: runs what is foreign. Who meets
//!   an end that another has made only raises: its callbacks are not the meeter's to wait for, or to fail by. Both are raised under
//!   `Ends::left`, and what they leave to be run is put there in the same hold. A maker raises after its change: from then on nobody
//!   finds anything to raise there, and all of it is in `left`, where the maker's look comes later than any hold that put something
//!   there. What hung on `closed` is taken out by the closer alone; what hung on `drained`, by whoever emptied it, but not before
//!   `is_told`: the closer sets that in the hold in which it finds nothing more of `closed`, and takes in the same what is there of
//!   `drained`. So one of the two finds it, and it runs after `closed`. A closer finds the signals, unless they are made after its
//!   change; those went, and were told, before anybody knew them (Z5).
mod close;
mod iter;
mod late;
mod pop;
mod push;
mod state;
mod task;

pub use close::CloseOnDrop;
pub use iter::{Iter, IterUntil};
pub use task::Task;

use crate::error::Stopped;
use crate::signal::Until;
use crate::sys::const_fn;
use crate::wait::{Hatch, Leaves, Term};
use close::Ends;
use late::Late;
use state::State;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A queue of items, for any number of threads that push and any number that pop.
///
/// It is a place, not a handle: an `Arc`, a scope or a `static` holds it. Items go through by move, first in, first out.
///
/// ```
/// use stopwhen::{PopError, Queue, Signal};
///
/// let (jobs, stop) = (Queue::bounded(100), Signal::new());
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         let mut sum = 0;
///         let end = loop {
///             match jobs.pop_until(&stop) {
///                 Ok(n) => sum += n,
///                 Err(end) => break end, // stopped, or closed and empty
///             }
///         };
///         assert_eq!((sum, end), (6, PopError::Closed));
///     });
///     for n in [1, 2, 3] {
///         jobs.push(n).expect("open");
///     }
///     jobs.close();
/// });
/// ```
///
/// # Closing
/// [`close`](Queue::close) refuses what is pushed from then on, and the item comes back in the error. What is in the queue by then is
/// still popped, and then every pop says [`Closed`](crate::Closed), for ever. Everybody who waits is woken at once.
/// [`closed`](Queue::closed) and [`drained`](Queue::drained) tell of it as signals. [`close_now`](Queue::close_now) takes what is left
/// out. A queue that is dropped is closed by that; the causes of its signals then name a place in this crate.
///
/// # Stopping
/// What ends a wait does not refuse what is there: [`pop_until(&stop)`](Queue::pop_until) gives an item as long as there is one, and says
/// `Stopped` when it would have to wait. A worker that is to leave a backlog looks at the stop first, `while !stop.is_go()`; or whoever
/// stops it takes the backlog out, by [`close_now`](Queue::close_now).
///
/// # Work that is done
/// [`join`](Queue::join) waits until everything that was pushed is *done*. What [`pop`](Queue::pop) takes counts as done at once;
/// what [`pop_task`](Queue::pop_task) takes, when its [`Task`] is dropped, be it by a panic.
///
/// # Order and fairness
/// What one thread pushes is popped in that order. Whoever is awake may push or pop before those who wait; but once the first in line
/// has waited over a millisecond and came in vain, newcomers of its side queue behind it.
///
/// # Nothing is lost
/// Every item is popped once, or comes back to whoever pushed it, or is in what [`close_now`](Queue::close_now) and
/// [`pop_all`](Queue::pop_all) give, whatever is stopped or panics meanwhile. One exception: a callback of a signal of the queue that
/// panics in a call that takes items out; what it took is dropped. Items that are left when the queue is dropped are dropped with it.
///
/// # Memory ordering
/// What came before a push happens before the return of the pop that takes the item; what came before an item was done, before the
/// return of a join that it ended; what came before a close, before whatever tells of it.
#[doc(alias = "channel")]
#[doc(alias = "mpmc")]
#[doc(alias = "sync_channel")]
#[doc(alias = "JoinableQueue")]
pub struct Queue<T> {
    hatch: Hatch<State<T>>,
    /// Z5.
    ends: Late<Box<Ends>>,
    name: Option<Box<str>>,
    /// `None`: any number.
    capacity: Option<usize>,
    silent: bool,
}

// Whole whatever panics: no foreign code runs inside, and no item is seen but by its one owner.
impl<T> UnwindSafe for Queue<T> {}
impl<T> RefUnwindSafe for Queue<T> {}

impl<T> Queue<T> {
    const_fn! {
        /// Makes a queue with room for whatever is pushed. A `const fn`, but under loom.
        ///
        /// Its memory grows with what is in it, and is kept for what comes: only [`pop_all`](Queue::pop_all) and
        /// [`close_now`](Queue::close_now) let go of it.
        ///
        /// ```
        /// use stopwhen::Queue;
        ///
        /// static JOBS: Queue<&str> = Queue::unbounded();
        ///
        /// JOBS.push("sweep the floor").expect("open");
        /// assert_eq!(JOBS.pop(), Ok("sweep the floor"));
        /// ```
        pub const fn unbounded() -> Queue<T> {
            Queue::with_room(None)
        }
    }

    const_fn! {
        /// Makes a queue with room for `n` items: who pushes more waits until some are popped. A `const fn`, but under loom.
        ///
        /// # Panics
        /// If `n` is zero.
        #[doc(alias = "maxsize")]
        #[track_caller]
        pub const fn bounded(n: usize) -> Queue<T> {
            assert!(n > 0, "a Queue with room for 0 items: nothing could ever be pushed; for a hand-over take bounded(1)");
            Queue::with_room(Some(n))
        }
    }

    const_fn! {
        const fn with_room(capacity: Option<usize>) -> Queue<T> {
            let room = match capacity {
                Some(n) => n,
                None => usize::MAX,
            };
            Queue { hatch: Hatch::new(State::new(room)), ends: Late::new(), name: None, capacity, silent: false }
        }
    }

    /// Gives it a name, which reports and `Debug` tell, and the causes of its signals, unless those were asked for before.
    #[must_use = "it is the queue"]
    pub fn named(mut self, name: impl Into<String>) -> Queue<T> {
        self.name = Some(name.into().into());
        self
    }

    /// Has it report nothing. Else a producer that has waited over five seconds for room is told of, once for each wait: by a line on
    /// standard error, or (feature `tracing`) a warning to the subscriber, if there is one.
    #[must_use = "it is the queue"]
    pub const fn silent(mut self) -> Queue<T> {
        self.silent = true;
        self
    }

    /// Tells how many items are in it just now.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.hatch.look(State::len)
    }

    /// Tells whether no item is in it just now.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells how many items it has room for; `None`: any number.
    #[doc(alias = "maxsize")]
    pub fn capacity(&self) -> Option<usize> {
        self.capacity
    }

    /// Waits until everything that was pushed is done.
    ///
    /// Of a queue in use it returns at the first moment at which that is so, even if more was pushed by the time it does.
    ///
    /// ```
    /// use stopwhen::Queue;
    ///
    /// let pages = Queue::unbounded();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| {
    ///         while let Ok(page) = pages.pop_task() {
    ///             if *page < 3 {
    ///                 pages.push(*page + 1).expect("open"); // more work, before this is done
    ///             }
    ///         }
    ///     });
    ///     pages.push(1).expect("open");
    ///     pages.join();
    ///     pages.close();
    /// });
    /// ```
    ///
    /// # Blocking
    /// Until all is done, closed or not: somebody must pop what is left, and drop every [`Task`]. A task that is forgotten is never done.
    pub fn join(&self) {
        self.hatch.wait_for_moment(&self.joins(None), State::is_done);
    }

    /// Waits until everything that was pushed is done, or until `until`. If it is, it does not matter whether `until` has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Queue, Stopped};
    ///
    /// let jobs = Queue::unbounded();
    /// jobs.push("sweep").expect("open");
    /// let job = jobs.pop_task().expect("one is there");
    /// assert_eq!(jobs.join_until(Duration::from_millis(1)), Err(Stopped)); // taken, and not done
    /// drop(job);
    /// assert_eq!(jobs.join_until(Duration::ZERO), Ok(()));
    /// ```
    ///
    /// # Blocking
    /// As [`join`](Queue::join), or until `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came first.
    pub fn join_until(&self, until: impl Until) -> Result<(), Stopped> {
        if self.hatch.look(State::is_done) {
            return Ok(());
        }
        let term = self.joins(Some(&until));
        let done = if term.has_come() {
            self.hatch.look(State::is_done) // what came before the stop counts
        } else {
            self.hatch.wait_for_moment(&term, State::is_done)
        };
        if done { Ok(()) } else { Err(Stopped) }
    }

    fn joins<'a>(&'a self, until: Option<&'a dyn Leaves>) -> Term<'a> {
        Term::maybe("in Queue::join", until).named(self.name.as_deref())
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Queue<T> {
        Queue::unbounded()
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (len, closer, unfinished) = self.hatch.look(|s| (s.len(), s.closer(), s.unfinished()));
        closer.iter().for_each(|closer| self.meet(closer, None)); // Z4: it is told here, too
        let mut queue = f.debug_struct("Queue");
        if let Some(name) = &self.name {
            queue.field("name", name);
        }
        queue.field("len", &len).field("capacity", &self.capacity).field("unfinished", &unfinished);
        let [pushers, poppers, joiners] = self.hatch.waiting();
        queue.field("is_closed", &closer.is_some());
        queue.field("pushers", &pushers).field("poppers", &poppers).field("joiners", &joiners).finish()
    }
}
