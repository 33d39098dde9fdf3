//! RLock: a lock that its owner may take again, around a value to look at.
use crate::error::Stopped;
use crate::signal::Until;
use crate::sys::const_fn;
use crate::wait::{Look, Owned};
use std::fmt;
use std::ops::Deref;

/// A lock that the thread that holds it may take again: for code that calls back into itself.
///
/// Its guards lend the value shared, never mutably, since another guard of the same thread may be looking at it too. What is to
/// change lives in a `Cell` or a `RefCell`; the value need not be `Sync` for that, since one thread at a time sees it.
///
/// ```
/// use std::cell::RefCell;
/// use stopwhen::RLock;
///
/// static LOG: RLock<RefCell<Vec<String>>> = RLock::new(RefCell::new(Vec::new()));
///
/// fn say(line: &str) {
///     LOG.lock().borrow_mut().push(line.into());
/// }
///
/// fn story() {
///     let _together = LOG.lock(); // no line of another thread comes between
///     say("once");
///     say("upon a time");
/// }
///
/// std::thread::scope(|s| {
///     s.spawn(story);
///     s.spawn(story);
/// });
/// assert_eq!(LOG.lock().borrow().join(" "), "once upon a time once upon a time");
/// ```
///
/// Guards may be dropped in any order; the last one unlocks.
///
/// # No waiting inside
/// There is no `wait`, as a [`Lock`](crate::Lock)'s guard has: it would have to unlock for the thread's outer guards too, and other
/// threads would get at a value that is still borrowed through these.
///
/// # Fairness
/// Whoever is awake may come in first. A thread that has queued for over a millisecond and tried in vain is let in at the next
/// unlock, before any newcomer.
///
/// # Misuse
/// A forgotten guard keeps all other threads out for ever. There is no poisoning.
///
/// # Memory ordering
/// What came before the end of a thread's last guard happens before whoever is inside next.
#[doc(alias = "ReentrantMutex")]
#[doc(alias = "ReentrantLock")]
#[doc(alias = "RecursiveMutex")]
pub struct RLock<T: ?Sized>(Owned<T>);

impl<T> RLock<T> {
    const_fn! {
        /// Makes a lock around a value.
        pub const fn new(value: T) -> RLock<T> {
            RLock(Owned::new(value))
        }
    }

    /// Gives the value back.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> RLock<T> {
    /// Locks, once more if this thread holds it already; the guard undoes that when dropped.
    ///
    /// # Blocking
    /// Until no other thread is inside. [`lock_until`](RLock::lock_until) can be ended.
    ///
    /// # Panics
    /// If this thread holds it `usize::MAX` times already.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> RLockGuard<'_, T> {
        match self.0.enter(None) {
            Some(look) => RLockGuard(look),
            None => unreachable!("a wait that nothing may end"),
        }
    }

    /// Locks if no other thread holds it, unless it is just then for the first of those in line.
    ///
    /// `None` also if this thread holds it `usize::MAX` times already.
    #[inline]
    #[must_use = "a guard that is dropped at once locks nothing"]
    pub fn try_lock(&self) -> Option<RLockGuard<'_, T>> {
        self.0.try_enter().map(RLockGuard)
    }

    /// Locks, unless `until` comes first. A lock that is free, or this thread's, is taken even if it has come.
    ///
    /// ```
    /// use stopwhen::{RLock, Signal, Stopped};
    ///
    /// let (lock, stop) = (RLock::new(1), Signal::new());
    /// let guard = lock.lock();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(lock.lock_until(&stop).err(), Some(Stopped)));
    ///     stop.go();
    /// });
    /// assert!(lock.lock_until(&stop).is_ok());
    /// # drop(guard);
    /// ```
    ///
    /// # Blocking
    /// Until no other thread is inside, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing has happened.
    ///
    /// # Panics
    /// If this thread holds it `usize::MAX` times already.
    #[inline]
    #[track_caller]
    #[doc(alias = "try_lock_for")]
    pub fn lock_until(&self, until: impl Until) -> Result<RLockGuard<'_, T>, Stopped> {
        self.0.enter(Some(&until)).map(RLockGuard).ok_or(Stopped)
    }

    /// Tells how many guards this thread has.
    #[inline]
    pub fn depth(&self) -> usize {
        self.0.depth()
    }

    /// Tells whether this thread holds it.
    #[inline]
    #[doc(alias = "is_owned_by_current_thread")]
    pub fn is_owned(&self) -> bool {
        self.depth() > 0
    }

    /// Tells whether any thread holds it just now.
    pub fn is_locked(&self) -> bool {
        self.0.is_entered()
    }

    /// Borrows the value; `&mut self` is proof enough that nobody is inside.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T: Default> Default for RLock<T> {
    fn default() -> RLock<T> {
        RLock::new(T::default())
    }
}

impl<T> From<T> for RLock<T> {
    fn from(value: T) -> RLock<T> {
        RLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = f.debug_struct("RLock");
        match self.try_lock() {
            Some(guard) => lock.field("data", &&*guard),
            None => lock.field("data", &format_args!("<locked>")),
        };
        lock.finish()
    }
}

/// One of its owner's looks at the value of an [`RLock`]. The last one that is dropped unlocks.
#[must_use = "a guard that is dropped at once locks nothing"]
pub struct RLockGuard<'a, T: ?Sized>(Look<'a, T>);

impl<T: ?Sized> Deref for RLockGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for RLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
