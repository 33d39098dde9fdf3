//! BoundedSemaphore: a semaphore that never has more permits than it began with.
//!
//! Available, out and forgotten are the bound together (K3). A permit counts as forgotten from the moment on that nobody
//! can give it back by dropping it, until `release` takes it off that count and only then gives it back.
use crate::error::{AcquireError, OverRelease, Stopped};
use crate::semaphore::{OwnedPermit, Permit, Share, Source, at_most};
use crate::signal::Until;
use crate::sys::{AtomicUsize, Ordering::*, Shared, const_fn, guess};
use crate::wait::Door;
use std::fmt;

/// What a thread waits for here, in the words of who looks at it.
const WHAT: &str = "in BoundedSemaphore";

/// A [`Semaphore`](crate::Semaphore) that cannot be given more than was taken: its permits are so many, now and for ever.
///
/// Available permits, those that are out and those that were forgotten add up to the [`bound`](BoundedSemaphore::bound). Dropping a
/// permit gives it back and cannot fail; [`release`](BoundedSemaphore::release) gives back what was *forgotten*, and more than
/// that is an error.
///
/// ```
/// use stopwhen::{BoundedSemaphore, OverRelease};
///
/// static SLOTS: BoundedSemaphore = BoundedSemaphore::new(2);
///
/// SLOTS.acquire().forget(); // it will be given back elsewhere, without its permit
/// assert_eq!(SLOTS.available(), 1);
/// assert_eq!(SLOTS.release(1), Ok(()));
/// assert_eq!(SLOTS.release(1), Err(OverRelease));
/// assert_eq!(SLOTS.available(), 2);
/// ```
///
/// One with a single permit is also an event that resets itself: who waits takes the permit and forgets it, `release(1)` lets the next
/// one go on, and while nobody waits a second one changes nothing.
///
/// Order and fairness are those of a [`Semaphore`](crate::Semaphore#fairness).
///
/// # Memory ordering
/// What came before a permit was given back, or was forgotten, happens before whoever takes it next.
#[doc(alias = "AutoResetEvent")]
pub struct BoundedSemaphore {
    door: Door,
    bound: usize,
    /// What `release` may give back.
    forgotten: AtomicUsize,
}

impl BoundedSemaphore {
    const_fn! {
        /// Makes a semaphore with `bound` permits.
        ///
        /// # Panics
        /// If `bound` is more than [`Semaphore::MAX_PERMITS`](crate::Semaphore::MAX_PERMITS).
        #[track_caller]
        pub const fn new(bound: usize) -> BoundedSemaphore {
            assert!(bound <= Door::MOST, "a BoundedSemaphore of more than Semaphore::MAX_PERMITS permits");
            BoundedSemaphore { door: Door::new(bound), bound, forgotten: AtomicUsize::new(0) }
        }
    }

