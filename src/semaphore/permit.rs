//! Permits: what a semaphore gives, borrowed or owned.
use crate::sys::Shared;
use crate::wait::Door;
use std::fmt;
use std::mem::take;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Where permits come from and go back to.
pub(crate) trait Source: Send + Sync + UnwindSafe + RefUnwindSafe {
    fn door(&self) -> &Door;

    /// `n` permits will not come back by themselves.
    fn forgotten(&self, n: usize);
}

/// A number of permits of one source; they go back when it is dropped.
pub(crate) struct Share<P: Deref<Target: Source>> {
    of: P,
    n: usize,
}

impl<P: Deref<Target: Source>> Share<P> {
    /// Of `n` permits that were taken there.
    #[inline(always)]
    pub(crate) fn new(of: P, n: usize) -> Self {
        Share { of, n }
    }

    fn forget(&mut self) {
        self.of.forgotten(take(&mut self.n));
    }

    fn split(&mut self, n: usize) -> Option<Self>
    where
        P: Clone,
    {
        self.n = self.n.checked_sub(n)?;
        Some(Share { of: self.of.clone(), n })
    }

    #[track_caller]
    fn merge(&mut self, other: &mut Self) {
        assert!(std::ptr::eq(self.of.door(), other.of.door()), "merge of permits of two different semaphores");
        let both = self.n.checked_add(other.n).filter(|both| *both <= Door::MOST);
        let Some(both) = both else { panic!("merge to more than {} permits: MAX_PERMITS", Door::MOST) };
        (self.n, other.n) = (both, 0);
    }
}

impl<P: Deref<Target: Source>> Drop for Share<P> {
    #[inline(always)]
    fn drop(&mut self) {
        if self.n > 0 {
            self.of.door().release(self.n);
        }
    }
}

/// One or more permits of a [`Semaphore`](crate::Semaphore) or [`BoundedSemaphore`](crate::BoundedSemaphore).
///
/// They are given back when it is dropped, also by a panic.
///
/// ```
/// use stopwhen::Semaphore;
///
/// let slots = Semaphore::new(3);
/// let mut most = slots.acquire_many(3);
/// let one = most.split(1).expect("one of three");
/// drop(most);
/// assert_eq!((one.count(), slots.available()), (1, 2));
/// ```
///
/// # Panics
/// Dropping it panics if that makes more than [`MAX_PERMITS`](crate::Semaphore::MAX_PERMITS) available, which takes a `release` of
/// about as many while it was out; its permits are lost then. Those of a `BoundedSemaphore` always find room.
///
/// # Memory ordering
/// What came before it was given back happens before whoever takes it next.
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct Permit<'a>(pub(crate) Share<&'a dyn Source>);

/// A [`Permit`] that keeps its semaphore alive, and so can be sent anywhere.
///
/// ```
/// use std::sync::Arc;
/// use stopwhen::Semaphore;
///
/// let slots = Arc::new(Semaphore::new(2));
/// let permit = slots.acquire_owned();
/// std::thread::spawn(move || drop(permit)).join().unwrap();
/// assert_eq!(slots.available(), 2);
/// ```
#[must_use = "a permit that is dropped at once is given back at once"]
pub struct OwnedPermit(pub(crate) Share<Shared<dyn Source>>);

impl Permit<'_> {
    /// Tells how many permits it stands for.
    pub fn count(&self) -> usize {
        self.0.n
    }

    /// Ends it without giving anything back: its semaphore has so many permits less from now on.
    ///
    /// A [`BoundedSemaphore`](crate::BoundedSemaphore) counts them as forgotten, and can be given them back by its `release`.
    pub fn forget(mut self) {
        self.0.forget();
    }

    /// Takes `n` of its permits out, as one of their own. `None`, and no change, if it has fewer.
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.0.split(n).map(Permit)
    }

    /// Adds another's permits to its own.
    ///
    /// # Panics
    /// If the other is of another semaphore, or both together are more than
    /// [`MAX_PERMITS`](crate::Semaphore::MAX_PERMITS). The other's permits are given back then.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        self.0.merge(&mut other.0);
    }
}

impl OwnedPermit {
    /// Tells how many permits it stands for.
    pub fn count(&self) -> usize {
        self.0.n
    }

    /// Ends it without giving anything back: as [`Permit::forget`].
    pub fn forget(mut self) {
        self.0.forget();
    }

    /// Takes `n` of its permits out, as one of their own. `None`, and no change, if it has fewer.
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.0.split(n).map(OwnedPermit)
    }

    /// Adds another's permits to its own.
    ///
    /// # Panics
    /// As [`Permit::merge`].
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        self.0.merge(&mut other.0);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("count", &self.count()).finish()
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedPermit").field("count", &self.count()).finish()
    }
}

/// Refuses at once what there can never be.
#[track_caller]
#[inline]
pub(crate) fn at_most(n: usize, most: usize, name: &str) {
    assert!(n <= most, "{n} permits were asked for where there are {most} at most: {name}");
}
