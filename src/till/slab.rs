//! Where a wheel keeps its items: numbered places of 16 bytes and the item, in chunks, so that growing moves nothing.
//!
//! A place is found again by a key, which holds its number and a check. The check is the entry's stamp and the low end of
//! its deadline: a key of something gone finds nothing, unless its place was taken again by an item that was inserted a
//! multiple of 65,536 items later and whose deadline agrees with the old one's in its last two milliseconds. (A key is
//! only looked up late by who lost a race against the clock, and not by that much.)
//!
//! Memory is kept for reuse, as a `Vec` does, and given back when the slab is empty.

const INDEX_BITS: u32 = 24;
const STAMP_BITS: u32 = 16;
const DEADLINE_BITS: u32 = 21;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// No place: ends a list.
pub(super) const NIL: u32 = INDEX_MASK as u32;

const CHUNK_BITS: u32 = 7;
const CHUNK: usize = 1 << CHUNK_BITS;

/// `stamp | next | prev` in one word: 24 bits a link, so that an entry is 24 bytes and not 32.
#[derive(Clone, Copy)]
pub(super) struct Links(u64);

impl Links {
    pub(super) fn prev(self) -> u32 {
        (self.0 & INDEX_MASK) as u32
    }

    pub(super) fn next(self) -> u32 {
        (self.0 >> INDEX_BITS & INDEX_MASK) as u32
    }

    pub(super) fn set_prev(&mut self, prev: u32) {
        self.0 = self.0 & !INDEX_MASK | u64::from(prev);
    }

    pub(super) fn set_next(&mut self, next: u32) {
        self.0 = self.0 & !(INDEX_MASK << INDEX_BITS) | u64::from(next) << INDEX_BITS;
    }

    /// Last in a list, behind `prev`.
    pub(super) fn hang(&mut self, prev: u32) {
        self.set_prev(prev);
        self.set_next(NIL);
    }

    fn stamp(self) -> u64 {
        self.0 >> (2 * INDEX_BITS)
    }

    fn stamped(stamp: u16) -> Links {
        Links(u64::from(stamp) << (2 * INDEX_BITS))
    }
}

pub(super) struct Entry<T> {
    pub(super) deadline: u64,
    pub(super) links: Links,
    /// None: free, and `next` leads to another free place.
    item: Option<T>,
}

impl<T> Entry<T> {
    fn check(&self) -> u64 {
        self.links.stamp() << DEADLINE_BITS | self.deadline & ((1 << DEADLINE_BITS) - 1)
    }
}

pub(super) struct Slab<T> {
    chunks: Vec<Box<[Entry<T>; CHUNK]>>,
    /// The first free place, or NIL.
    free: u32,
    len: usize,
    /// Counts insertions, over and over.
    stamp: u16,
}

impl<T> Slab<T> {
    pub(super) const KEY_BITS: u32 = INDEX_BITS + STAMP_BITS + DEADLINE_BITS;

    pub(super) const fn new() -> Self {
        Slab { chunks: Vec::new(), free: NIL, len: 0, stamp: 0 }
    }

    #[allow(dead_code, reason = "asked of virtual clocks, and by tests")]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    pub(super) fn entry(&self, index: u32) -> &Entry<T> {
        &self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }

    pub(super) fn entry_mut(&mut self, index: u32) -> &mut Entry<T> {
        &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }

    /// A place for an item, in no list; the item, if there is none.
    pub(super) fn insert(&mut self, deadline: u64, item: T) -> Result<u32, T> {
        if self.free == NIL && !self.grow() {
            return Err(item);
        }
        self.stamp = self.stamp.wrapping_add(1);
        self.len += 1;
        let (index, links) = (self.free, Links::stamped(self.stamp));
        let entry = self.entry_mut(index);
        let next_free = entry.links.next();
        *entry = Entry { deadline, links, item: Some(item) };
        self.free = next_free;
        Ok(index)
    }

    /// Frees a place that holds an item, which must have left its list.
    pub(super) fn remove(&mut self, index: u32) -> T {
        let free = self.free;
        let entry = self.entry_mut(index);
        let Some(item) = entry.item.take() else { unreachable!("only occupied places are listed or found") };
        entry.links.set_next(free);
        self.free = index;
        self.len -= 1;
        if self.len == 0 && self.chunks.len() > 1 {
            self.give_back();
        }
        item
    }

    pub(super) fn key(&self, index: u32) -> u64 {
        self.entry(index).check() << INDEX_BITS | u64::from(index)
    }

    /// The place a key names, if what it was given for is still there.
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        let index = key & INDEX_MASK;
        let entry = &self.chunks.get(index as usize / CHUNK)?[index as usize % CHUNK];
        let same = entry.item.is_some() && entry.check() == key >> INDEX_BITS;
        same.then_some(index as u32)
    }

    /// Another chunk of free places; false at the limit.
    #[cold]
    fn grow(&mut self) -> bool {
        let from = self.chunks.len() * CHUNK;
        // The last number is NIL.
        if from + CHUNK > NIL as usize {
            return false;
        }
        self.chunks.push(Box::new(std::array::from_fn(|index| {
            let mut links = Links(0);
            links.set_next(if index + 1 < CHUNK { (from + index + 1) as u32 } else { NIL });
            Entry { deadline: 0, links, item: None }
        })));
        self.free = from as u32;
        true
    }

    /// Keeps one chunk of an empty slab.
    #[inline(never)]
    fn give_back(&mut self) {
        let stamp = self.stamp;
        *self = Slab { stamp, ..Slab::new() };
        self.grow();
    }
}