    /// Takes a permit; it is given back when dropped.
    ///
    /// # Blocking
    /// Until one is free. [`acquire_until`](BoundedSemaphore::acquire_until) can be ended.
    ///
    /// # Panics
    /// If the bound is 0.
    #[inline]
    #[track_caller]
    pub fn acquire(&self) -> Permit<'_> {
        self.acquire_many(1)
    }

    /// Takes a permit, unless `until` comes first. One that is free is taken even if it has come.
    ///
    /// # Blocking
    /// Until one is free, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing was taken.
    ///
    /// # Panics
    /// If the bound is 0.
    #[inline]
    #[track_caller]
    #[doc(alias = "acquire_timeout")]
    pub fn acquire_until(&self, until: impl Until) -> Result<Permit<'_>, Stopped> {
        self.at_most(1);
        if self.door.acquire(1, Some(&until), WHAT) { Ok(self.permit(1)) } else { Err(Stopped) }
    }

    /// Takes `n` permits, all at once; 0 are always there to be taken.
    ///
    /// # Blocking
    /// Until `n` are free at once. Where some were forgotten that may take a [`release`](BoundedSemaphore::release).
    ///
    /// # Panics
    /// If `n` is more than the bound.
    #[inline]
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> Permit<'_> {
        self.at_most(n);
        self.door.acquire(n, None, WHAT);
        self.permit(n)
    }

    /// Takes `n` permits, all at once, unless `until` comes first.
    ///
    /// ```
    /// use stopwhen::{AcquireError, BoundedSemaphore, Signal};
    ///
    /// let (slots, stop) = (BoundedSemaphore::new(2), Signal::new());
    /// assert_eq!(slots.acquire_many_until(3, &stop).err(), Some(AcquireError::TooMany));
    /// let both = slots.acquire_many_until(2, &stop)?;
    /// stop.go();
    /// assert_eq!(slots.acquire_many_until(1, &stop).err(), Some(AcquireError::Stopped));
    /// # drop(both);
    /// # Ok::<(), AcquireError>(())
    /// ```
    ///
    /// # Blocking
    /// Until `n` are free at once, or `until`.
    ///
    /// # Errors
    /// [`AcquireError::Stopped`] if `until` came; [`AcquireError::TooMany`], at once, if `n` is more than the bound. Nothing
    /// was taken then.
    pub fn acquire_many_until(&self, n: usize, until: impl Until) -> Result<Permit<'_>, AcquireError> {
        self.take_until(n, &until).map(|()| self.permit(n))
    }

    /// Takes a permit if one is free, unless those in line are being served in order just then, as by a `Semaphore`.
    #[inline]
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.try_acquire_many(1)
    }

    /// Takes `n` permits if as many are free, unless those in line are being served in order just then.
    #[inline]
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn try_acquire_many(&self, n: usize) -> Option<Permit<'_>> {
        self.door.try_acquire(n).then(|| self.permit(n))
    }

    /// As [`acquire`](BoundedSemaphore::acquire), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until one is free.
    ///
    /// # Panics
    /// If the bound is 0.
    #[track_caller]
    pub fn acquire_owned(self: &Shared<Self>) -> OwnedPermit {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_until`](BoundedSemaphore::acquire_until), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until one is free, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing was taken.
    ///
    /// # Panics
    /// If the bound is 0.
    #[track_caller]
    pub fn acquire_owned_until(self: &Shared<Self>, until: impl Until) -> Result<OwnedPermit, Stopped> {
        self.at_most(1);
        if self.door.acquire(1, Some(&until), WHAT) { Ok(self.owned_permit(1)) } else { Err(Stopped) }
    }

    /// As [`acquire_many`](BoundedSemaphore::acquire_many), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until `n` are free at once.
    ///
    /// # Panics
    /// If `n` is more than the bound.
    #[track_caller]
    pub fn acquire_many_owned(self: &Shared<Self>, n: usize) -> OwnedPermit {
        self.at_most(n);
        self.door.acquire(n, None, WHAT);
        self.owned_permit(n)
    }

    /// As [`acquire_many_until`](BoundedSemaphore::acquire_many_until), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until `n` are free at once, or `until`.
    ///
    /// # Errors
    /// As [`acquire_many_until`](BoundedSemaphore::acquire_many_until).
    pub fn acquire_many_owned_until(
        self: &Shared<Self>,
        n: usize,
        until: impl Until,
    ) -> Result<OwnedPermit, AcquireError> {
        self.take_until(n, &until).map(|()| self.owned_permit(n))
    }

    /// As [`try_acquire`](BoundedSemaphore::try_acquire), with a permit that owns its semaphore.
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn try_acquire_owned(self: &Shared<Self>) -> Option<OwnedPermit> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](BoundedSemaphore::try_acquire_many), with a permit that owns its semaphore.
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn try_acquire_many_owned(self: &Shared<Self>, n: usize) -> Option<OwnedPermit> {
        self.door.try_acquire(n).then(|| self.owned_permit(n))
    }

    /// Gives `n` forgotten permits back.
    ///
    /// ```
    /// use stopwhen::{BoundedSemaphore, OverRelease};
    ///
    /// let buffers = BoundedSemaphore::new(2);
    /// let permit = buffers.acquire();
    /// assert_eq!(buffers.release(1), Err(OverRelease)); // it is out, not forgotten
    /// permit.forget();
    /// assert_eq!(buffers.release(1), Ok(()));
    /// assert_eq!(buffers.available(), buffers.bound());
    /// ```
    ///
    /// # Errors
    /// [`OverRelease`] if fewer were forgotten; then nothing is changed.
    #[doc(alias = "add_permits")]
    pub fn release(&self, n: usize) -> Result<(), OverRelease> {
        let mut forgotten = guess!(self.forgotten);
        loop {
            let left = forgotten.checked_sub(n).ok_or(OverRelease)?;
            // ORDERING: Acquire: what came before they were forgotten goes with them, their being taken above all.
            match self.forgotten.compare_exchange_weak(forgotten, left, Acquire, Relaxed) {
                Ok(_) => break,
                Err(now) => forgotten = now,
            }
        }
        self.door.release(n);
        Ok(())
    }

    /// Tells how many permits there are in all.
    pub fn bound(&self) -> usize {
        self.bound
    }

    /// Tells how many permits are free now; it may be another number by then.
    #[doc(alias = "available_permits")]
    pub fn available(&self) -> usize {
        self.door.available()
    }

    /// Tells how many threads wait for permits now.
    pub fn waiting(&self) -> usize {
        self.door.waiting()
    }

    /// Takes up to `n` of the permits that are free now, whoever waits for them, and counts them as forgotten; says how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        let taken = self.door.take_up_to(n);
        self.forgotten(taken);
        taken
    }

    /// Takes all permits that are free now, and counts them as forgotten; says how many.
    #[doc(alias = "drain_permits")]
    pub fn drain(&self) -> usize {
        self.forget_permits(usize::MAX)
    }

    #[inline(always)]
    fn permit(&self, n: usize) -> Permit<'_> {
        Permit(Share::new(self, n))
    }

    fn owned_permit(self: &Shared<Self>, n: usize) -> OwnedPermit {
        OwnedPermit(Share::new(self.clone(), n))
    }

    #[inline]
    #[track_caller]
    fn at_most(&self, n: usize) {
        at_most(n, self.bound, "the bound of this BoundedSemaphore");
    }

    fn take_until(&self, n: usize, until: &dyn Until) -> Result<(), AcquireError> {
        if n > self.bound {
            return Err(AcquireError::TooMany);
        }
        if self.door.acquire(n, Some(&until), WHAT) { Ok(()) } else { Err(AcquireError::Stopped) }
    }
}

impl Source for BoundedSemaphore {
    fn door(&self) -> &Door {
        &self.door
    }

    /// ORDERING: Release: who gives them back has their being taken behind it, so there are never more than the bound.
    fn forgotten(&self, n: usize) {
        self.forgotten.fetch_add(n, Release);
    }
}

impl fmt::Debug for BoundedSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("BoundedSemaphore");
        shown.field("available", &self.available()).field("bound", &self.bound).field("waiting", &self.waiting());
        shown.finish()
    }
}
