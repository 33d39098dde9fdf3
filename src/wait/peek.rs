//! Looking at signals: what a person, or a composition, wants to know of one.
use super::compose::Comp;
use super::core::{Core, Kind};
use super::handle::{Handle, User};
use super::tale::Reason;
use super::when::when;
use super::word::Story;
use crate::sys::{Moment, Ordering::*, Shared};
use std::collections::HashSet;
use std::panic::Location;

/// A look at a signal, and down into what it is made of.
#[derive(Clone, Copy)]
pub(crate) struct Peek<'a>(&'a Core);

/// Where a signal that is go was raised, and what for.
pub(crate) struct Origin {
    pub name: Option<Shared<str>>,
    pub number: u64,
    pub reason: Option<Reason>,
    pub place: &'static Location<'static>,
    /// It was its time that came.
    pub by_time: bool,
}

impl<'a> Peek<'a> {
    pub(super) fn of(core: &'a Core) -> Peek<'a> {
        Peek(core)
    }

    pub(crate) fn is_go(self) -> bool {
        self.0.poll()
    }

    pub(crate) fn kind(self) -> Kind {
        self.0.kind
    }

    pub(crate) fn is_dead(self) -> bool {
        self.0.look().is_dead()
    }

    pub(crate) fn address(self) -> usize {
        (self.0 as *const Core).addr()
    }

    pub(crate) fn name(self) -> Option<&'a str> {
        self.0.name().map(|n| &**n)
    }

    pub(crate) fn number(self) -> u64 {
        self.0.tale().number
    }

    /// The deadline of a timed leaf.
    pub(crate) fn time(self) -> Option<Moment> {
        self.0.time()
    }

    /// When it goes by time alone.
    pub(crate) fn when(self) -> Option<Moment> {
        when(self)
    }

    /// How long until then on its own clock.
    pub(crate) fn remaining(self) -> Option<std::time::Duration> {
        self.0.remaining()
    }

    /// UP, and not because an input went.
    pub(crate) fn was_raised_itself(self) -> bool {
        let word = self.0.look();
        word.is_up() && matches!(word.story(self.0.kind), Story::At(_))
    }

    /// Whether it was its time that raised a timed leaf, not a hand.
    pub(crate) fn went_by_time(self) -> bool {
        self.0.is_up() && self.origin().by_time
    }

    /// How many inputs it needs, and the inputs; none of a leaf.
    pub(crate) fn inputs(self) -> (usize, impl ExactSizeIterator<Item = Peek<'a>>) {
        let c: Option<&'a Comp> = self.0.as_comp();
        let n = c.map_or(0, Comp::len);
        (c.map_or(0, Comp::need), (0..n).map(move |i| Peek(c.map_or(self.0, |c| c.input(i)))))
    }

    /// What it goes by, each apart: where one input is enough it is those, and so on down; a child has its own hand, too, unless it went
    /// with its parent. Any depth; each is looked at once.
    pub(crate) fn alternatives(self) -> Vec<Handle> {
        let (mut seen, mut left, mut found) = (HashSet::new(), vec![self], Vec::new());
        while let Some(peek) = left.pop() {
            if !seen.insert(peek.address()) {
                continue;
            }
            let (need, inputs) = peek.inputs();
            let is_or = peek.kind() == Kind::Expr && need == 1;
            if is_or || peek.kind() == Kind::Child {
                left.extend(inputs);
            }
            if !is_or && (peek.kind() != Kind::Child || !peek.is_go() || peek.was_raised_itself()) {
                found.push(Handle::view_of(User::of(peek.0)));
            }
        }
        found
    }

    /// For people to look at. ORDERING: Relaxed: it may be another number by now.
    pub(crate) fn users(self) -> usize {
        self.0.users.load(Relaxed) as usize
    }

    /// As `users`. ORDERING: Relaxed: likewise.
    pub(crate) fn hands(self) -> usize {
        self.0.hands.load(Relaxed) as usize
    }

    /// What hangs on it now; others that want its lock wait while it is counted.
    pub(crate) fn hanging(self) -> usize {
        self.0.count_hanging()
    }

    /// The leaf, or child, that decided a signal that is go.
    pub(crate) fn decisive(self) -> Peek<'a> {
        Peek(self.0.decisive())
    }

    /// Of a signal that is UP and was raised itself.
    pub(crate) fn origin(self) -> Origin {
        let tale = self.0.tale();
        let place = match self.0.look().story(self.0.kind) {
            Story::At(place) => place,
            Story::Via(_) => self.0.place(),
        };
        let by_time = self.0.kind.is_timed() && std::ptr::eq(place, self.0.place());
        Origin { name: tale.name().cloned(), number: tale.number, reason: self.0.reason(), place, by_time }
    }
}
