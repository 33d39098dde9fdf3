//! Semaphore: a door, and what it gives.
mod permit;

pub use permit::{OwnedPermit, Permit};
pub(crate) use permit::{Share, Source, at_most};

use crate::error::Stopped;
use crate::signal::Until;
use crate::sys::{Shared, const_fn};
use crate::wait::{Door, Leaves};
use std::fmt;

/// What a thread waits for here, in the words of who looks at it.
const WHAT: &str = "in Semaphore";

/// A number of permits, to be taken and given back.
///
/// ```
/// use stopwhen::{Semaphore, Signal};
///
/// static CONNECTIONS: Semaphore = Semaphore::new(100);
///
/// fn serve(shutdown: &Signal) -> Result<(), stopwhen::Stopped> {
///     let _permit = CONNECTIONS.acquire_until(shutdown)?; // given back when dropped
///     // … a connection …
///     Ok(())
/// }
/// # serve(&Signal::new()).unwrap();
/// ```
///
/// There is no `close`: pass the signal that closes to the calls that wait.
///
/// # Fairness
/// Those who wait are served in order, each with as many permits as it asked for, all at once. Newcomers may take what is free
/// until the first in line has waited for a millisecond and was found unserved; from then on they queue. So a large request
/// is never starved.
///
/// # Nothing is lost
/// Available and acquired permits add up to the total whenever no call is in progress, whatever is stopped, dropped or panics. The
/// total changes by [`release`](Semaphore::release), [`forget`](Permit::forget), [`forget_permits`](Semaphore::forget_permits)
/// and [`drain`](Semaphore::drain) alone.
///
/// # Memory ordering
/// What came before a permit was given back happens before whoever takes it next.
#[doc(alias = "CountingSemaphore")]
pub struct Semaphore {
    door: Door,
}

impl Semaphore {
    /// The most permits that may be available at once: a sixteenth of what a `usize` counts.
    pub const MAX_PERMITS: usize = Door::MOST;

    const_fn! {
        /// Makes a semaphore with `n` permits.
        ///
        /// # Panics
        /// If `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
        #[track_caller]
        pub const fn new(n: usize) -> Semaphore {
            assert!(n <= Semaphore::MAX_PERMITS, "a Semaphore of more than Semaphore::MAX_PERMITS permits");
            Semaphore { door: Door::new(n) }
        }
    }

