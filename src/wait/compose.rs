//! Composites: any, all, at least k of n; children. One allocation: header and slots.
//!
//! ```text
//!   UNLINKED ──first observer──► LINKING ──the same──► LINKED       slots hang on the inputs from LINKING on
//! ```
//!
//! C1  An UNLINKED composite hangs on nothing: a poll asks its inputs. Nothing hangs on it either, nobody sleeps at it.
//! C2  It is linked once, children first, by one thread; others wait for that. Unlinked only at its end: risen, dead or
//!     without user. Who hangs a slot late, while it ends, takes it off again.
//! C3  A slot is on its input's ring iff its `prev` is set, asked under the input's LOCK. Whoever takes it off
//!     owns the pin that came with it.
//! C4  `remaining` is counted down once for each slot, by the raiser that took it off or by the linker that found
//!     the input UP. Who takes it past zero raises the composite. `live` likewise for inputs that died, under our LOCK;
//!     a child's hands count as one more input.
//! C5  Weight, the loads one poll costs, is that of all pulled inputs, plus one where there is only one; a child counts
//!     as heavy (its `go` must find its own word to the point, or a loser could not tell whether what is above followed).
//!     Beyond `PULL`: linked and armed at birth. So a poll's cost and depth are bounded, and every walk that goes
//!     down through pulled composites only is too: a shared graph is never walked 2^n times.
use super::cell::Guarded;
use super::core::{Core, Kind};
use super::fire::Work;
use super::node::{Class, Link, MOST_SLOTS};
use super::word::Word;
use crate::sys::{AtomicU8, AtomicU32, Ordering::*, PULL, relax};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{NonNull, null_mut, with_exposed_provenance, with_exposed_provenance_mut};

const UNLINKED: u8 = 0;
const LINKING: u8 = 1;
const LINKED: u8 = 2;

#[repr(C, align(16))]
pub(super) struct Comp {
    pub core: Core,
    /// The raiser's chain of what it raised.
    pub next: Guarded<*mut Comp>,
    n: u32,
    need: u32,
    weight: u32,
    /// C4; below zero once more have gone than needed.
    remaining: AtomicU32,
    /// Memory: one for all users together, one for each slot that hangs or travels.
    pub pins: AtomicU32,
    /// C4.
    live: Guarded<u32>,
    links: AtomicU8,
    /// Whether threads slept at the gate when it rose. The raiser's.
    pub wake_gate: Guarded<bool>,
    /// Whether a deadline stands below.
    pub timed: bool,
}

/// Where a count of those that went leaves a composite.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Count {
    /// More are needed.
    Missing,
    /// These completed it: who counted them raises it.
    Complete,
    /// It was complete before.
    Past,
}

/// A slot's tag: its input was go at its birth (S11).
const WENT_BEFORE: u32 = 1;
/// A slot's tag: it travels as the mark behind what its composite sets off.
const CLOSING: u32 = 2;

/// Where the slots begin.
const SLOTS: usize = size_of::<Comp>();
const _: () = assert!(SLOTS % align_of::<Link>() == 0 && align_of::<Comp>() == align_of::<Link>());

fn layout(n: usize) -> Layout {
    let slots = Layout::array::<Link>(n).expect("more inputs than fit in memory");
    let (layout, at) = Layout::new::<Comp>().extend(slots).expect("more inputs than fit in memory");
    debug_assert_eq!(at, SLOTS);
    layout
}

/// The composite that a core is the head of.
///
/// # Safety
/// `core` is that of a composite (its `kind` says so) and alive.
#[inline(always)]
pub(super) unsafe fn comp<'a>(core: *const Core) -> &'a Comp {
    // SAFETY: the core is the first field of a Comp (repr C), whose whole allocation was exposed at birth.
    unsafe { &*with_exposed_provenance::<Comp>(core.addr()) }
}

impl Core {
    #[inline(always)]
    pub fn as_comp(&self) -> Option<&Comp> {
        // SAFETY: the kind says so, and `self` is alive.
        self.kind.is_composite().then(|| unsafe { comp(self) })
    }
}

impl Comp {
    /// Builds "at least `need` of `inputs`"; each input gives us one of its users.
    ///
    /// The caller has seen to the empty and the hopeless, 0 < need <= n, and observes what is heavy.
    #[inline]
    pub fn create<I>(kind: Kind, need: usize, inputs: I) -> NonNull<Core>
    where
        I: ExactSizeIterator<Item = NonNull<Core>>,
    {
        let n = inputs.len();
        debug_assert!(0 < need && need <= n);
        assert!(n <= MOST_SLOTS, "a signal of {n} inputs: the most is {MOST_SLOTS}");
        let layout = layout(n);
        // SAFETY: the layout is not empty.
        let c = unsafe { alloc(layout) }.cast::<Comp>();
        c.expose_provenance();
        let Some(core) = NonNull::new(c.cast::<Core>()) else { handle_alloc_error(layout) };
        let mut weight: u32 = if kind == Kind::Child { PULL } else { (n < 2) as u32 };
        let class = if kind == Kind::Child { Class::Child } else { Class::Slot };
        let mut timed = false;
        for (i, input) in inputs.enumerate() {
            // SAFETY: the user we are given keeps the input alive; the slot lies inside the allocation.
            unsafe {
                let (w, t) = input.as_ref().weight();
                weight = weight.saturating_add(w);
                timed |= t;
                let before = if input.as_ref().was_go_before() { WENT_BEFORE } else { 0 };
                slot(c, i).write(Link::new(class, i as u32, before, input.as_ptr().cast_const().cast()));
            }
        }
        // SAFETY: fresh memory of that layout.
        unsafe {
            c.write(Comp {
                core: Core::new(kind, Word::ASKED),
                next: Guarded::new(null_mut()),
                n: n as u32,
                need: need as u32,
                weight,
                remaining: AtomicU32::new(need as u32),
                pins: AtomicU32::new(1),
                live: Guarded::new(n as u32 + (kind == Kind::Child) as u32),
                links: AtomicU8::new(UNLINKED),
                wake_gate: Guarded::new(false),
                timed,
            });
        }
        core
    }

