//! A value for one thread at a time, which may come in as often as it likes.
//!
//! A door of one permit lets the owner in; after that its own number does. It may look at the value, no more: another of its
//! looks may be under way.
//!
//! # Invariants
//! - O1  `owner` is written by the thread that holds the door's permit alone, and is its number meanwhile: who reads its own
//!   number there is the owner. Numbers are never used twice. (A Monitor's marks are; here a look that was forgotten would let a
//!   later thread in, unordered with it.)
//! - O2  `depth` is how many looks the owner has, touched by the owner alone. The one that takes it to zero leaves.
//! - O3  A look ends on the thread it began on. The value is reached through a look, or by who has the whole.
//!
//! # Orderings
//! The door's. `owner` is Relaxed: only one's own number counts, and one's own stores are seen in order.
//!
//! # Why not
//! - A Monitor: it would keep the line of those who wait for changes, and a value that is only looked at tells of none.
//! - A value outside, as `Lock`'s: `Sync` for a value that is only `Send` takes an unsafe line, which belongs here.
use super::cell::Guarded;
use super::door::Door;
use super::term::Leaves;
use crate::sys::{BareUsize, NOBODY, Ordering::*, const_fn, thread_id};
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

#[repr(C)]
pub(crate) struct Owned<T: ?Sized> {
    door: Door,
    /// O1.
    owner: BareUsize,
    /// O2.
    depth: Guarded<usize>,
    /// O3.
    value: T,
}

/// One look of the owner's. Dropping it ends it.
#[must_use]
pub(crate) struct Look<'a, T: ?Sized> {
    owned: &'a Owned<T>,
    /// O3.
    _here: PhantomData<*const ()>,
}

// SAFETY: the value is for the threads one at a time (O3), so `T: Send` is enough; depth is the owner's (O2).
unsafe impl<T: ?Sized + Send> Sync for Owned<T> {}
// SAFETY: a shared look gives `&T` and nothing else.
unsafe impl<T: ?Sized + Sync> Sync for Look<'_, T> {}

// No panic leaves anything of it half done: what may be so is the value's.
impl<T: ?Sized + UnwindSafe> UnwindSafe for Owned<T> {}
impl<T: ?Sized + RefUnwindSafe> RefUnwindSafe for Owned<T> {}

impl<T> Owned<T> {
    const_fn! {
        pub(crate) const fn new(value: T) -> Owned<T> {
            Owned { door: Door::new(1), owner: BareUsize::new(NOBODY), depth: Guarded::new(0), value }
        }
    }

    pub(crate) fn into_inner(self) -> T {
        self.value
    }
}

impl<T: ?Sized> Owned<T> {
    pub(crate) fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    pub(crate) fn is_entered(&self) -> bool {
        self.door.available() == 0
    }

    /// How many looks this thread has.
    #[inline]
    pub(crate) fn depth(&self) -> usize {
        // SAFETY: O2, O1.
        if self.is_mine() { unsafe { self.depth.get() } } else { 0 }
    }

    #[inline(always)]
    fn is_mine(&self) -> bool {
        self.owner.load(Relaxed) == thread_id()
    }

    /// Comes in, unless `until` (`None`: never) comes first.
    ///
    /// # Panics
    /// If this thread has `usize::MAX` looks.
    #[inline]
    #[track_caller]
    pub(crate) fn enter(&self, until: Option<&dyn Leaves>) -> Option<Look<'_, T>> {
        if self.is_mine() {
            let look = self.look_again();
            assert!(look.is_some(), "this thread holds this RLock usize::MAX times already");
            return look;
        }
        (self.door.enter() || self.door.acquire(1, until, "in RLock")).then(|| self.settle_in())
    }

    /// Comes in, if nobody else is inside and this thread has fewer than `usize::MAX` looks.
    #[inline]
    pub(crate) fn try_enter(&self) -> Option<Look<'_, T>> {
        if self.is_mine() {
            return self.look_again();
        }
        self.door.try_acquire(1).then(|| self.settle_in())
    }

    /// Nobody's → this thread's.
    #[inline(always)]
    fn settle_in(&self) -> Look<'_, T> {
        self.owner.store(thread_id(), Relaxed);
        // SAFETY: O2: the permit is ours.
        unsafe { self.depth.set(1) };
        Look { owned: self, _here: PhantomData }
    }

    /// One more, of the owner.
    #[inline(always)]
    fn look_again(&self) -> Option<Look<'_, T>> {
        // SAFETY: O2.
        let depth = unsafe { self.depth.get() }.checked_add(1)?;
        // SAFETY: O2.
        unsafe { self.depth.set(depth) };
        Some(Look { owned: self, _here: PhantomData })
    }
}

impl<T: ?Sized> Deref for Look<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.owned.value
    }
}

impl<T: ?Sized> Drop for Look<'_, T> {
    #[inline]
    fn drop(&mut self) {
        let owned = self.owned;
        // SAFETY: O2: ours until the last look has gone, and this one has not (O3).
        let depth = unsafe { owned.depth.get() } - 1;
        // SAFETY: as above.
        unsafe { owned.depth.set(depth) };
        if depth == 0 {
            owned.owner.store(NOBODY, Relaxed);
            owned.door.leave();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Nobody lives to see it happen by itself.
    #[test]
    fn too_deep_is_refused_and_changes_nothing() {
        let owned = Owned::new(7);
        let look = owned.enter(None).expect("nobody is inside");
        // SAFETY: O2.
        unsafe { owned.depth.set(usize::MAX) };
        assert!(owned.try_enter().is_none());
        assert!(catch_unwind(AssertUnwindSafe(|| owned.enter(None))).is_err());
        assert_eq!((owned.depth(), *look), (usize::MAX, 7));
        // SAFETY: O2.
        unsafe { owned.depth.set(1) };
        drop(look);
        assert!(!owned.is_entered());
    }
}
