//! Expressions: `|`, `&`, k of n, views, children; identities, depth, links, causes. A test says which promise it shows.
#[path = "compose/cause.rs"]
mod cause;
mod common;
#[path = "compose/depth.rs"]
mod depth;

use common::*;
use std::time::Duration;
use stopwhen::{Signal, Till};

const MILLION: usize = 1_000_000;

fn leaves<const N: usize>() -> [Signal; N] {
    std::array::from_fn(|_| Signal::new())
}

fn raise<'a>(signals: impl IntoIterator<Item = &'a Signal>) {
    signals.into_iter().for_each(|s| {
        s.go();
    });
}

/// What can be done to a signal before it is asked, from nothing at all to hanging it on its inputs.
fn observe(how: usize, s: &Signal) {
    match how {
        0 => {}
        1 => assert!(!s.is_go()),
        2 => (0..200).for_each(|_| assert!(!s.is_go())),
        _ => s.on_go(|| ()),
    }
}
const WAYS: std::ops::Range<usize> = 0..4;

/// A chain of a million, each built on the one before.
fn tower(levels: usize, mut on: Signal, step: impl Fn(Signal) -> Signal) -> Signal {
    for _ in 0..levels {
        on = step(on);
    }
    on
}

// ---- what expressions answer -----------------------------------------------------------------------------

/// S3: for every subset of inputs, in every manner of observation: any, all and at least k answer as they are named.
#[test]
fn expressions_answer_as_they_are_named() {
    for how in WAYS {
        for set in 0..16_u32 {
            let inputs: [Signal; 4] = leaves();
            let all = [
                Signal::any(&inputs),
                Signal::at_least(2, &inputs),
                Signal::at_least(3, &inputs),
                Signal::all(&inputs),
                &inputs[0] | &inputs[1] | &inputs[2] | &inputs[3],
                &inputs[0] & &inputs[1] & &inputs[2] & &inputs[3],
                (&inputs[0] | &inputs[1]) & (&inputs[2] | &inputs[3]),
            ];
            all.iter().for_each(|s| observe(how, s));
            (0..4).filter(|i| set >> i & 1 == 1).for_each(|i| assert!(inputs[i].go()));
            let n = set.count_ones();
            let pairs = set & 3 != 0 && set & 12 != 0;
            let expected = [n >= 1, n >= 2, n >= 3, n == 4, n >= 1, n == 4, pairs];
            assert_eq!(all.each_ref().map(Signal::is_go), expected, "observed {how}, gone {set:b}");
            assert_eq!(all.each_ref().map(|s| s.cause().is_some()), expected);
        }
    }
}

/// S10: nothing never goes; all of nothing, and none of anything, are go.
#[test]
fn empty_and_hopeless_expressions_are_fixed() {
    let [a, b] = leaves();
    let none: [Signal; 0] = [];
    for never in [
        Signal::any(&none),
        Signal::at_least(3, [&a, &b]),
        Signal::at_least(1, &none),
        Signal::at_least(usize::MAX, [&a]),
    ] {
        assert!(!never.is_go() && !never.go());
        let ran = Count::new();
        never.on_go(ran.adds());
        let token = ran.token();
        never.on_go(move || drop(token));
        assert_eq!(ran.get(), 1, "dropped unrun at once");
    }
    for done in [Signal::all(&none), Signal::at_least(0, [&a, &b]), Signal::at_least(0, &none)] {
        assert!(done.is_go() && !done.go());
        let cause = done.cause().unwrap();
        assert_eq!((cause.location().file(), cause.name()), (file!(), None));
    }
    a.go();
    b.go();
    assert!(!Signal::at_least(3, [&a, &b]).is_go());
}