    /// # Safety
    /// Nobody refers to the composite any more, and its inputs have been released.
    pub unsafe fn destroy(c: *mut Comp) {
        // SAFETY: the caller's promise; allocated in `create` with that layout.
        unsafe {
            let layout = layout((*c).n as usize);
            for i in 0..(*c).n as usize {
                slot(c, i).drop_in_place();
            }
            c.drop_in_place();
            dealloc(c.cast(), layout);
        }
    }

    /// Ourselves with our slots: a reference reaches no further than the header.
    #[inline(always)]
    fn this(&self) -> *mut Comp {
        with_exposed_provenance_mut((self as *const Comp).addr())
    }

    pub fn core_ptr(&self) -> *mut Core {
        self.this().cast()
    }

    pub fn need(&self) -> usize {
        self.need as usize
    }

    pub fn len(&self) -> usize {
        self.n as usize
    }

    pub fn is_heavy(&self) -> bool {
        self.weight > PULL
    }

    /// ORDERING: Relaxed. Who finds LINKED and then takes a lock that the linker took, or counts where it counted, comes after
    /// it: those steps are Acquire and Release, so a linker that came second would have this look behind it, and could
    /// not have been seen by it. Of what else the linker wrote any age will do: a word that still ASKs is asked.
    pub fn is_linked(&self) -> bool {
        self.links.load(Relaxed) == LINKED
    }

    fn slots(&self) -> impl Iterator<Item = *mut Link> {
        let c = self.this();
        // SAFETY: `n` slots follow the header.
        (0..self.n as usize).map(move |i| unsafe { slot(c, i) })
    }

    #[inline(always)]
    pub fn input(&self, i: usize) -> &Core {
        debug_assert!(i < self.n as usize);
        // SAFETY: within the slots; each slot's input is kept alive by the user that was given us.
        unsafe { slot_input(slot(self.this(), i)) }
    }

    /// The input as whoever drops its user needs it.
    pub fn input_ptr(&self, i: usize) -> *mut Core {
        // SAFETY: within the slots.
        unsafe { (*slot(self.this(), i)).aux.cast_mut().cast() }
    }

    pub fn inputs(&self) -> impl ExactSizeIterator<Item = &Core> {
        (0..self.n as usize).map(|i| self.input(i))
    }

    /// Whether that input was go when we were built.
    pub fn went_before(&self, i: usize) -> bool {
        // SAFETY: one of our slots. ORDERING: Relaxed: fixed at birth.
        unsafe { (*slot(self.this(), i)).tag.load(Relaxed) & WENT_BEFORE != 0 }
    }

    /// Counts `ups` more inputs as go.
    ///
    /// ORDERING: AcqRel: whoever counts last has seen what came before every input that counted (S2 for `&`).
    pub fn count_down(&self, ups: u32) -> Count {
        let before = self.remaining.fetch_sub(ups, AcqRel) as i32;
        match before {
            ..=0 => Count::Past,
            _ if before <= ups as i32 => Count::Complete,
            _ => Count::Missing,
        }
    }

    /// Counts `lost` more inputs as dead; kills the composite if too few are left.
    pub fn count_dead(&self, lost: u32, work: &mut Work) {
        let held = self.core.lock();
        // SAFETY: under our LOCK.
        let left = unsafe {
            self.live.set(self.live.get() - lost);
            self.live.get()
        };
        if left < self.need && held.word().is_down() {
            work.kill(&self.core, held);
            self.unlink(work);
        }
    }

    /// Hangs it, and what is below it, on its inputs. When this returns, every input that goes tells it.
    ///
    /// Wakes nobody and runs nothing: on what is not yet linked nothing hangs (C1). But what others hang the moment it is linked,
    /// and it is dead, is dropped here; should that panic, it is the hook's to report, and not a matter of who links.
    pub fn link(&self) {
        if self.is_linked() {
            return;
        }
        if self.inputs().any(is_open) {
            let mut stack = vec![(self, 0)];
            while let Some((c, i)) = stack.last_mut() {
                if *i == c.len() {
                    c.link_one();
                    stack.pop();
                    continue;
                }
                let below = c.input(*i);
                *i += 1;
                if is_open(below) {
                    stack.extend(below.as_comp().map(|b| (b, 0)));
                }
            }
        } else {
            self.link_one();
        }
    }

