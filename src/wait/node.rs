//! Nodes, the rings they hang on, the chains they travel in.
//!
//! A core's ring is circular and doubly linked; its word points at the first node. Composites' slots and waiters are
//! hung in front, callbacks behind: so whoever takes the ring apart meets all that must be told first, the newest in front, and
//! what is left is a chain of callbacks, taken over whole.
use super::cell::Guarded;
use crate::sys::AtomicU32;
use std::ptr::null_mut;

/// What a node is the head of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(super) enum Class {
    /// A composite's link to one of its inputs (`compose`).
    Slot = 0,
    /// A task, or a thread that waits for several signals (`waiter`).
    Waiter = 1,
    /// A callback without a handle (`callback`).
    Free = 2,
    /// A callback with a `Then` (`callback`).
    Held = 3,
    /// A delayed signal's hook on its source (`delayed`).
    Start = 4,
    /// A child's link to its parent: a slot, of those that are told the newest first.
    Child = 5,
}

const CLASS_BITS: u32 = 3;
/// Slots of one composite are numbered in what `kind` has left beside the class.
pub(super) const MOST_SLOTS: usize = 1 << (u32::BITS - CLASS_BITS - 1);

/// The head of every node: 32 bytes.
#[repr(C, align(16))]
pub(super) struct Link {
    /// W3; of a node that travels, its owner's.
    pub next: Guarded<*mut Link>,
    /// W3; null: on no ring. A callback's, once it is off the ring: who runs or drops it.
    pub prev: Guarded<*mut Link>,
    /// Slot: its input. Callback: its function. Never changes.
    pub aux: *const (),
    /// Callback with a handle: its state. Slot: what `compose` notes there. Others: unused.
    pub tag: AtomicU32,
    kind: u32,
}

impl Link {
    pub fn new(class: Class, index: u32, tag: u32, aux: *const ()) -> Self {
        Link {
            next: Guarded::new(null_mut()),
            prev: Guarded::new(null_mut()),
            aux,
            tag: AtomicU32::new(tag),
            kind: index << CLASS_BITS | class as u32,
        }
    }

    pub fn class(&self) -> Class {
        match self.kind & ((1 << CLASS_BITS) - 1) {
            0 => Class::Slot,
            1 => Class::Waiter,
            2 => Class::Free,
            3 => Class::Held,
            4 => Class::Start,
            _ => Class::Child,
        }
    }

    pub fn is_callback(&self) -> bool {
        self.kind & Class::Free as u32 != 0
    }

    /// A slot's place among its composite's.
    pub fn index(&self) -> u32 {
        self.kind >> CLASS_BITS
    }
}

/// Makes `l` a ring of its own.
///
/// # Safety
/// The caller owns `l`, which is on no ring.
pub(super) unsafe fn alone(l: *mut Link) {
    // SAFETY: the caller owns the node.
    unsafe {
        (*l).next.set(l);
        (*l).prev.set(l);
    }
}

/// Puts `l` into a ring, right before `at`.
///
/// # Safety
/// The caller guards the ring of `at` and owns `l`, which is on no ring.
pub(super) unsafe fn insert_before(at: *mut Link, l: *mut Link) {
    // SAFETY: every node of the ring is alive and guarded by the caller (W3).
    unsafe {
        let before = (*at).prev.get();
        (*l).next.set(at);
        (*l).prev.set(before);
        (*before).next.set(l);
        (*at).prev.set(l);
    }
}

/// Takes `l` off its ring and says what followed it: `l` itself if it was alone.
///
/// # Safety
/// The caller guards the ring that `l` is on.
pub(super) unsafe fn take_off(l: *mut Link) -> *mut Link {
    // SAFETY: every node of the ring is alive and guarded by the caller (W3).
    unsafe {
        let (next, prev) = ((*l).next.get(), (*l).prev.get());
        (*prev).next.set(next);
        (*next).prev.set(prev);
        (*l).prev.set(null_mut());
        next
    }
}

/// Opens a ring into a chain that starts at `first` and says which node ends it.
///
/// # Safety
/// The caller guards the ring; from now on it owns the chain.
pub(super) unsafe fn open(first: *mut Link) -> *mut Link {
    // SAFETY: as above.
    unsafe {
        let last = (*first).prev.get();
        (*last).next.set(null_mut());
        last
    }
}

/// Nodes chained through `next`, on no ring, owned by whoever holds the chain.
pub(super) struct Chain {
    first: *mut Link,
    last: *mut Link,
}

impl Chain {
    pub const fn new() -> Self {
        Chain { first: null_mut(), last: null_mut() }
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_null()
    }

    /// # Safety
    /// The caller gives up the nodes from `first` to `last`, which are chained and end with null.
    pub unsafe fn append(&mut self, first: *mut Link, last: *mut Link) {
        if self.first.is_null() {
            self.first = first;
        } else {
            // SAFETY: the chain's last node is ours.
            unsafe { (*self.last).next.set(first) }
        }
        self.last = last;
    }

    /// # Safety
    /// The caller gives up `l`, which is on no ring.
    pub unsafe fn push(&mut self, l: *mut Link) {
        // SAFETY: the node is ours from here on.
        unsafe {
            (*l).next.set(null_mut());
            self.append(l, l);
        }
    }

    /// # Safety
    /// The caller gives up `l`, which is on no ring.
    pub unsafe fn prepend(&mut self, l: *mut Link) {
        // SAFETY: the node is ours from here on.
        unsafe { (*l).next.set(self.first) }
        if self.first.is_null() {
            self.last = l;
        }
        self.first = l;
    }

    /// Puts all of `other` before what is here.
    pub fn put_before(&mut self, mut other: Chain) {
        if !other.is_empty() {
            if !self.is_empty() {
                // SAFETY: both chains are ours, and this one ends as it did.
                unsafe { other.append(self.first, self.last) }
            }
            *self = other;
        }
    }

    pub fn pop(&mut self) -> Option<*mut Link> {
        let l = self.first;
        if l.is_null() {
            return None;
        }
        // SAFETY: the chain's nodes are ours and alive.
        self.first = unsafe { (*l).next.get() };
        Some(l)
    }
}
