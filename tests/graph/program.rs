//! Random programs: what to build, what to do with it.
use crate::oracle::{Kind, Oracle};
use proptest::prelude::*;
use stopwhen::Signal;

/// Indices are taken modulo what there is, so that every program makes sense, and shrinks.
#[derive(Clone, Debug)]
pub enum Make {
    Leaf,
    Any(Vec<usize>),
    All(Vec<usize>),
    AtLeast(usize, Vec<usize>),
    Or(usize, usize),
    And(usize, usize),
    Child(usize),
    View(usize),
    OrAssign(usize, usize),
    Fixed(bool),
}

#[derive(Clone, Debug)]
pub enum Act {
    Go(usize),
    /// With what it raises, if that is younger: so no callback keeps itself.
    Then(usize, Option<usize>),
    OnGo(usize, Option<usize>),
    Cancel(usize, bool),
    Detach(usize),
    Poll(usize, usize),
    Cause(usize),
    Show(usize),
    Wait(usize, usize),
    Await(usize),
    PollAgain(usize),
    Forget(usize),
    Drop(usize),
}

#[derive(Clone, Debug)]
pub enum Op {
    Make(Make),
    Act(Act),
}

pub fn make() -> impl Strategy<Value = Make> {
    let at = || any::<usize>();
    let some = || prop::collection::vec(any::<usize>(), 0..7);
    let many = prop::collection::vec(any::<usize>(), 15..25);
    prop_oneof![
        4 => Just(Make::Leaf),
        2 => some().prop_map(Make::Any),
        2 => some().prop_map(Make::All),
        3 => (0..8_usize, some()).prop_map(|(k, i)| Make::AtLeast(k, i)),
        1 => (1..20_usize, many).prop_map(|(k, i)| Make::AtLeast(k, i)),
        3 => (at(), at()).prop_map(|(a, b)| Make::Or(a, b)),
        3 => (at(), at()).prop_map(|(a, b)| Make::And(a, b)),
        3 => at().prop_map(Make::Child),
        2 => at().prop_map(Make::View),
        1 => (at(), at()).prop_map(|(a, b)| Make::OrAssign(a, b)),
        1 => any::<bool>().prop_map(Make::Fixed),
    ]
}

pub fn act() -> impl Strategy<Value = Act> {
    let at = || any::<usize>();
    let polls = prop_oneof![4 => Just(1_usize), 1 => Just(70)];
    prop_oneof![
        5 => at().prop_map(Act::Go),
        4 => (at(), any::<Option<usize>>()).prop_map(|(i, t)| Act::Then(i, t)),
        3 => (at(), any::<Option<usize>>()).prop_map(|(i, t)| Act::OnGo(i, t)),
        2 => (at(), any::<bool>()).prop_map(|(i, wait)| Act::Cancel(i, wait)),
        1 => at().prop_map(Act::Detach),
        3 => (at(), polls).prop_map(|(i, n)| Act::Poll(i, n)),
        2 => at().prop_map(Act::Cause),
        1 => at().prop_map(Act::Show),
        1 => (at(), at()).prop_map(|(i, j)| Act::Wait(i, j)),
        2 => at().prop_map(Act::Await),
        1 => at().prop_map(Act::PollAgain),
        1 => at().prop_map(Act::Forget),
        3 => at().prop_map(Act::Drop),
    ]
}

/// Builds one signal out of earlier ones; `None` where an operand is gone.
pub fn build(make: &Make, signals: &[Option<Signal>], oracle: &mut Oracle) -> Option<Signal> {
    let n = signals.len();
    let at = |i: &usize| if n == 0 { None } else { signals[i % n].as_ref() };
    let held = |of: &[usize]| of.iter().filter(|i| at(i).is_some()).map(|i| i % n).collect::<Vec<_>>();
    let handles = |of: &[usize]| of.iter().map(|&i| signals[i].clone().expect("held")).collect::<Vec<_>>();
    Some(match make {
        Make::Leaf => {
            oracle.make(Kind::Leaf);
            Signal::named(format!("{n}"))
        }
        Make::Fixed(go) => {
            oracle.make(Kind::Fixed(*go));
            if *go { Signal::done() } else { Signal::never() }
        }
        Make::Any(of) => {
            oracle.make_any_or_all(false, &held(of));
            Signal::any(handles(&held(of)))
        }
        Make::All(of) => {
            oracle.make_any_or_all(true, &held(of));
            Signal::all(handles(&held(of)))
        }
        Make::AtLeast(k, of) => {
            oracle.make_at_least(*k, &held(of));
            Signal::at_least(*k, handles(&held(of)))
        }
        Make::Or(a, b) | Make::OrAssign(a, b) => {
            let (x, y) = (at(a)?, at(b)?);
            oracle.make_any_or_all(false, &[a % n, b % n]);
            let mut s = x.clone();
            s |= y;
            if matches!(make, Make::Or(..)) { x | y } else { s }
        }
        Make::And(a, b) => {
            let (x, y) = (at(a)?, at(b)?);
            oracle.make_any_or_all(true, &[a % n, b % n]);
            x & y
        }
        Make::Child(a) => {
            let parent = at(a)?;
            oracle.make(Kind::Child(a % n));
            parent.child()
        }
        Make::View(a) => {
            let of = at(a)?;
            oracle.make(Kind::Expr { need: 1, inputs: vec![a % n] });
            of.view()
        }
    })
}
