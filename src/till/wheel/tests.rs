use super::*;
use std::collections::BTreeMap;

/// Small numbers that look random: xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    /// A span of any order of magnitude up to `bits`.
    fn span(&mut self, bits: u64) -> u64 {
        let bits = self.below(bits);
        self.roll() & ((1 << bits) - 1)
    }
}

/// A wheel beside a map that does the same, slowly.
struct Pair {
    wheel: Wheel<u64>,
    /// By deadline, then by order of insertion.
    oracle: BTreeMap<(u64, u64), ()>,
    keys: Vec<(u64, (u64, u64))>,
    inserted: u64,
    now: u64,
}

impl Pair {
    fn new() -> Self {
        Pair { wheel: Wheel::new(), oracle: BTreeMap::new(), keys: Vec::new(), inserted: 0, now: 0 }
    }

    fn insert(&mut self, deadline: u64) {
        self.inserted += 1;
        let key = self.wheel.insert(Moment::from_nanos(deadline), self.inserted).unwrap();
        assert!(key >> Wheel::<u64>::KEY_BITS == 0);
        self.oracle.insert((deadline, self.inserted), ());
        self.keys.push((key, (deadline, self.inserted)));
    }

    fn remove(&mut self, at: usize) {
        let (key, item) = self.keys.swap_remove(at);
        let expected = self.oracle.remove(&item).map(|()| item.1);
        assert_eq!(self.wheel.remove(key), expected);
        assert_eq!(self.wheel.remove(key), None, "a key finds its item once");
    }

    fn expire(&mut self, now: u64) {
        self.now = self.now.max(now);
        let mut due = Vec::new();
        self.wheel.expire(Moment::from_nanos(self.now), &mut due);
        let later = if self.now == u64::MAX { self.never() } else { self.oracle.split_off(&(self.now + 1, 0)) };
        let expected: Vec<_> = std::mem::replace(&mut self.oracle, later).into_keys().collect();
        let due: Vec<_> = due.into_iter().map(|(deadline, item)| (deadline.nanos(), item)).collect();
        assert_eq!(due, expected);
    }

    fn never(&mut self) -> BTreeMap<(u64, u64), ()> {
        self.oracle.split_off(&(u64::MAX, 0))
    }

    fn look(&mut self) {
        assert_eq!(self.wheel.len(), self.oracle.len());
        let exact = self.oracle.keys().next().map(|item| item.0).filter(|&deadline| deadline != u64::MAX);
        let told = self.wheel.next().map(Moment::nanos);
        assert_eq!(told.is_some(), exact.is_some());
        assert!(told <= exact, "never late");
        assert_eq!(self.wheel.next_exact().map(Moment::nanos), exact);
        assert_eq!(self.wheel.next().map(Moment::nanos), exact, "and exact from then on");
    }
}

fn agrees_with_a_map(seed: u64, rounds: u64, bits: u64) {
    let (mut dice, mut pair) = (Dice(seed), Pair::new());
    for _ in 0..rounds {
        match dice.below(10) {
            0..5 => {
                let deadline = pair.now.saturating_add(dice.span(bits));
                (0..=dice.below(3)).for_each(|_| pair.insert(deadline));
            }
            5 => pair.insert(pair.now.saturating_sub(dice.span(bits))),
            6 if dice.below(20) == 0 => pair.insert(u64::MAX),
            6 | 7 if !pair.keys.is_empty() => pair.remove(dice.below(pair.keys.len() as u64) as usize),
            8 => pair.expire(pair.wheel.next().map_or(0, Moment::nanos)),
            9 => pair.expire(pair.now.saturating_add(dice.span(bits - 3))),
            _ => {}
        }
        if dice.below(2) == 0 {
            pair.look();
        }
    }
    pair.look();
    pair.expire(u64::MAX);
    pair.look();
    let mut rest = Vec::new();
    pair.wheel.drain(&mut rest);
    assert_eq!(rest.len(), pair.oracle.len());
    assert_eq!(pair.wheel.len(), 0);
}

#[test]
fn agrees_with_a_map_at_every_scale() {
    for seed in 1..40 {
        for bits in [6, 12, 20, 34, 48, 64] {
            agrees_with_a_map(seed * 0x9E37_79B9, 400, bits);
        }
    }
}

#[test]
fn hands_out_ten_thousand_of_one_instant_in_order_of_insertion() {
    let (mut wheel, mut due, at) = (Wheel::new(), Vec::new(), Moment::from_nanos(3_600_000_000_123));
    // Half of them are inserted after the wheel has come nearer, into another level.
    (0..5_000).for_each(|item| assert!(wheel.insert(at, item).is_ok()));
    wheel.expire(Moment::from_nanos(3_599_000_000_000), &mut due);
    (5_000..10_000).for_each(|item| assert!(wheel.insert(at, item).is_ok()));
    wheel.expire(Moment::from_nanos(at.nanos() - 1), &mut due);
    assert!(due.is_empty());
    wheel.expire(at, &mut due);
    assert!(due.into_iter().map(|(_, item)| item).eq(0..10_000));
}

