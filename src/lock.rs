//! Lock: a monitor with the data inside.
// The only unsafe code outside `wait`: the data cell, reached from inside the monitor alone.
use crate::error::Stopped;
use crate::signal::Until;
use crate::sys::const_fn;
use crate::wait::{Monitor, Term, Visit};
use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A lock around a value, on which threads also wait for that value to change.
///
/// One thread at a time is inside, by a [`LockGuard`]. A guard can *wait*: it leaves, sleeps until another thread has changed
/// the value, and **always holds the lock again when it returns**, whatever ended it. Nobody has to tell: leaving tells.
///
/// ```
/// use std::collections::VecDeque;
/// use stopwhen::{Lock, Signal, Stopped};
///
/// static WORK: Lock<VecDeque<u32>> = Lock::new(VecDeque::new());
///
/// let stop = Signal::new();
/// std::thread::scope(|s| {
///     s.spawn(|| {
///         let mut queue = WORK.lock();
///         assert_eq!(queue.wait_some(|q| q.pop_front()), 7);
///         // Any signal, time, or both may end a wait, and the lock is held again all the same.
///         assert_eq!(queue.wait_some_until(|q| q.pop_front(), &stop), Err(Stopped));
///         assert!(queue.is_empty());
///     });
///     WORK.lock().push_back(7);
///     stop.go();
/// });
/// ```
///
/// # What is a change
/// The end of a guard that never waited, or through which the value was borrowed mutably since it last did; a wait after a mutable
/// borrow; a closure of [`wait_some`](LockGuard::wait_some) or [`wait_while`](LockGuard::wait_while) that answered or panicked;
/// [`LockGuard::notify_all`]. After a change each waiter gets a look at the value as it is then, one after the other, in the
/// order in which they last looked; several changes may be one look. A closure that answers "not yet" promises that
/// it changed nothing. A value that changes in other ways (cells, atomics, something outside) before or after a wait of the same guard
/// needs `notify_all`.
///
/// While nothing changes nobody wakes. Who looks by waiting on a guard that has borrowed the value mutably may have looked in
/// vain: after 16 such waits with no other change between them that anybody waited for, the next ones are told late, by up to a millisecond for each waiter.
/// Look by `wait_some`, `wait_while` or without a mutable borrow, and nothing is ever late.
///
/// # Fairness
/// Whoever is awake may come in first. A thread that has queued for over a millisecond and tried in vain is let in at the
/// next unlock, before any newcomer. (An age, not a latency: the scheduler's share comes on top.)
///
/// # Misuse
/// Locking again on the thread that holds the lock panics, and says where it was locked first; `try_lock` is `None` then. A
/// forgotten guard locks it for ever. There is no poisoning: [`panicked_inside`](Lock::panicked_inside) tells.
///
/// # Memory ordering
/// What came before a guard's end, or its wait, happens before whoever is inside next.
#[doc(alias = "Mutex")]
#[doc(alias = "Monitor")]
#[doc(alias = "Condvar")]
#[repr(C)]
pub struct Lock<T: ?Sized> {
    monitor: Monitor,
    data: UnsafeCell<T>,
}

// SAFETY: the data goes from thread to thread, one at a time (M1).
unsafe impl<T: ?Sized + Send> Send for Lock<T> {}
// SAFETY: as above; sharing the lock gives exclusive access in turns.
unsafe impl<T: ?Sized + Send> Sync for Lock<T> {}

// A panic that passes leaves the lock open and its waiters told; of the value, `panicked_inside` tells.
impl<T: ?Sized> UnwindSafe for Lock<T> {}
impl<T: ?Sized> RefUnwindSafe for Lock<T> {}

impl<T> Lock<T> {
    const_fn! {
        /// Makes a lock around a value.
        pub const fn new(value: T) -> Lock<T> {
            Lock { monitor: Monitor::new(), data: UnsafeCell::new(value) }
        }
    }

