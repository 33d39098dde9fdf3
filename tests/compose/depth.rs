//! S9, at a depth or width of a million, in a thread with a small stack: what recursed over them would overflow it.
use super::{MILLION, raise, tower};
use crate::common::*;
use std::time::{Duration, Instant};
use stopwhen::{Signal, Till};

/// Everything that can be asked of a signal that is not go, a few times over.
fn ask_everything(s: &Signal) {
    (0..130).for_each(|_| assert!(!s.is_go()));
    assert!(s.to_string().len() < 1000 && format!("{s:?}").len() < 1000);
    assert!(s.cause().is_none() && s.name().is_none());
    assert!(s.wait_until(Duration::from_micros(1)).is_err());
    assert!(s.wait_until((Signal::new(), Duration::from_micros(1))).is_err());
    let mut future = std::pin::pin!(s.wait_async());
    assert!(poll(future.as_mut(), &Bell::new()).is_pending());
}

/// Builds on a named leaf, asks, links, fires, asks again, drops. Then another, which is let go of with its leaf.
///
/// The count says how often callbacks ran, or were dropped unrun.
fn through_its_life(levels: usize, build: impl Fn(usize, Signal) -> Signal) -> Count {
    let leaf = Signal::named("leaf");
    let s = build(levels, leaf.clone());
    ask_everything(&s);
    let ended = Count::new();
    s.on_go(ended.adds());
    assert!(leaf.go() && s.is_go());
    assert_eq!((ended.get(), s.cause().unwrap().name()), (1, Some("leaf")));
    assert!(s.to_string().len() < 1000);
    drop((s, leaf));
    let leaf = Signal::named("leaf");
    let s = build(levels / 4, leaf.clone());
    let token = ended.token();
    s.on_go(move || drop(token));
    drop(s);
    assert_eq!(ended.get(), 1);
    drop(leaf);
    ended
}

/// S9: an OR of a depth of a million.
#[test]
fn a_million_levels_of_or() {
    on_small_stack("a tower of |", || {
        let other = Signal::new();
        let ended = through_its_life(MILLION, |levels, on| tower(levels, on, |s| s | &other));
        assert_eq!((ended.get(), hanging(&other)), (1, MILLION / 4));
        drop(other);
        assert_eq!(ended.get(), 2, "dead from the bottom to the top");
    });
}

/// S9: a right-leaning AND of a depth of a million.
#[test]
fn a_million_levels_of_and() {
    on_small_stack("a tower of &", || {
        let gone = Signal::new();
        gone.go();
        assert_eq!(through_its_life(MILLION, |levels, on| tower(levels, on, |s| &gone & s)).get(), 2);
    });
}

/// S9: views of views.
#[test]
fn a_million_levels_of_views() {
    on_small_stack("a tower of views", || {
        assert_eq!(through_its_life(MILLION, |levels, on| tower(levels, on, |s| s.view())).get(), 2);
    });
}

/// S9: children of children.
#[test]
fn a_million_levels_of_children() {
    on_small_stack("a tower of children", || {
        let ended = through_its_life(MILLION, |levels, on| {
            let bottom = on.clone();
            let top = tower(levels, on, |s| s.child());
            assert_eq!(hanging(&bottom), 1);
            top
        });
        assert_eq!(ended.get(), 2);
    });
}

/// S9: a chain of delays of nothing: fired, abandoned, dropped.
#[test]
fn a_long_chain_of_delayed_signals() {
    const LINKS: usize = MILLION / 10;
    on_small_stack("a tower of delays", || {
        let ended = Count::new();
        let build = |on: &Signal| tower(LINKS, on.clone(), |s| s.delayed(Duration::ZERO));
        let first = Signal::new();
        let last = build(&first);
        ask_everything(&last);
        last.on_go(ended.adds());
        assert!(first.go());
        last.wait();
        while ended.get() == 0 {
            std::thread::yield_now();
        }
        let first = Signal::new();
        let last = build(&first);
        drop(last);
        assert_eq!(hanging(&first), 0, "dropped from the top");
        let (last, token) = (build(&first), ended.token());
        last.on_go(move || drop(token));
        drop(first);
        assert_eq!(ended.get(), 2, "dead from the bottom");
    });
}

