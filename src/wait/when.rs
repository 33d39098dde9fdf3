//! When an expression goes by time alone (T4): the k-th of its inputs' times.
use super::core::Kind;
use super::peek::Peek;
use crate::sys::Moment;
use std::collections::HashMap;

/// Ordered as they come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum When {
    /// Something other than time has raised it.
    Already,
    At(Moment),
    /// Only something other than time can.
    Unknown,
}

fn leaf(peek: Peek<'_>) -> When {
    match peek.time().filter(|_| !peek.is_go() || peek.went_by_time()) {
        Some(Moment::NEVER) => When::Unknown,
        Some(t) => When::At(t),
        None if peek.is_go() => When::Already,
        None => When::Unknown,
    }
}

/// The deadline of an expression, `None` where no time decides. Any depth; every composite is looked at once.
pub(super) fn when(top: Peek<'_>) -> Option<Moment> {
    let mut known: HashMap<usize, When> = HashMap::new();
    let mut stack = vec![top];
    while let Some(&peek) = stack.last() {
        let (need, inputs) = peek.inputs();
        if known.contains_key(&peek.address()) {
            stack.pop();
            continue;
        }
        let below = stack.len();
        if inputs.len() > 0 && !(peek.kind() == Kind::Child && peek.was_raised_itself()) {
            stack.extend(peek.inputs().1.filter(|i| !known.contains_key(&i.address())));
            if stack.len() > below {
                continue;
            }
            let mut times: Vec<When> = inputs.map(|i| known[&i.address()]).collect();
            times.sort_unstable();
            known.insert(peek.address(), times[need - 1]);
        } else {
            known.insert(peek.address(), leaf(peek));
        }
        stack.pop();
    }
    match known[&top.address()] {
        When::At(t) => Some(t),
        _ => None,
    }
}