/// S10: what has one input left answers as that, and is a view of it.
#[test]
fn identities_are_views_of_what_is_left() {
    let none = None::<Signal>;
    let of: [fn(&Signal) -> Signal; 24] = [
        |a| a.view(),
        |a| a | None::<Signal>,
        |a| a & None::<&Signal>,
        |a| a.clone() | None::<&Signal>,
        |a| a.clone() & None::<Signal>,
        |a| None::<Signal> | a,
        |a| None::<Signal> & a,
        |a| None::<Signal> | a.clone(),
        |a| None::<Signal> & a.clone(),
        |a| Signal::any([a]),
        |a| Signal::all([a]),
        |a| Signal::at_least(1, [a]),
        |a| Signal::never() | a,
        |a| a | Signal::never(),
        |a| Signal::done() & a,
        |a| a & &Signal::done(),
        |a| a | a,
        |a| a & a,
        |a| a.clone() | a,
        |a| Signal::any([a, a, a]),
        |a| Signal::all([a, a, a]),
        |a| Signal::any([&Signal::never(), a, &Signal::never()]),
        |a| Signal::all([&Signal::done(), a, &Signal::done(), a]),
        |a| a | Some(a) | None::<Signal> | Signal::never(),
    ];
    assert!(!(none | Signal::new()).is_go());
    for (i, make) in of.iter().enumerate() {
        for how in WAYS {
            let a = Signal::named("a");
            let view = make(&a);
            assert_ne!(view, a, "{i}");
            observe(how, &view);
            assert!(!view.go() && !view.is_go() && !a.is_go(), "{i}");
            assert_eq!(view.to_string(), "a", "{i}");
            assert!(a.go() && view.is_go(), "{i}");
            assert_eq!(view.cause().unwrap().name(), Some("a"), "{i}");
            assert!(make(&a).is_go(), "{i} built on what is go");
        }
    }
}

/// S10: fixed signals where they decide.
#[test]
fn fixed_inputs_decide_what_they_can() {
    let a = Signal::new();
    assert!((Signal::done() | &a).is_go() && (&a | Signal::done()).is_go());
    assert!(!(Signal::never() & &a).is_go() && !(&a & Signal::never()).is_go());
    assert!(!(Signal::never() | Signal::never()).is_go() && (Signal::done() & Signal::done()).is_go());
    assert!((Signal::done() | Signal::never()).is_go() && !(Signal::done() & Signal::never()).is_go());
    assert!(Signal::at_least(1, [&Signal::never(), &Signal::done(), &a]).is_go());
    let dropped = Count::new();
    let token = dropped.token();
    (&a & Signal::never()).on_go(move || drop(token));
    assert_eq!(dropped.get(), 1, "it can never go");
    a.go();
    assert!(!(Signal::never() & &a).is_go());
}

/// S10: duplicates count once for any and all, each for at least k.
#[test]
fn duplicates_count_for_at_least_only() {
    for how in WAYS {
        let [a, b] = leaves();
        let all = [
            Signal::at_least(2, [&a, &a]),
            Signal::at_least(2, [&a, &a, &b]),
            Signal::at_least(3, [&a, &a, &b]),
            Signal::all([&a, &a, &b]),
            Signal::any([&b, &b, &b]),
            Signal::at_least(2, [&a, &b, &b]),
        ];
        all.iter().for_each(|s| observe(how, s));
        a.go();
        assert_eq!(all.each_ref().map(Signal::is_go), [true, true, false, false, false, false]);
        b.go();
        assert!(all.iter().all(Signal::is_go));
    }
}

/// S10: `|=` and `&=` with every operand.
#[test]
fn assigning_operators_take_all_operands() {
    let [a, b, c, d] = leaves();
    let mut s = a.clone();
    s |= &b;
    s |= Some(&c);
    s |= d.clone();
    s |= None::<Signal>;
    s |= Signal::never();
    let mut all = Signal::done();
    all &= &a;
    all &= b.clone();
    all &= Some(c.clone());
    all &= None::<&Signal>;
    assert!(!s.is_go() && !all.is_go());
    c.go();
    assert!(s.is_go() && !all.is_go());
    a.go();
    b.go();
    assert!(all.is_go() && !d.is_go());
}

/// Every operand of `|` and `&`, in every place.
#[test]
fn operators_take_signals_references_and_options() {
    let [a, b] = leaves();
    let (sa, sb) = (|| a.clone(), || b.clone());
    let ors = [
        &a | &b,
        &a | sb(),
        sa() | &b,
        sa() | sb(),
        &a | Some(&b),
        &a | Some(sb()),
        sa() | Some(&b),
        sa() | Some(sb()),
        Some(sa()) | &b,
        Some(sa()) | sb(),
    ];
    let ands = [
        &a & &b,
        &a & sb(),
        sa() & &b,
        sa() & sb(),
        &a & Some(&b),
        &a & Some(sb()),
        sa() & Some(&b),
        sa() & Some(sb()),
        Some(sa()) & &b,
        Some(sa()) & sb(),
    ];
    a.go();
    assert!(ors.iter().all(Signal::is_go) && !ands.iter().any(Signal::is_go));
    b.go();
    assert!(ands.iter().all(Signal::is_go));
    // any, all and at_least take what becomes a Signal.
    assert!(Signal::any(vec![a.clone(), b.clone()]).is_go() && Signal::all(&[a, b]).is_go());
}