    /// UNLINKED → LINKED, once; its composite inputs are linked already.
    fn link_one(&self) {
        // ORDERING: Relaxed: slots are handed over under the inputs' locks; for the rest see `is_linked`.
        if self.links.compare_exchange(UNLINKED, LINKING, Relaxed, Relaxed).is_err() {
            let mut round = 0;
            while !self.is_linked() {
                relax(&mut round);
            }
            return;
        }
        let (mut ups, mut lost) = (0, 0);
        // ORDERING: Relaxed: the slots' pins are handed over under the inputs' locks.
        self.pins.fetch_add(self.n, Relaxed);
        for l in self.slots() {
            // SAFETY: one of our slots.
            let mut held = unsafe { slot_input(l) }.lock();
            if held.word().is_up() {
                ups += 1;
            } else if held.word().is_dead() {
                lost += 1;
            } else {
                // SAFETY: DOWN; the slot is on no ring (linked once, C2) and its pin keeps it in place.
                unsafe { held.push_front(l) };
            }
        }
        if ups + lost > 0 {
            // ORDERING: Relaxed: our own user holds one more pin, so this is not the last.
            self.pins.fetch_sub(ups + lost, Relaxed);
        }
        if ups > 0 && self.count_down(ups) == Count::Complete {
            // Ours to raise, so nothing may be waited for before that is done: words only, no polls.
            if let Some(i) = self.choose() {
                self.core.settle(i);
            }
        }
        if !self.timed {
            self.core.lock().stop_asking(); // before others may hang what a poll must not meet (A1)
        }
        // ORDERING: Relaxed: see `is_linked`.
        self.links.store(LINKED, Relaxed);
        // Risen or dead meanwhile? Its raiser and we met at the lock of the input whose slot it missed.
        if lost > 0 || !self.core.look().is_down() {
            let mut work = Work::new();
            self.count_dead(lost, &mut work);
            if !self.core.look().is_down() {
                self.unlink(&mut work);
            }
            work.finish_quietly();
        }
    }

    /// Takes it off all inputs it still hangs on, O(1) each.
    pub fn unlink(&self, work: &mut Work) {
        let mut off = 0;
        for l in self.slots() {
            // SAFETY: one of our slots; under the input's LOCK `prev` tells whether it hangs (C3).
            unsafe {
                let mut held = slot_input(l).lock();
                if !(*l).prev.get().is_null() {
                    held.remove(l);
                    off += 1;
                }
            }
        }
        if off > 0 {
            work.unpin(self, off);
        }
    }
}

/// Whether linking must go down there first.
fn is_open(core: &Core) -> bool {
    core.as_comp().is_some_and(|c| !c.is_linked()) && core.look().is_down()
}

impl Core {
    /// Whether it is go when something is built on it; a time is not looked at for that.
    #[inline]
    fn was_go_before(&self) -> bool {
        let word = self.look();
        word.is_up() || word.asks() && self.kind.is_composite() && self.poll_quiet()
    }

    /// What a pull through this core costs, and whether time stands below.
    #[inline]
    fn weight(&self) -> (u32, bool) {
        match self.as_comp() {
            Some(c) if c.is_heavy() => (1, c.timed),
            Some(c) => (c.weight, c.timed),
            None => (1, self.kind.is_timed()),
        }
    }
}

/// # Safety
/// `c` has more than `i` slots.
#[inline(always)]
unsafe fn slot(c: *mut Comp, i: usize) -> *mut Link {
    // SAFETY: within the allocation, by the caller's promise.
    unsafe { c.byte_add(SLOTS).cast::<Link>().add(i) }
}

/// # Safety
/// `l` is a slot of a living composite.
#[inline(always)]
unsafe fn slot_input<'a>(l: *mut Link) -> &'a Core {
    // SAFETY: a slot's `aux` is its input, alive as long as the composite.
    unsafe { &*(*l).aux.cast::<Core>() }
}

/// # Safety
/// `l` is a slot, and the caller's.
pub(super) unsafe fn is_closing(l: *mut Link) -> bool {
    // SAFETY: the caller's promise. ORDERING: Relaxed: written by the same thread.
    unsafe { (*l).tag.load(Relaxed) & CLOSING != 0 }
}

/// # Safety
/// As `is_closing`.
pub(super) unsafe fn set_closing(l: *mut Link) {
    // SAFETY: the caller's promise. ORDERING: Relaxed: for the same thread.
    unsafe { (*l).tag.fetch_or(CLOSING, Relaxed) };
}

/// The composite a slot belongs to.
///
/// # Safety
/// `l` is a slot and carries a pin.
pub(super) unsafe fn owner<'a>(l: *mut Link) -> &'a Comp {
    // SAFETY: slots follow their header; the pin keeps both alive.
    unsafe { &*l.sub((*l).index() as usize).byte_sub(SLOTS).cast::<Comp>() }
}