    /// Gives the value back.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Lock<T> {
    /// Locks; the guard unlocks when dropped.
    ///
    /// # Blocking
    /// Until no other thread is inside. [`lock_until`](Lock::lock_until) can be ended.
    ///
    /// # Panics
    /// If this thread holds the lock already.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> LockGuard<'_, T> {
        self.guard(self.monitor.enter())
    }

    /// Locks if nobody holds it, unless it is just then for the first of those in line: see [Fairness](Lock#fairness).
    #[inline]
    #[track_caller]
    #[must_use = "a guard that is dropped at once locks nothing"]
    pub fn try_lock(&self) -> Option<LockGuard<'_, T>> {
        self.monitor.try_enter().map(|visit| self.guard(visit))
    }

    /// Locks, unless `until` comes first. A lock that is free is taken even if it has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Lock, Signal, Stopped};
    ///
    /// let (lock, stop) = (Lock::new(1), Signal::new());
    /// let guard = lock.lock();
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(lock.lock_until((&stop, Duration::from_secs(60))).err(), Some(Stopped)));
    ///     stop.go();
    /// });
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
    /// If this thread holds the lock already.
    #[inline]
    #[track_caller]
    #[doc(alias = "try_lock_for")]
    pub fn lock_until(&self, until: impl Until) -> Result<LockGuard<'_, T>, Stopped> {
        self.monitor.enter_until(&until).map(|visit| self.guard(visit)).ok_or(Stopped)
    }

    /// Tells whether somebody is inside just now.
    pub fn is_locked(&self) -> bool {
        self.monitor.is_entered()
    }

    /// Borrows the value; `&mut self` is proof enough that nobody is inside.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Tells whether a panic has passed through a guard of this lock, ever: the value may be half changed.
    ///
    /// One that was caught while the guard lived, as around a closure of `wait_some`, has not passed it.
    ///
    /// A lock that is used by a `Drop` while a panic passes has seen none itself.
    ///
    /// ```
    /// use stopwhen::Lock;
    ///
    /// let balance = Lock::new(10);
    /// let transfer = || -> u32 {
    ///     let mut balance = balance.lock();
    ///     *balance -= 3;
    ///     panic!("half way");
    /// };
    /// std::panic::catch_unwind(transfer).unwrap_err();
    /// assert_eq!(*balance.lock(), 7); // open all the same
    /// assert!(balance.panicked_inside());
    /// ```
    #[doc(alias = "is_poisoned")]
    pub fn panicked_inside(&self) -> bool {
        self.monitor.panicked_inside()
    }

    #[inline(always)]
    fn guard<'a>(&'a self, visit: Visit<'a>) -> LockGuard<'a, T> {
        LockGuard { visit, data: &self.data, _here: PhantomData }
    }
}

impl<T: Default> Default for Lock<T> {
    fn default() -> Lock<T> {
        Lock::new(T::default())
    }
}

impl<T> From<T> for Lock<T> {
    fn from(value: T) -> Lock<T> {
        Lock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Lock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lock = f.debug_struct("Lock");
        match self.try_lock() {
            Some(guard) => {
                lock.field("data", &&*guard);
                LockGuard::quiet(guard); // to look is no change
            }
            None => drop(lock.field("data", &format_args!("<locked>"))),
        }
        lock.field("panicked_inside", &self.panicked_inside()).finish()
    }
}

/// Being inside a [`Lock`]: reads and writes its value, waits for it to change, and unlocks when dropped.
///
/// Its own names hide the value's: of a `Lock<Signal>`, `guard.wait()` waits for a change, `(*guard).wait()` for the signal.
#[must_use = "a guard that is dropped at once locks nothing"]
pub struct LockGuard<'a, T: ?Sized> {
    visit: Visit<'a>,
    data: &'a UnsafeCell<T>,
    /// It ends on the thread it began on.
    _here: PhantomData<*const ()>,
}

// SAFETY: a shared guard gives `&T`, and `notify_all`, which is one store to an atomic.
unsafe impl<T: ?Sized + Sync> Sync for LockGuard<'_, T> {}

impl<'a, T: ?Sized> LockGuard<'a, T> {
    /// Waits for a change made by another thread.
    ///
    /// It leaves, so what this guard has changed is told; and is inside again when it returns. It does not return without
    /// a change, but the value may have changed back: ask it.
    ///
    /// # Blocking
    /// Until there was a change, and it is this thread's turn to look.
    pub fn wait(&mut self) {
        self.visit.wait(&Term::never("in Lock::wait"));
    }

    /// Waits for a change, or `until`. Either way the lock is held again.
    ///
    /// Even if `until` has come already the lock is let go of once: a loop around this keeps nobody out.
    ///
    /// # Blocking
    /// As [`wait`](LockGuard::wait), or until `until`, and then until the lock is free.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came and no change was told. The lock is held all the same.
    ///
    /// # Cancel safety
    /// A change that is told to a waiter that was stopped meanwhile is told to the next.
    #[doc(alias = "wait_timeout")]
    pub fn wait_until(&mut self, until: impl Until) -> Result<(), Stopped> {
        if self.visit.wait(&Term::of("in Lock::wait", &until)) { Ok(()) } else { Err(Stopped) }
    }

    /// Waits while `f` says so of the value.
    ///
    /// # Blocking
    /// Until `f` is false.
    pub fn wait_while(&mut self, mut f: impl FnMut(&mut T) -> bool) {
        self.wait_some(|value| (!f(value)).then_some(()));
    }