/// S3: exact after every single `go`, at any weight, also when polls have made it link itself.
#[test]
fn heavy_and_often_polled_expressions_stay_exact() {
    for n in [2, 3, 15, 16, 17, 18, 40, 200] {
        for polls in [0, 1, 63, 64, 65, 130] {
            let inputs: Vec<Signal> = (0..n).map(|_| Signal::new()).collect();
            let mut chain = inputs[0].clone();
            inputs[1..].iter().for_each(|i| chain = &chain & i);
            let most = Signal::at_least(n - 1, &inputs);
            let (all, shown) = (Signal::all(&inputs), chain.view());
            for (gone, input) in inputs.iter().enumerate() {
                let go = [&chain, &most, &all, &shown].map(|s| (0..polls).any(|_| s.is_go()) || s.is_go());
                assert_eq!(go, [false, gone >= n - 1, false, false], "{gone} of {n}, {polls} polls");
                input.go();
            }
            assert!([chain, most, all, shown].iter().all(Signal::is_go));
        }
    }
}

/// S3: an expression polled into hanging on its inputs leaves them when it goes, and when it is dropped.
#[test]
fn often_polled_expressions_leave_nothing_behind() {
    let [a, b] = leaves();
    let s = &a | &b;
    (0..63).for_each(|_| assert!(!s.is_go()));
    assert_eq!((hanging(&a), hanging(&b)), (0, 0));
    (0..2).for_each(|_| assert!(!s.is_go()));
    assert_eq!((hanging(&a), hanging(&b)), (1, 1), "from now on it is told");
    drop(s);
    assert_eq!((hanging(&a), hanging(&b)), (0, 0));
}

// ---- S8: links -------------------------------------------------------------------------------------------

/// S8: what nobody observes hangs on nothing.
#[test]
fn unobserved_expressions_hang_on_nothing() {
    let [a, b] = leaves();
    let s = (&a | &b) & a.view();
    let again = Signal::at_least(2, [&s, &a, &b]);
    assert!(!again.is_go() && again.cause().is_none() && again.deadline().is_none());
    let _ = (again.to_string(), format!("{again:?}"));
    assert_eq!((hanging(&a), hanging(&b), hanging(&s)), (0, 0, 0));
}

/// S8: once observed it hangs on its inputs until its last user is gone.
#[test]
fn observed_expressions_hang_until_their_last_user_is_gone() {
    let [a, b, c] = leaves();
    let low = &a | &b;
    let high = &low & &c;
    let hook = high.then(|| ());
    assert_eq!((hanging(&a), hanging(&b), hanging(&c), hanging(&low)), (1, 1, 1, 1));
    let clone = high.clone();
    drop(high);
    assert_eq!(hanging(&c), 1);
    hook.cancel();
    drop((hook, clone));
    assert_eq!((hanging(&c), hanging(&low)), (0, 0));
    drop(low);
    assert_eq!((hanging(&a), hanging(&b)), (0, 0));
}

/// S8: waits, futures and polled futures are observers too, and leave nothing when all handles are gone.
#[test]
fn every_kind_of_observer_lets_go() {
    let [a, b] = leaves();
    for how in 0..5 {
        let s = &a & &b;
        match how {
            0 => assert!(s.wait_until(Duration::from_micros(10)).is_err()),
            1 => assert!(s.wait_until((&a, Duration::from_micros(10))).is_err()),
            2 => {
                let mut future = std::pin::pin!(s.wait_async());
                assert!(poll(future.as_mut(), &Bell::new()).is_pending());
            }
            3 => drop(s.then(|| ()).cancel()),
            _ => drop(s.child()),
        }
        drop(s);
        assert_eq!((hanging(&a), hanging(&b)), (0, 0), "{how}");
    }
}

/// S8: when it fires it is off all its other inputs before `go` returns, in time for callbacks to see it.
#[test]
fn what_fires_is_off_its_other_inputs_at_once() {
    let [a, b, c, d] = leaves();
    let s = Signal::any([&a, &b, &c, &d]);
    let (b2, c2) = (b.clone(), c.clone());
    s.on_go(move || assert_eq!((hanging(&b2), hanging(&c2)), (0, 0)));
    let kids = [a.child(), b.child()];
    assert_eq!([&a, &b, &c, &d].map(hanging), [2, 2, 1, 1]);
    b.go();
    assert_eq!([&a, &b, &c, &d].map(hanging), [1, 0, 0, 0]);
    assert!(kids[1].is_go());
    kids[0].go();
    assert_eq!(hanging(&a), 0, "a child that went alone is off its parent");
}