#[test]
fn a_key_of_something_gone_finds_nothing_in_its_old_place() {
    let mut wheel = Wheel::new();
    let at = |n| Moment::from_nanos(n);
    let key = wheel.insert(at(50), "old").unwrap();
    wheel.expire(at(60), &mut Vec::new());
    let newer = wheel.insert(at(50), "new").unwrap();
    assert_eq!(wheel.remove(key), None);
    assert_eq!(wheel.remove(newer), Some("new"));
    assert_eq!(wheel.remove(u64::MAX), None);
}

#[test]
fn gives_memory_back_when_empty_and_knows_old_keys_still() {
    let mut wheel = Wheel::new();
    let fill = |wheel: &mut Wheel<u64>| -> Vec<u64> {
        (0..1_000).map(|n| wheel.insert(Moment::from_nanos(n * 1_000), n).unwrap()).collect()
    };
    let old = fill(&mut wheel);
    old.iter().for_each(|&key| assert!(wheel.remove(key).is_some()));
    assert_eq!((wheel.len(), wheel.items.chunks()), (0, 1));
    let new = fill(&mut wheel);
    old.iter().for_each(|&key| assert_eq!(wheel.remove(key), None));
    new.iter().for_each(|&key| assert!(wheel.remove(key).is_some()));
}

#[test]
fn a_vain_visit_opens_the_bucket_and_knows_better() {
    let mut wheel = Wheel::new();
    let (early, late) = (Moment::from_nanos(1_000_000), Moment::from_nanos(1_040_000));
    let key = wheel.insert(early, 1).unwrap();
    assert!(wheel.insert(late, 2).is_ok());
    assert_eq!(wheel.remove(key), Some(1));
    assert_eq!(wheel.next(), Some(early), "errs early");
    let mut due = Vec::new();
    wheel.expire(early, &mut due);
    assert!(due.is_empty());
    assert_eq!(wheel.next(), Some(late));
}

#[test]
fn an_entry_is_24_bytes() {
    assert_eq!(std::mem::size_of::<super::super::slab::Entry<std::num::NonZeroU64>>(), 24);
}

/// However full a bucket is, the wheel can be used while it is emptied, and nothing is lost or handed out twice.
#[test]
fn is_usable_between_steps() {
    const NOW: u64 = 17 << 29;
    for seed in 1..=4 {
        let (mut pair, mut dice) = (Pair::new(), Dice(seed));
        // On both sides of the moment: a half in the bucket that it enters, a quarter before that, a quarter after.
        (0..30_000).for_each(|_| pair.insert((15 << 29) + dice.below(4 << 29)));
        let (mut due, mut steps) = (Vec::new(), 0);
        while pair.wheel.expire_some(Moment::from_nanos(NOW), &mut due) {
            steps += 1;
            for _ in 0..100 {
                pair.insert(NOW + 1 + dice.below(2 << 32)); // no two alike (W2)
                let (key, item) = pair.keys.swap_remove(dice.below(pair.keys.len() as u64) as usize);
                match pair.wheel.remove(key) {
                    Some(found) => assert!(found == item.1 && pair.oracle.remove(&item).is_some()),
                    None => assert!(due.contains(&(Moment::from_nanos(item.0), item.1)), "{item:?} is lost"),
                }
            }
        }
        assert!(steps >= 22_000 / (STEP * BATCH), "it was through after {steps} steps");
        due.sort_by_key(|item| item.0);
        let later = pair.oracle.split_off(&(NOW + 1, 0));
        let expected = std::mem::replace(&mut pair.oracle, later).into_keys();
        assert!(due.into_iter().map(|(deadline, item)| (deadline.nanos(), item)).eq(expected));
        pair.now = NOW;
        pair.look();
        (0..40).for_each(|n| pair.expire(NOW + (n << 28)));
        pair.look();
        assert_eq!(pair.wheel.len(), 0);
    }
}

/// A clock that steps back finds what is overdue all the same.
#[test]
fn hands_out_what_is_overdue_at_an_earlier_moment() {
    let (mut wheel, mut due) = (Wheel::new(), Vec::new());
    wheel.expire(Moment::from_nanos(100), &mut due);
    wheel.insert(Moment::from_nanos(90), ()).unwrap();
    wheel.expire(Moment::from_nanos(80), &mut due);
    assert_eq!(due, [(Moment::from_nanos(90), ())]);
}
