//! The signal word: state, list and lock in one machine word.
//!
//! | state | pointer part          | 8 ASK | 4           | 2 LOCK | 1 UP |
//! |-------|-----------------------|-------|-------------|--------|------|
//! | DOWN  | oldest waiter or null | maybe | maybe SLEEP | maybe  | 0    |
//! | DEAD  | `CLOSED`              | 0     | 0           | maybe  | 0    |
//! | UP    | `&'static Location`   | of it | of it       | maybe  | 1    | raised there: by hand, or by the time set there
//! | UP    | index of the input    | of it | of it       | maybe  | 1    | followed that input (composites; a child: its only one)
//!
//! ASK: the word alone does not tell; a poll asks the inputs or the clock. So a poll costs one load and one test
//! whatever the kind of signal, unless ASK is set. It is set at birth and cleared once.
//! SLEEP: threads may sleep at the gate. May stand with nobody asleep, never the reverse.
use super::core::Kind;
use super::node::Link;
use std::panic::Location;
use std::ptr::{null_mut, without_provenance_mut};

const UP: usize = 1;
const LOCK: usize = 2;
const SLEEP: usize = 4;
const ASK: usize = 8;
const TAGS: usize = 15;
const VIA_SHIFT: u32 = 2;
/// The list of the dead: no node lives in the first page.
const CLOSED: usize = 16;

/// What made a signal go.
#[derive(Clone, Copy)]
pub(super) enum Story {
    /// A hand at that place, or the time that was set there.
    At(&'static Location<'static>),
    /// The input of that index.
    Via(u32),
}

#[derive(Clone, Copy)]
pub(super) struct Word(pub *mut Link);

impl Word {
    pub const NEW: Word = Word(null_mut());
    pub const ASKED: Word = Word(without_provenance_mut(ASK));
    pub const DEAD: Word = Word(without_provenance_mut(CLOSED));

    #[inline(always)]
    pub fn up(story: Story) -> Word {
        match story {
            Story::At(place) => Word(place as *const Location<'_> as *mut Link).with(UP),
            Story::Via(index) => Word(without_provenance_mut((index as usize) << VIA_SHIFT | UP)),
        }
    }

    #[inline(always)]
    fn with(self, bit: usize) -> Word {
        Word(self.0.map_addr(|a| a | bit))
    }

    #[inline(always)]
    fn without(self, bit: usize) -> Word {
        Word(self.0.map_addr(|a| a & !bit))
    }

    #[inline(always)]
    fn has(self, bits: usize) -> bool {
        self.0.addr() & bits != 0
    }

    #[inline(always)]
    pub fn is_up(self) -> bool {
        self.has(UP)
    }

    /// False: not go, as surely as can be. True: UP, or somebody must be asked.
    #[inline(always)]
    pub fn up_or_asks(self) -> bool {
        self.has(UP | ASK)
    }

    pub fn is_dead(self) -> bool {
        self.0.addr() & !(LOCK | SLEEP) == CLOSED
    }

    pub fn is_down(self) -> bool {
        !self.is_up() && !self.is_dead()
    }

    pub fn asks(self) -> bool {
        !self.is_up() && self.has(ASK)
    }

    pub fn is_locked(self) -> bool {
        self.has(LOCK)
    }

    #[inline(always)]
    pub fn locked(self) -> Word {
        self.with(LOCK)
    }

    #[inline(always)]
    pub fn unlocked(self) -> Word {
        self.without(LOCK)
    }

    /// Whether threads may sleep at the gate of a signal that is not UP.
    pub fn sleeps(self) -> bool {
        !self.is_up() && self.has(SLEEP)
    }

    /// A word that is not UP, with word left that a thread is about to sleep.
    pub fn sleeping(self) -> Word {
        self.with(SLEEP)
    }

    /// DOWN, from now on telling all by itself.
    pub fn told(self) -> Word {
        self.without(ASK)
    }

    /// The first node in the ring, null if there is none; only a DOWN word has one.
    #[inline(always)]
    pub fn head(self) -> *mut Link {
        if self.is_down() { self.without(TAGS).0 } else { null_mut() }
    }

    /// A DOWN word with another first node.
    #[inline(always)]
    pub fn with_head(self, head: *mut Link) -> Word {
        Word(head.map_addr(|a| a | self.0.addr() & (SLEEP | ASK)))
    }

    /// The story of an UP word of a signal of that kind.
    pub fn story(self, kind: Kind) -> Story {
        debug_assert!(self.is_up());
        let place = self.without(UP | LOCK).0 as *const Location<'static>;
        if kind.is_composite() && (kind != Kind::Child || place.is_null()) {
            return Story::Via((self.0.addr() >> VIA_SHIFT) as u32);
        }
        // SAFETY: `up` made it from a `&'static Location`, whose alignment leaves the tags clear (checked below).
        Story::At(unsafe { &*place })
    }
}

// UP words borrow two tag bits of a place, DOWN words four of a node.
const _: () = assert!(align_of::<Location<'static>>() > (UP | LOCK) && align_of::<Link>() > TAGS);
