//! A plain cell whose guardian (a lock bit, a claim, sole ownership) is named in its field's comment.
use crate::sys::{UnsafeCell, const_fn};

/// A `Copy` value for its guardian alone; loom checks every access against that claim.
pub(super) struct Guarded<T>(UnsafeCell<T>);

impl<T: Copy> Guarded<T> {
    const_fn! {
        pub const fn new(value: T) -> Self {
            Guarded(UnsafeCell::new(value))
        }
    }

    /// # Safety
    /// The caller guards the cell now, or its value is frozen and that is known to the caller.
    #[inline(always)]
    pub unsafe fn get(&self) -> T {
        // SAFETY: the caller's promise: nobody writes meanwhile.
        self.0.with(|p| unsafe { *p })
    }

    /// # Safety
    /// The caller alone guards the cell now.
    #[inline(always)]
    pub unsafe fn set(&self, value: T) {
        // SAFETY: the caller's promise: nobody reads or writes meanwhile.
        self.0.with_mut(|p| unsafe { *p = value })
    }
}