/// S8: a million short composites on one signal leave it as it was.
#[test]
fn a_million_short_composites_leave_a_signal_as_it_was() {
    in_time("a million composites", || {
        let stop = Signal::new();
        let before = format!("{stop:?}");
        for i in 0..MILLION / 4 {
            let other = Signal::new();
            let s = &stop | &other;
            match i % 4 {
                0 => assert!(!s.is_go()),
                1 => s.on_go(|| ()),
                2 => drop(stop.child()),
                _ => assert!(other.go() && s.is_go()),
            }
            if i % 4 == 1 {
                drop((s, other.go()));
            }
        }
        assert_eq!(format!("{stop:?}"), before);
    });
}

/// S8: dropped intermediates live on in what was built on them.
#[test]
fn dropped_intermediates_live_on() {
    for how in WAYS {
        let [a, b, c, d] = leaves();
        let s = ((a.view() | b.view()).view() & (&c | &d).view()).view();
        observe(how, &s);
        b.go();
        assert!(!s.is_go());
        d.go();
        assert!(s.is_go());
    }
}

// ---- S12: how expressions look ---------------------------------------------------------------------------

/// S12: operators, brackets, states.
#[test]
fn display_shows_the_expression() {
    let [a, b, c] = ["a", "b", "c"].map(Signal::named);
    assert_eq!((&a | &b).to_string(), "a | b");
    assert_eq!(((&a | &b) & &c).to_string(), "(a | b) & c");
    assert_eq!((&a | (&b & &c)).to_string(), "a | (b & c)");
    assert_eq!(Signal::any([&a, &b, &c]).to_string(), "a | b | c");
    assert_eq!(Signal::at_least(2, [&a, &b, &c]).to_string(), "2 of [a, b, c]");
    assert_eq!(a.view().to_string(), "a");
    assert_eq!((a.view() | b.view()).to_string(), "a | b");
    assert_eq!(a.child().to_string(), "child of a");
    assert_eq!((&a | &b).child().to_string(), "child of (a | b)");
    assert_eq!((a.child() & &b).to_string(), "child of a & b");
    let child = a.child();
    child.go();
    assert_eq!(child.to_string(), "child of a (go)");
    b.go();
    assert_eq!(((&a | &b) & &c).to_string(), "(a | b (go)) & c");
    assert_eq!((&c & &Till::secs(0)).to_string(), "c & till (go)");
    assert_eq!(format!("{:?}", &a | &c), "Signal { expr: a | c, is_go: false, hanging: 0, users: 1, hands: 0 }");
}

/// S12: more than four inputs are counted, under the name they share.
#[test]
fn display_counts_many_inputs() {
    let workers: Vec<Signal> = (0..5).map(|_| Signal::named("workers")).collect();
    let others: Vec<Signal> = ["a", "b", "c", "d", "e"].map(Signal::named).into();
    let cancel = Signal::named("user_cancel");
    raise(&workers[..3]);
    others[1].go();
    assert_eq!(Signal::all(&workers).to_string(), "workers[3/5]");
    assert_eq!(Signal::any(&workers).to_string(), "any workers[3/5]");
    assert_eq!(Signal::at_least(4, &workers).to_string(), "4 of workers[3/5]");
    assert_eq!(Signal::all(&others).to_string(), "all[1/5]");
    assert_eq!(Signal::any(&others).to_string(), "any[1/5]");
    assert_eq!(Signal::at_least(2, &others).to_string(), "2 of [1/5]");
    let shown = ((&cancel | Till::secs(3600)) & Signal::all(&workers)).to_string();
    let (till, rest) = shown.strip_prefix("(user_cancel | till in ").unwrap().split_once(" s) & ").unwrap();
    assert!(till.parse::<f64>().unwrap() > 3000.0);
    assert_eq!(rest, "workers[3/5]");
}

/// S12: cut at a sensible depth.
#[test]
fn display_is_cut_where_it_gets_deep() {
    let names = ["a", "b", "c", "d", "e", "f"].map(Signal::named);
    let mut s = names[0].clone();
    for (i, n) in names[1..].iter().enumerate() {
        s = if i % 2 == 0 { s | n } else { s & n };
    }
    assert_eq!(s.to_string(), "((… | d) & e) | f");
    assert_eq!(s.child().to_string(), "child of ((… & e) | f)");
    let views = tower(10, names[0].clone(), |s| s.view());
    assert_eq!(views.to_string(), "…");
}
