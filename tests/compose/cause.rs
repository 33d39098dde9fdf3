//! S11: what decided a signal, and where.
use super::{WAYS, observe, raise};
use crate::common::*;
use std::panic::Location;
use stopwhen::{Signal, Till};

/// S11: name, number, reason and place of the leaf that decided.
#[test]
fn cause_tells_name_number_reason_and_place() {
    let (a, b) = (Signal::named("a"), Signal::named("b"));
    let s = (&a | &b).view();
    assert!(s.cause().is_none() && a.cause().is_none());
    let line = line!() + 1;
    assert!(a.go_because(std::io::Error::other("disk full")));
    b.go_because("too late");
    let cause = s.cause().unwrap();
    assert_eq!((cause.name(), cause.location().file(), cause.location().line()), (Some("a"), file!(), line));
    let reason = cause.reason().unwrap();
    assert_eq!(reason.to_string(), "disk full");
    assert!(reason.is::<std::io::Error>());
    assert_eq!(cause.number(), a.cause().unwrap().number());
    assert_ne!(cause.number(), b.cause().unwrap().number());
    assert_eq!(b.cause().unwrap().reason().unwrap().to_string(), "too late");
    assert_eq!(cause.to_string(), format!("a, raised at {}", cause.location()));
    assert_eq!(format!("{cause:#}"), format!("a, raised at {}: disk full", cause.location()));
    let error: &dyn std::error::Error = &cause;
    assert_eq!(error.source().unwrap().to_string(), "disk full");
    assert!(format!("{cause:?}").contains("disk full"));
}

/// S11: the place of every way to raise, and of what is go from the start.
#[test]
fn cause_tells_the_callers_place() {
    #[track_caller]
    fn here() -> &'static Location<'static> {
        Location::caller()
    }
    let at = |s: &Signal| {
        let place = s.cause().unwrap().location();
        (place.file(), place.line())
    };
    let (a, b, c) = (Signal::new(), Signal::new(), Signal::new());
    let child = c.child();
    let line = here().line();
    a.go();
    b.go_because("reason");
    let guard = c.go_on_drop();
    let done = Signal::done();
    let till = Till::secs(0);
    let none = Signal::all([&a; 0]);
    drop(guard);
    let found = [&a, &b, &c, &child, &done, &till, &none].map(at);
    assert_eq!(found, [1, 2, 3, 3, 4, 5, 6].map(|n| (file!(), line + n)));
    assert_eq!(done.cause().unwrap().to_string(), format!("done, made at {}", done.cause().unwrap().location()));
    assert_eq!(till.cause().unwrap().to_string(), format!("till, set at {}", till.cause().unwrap().location()));
}

/// S11: a child names itself if it went alone, else what raised its parent; a delayed signal names itself.
#[test]
fn cause_of_children_and_delays() {
    let parent = Signal::named("parent");
    let (alone, with) = (parent.child(), parent.child());
    alone.go_because("switch");
    parent.go();
    assert_eq!(with.cause().unwrap().name(), Some("parent"));
    let cause = alone.cause().unwrap();
    assert_eq!((cause.name(), cause.reason().unwrap().to_string()), (None, "switch".into()));
    assert_eq!((&alone | &with).cause().unwrap().name(), None, "already go: the lowest index");
}

/// S11: of `go`s one after the other the earlier decides an OR, the last one needed an AND or k of n.
#[test]
fn cause_follows_the_order_of_gos() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]];
    for how in WAYS {
        for order in orders {
            let s = NAMES.map(Signal::named);
            let (any, all) = (Signal::any(&s), Signal::all(&s));
            let k = [2, 3].map(|k| Signal::at_least(k, &s));
            let deep = (&s[0] | &s[1]) & (&s[2] | &s[3]);
            let views = [&any, &all, &k[0], &k[1], &deep].map(|s| s.view().view());
            [&any, &all, &k[0], &k[1], &deep].iter().for_each(|s| observe(how, s));
            views.iter().for_each(|s| observe(how, s));
            raise(order.iter().map(|&i| &s[i]));
            let pairs = |i: usize| i / 2;
            let completes = order[1..].iter().find(|&&i| pairs(i) != pairs(order[0])).unwrap();
            let expected = [order[0], order[3], order[1], order[2], *completes].map(|i| Some(NAMES[i].to_string()));
            let name = |s: &Signal| s.cause().unwrap().name().map(str::to_string);
            assert_eq!(views.each_ref().map(name), expected, "observed {how}, order {order:?}");
            assert_eq!([&any, &all, &k[0], &k[1], &deep].map(name), expected);
        }
    }
}