    /// Takes a permit; it is given back when dropped.
    ///
    /// # Blocking
    /// Until one is free. [`acquire_until`](Semaphore::acquire_until) can be ended.
    #[inline]
    pub fn acquire(&self) -> Permit<'_> {
        self.door.acquire(1, None, WHAT);
        self.permit(1)
    }

    /// Takes a permit, unless `until` comes first. One that is free is taken even if it has come.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::{Semaphore, Signal, Stopped};
    ///
    /// let (slots, stop) = (Semaphore::new(1), Signal::new());
    /// let permit = slots.acquire_until(&stop)?;
    /// std::thread::scope(|s| {
    ///     s.spawn(|| assert_eq!(slots.acquire_until((&stop, Duration::from_secs(60))).err(), Some(Stopped)));
    ///     stop.go();
    /// });
    /// # drop(permit);
    /// # Ok::<(), Stopped>(())
    /// ```
    ///
    /// # Blocking
    /// Until one is free, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing was taken.
    #[inline]
    #[doc(alias = "acquire_timeout")]
    pub fn acquire_until(&self, until: impl Until) -> Result<Permit<'_>, Stopped> {
        if self.door.acquire(1, Some(&until), WHAT) { Ok(self.permit(1)) } else { Err(Stopped) }
    }

    /// Takes `n` permits, all at once; 0 are always there to be taken.
    ///
    /// ```
    /// use stopwhen::Semaphore;
    ///
    /// let readers = Semaphore::new(8); // a lock for eight readers, or one writer
    /// let writer = readers.acquire_many(8);
    /// assert!(readers.try_acquire().is_none());
    /// drop(writer);
    /// let reader = readers.acquire();
    /// assert_eq!(readers.available(), 7);
    /// # drop(reader);
    /// ```
    ///
    /// # Blocking
    /// Until `n` are free at once; for ever, if there never are so many.
    ///
    /// # Panics
    /// If `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    #[track_caller]
    pub fn acquire_many(&self, n: usize) -> Permit<'_> {
        self.take(n, None);
        self.permit(n)
    }

    /// Takes `n` permits, all at once, unless `until` comes first.
    ///
    /// # Blocking
    /// Until `n` are free at once, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing was taken.
    ///
    /// # Panics
    /// If `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    #[track_caller]
    pub fn acquire_many_until(&self, n: usize, until: impl Until) -> Result<Permit<'_>, Stopped> {
        if self.take(n, Some(&until)) { Ok(self.permit(n)) } else { Err(Stopped) }
    }

    /// Takes a permit if one is free, unless those in line are being served in order just then: see [Fairness](Semaphore#fairness).
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

    /// As [`acquire`](Semaphore::acquire), with a permit that owns its semaphore.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use stopwhen::Semaphore;
    ///
    /// let slots = Arc::new(Semaphore::new(2));
    /// let mut workers = Vec::new();
    /// for _ in 0..4 {
    ///     let permit = slots.acquire_owned(); // two at a time
    ///     workers.push(std::thread::spawn(move || drop(permit)));
    /// }
    /// workers.into_iter().for_each(|worker| worker.join().unwrap());
    /// assert_eq!(slots.available(), 2);
    /// ```
    ///
    /// # Blocking
    /// Until one is free.
    pub fn acquire_owned(self: &Shared<Self>) -> OwnedPermit {
        self.acquire_many_owned(1)
    }

    /// As [`acquire_until`](Semaphore::acquire_until), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until one is free, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing was taken.
    pub fn acquire_owned_until(self: &Shared<Self>, until: impl Until) -> Result<OwnedPermit, Stopped> {
        self.acquire_many_owned_until(1, until)
    }

    /// As [`acquire_many`](Semaphore::acquire_many), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until `n` are free at once.
    ///
    /// # Panics
    /// If `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    #[track_caller]
    pub fn acquire_many_owned(self: &Shared<Self>, n: usize) -> OwnedPermit {
        self.take(n, None);
        self.owned_permit(n)
    }

    /// As [`acquire_many_until`](Semaphore::acquire_many_until), with a permit that owns its semaphore.
    ///
    /// # Blocking
    /// Until `n` are free at once, or `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came; then nothing was taken.
    ///
    /// # Panics
    /// If `n` is more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS).
    #[track_caller]
    pub fn acquire_many_owned_until(self: &Shared<Self>, n: usize, until: impl Until) -> Result<OwnedPermit, Stopped> {
        if self.take(n, Some(&until)) { Ok(self.owned_permit(n)) } else { Err(Stopped) }
    }

    /// As [`try_acquire`](Semaphore::try_acquire), with a permit that owns its semaphore.
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn try_acquire_owned(self: &Shared<Self>) -> Option<OwnedPermit> {
        self.try_acquire_many_owned(1)
    }

    /// As [`try_acquire_many`](Semaphore::try_acquire_many), with a permit that owns its semaphore.
    #[must_use = "a permit that is dropped at once is given back at once"]
    pub fn try_acquire_many_owned(self: &Shared<Self>, n: usize) -> Option<OwnedPermit> {
        self.door.try_acquire(n).then(|| self.owned_permit(n))
    }

    /// Makes `n` new permits.
    ///
    /// ```
    /// use stopwhen::Semaphore;
    ///
    /// let ready = Semaphore::new(0);
    /// std::thread::scope(|s| {
    ///     s.spawn(|| ready.acquire_many(3).forget()); // waits for three things to be done
    ///     ready.release(1);
    ///     ready.release(2);
    /// });
    /// assert_eq!(ready.available(), 0);
    /// ```
    ///
    /// # Panics
    /// If more than [`MAX_PERMITS`](Semaphore::MAX_PERMITS) would be available then; nothing is changed.
    #[track_caller]
    #[doc(alias = "add_permits")]
    pub fn release(&self, n: usize) {
        if self.door.add(n).is_err() {
            panic!("release({n}) would make more than {} permits: Semaphore::MAX_PERMITS", Semaphore::MAX_PERMITS);
        }
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

    /// Takes up to `n` of the permits that are free now, for ever; says how many.
    pub fn forget_permits(&self, n: usize) -> usize {
        self.door.take_up_to(n)
    }

    /// Takes all permits that are free now, for ever; says how many.
    #[doc(alias = "drain_permits")]
    pub fn drain(&self) -> usize {
        self.door.take_up_to(usize::MAX)
    }

    #[inline(always)]
    fn permit(&self, n: usize) -> Permit<'_> {
        Permit(Share::new(self, n))
    }

    fn owned_permit(self: &Shared<Self>, n: usize) -> OwnedPermit {
        OwnedPermit(Share::new(self.clone(), n))
    }

    #[track_caller]
    fn take(&self, n: usize, until: Option<&dyn Leaves>) -> bool {
        at_most(n, Semaphore::MAX_PERMITS, "Semaphore::MAX_PERMITS");
        self.door.acquire(n, until, WHAT)
    }
}

impl Source for Semaphore {
    fn door(&self) -> &Door {
        &self.door
    }

    fn forgotten(&self, _n: usize) {}
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("available", &self.available()).field("waiting", &self.waiting()).finish()
    }
}
