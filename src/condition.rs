//! Condition: a word of its own for some of those who wait on a Lock.
use crate::error::Stopped;
use crate::lock::LockGuard;
use crate::signal::Until;
use crate::sys::const_fn;
use crate::wait::{ConditionQueue, Term};
use std::fmt;

/// A word for some of those who wait on a [`Lock`](crate::Lock): they are woken by [`notify`](Condition::notify) alone.
///
/// A `Lock` tells all its waiters of every change, one after the other. With many waiters who wait for different things, give each
/// thing a condition. Any number of conditions go with one lock; one condition goes with one lock at a time.
///
/// ```
/// use std::collections::VecDeque;
/// use stopwhen::{Condition, Lock};
///
/// let (items, filled) = (Lock::new(VecDeque::new()), Condition::new());
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         let mut items = items.lock();
///         assert_eq!(filled.wait_some(&mut items, |q| q.pop_front()), 7);
///     });
///     items.lock().push_back(7);
///     filled.notify_one();
/// });
/// ```
///
/// # Lost words
/// A word is for those who wait when it is said, so say it after the change, or inside the lock. A word told to a waiter
/// makes its wait return `Ok`, whatever comes at the same time; a waiter that was stopped before is passed over. If a panic
/// passes a wait that was told (of a callback that it came to run), the word goes to the next.
///
/// # Memory ordering
/// What came before a word happens before the return of each wait that it was told to; and so does what the lock orders.
#[doc(alias = "Condvar")]
pub struct Condition {
    queue: ConditionQueue,
}

impl Condition {
    const_fn! {
        /// Makes a condition nobody waits for.
        pub const fn new() -> Condition {
            Condition { queue: ConditionQueue::new() }
        }
    }

    /// Leaves the lock, waits for a word, and holds the lock again.
    ///
    /// To leave is what it is for the end of a guard: the lock's own waiters are told of what has changed.
    ///
    /// # Blocking
    /// Until told, and then until the lock is free. It does not return otherwise.
    ///
    /// # Panics
    /// If somebody waits on this condition with another lock; the guard is as it was.
    #[track_caller]
    pub fn wait<T: ?Sized>(&self, guard: &mut LockGuard<'_, T>) {
        self.queue.wait(LockGuard::visit(guard), &Term::never("in Condition"));
    }

    /// Waits for a word, or `until`. Either way the lock is held again.
    ///
    /// # Blocking
    /// As [`wait`](Condition::wait), or until `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came first. No word is lost by that. The lock is held all the same.
    ///
    /// # Panics
    /// As [`wait`](Condition::wait).
    #[track_caller]
    #[doc(alias = "wait_timeout")]
    pub fn wait_until<T: ?Sized>(&self, guard: &mut LockGuard<'_, T>, until: impl Until) -> Result<(), Stopped> {
        if self.queue.wait(LockGuard::visit(guard), &Term::of("in Condition", &until)) { Ok(()) } else { Err(Stopped) }
    }

    /// Waits while `f` says so of the value.
    ///
    /// # Blocking
    /// Until `f` is false: it is asked at once and then whenever told.
    ///
    /// # Panics
    /// As [`wait`](Condition::wait).
    #[track_caller]
    pub fn wait_while<T: ?Sized>(&self, guard: &mut LockGuard<'_, T>, mut f: impl FnMut(&mut T) -> bool) {
        self.wait_some(guard, |value| (!f(value)).then_some(()));
    }

    /// Waits while `f` says so of the value, or until `until`; then `f` is asked once more.
    ///
    /// # Blocking
    /// As [`wait_while`](Condition::wait_while), or until `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came and `f` was still true. The lock is held all the same.
    ///
    /// # Panics
    /// As [`wait`](Condition::wait).
    #[track_caller]
    pub fn wait_while_until<T: ?Sized>(
        &self,
        guard: &mut LockGuard<'_, T>,
        mut f: impl FnMut(&mut T) -> bool,
        until: impl Until,
    ) -> Result<(), Stopped> {
        self.wait_some_until(guard, |value| (!f(value)).then_some(()), until)
    }

    /// Waits until `f` makes something of the value, and returns that.
    ///
    /// `None` promises that it changed nothing.
    ///
    /// # Blocking
    /// Until `f` answers: it is asked at once and then whenever told.
    ///
    /// # Panics
    /// As [`wait`](Condition::wait), or if `f` does.
    #[track_caller]
    pub fn wait_some<T: ?Sized, R>(&self, guard: &mut LockGuard<'_, T>, mut f: impl FnMut(&mut T) -> Option<R>) -> R {
        loop {
            if let Some(answer) = LockGuard::ask(guard, &mut f) {
                return answer;
            }
            self.wait(guard);
        }
    }

    /// Waits until `f` makes something of the value, or until `until`; then `f` is asked once more.
    ///
    /// ```
    /// use stopwhen::{Condition, Lock, Signal, Stopped};
    ///
    /// let (items, filled, stop) = (Lock::new(vec![1]), Condition::new(), Signal::new());
    /// let mut inside = items.lock();
    /// stop.go();
    /// assert_eq!(filled.wait_some_until(&mut inside, |items| items.pop(), &stop), Ok(1)); // it was there
    /// assert_eq!(filled.wait_some_until(&mut inside, |items| items.pop(), &stop), Err(Stopped));
    /// inside.push(2); // still inside
    /// ```
    ///
    /// # Blocking
    /// As [`wait_some`](Condition::wait_some), or until `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came and `f` had no answer. The lock is held all the same.
    ///
    /// # Panics
    /// As [`wait`](Condition::wait), or if `f` does.
    #[track_caller]
    pub fn wait_some_until<T: ?Sized, R>(
        &self,
        guard: &mut LockGuard<'_, T>,
        mut f: impl FnMut(&mut T) -> Option<R>,
        until: impl Until,
    ) -> Result<R, Stopped> {
        let mut term = None;
        let mut told = true;
        loop {
            match LockGuard::ask(guard, &mut f) {
                Some(answer) => return Ok(answer),
                None if told => {}
                None => return Err(Stopped),
            }
            let term = term.get_or_insert_with(|| Term::of("in Condition", &until));
            told = self.queue.wait(LockGuard::visit(guard), term);
        }
    }

    /// Tells the one that has waited longest; false if nobody waits.
    ///
    /// It may be called inside the lock, then the woken thread is sent on its way when the lock is free (of several words said
    /// inside, the last one's; the others at once); or outside, and then it sees those whose wait happened before. True: that one's wait returns `Ok`.
    #[doc(alias = "signal")]
    pub fn notify_one(&self) -> bool {
        self.notify(1) == 1
    }

    /// Tells up to `n`, those that have waited longest; says how many will return `Ok` for it.
    #[inline]
    pub fn notify(&self, n: usize) -> usize {
        self.queue.notify(n)
    }

    /// Tells all who wait at the time of the call; says how many will return `Ok` for it.
    ///
    /// Inside the lock one of them is sent on its way when the lock is free, and the others at once, to queue for it.
    #[doc(alias = "broadcast")]
    pub fn notify_all(&self) -> usize {
        self.notify(usize::MAX)
    }
}

impl Default for Condition {
    fn default() -> Condition {
        Condition::new()
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}
