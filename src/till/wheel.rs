//! Hierarchical timing wheel: who is due when, to the nanosecond.
//!
//! Nothing is handed out before its deadline, and `next` is never late. Insert and remove are O(1) however much is
//! outstanding; an item is moved at most once per level on its way to its deadline.
//!
//! A deadline is eleven digits of six bits. An item lies at the level of the highest digit in which its deadline differs
//! from the wheel's position (the moment up to which everything has been handed out), in the slot of that digit.
//!
//! # Invariants
//! - W1 An item lies where `place` says for the present position. So an item need not remember where it is, and equal
//!   deadlines always share one bucket.
//! - W2 In a bucket, equal deadlines stand in the order in which they were inserted: buckets are appended to, and
//!   `spread` keeps the order. So a stable sort by deadline is the order in which things fall due.
//! - W3 `Bucket::earliest` is no later than any deadline in its bucket. It errs early, once its own item was removed;
//!   who comes by then finds nothing due, opens the bucket, and the buckets below know it exactly again.
//! - W4 What lies at a lower level is due before whatever lies higher; at one level slots are in order of time.
//!
//! # Why not
//! A heap: removal is logarithmic and a cache miss a step. One-nanosecond slots looked wasteful against coarse ones, but
//! the low levels are only entered by what is due within microseconds of a visit, and then need no second order.

use super::slab::{NIL, Slab};
use crate::sys::Moment;

const DIGIT_BITS: u32 = 6;
const SLOTS: usize = 1 << DIGIT_BITS;
/// Digits of a deadline.
const LEVELS: usize = 64_usize.div_ceil(DIGIT_BITS as usize);
/// One level more, for what has no place in time.
const OUTSIDE: usize = LEVELS;
const OVERDUE: Place = Place { level: OUTSIDE, slot: 0 };
const NEVER: Place = Place { level: OUTSIDE, slot: 1 };

/// Lists of a bucket (see `empty`).
const LANES: usize = 8;
/// Items found before the first of them is moved.
const BATCH: usize = 64;

#[derive(Clone, Copy)]
struct Place {
    level: usize,
    slot: usize,
}

#[derive(Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

#[derive(Clone, Copy)]
struct Bucket {
    /// W3; means something only while the bucket's bit in `occupied` is set.
    earliest: u64,
    lanes: [List; LANES],
}

impl Bucket {
    const EMPTY: Bucket = Bucket { earliest: 0, lanes: [List { head: NIL, tail: NIL }; LANES] };
}

type Levels = [Option<Box<[Bucket; SLOTS]>>; LEVELS + 1];

/// A set of items with deadlines, handed out in order of time.
pub(crate) struct Wheel<T> {
    /// Everything up to here has been handed out.
    position: u64,
    /// By level: a bit for each slot that holds something.
    occupied: [u64; LEVELS + 1],
    /// A level's buckets are made when first used: most programs use three or four of them.
    levels: Levels,
    items: Slab<T>,
}

impl<T> Wheel<T> {
    /// How many of a key's low bits are used; the rest are the caller's.
    pub(crate) const KEY_BITS: u32 = Slab::<T>::KEY_BITS;

    pub(crate) const fn new() -> Self {
        Wheel { position: 0, occupied: [0; LEVELS + 1], levels: [const { None }; LEVELS + 1], items: Slab::new() }
    }

    /// How many items are outstanding.
    #[allow(dead_code, reason = "asked of virtual clocks, and by tests")]
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Keeps an item until its deadline; the key takes it out again. Gives it back if there is no room (16 million).
    pub(crate) fn insert(&mut self, deadline: Moment, item: T) -> Result<u64, T> {
        let index = self.items.insert(deadline.nanos(), item)?;
        self.append(index, deadline.nanos());
        Ok(self.items.key(index))
    }

    /// Takes an item out, unless it was handed out or removed before.
    pub(crate) fn remove(&mut self, key: u64) -> Option<T> {
        let index = self.items.find(key)?;
        let entry = self.items.entry(index);
        let (prev, next, deadline) = (entry.links.prev(), entry.links.next(), entry.deadline);
        let place = self.place(deadline);
        let bucket = bucket(&mut self.levels, place);
        let list = &mut bucket.lanes[lane(deadline)];
        match prev {
            NIL => list.head = next,
            _ => self.items.entry_mut(prev).links.set_next(next),
        }
        match next {
            NIL => list.tail = prev,
            _ => self.items.entry_mut(next).links.set_prev(prev),
        }
        if prev == NIL && next == NIL && bucket.lanes.iter().all(|list| list.head == NIL) {
            self.occupied[place.level] &= !(1 << place.slot);
        }
        Some(self.items.remove(index))
    }

    /// A moment before which nothing is due: the earliest deadline, or earlier if that item was removed (W3).
    pub(crate) fn next(&self) -> Option<Moment> {
        let place = self.first()?;
        let buckets = self.levels[place.level].as_ref()?;
        Some(Moment::from_nanos(buckets[place.slot].earliest))
    }

    /// The earliest deadline, exactly; walks one bucket.
    #[allow(dead_code, reason = "asked by virtual clocks")]
    pub(crate) fn next_exact(&mut self) -> Option<Moment> {
        let place = self.first()?;
        let bucket = bucket(&mut self.levels, place);
        bucket.earliest = u64::MAX;
        for list in bucket.lanes {
            let mut index = list.head;
            while index != NIL {
                let entry = self.items.entry(index);
                bucket.earliest = bucket.earliest.min(entry.deadline);
                index = entry.links.next();
            }
        }
        Some(Moment::from_nanos(bucket.earliest))
    }

