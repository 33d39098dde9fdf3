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
//!   (What is being emptied, W5, excepted.)
//! - W2 In a bucket, equal deadlines stand in the order in which they were inserted: buckets are appended to, and
//!   emptying keeps the order. So a stable sort by deadline is the order in which things fall due. (Of what is inserted
//!   between two steps of one `expire`, and its equals in the bucket that is being emptied, either may come first.)
//! - W3 `Bucket::earliest` is no later than any deadline in its bucket. It errs early, once its own item was removed;
//!   who comes by then finds nothing due, opens the bucket, and the buckets below know it exactly again.
//! - W4 What lies at a lower level is due before whatever lies higher; at one level slots are in order of time.
//! - W5 A bucket is emptied in steps, between which anything may happen: its lists are cut off into `emptying`, and each
//!   item is handed out, or hung where it belongs. What is all due is emptied before the position moves, the bucket
//!   that the position enters after that. An item is first or last in `emptying` exactly if a list there says so.
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
/// Batches in one step of `expire`: half a millisecond, where each item is a cache miss.
const STEP: usize = 64;

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
    /// W5.
    emptying: [List; LANES],
    items: Slab<T>,
}

impl<T> Wheel<T> {
    /// How many of a key's low bits are used; the rest are the caller's.
    pub(crate) const KEY_BITS: u32 = Slab::<T>::KEY_BITS;

    pub(crate) const fn new() -> Self {
        let (occupied, levels) = ([0; LEVELS + 1], [const { None }; LEVELS + 1]);
        Wheel { position: 0, occupied, levels, emptying: Bucket::EMPTY.lanes, items: Slab::new() }
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
        let (place, lane) = (self.place(deadline), lane(deadline));
        let away = &mut self.emptying[lane];
        let away = (away.head == index || away.tail == index).then_some(away);
        let in_place = away.is_none();
        let list = away.unwrap_or_else(|| &mut bucket(&mut self.levels, place).lanes[lane]);
        match prev {
            NIL => list.head = next,
            _ => self.items.entry_mut(prev).links.set_next(next),
        }
        match next {
            NIL => list.tail = prev,
            _ => self.items.entry_mut(next).links.set_prev(prev),
        }
        let lone = in_place && prev == NIL && next == NIL;
        if lone && bucket(&mut self.levels, place).lanes.iter().all(|list| list.head == NIL) {
            self.occupied[place.level] &= !(1 << place.slot);
        }
        Some(self.items.remove(index))
    }

    /// A moment before which nothing is due: the earliest deadline, or earlier if that item was removed (W3).
    ///
    /// Asked, as `next_exact`, when `expire` is through.
    pub(crate) fn next(&self) -> Option<Moment> {
        debug_assert!(self.is_through());
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
    #[allow(dead_code, reason = "asked of virtual clocks, and by tests")]
    pub(crate) fn expire(&mut self, now: Moment, due: &mut Vec<(Moment, T)>) {
        let from = due.len();
        while self.expire_some(now, due) {}
        due[from..].sort_by_key(|item| item.0);
    }

    /// Hands out some of what is due by `now`, in no more than about half a millisecond; true: there may be more. A stable
    /// sort by deadline puts all of it in order.
    pub(crate) fn expire_some(&mut self, now: Moment, due: &mut Vec<(Moment, T)>) -> bool {
        let mut batches = STEP;
        loop {
            self.empty(&mut batches, now.nanos(), due);
            if !self.is_through() {
                return true;
            }
            match self.enter(now.nanos()) {
                Some(place) => self.cut(place),
                None => return false,
            }
        }
    }

    /// The next bucket to be emptied; moves the position once nothing due is left behind it.
    fn enter(&mut self, now: u64) -> Option<Place> {
        if self.holds(OVERDUE) {
            return Some(OVERDUE);
        }
        if now <= self.position {
            return None;
        }
        // Up to the highest digit that changes, all lower levels lie behind us (W4), and so do its slots before now's.
        let crossed = level_of(self.position ^ now);
        let slot = digit(now, crossed);
        let due = |level: usize| if level < crossed { u64::MAX } else { (1 << slot) - 1 };
        let behind =
            (0..=crossed).map(|level| (level, self.occupied[level] & due(level))).find(|(_, slots)| *slots != 0);
        if let Some((level, slots)) = behind {
            return Some(Place { level, slot: slots.trailing_zeros() as usize });
        }
        self.position = now;
        Some(Place { level: crossed, slot }).filter(|&place| self.holds(place))
    }

    /// Hands out everything, what is never due included.
    #[allow(dead_code, reason = "the end of virtual clocks")]
    pub(crate) fn drain(&mut self, all: &mut Vec<(Moment, T)>) {
        self.expire(Moment::NEVER, all);
        if self.holds(NEVER) {
            self.cut(NEVER);
            self.empty(&mut { usize::MAX }, u64::MAX, all);
        }
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

    fn is_through(&self) -> bool {
        self.emptying.iter().all(|list| list.head == NIL)
    }

    /// Cuts off a bucket's lists (W5).
    fn cut(&mut self, place: Place) {
        self.occupied[place.level] &= !(1 << place.slot);
        self.emptying = std::mem::replace(bucket(&mut self.levels, place), Bucket::EMPTY).lanes;
    }

    /// Empties what was cut off, as far as `batches` go: hands out what is due, hangs the rest where it belongs.
    ///
    /// A long list is a chain of cache misses. So the lanes are walked in step, with nothing else between: their misses
    /// overlap (1 M random deadlines: 230 ns each with one lane, 130 with four, 105 with eight so walked).
    fn empty(&mut self, batches: &mut usize, now: u64, due: &mut Vec<(Moment, T)>) {
        let mut heads = self.emptying.map(|list| list.head);
        let mut batch = [(NIL, 0); BATCH];
        while *batches > 0 && heads != [NIL; LANES] {
            *batches -= 1;
            let n = self.collect(&mut heads, &mut batch);
            for &(index, deadline) in &batch[..n] {
                if deadline <= now.max(self.position) {
                    due.push((Moment::from_nanos(deadline), self.items.remove(index)));
                } else {
                    self.append(index, deadline);
                }
            }
        }
        for (list, head) in self.emptying.iter_mut().zip(heads) {
            list.head = head;
            match head {
                NIL => list.tail = NIL,
                _ => self.items.entry_mut(head).links.set_prev(NIL),
            }
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
}

fn bucket(levels: &mut Levels, place: Place) -> &mut Bucket {
    &mut levels[place.level].get_or_insert_with(empty_level)[place.slot]
}

#[cold]
#[inline(never)]
fn empty_level() -> Box<[Bucket; SLOTS]> {
    Box::new([Bucket::EMPTY; SLOTS])
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