/// S11: one composite never changes its answer.
#[test]
fn cause_never_changes() {
    for how in WAYS {
        let s = ["a", "b", "c"].map(Signal::named);
        let two = Signal::at_least(2, &s);
        observe(how, &two);
        s[2].go();
        s[1].go();
        let first = two.cause().unwrap();
        s[0].go();
        for _ in 0..200 {
            let again = two.cause().unwrap();
            assert_eq!((again.name(), again.number()), (Some("b"), first.number()));
            assert!(two.is_go());
        }
    }
}

/// S11: inputs already go at construction count as simultaneous: the lowest index.
#[test]
fn cause_of_what_was_go_before_is_the_lowest_index() {
    let mut completed = Vec::new();
    // Which of them anybody had built on when they went must make no difference.
    for built_on in 0..8_u32 {
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let s = ["a", "b", "c"].map(Signal::named);
            let _derived: Vec<Signal> = (0..3).filter(|i| built_on >> i & 1 == 1).map(|i| s[i].view()).collect();
            raise(order.iter().map(|&i| &s[i]));
            let name = |s: Signal| s.cause().unwrap().name().unwrap().to_string();
            let why = format!("raised in order {order:?}, built on {built_on:03b}");
            assert_eq!(name(Signal::any(&s)), "a", "{why}");
            assert_eq!(name(&s[1] | &s[2]), "b", "{why}");
            completed.push((name(Signal::all(&s)), name(Signal::at_least(2, &s))));
            let many = s.iter().cloned().chain((0..20).map(|_| Signal::new()));
            assert_eq!(name(Signal::any(many)), "a", "heavy, {why}");
        }
    }
    assert!(completed.iter().all(|c| *c == completed[0]), "by index alone: {completed:?}");
}

/// S11: what was go before counts before what goes later.
#[test]
fn cause_of_a_mix_of_before_and_after() {
    for how in WAYS {
        let s = ["a", "b", "c"].map(Signal::named);
        s[1].go();
        let two = Signal::at_least(2, &s);
        observe(how, &two);
        s[2].go();
        s[0].go();
        assert_eq!(two.cause().unwrap().name(), Some("c"));
    }
}

/// S11: a time that came is the cause until something else was before it.
#[test]
fn cause_of_a_race_with_time() {
    let (a, gone) = (Signal::named("a"), Till::secs(0));
    let s = &a | &gone;
    assert!(s.cause().unwrap().to_string().starts_with("till, set at"));
    // Nobody looks until both have come: the order is that of the times all the same.
    let c = Signal::named("c");
    let (either, both) = (&c | Till::millis(1), &c & Till::millis(1));
    let late = Till::millis(2);
    let line = line!() + 1;
    let tills = &late | Till::millis(1);
    c.go();
    Till::millis(3).wait();
    assert_eq!(either.cause().unwrap().name(), Some("c"), "it went before the time came");
    assert!(both.cause().unwrap().to_string().starts_with("till, set at"));
    assert_eq!(tills.cause().unwrap().location().line(), line);
    let (b, far) = (Signal::named("b"), Till::secs(3600));
    let s = &b | &far;
    b.go();
    assert_eq!(s.cause().unwrap().name(), Some("b"));
    far.go_because("early");
    assert_eq!(far.cause().unwrap().reason().unwrap().to_string(), "early");
    assert!(far.cause().unwrap().to_string().starts_with("signal #"));
}

/// An expression is linked while several of its times have come and nobody has looked at them yet.
#[test]
fn linking_finds_several_inputs_due() {
    for looked_at in 0..3 {
        for n in [2, 3, 10, 20, 40] {
            for how in WAYS.skip(1) {
                in_time("a composite of due times", move || {
                    let tills: Vec<Till> = (0..n).map(|_| Till::secs(0)).collect();
                    assert!(tills.iter().take(looked_at).all(Signal::is_go));
                    let a = Signal::named("a");
                    a.go();
                    let all = [
                        Signal::any(&tills),
                        Signal::all(&tills),
                        Signal::at_least(2, &tills),
                        Signal::any(tills.iter().chain([&a])) & Signal::any([&a].into_iter().chain(&tills)),
                    ];
                    for s in &all {
                        match how {
                            1 => {}
                            2 => s.wait(),
                            _ => s.on_go(|| ()),
                        }
                        assert!(s.is_go() && s.cause().is_some());
                    }
                });
            }
        }
    }
}
