//! What the queue's lock guards.
use crate::wait::{Passage, Side};
use std::collections::VecDeque;
use std::panic::Location;

/// Where a call came from that ends a queue.
pub(super) type Place = &'static Location<'static>;

/// One line of the cache: see `Hatch`.
pub(super) struct State<T> {
    items: VecDeque<T>,
    /// With so many items nothing more is put in; zero: it is closed, for ever (Z1).
    room: usize,
    /// Z6: where it was closed.
    closer: Option<Place>,
    /// Z2: how many tasks hold an item.
    tasks: usize,
    /// Z2.
    moments: u64,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<State<u8>>() == 64);

/// Of an item that was not put in: the queue is closed, from that place.
pub(super) struct Refused(pub Place);

/// What a try to take gave.
pub(super) struct Taken<T> {
    /// None: the queue is closed and was empty before.
    pub item: Option<T>,
    /// Whether it is so now; and where it was closed.
    pub drained: Option<Place>,
}

impl<T> State<T> {
    pub const fn new(room: usize) -> State<T> {
        State { items: VecDeque::new(), room, closer: None, tasks: 0, moments: 0 }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_open(&self) -> bool {
        self.room > 0
    }

    pub fn unfinished(&self) -> usize {
        self.items.len() + self.tasks
    }

    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.items.is_empty() && self.tasks == 0
    }

    /// Whether it is closed and empty; and where it was closed.
    pub fn drained(&self) -> Option<Place> {
        self.closer.filter(|_| self.items.is_empty())
    }

    /// Open → closed, from that place. False: it was closed before.
    pub fn close(&mut self, place: Place) -> bool {
        let was_open = self.is_open();
        self.room = 0;
        self.closer.get_or_insert(place);
        was_open
    }

    /// Where it was closed, if it is.
    pub fn closer(&self) -> Option<Place> {
        self.closer
    }

    /// Puts the item in if there is room; leaves it where it is if not. `None`: there is no room.
    #[inline(always)]
    pub fn put(&mut self, item: &mut Option<T>) -> Option<Result<(), Refused>> {
        if self.items.len() >= self.room && self.is_open() {
            return None;
        }
        Some(self.put_anyway(item, VecDeque::push_back))
    }

    /// Puts the item in whether there is room or not, by that way.
    #[inline(always)]
    pub fn put_anyway(&mut self, item: &mut Option<T>, put: fn(&mut VecDeque<T>, T)) -> Result<(), Refused> {
        if let Some(place) = self.closer {
            return Err(Refused(place));
        }
        item.take().into_iter().for_each(|item| put(&mut self.items, item));
        Ok(())
    }

    /// Takes the first item, which is done by that. `None`: none is there, but may come.
    #[inline(always)]
    pub fn take_done(&mut self) -> Option<Taken<T>> {
        let item = self.items.pop_front();
        if item.is_none() && self.is_open() {
            return None;
        }
        if !self.items.is_empty() {
            return Some(Taken { item, drained: None });
        }
        if item.is_some() {
            self.look_for_moment();
        }
        Some(Taken { item, drained: self.drained() })
    }

    /// Takes the first item, which a task will hold.
    pub fn take_task(&mut self) -> Option<Taken<T>> {
        let item = self.items.pop_front();
        self.tasks += usize::from(item.is_some());
        if item.is_none() && self.is_open() { None } else { Some(Taken { item, drained: self.drained() }) }
    }

    /// Takes all items, which are done by that. What is left has room for twice as many, unless that is
    /// more than there was; once it is closed, for none.
    pub fn take_all(&mut self) -> Taken<VecDeque<T>> {
        if self.items.is_empty() {
            return Taken { item: None, drained: self.drained() };
        }
        let room = if self.is_open() { self.items.capacity().min(2 * self.items.len()) } else { 0 };
        let room = VecDeque::with_capacity(room);
        let items = std::mem::replace(&mut self.items, room);
        self.look_for_moment();
        Taken { item: Some(items), drained: self.drained() }
    }

    /// A task has ended.
    pub fn end_task(&mut self) {
        self.tasks -= 1;
        self.look_for_moment();
    }

    /// Something was done; perhaps all.
    #[inline(always)]
    fn look_for_moment(&mut self) {
        self.moments += u64::from(self.is_done());
    }
}

impl<T> Passage for State<T> {
    #[inline(always)]
    fn ready(&self, side: Side) -> usize {
        match side {
            Side::In => self.room.saturating_sub(self.items.len()),
            Side::Out => self.items.len(),
        }
    }

    #[inline(always)]
    fn is_over(&self) -> bool {
        !self.is_open()
    }

    #[inline(always)]
    fn moments(&self) -> u64 {
        self.moments
    }
}