    /// Hands out everything due by `now`, in order of deadline, then of insertion.
    pub(crate) fn expire(&mut self, now: Moment, due: &mut Vec<(Moment, T)>) {
        let now = now.nanos();
        self.take(OVERDUE, due);
        if now <= self.position {
            return;
        }
        // Up to the highest digit that changes, all lower levels lie behind us (W4), and so do its slots before now's.
        let crossed = level_of(self.position ^ now);
        for level in 0..crossed {
            self.take_slots(level, u64::MAX, due);
        }
        let slot = digit(now, crossed);
        self.take_slots(crossed, (1 << slot) - 1, due);
        self.position = now;
        self.spread(Place { level: crossed, slot }, due);
    }

    /// Hands out everything, what is never due included.
    #[allow(dead_code, reason = "the end of virtual clocks")]
    pub(crate) fn drain(&mut self, all: &mut Vec<(Moment, T)>) {
        self.expire(Moment::NEVER, all);
        self.take(NEVER, all);
    }

    /// Where the next to fall due lies.
    fn first(&self) -> Option<Place> {
        if self.holds(OVERDUE) {
            return Some(OVERDUE);
        }
        let level = self.occupied[..LEVELS].iter().position(|&slots| slots != 0)?;
        Some(Place { level, slot: self.occupied[level].trailing_zeros() as usize })
    }

    /// W1.
    fn place(&self, deadline: u64) -> Place {
        if deadline == u64::MAX {
            NEVER
        } else if deadline <= self.position {
            OVERDUE
        } else {
            let level = level_of(self.position ^ deadline);
            Place { level, slot: digit(deadline, level) }
        }
    }

    fn holds(&self, place: Place) -> bool {
        self.occupied[place.level] & (1 << place.slot) != 0
    }

    /// Hangs an item at the end of its list.
    fn append(&mut self, index: u32, deadline: u64) {
        let place = self.place(deadline);
        let (occupied, bit) = (&mut self.occupied[place.level], 1 << place.slot);
        let bucket = bucket(&mut self.levels, place);
        bucket.earliest = if *occupied & bit == 0 { deadline } else { bucket.earliest.min(deadline) };
        *occupied |= bit;
        let list = &mut bucket.lanes[lane(deadline)];
        let last = std::mem::replace(&mut list.tail, index);
        match last {
            NIL => list.head = index,
            _ => self.items.entry_mut(last).links.set_next(index),
        }
        self.items.entry_mut(index).links.hang(last);
    }

    /// Hands out a bucket.
    fn take(&mut self, place: Place, due: &mut Vec<(Moment, T)>) {
        let from = due.len();
        self.empty(place, |wheel, index, deadline| {
            due.push((Moment::from_nanos(deadline), wheel.items.remove(index)));
        });
        due[from..].sort_by_key(|item| item.0);
    }

    /// Cuts off a bucket's lists, then calls `f` with each item and its deadline, in order as far as W2 asks.
    ///
    /// A long list is a chain of cache misses. So the lanes are walked in step, with nothing else between: their misses
    /// overlap (1 M random deadlines: 230 ns each with one lane, 130 with four, 105 with eight so walked).
    fn empty(&mut self, place: Place, mut f: impl FnMut(&mut Self, u32, u64)) {
        if !self.holds(place) {
            return;
        }
        self.occupied[place.level] &= !(1 << place.slot);
        let lanes = std::mem::replace(bucket(&mut self.levels, place), Bucket::EMPTY).lanes;
        let mut heads = lanes.map(|list| list.head);
        let mut batch = [(NIL, 0); BATCH];
        loop {
            let n = self.collect(&mut heads, &mut batch);
            if n == 0 {
                return;
            }
            batch[..n].iter().for_each(|&(index, deadline)| f(self, index, deadline));
        }
    }

    /// The next items of lists that begin at `heads`, with their deadlines, as many as `batch` holds.
    fn collect(&self, heads: &mut [u32; LANES], batch: &mut [(u32, u64); BATCH]) -> usize {
        let mut n = 0;
        while n <= BATCH - LANES && *heads != [NIL; LANES] {
            for head in heads.iter_mut().filter(|head| **head != NIL) {
                let entry = self.items.entry(*head);
                batch[n] = (*head, entry.deadline);
                n += 1;
                *head = entry.links.next();
            }
        }
        n
    }

    /// Hands out those of a level's buckets that are in `slots`.
    fn take_slots(&mut self, level: usize, slots: u64, due: &mut Vec<(Moment, T)>) {
        let mut slots = self.occupied[level] & slots;
        while slots != 0 {
            self.take(Place { level, slot: slots.trailing_zeros() as usize }, due);
            slots &= slots - 1;
        }
    }

    /// Empties the bucket that the position has entered: hands out what is due, moves the rest to lower levels.
    fn spread(&mut self, place: Place, due: &mut Vec<(Moment, T)>) {
        let from = due.len();
        self.empty(place, |wheel, index, deadline| {
            if deadline <= wheel.position {
                due.push((Moment::from_nanos(deadline), wheel.items.remove(index)));
            } else {
                wheel.append(index, deadline);
            }
        });
        due[from..].sort_by_key(|item| item.0);
    }
}

fn bucket(levels: &mut Levels, place: Place) -> &mut Bucket {
    &mut levels[place.level].get_or_insert_with(|| Box::new([Bucket::EMPTY; SLOTS]))[place.slot]
}

/// The level of the highest digit in which two moments differ.
fn level_of(difference: u64) -> usize {
    (difference.ilog2() / DIGIT_BITS) as usize
}

fn digit(moment: u64, level: usize) -> usize {
    (moment >> (level as u32 * DIGIT_BITS)) as usize % SLOTS
}

/// Equal deadlines share a lane (W2). Round ones would too, were it not for the multiplication.
fn lane(deadline: u64) -> usize {
    (deadline.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as usize % LANES
}

#[cfg(test)]
mod tests;