/// S9: a width of a million: any, all, at least k, children of one parent.
#[test]
fn a_million_inputs() {
    on_small_stack("a million inputs", || {
        let inputs: Vec<Signal> = (0..MILLION).map(|_| Signal::new()).collect();
        let (any, all, half) = (Signal::any(&inputs), Signal::all(&inputs), Signal::at_least(MILLION / 2, &inputs));
        ask_everything(&half);
        assert!(!any.is_go() && !all.is_go());
        let ran = Count::new();
        [&any, &all, &half].iter().for_each(|s| s.on_go(ran.adds()));
        raise(&inputs[..MILLION / 2 - 1]);
        assert_eq!([&any, &half, &all].map(Signal::is_go), [true, false, false]);
        inputs[MILLION / 2 - 1].go();
        assert_eq!([&any, &half, &all].map(Signal::is_go), [true, true, false]);
        raise(&inputs);
        assert!(all.is_go());
        assert_eq!(ran.get(), 3);
        assert_eq!(any.cause().unwrap().number(), inputs[0].cause().unwrap().number());
    });
}

/// S9: a million that hang on one.
#[test]
fn a_million_derived_signals() {
    on_small_stack("a million derived", || {
        let (root, ran) = (Signal::new(), Count::new());
        let derived: Vec<Signal> = (0..MILLION).map(|_| root.child()).collect();
        derived.iter().step_by(100).for_each(|d| d.on_go(ran.adds()));
        assert_eq!(hanging(&root), MILLION);
        root.go();
        assert!(derived.iter().all(Signal::is_go));
        assert_eq!(ran.get(), MILLION / 100);
        let root = Signal::new();
        let derived: Vec<Signal> = (0..MILLION).map(|_| root.child()).collect();
        drop(root);
        drop(derived);
    });
}

/// S9: a shared graph of 64 diamonds, one on the other: no walk takes 2^64 steps.
#[test]
fn a_shared_graph_is_walked_once() {
    on_small_stack("64 diamonds", || {
        for and in [false, true] {
            for observed in [false, true] {
                let ended = through_its_life(64, |levels, leaf| {
                    let s = tower(levels, leaf, |s| match and {
                        true => s.view() & s.view(),
                        false => s.view() | s.view(),
                    });
                    if observed {
                        s.on_go(|| ());
                    }
                    s
                });
                assert_eq!(ended.get(), 2);
            }
        }
        let till = tower(64, Till::secs(3600), |s| s.view() & s.child());
        assert!(till.deadline().is_some() && till.remaining().is_some());
        ask_everything(&till);
        let none = tower(64, Signal::new(), |s| s.view() | s.child());
        assert!(none.deadline().is_none() && none.remaining().is_none());
        let wide = tower(20, Signal::new(), |s| Signal::at_least(3, [&s, &s, &s.view(), &s.child(), &s.view()]));
        ask_everything(&wide);
    });
}

/// T4 at any depth and width: nothing recurses.
#[test]
fn deadlines_of_deep_and_wide_expressions() {
    on_small_stack("a tower of Tills", || {
        let (end, leaf) = (Instant::now() + AGES, Signal::new());
        let deep = tower(MILLION / 20, Till::at(end), |s| (s & leaf.view()) | Till::at(end));
        assert_eq!(deep.deadline(), Some(end));
        ask_everything(&deep);
        let wide = Signal::any((0..MILLION / 20).map(|i| Till::at(end + Duration::from_secs(i as u64))));
        assert_eq!(wide.deadline(), Some(end));
        ask_everything(&wide);
        drop(deep);
        assert_eq!(hanging(&leaf), 0);
    });
}