    /// Waits while `f` says so of the value, or until `until`; then `f` is asked once more.
    ///
    /// ```
    /// use stopwhen::{Lock, Signal};
    ///
    /// let (loading, stop) = (Lock::new(true), Signal::new());
    /// std::thread::scope(|s| {
    ///     s.spawn(|| *loading.lock() = false);
    ///     assert_eq!(loading.lock().wait_while_until(|loading| *loading, &stop), Ok(()));
    /// });
    /// ```
    ///
    /// # Blocking
    /// Until `f` is false, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came and `f` was still true. The lock is held all the same.
    #[doc(alias = "wait_while_for")]
    pub fn wait_while_until(&mut self, mut f: impl FnMut(&mut T) -> bool, until: impl Until) -> Result<(), Stopped> {
        self.wait_some_until(|value| (!f(value)).then_some(()), until)
    }

    /// Waits until `f` makes something of the value, and returns that.
    ///
    /// `f` is asked at once and then after each change. `None` promises that it changed nothing.
    ///
    /// ```
    /// use stopwhen::Lock;
    ///
    /// let jobs = Lock::new(vec![]);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| jobs.lock().push("sweep"));
    ///     assert_eq!(jobs.lock().wait_some(|jobs| jobs.pop()), "sweep");
    /// });
    /// ```
    ///
    /// # Blocking
    /// Until `f` answers.
    ///
    /// # Panics
    /// If `f` does; what it has changed by then is told as a change.
    #[doc(alias = "wait_for")]
    pub fn wait_some<R>(&mut self, mut f: impl FnMut(&mut T) -> Option<R>) -> R {
        loop {
            if let Some(answer) = Self::ask(self, &mut f) {
                return answer;
            }
            self.visit.wait(&Term::never("in Lock::wait"));
        }
    }

    /// Waits until `f` makes something of the value, or until `until`; then `f` is asked once more.
    ///
    /// # Blocking
    /// Until `f` answers, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came and `f` had no answer. The lock is held all the same.
    ///
    /// # Panics
    /// If `f` does; what it has changed by then is told as a change.
    pub fn wait_some_until<R>(&mut self, f: impl FnMut(&mut T) -> Option<R>, until: impl Until) -> Result<R, Stopped> {
        Self::wait_some_as(self, ("in Lock::wait", None), f, until)
    }

    /// As `wait_some_until`; in words it waits like that: `for its next turn`, `for a pause` of a thing of that name.
    pub(crate) fn wait_some_as<R>(
        this: &mut Self,
        (what, name): (&'static str, Option<&str>),
        mut f: impl FnMut(&mut T) -> Option<R>,
        until: impl Until,
    ) -> Result<R, Stopped> {
        if let Some(answer) = Self::ask(this, &mut f) {
            return Ok(answer);
        }
        let term = Term::of(what, &until).named(name);
        loop {
            let told = this.visit.wait(&term);
            match Self::ask(this, &mut f) {
                Some(answer) => return Ok(answer),
                None if told => {}
                None => return Err(Stopped),
            }
        }
    }

    pub(crate) fn ask<R>(this: &mut Self, f: &mut impl FnMut(&mut T) -> Option<R>) -> Option<R> {
        let data = this.data;
        // SAFETY: we are inside, and the guard is borrowed mutably.
        this.visit.ask(|| f(unsafe { &mut *data.get() }))
    }

    /// Unlocks, runs `f`, and locks again, also if `f` panics.
    ///
    /// ```
    /// use stopwhen::{Lock, LockGuard};
    ///
    /// let log = Lock::new(vec!["a", "b"]);
    /// let mut lines = log.lock();
    /// while let Some(line) = lines.pop() {
    ///     LockGuard::unlocked(&mut lines, || println!("{line}")); // others may push meanwhile
    /// }
    /// ```
    ///
    /// # Blocking
    /// After `f`, until no other thread is inside.
    pub fn unlocked<R>(this: &mut Self, f: impl FnOnce() -> R) -> R {
        this.visit.outside(f)
    }

    /// Counts what this guard does as a change: for a value that changes without a mutable borrow.
    ///
    /// The waiters are told when the guard ends or waits.
    pub fn notify_all(this: &Self) {
        this.visit.notify_all();
    }

    /// Unlocks and tells nobody: what this guard has seen and done is no change.
    pub fn quiet(this: Self) {
        this.visit.quiet();
    }

    pub(crate) fn visit(this: &mut Self) -> &mut Visit<'a> {
        &mut this.visit
    }
}

impl<T: ?Sized> Deref for LockGuard<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: we are inside.
        unsafe { &*self.data.get() }
    }
}

impl<T: ?Sized> DerefMut for LockGuard<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.visit.touch();
        // SAFETY: we are inside, and the guard is borrowed mutably.
        unsafe { &mut *self.data.get() }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for LockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
