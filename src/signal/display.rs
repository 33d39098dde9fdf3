//! How a signal looks to a person.
use super::Signal;
use crate::wait::{Kind, Peek};
use std::fmt::{self, Formatter};

/// Levels shown; what lies deeper is an ellipsis.
const DEPTH: usize = 4;
/// Inputs shown one by one; more are counted.
const WIDTH: usize = 4;

/// Shows expression and state, cut at a depth of four: `(user_cancel | till in 359.8 s) & workers[3/5]`.
///
/// More than four inputs are counted, how many are go of how many there are, under the name they share.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        show(self.0.peek(), DEPTH, false, f)
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let peek = self.0.peek();
        f.debug_struct("Signal")
            .field("expr", &format_args!("{self}"))
            .field("is_go", &peek.is_go())
            .field("hanging", &peek.hanging())
            .field("users", &peek.users())
            .field("hands", &peek.hands())
            .finish()
    }
}

fn show(peek: Peek<'_>, depth: usize, inner: bool, f: &mut Formatter<'_>) -> fmt::Result {
    match peek.kind() {
        Kind::Expr | Kind::Switch => show_expression(peek, depth, inner, f),
        Kind::Child => show_child(peek, depth, f),
        _ => show_leaf(peek, f),
    }
}

fn show_leaf(peek: Peek<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    let go = peek.is_go();
    match (peek.kind(), peek.name()) {
        (Kind::Fixed, _) => return f.write_str(if go { "done" } else { "never" }),
        (Kind::Till | Kind::Delayed, None) => f.write_str("till")?,
        (_, Some(name)) => f.write_str(name)?,
        (_, None) => write!(f, "signal #{}", peek.number())?,
    }
    match (go, peek.when(), peek.remaining()) {
        (true, _, _) => f.write_str(" (go)"),
        (false, Some(_), Some(left)) => write!(f, " in {:.1} s", left.as_secs_f64()),
        (false, None, Some(_)) => f.write_str(" (no time yet)"),
        _ if peek.is_dead() => f.write_str(" (dead)"),
        _ => Ok(()),
    }
}

fn show_child(peek: Peek<'_>, depth: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let is_go = if let Some(name) = peek.name() {
        f.write_str(name)?;
        peek.is_go()
    } else {
        f.write_str("child of ")?;
        let (_, mut inputs) = peek.inputs();
        match inputs.next() {
            Some(parent) if depth > 1 => show(parent, depth - 1, true, f)?,
            _ => f.write_str("…")?,
        }
        peek.was_raised_itself()
    };
    f.write_str(if is_go { " (go)" } else { "" })
}

fn show_expression(peek: Peek<'_>, depth: usize, inner: bool, f: &mut Formatter<'_>) -> fmt::Result {
    let (need, inputs) = peek.inputs();
    let n = inputs.len();
    if depth <= 1 {
        return f.write_str("…");
    }
    if n > WIDTH {
        return show_count(peek, f);
    }
    if need != 1 && need != n {
        write!(f, "{need} of [")?;
        show_list(inputs, ", ", depth, false, f)?;
        return f.write_str("]");
    }
    let around = inner && n > 1;
    f.write_str(if around { "(" } else { "" })?;
    show_list(inputs, if need == 1 { " | " } else { " & " }, depth, inner || n > 1, f)?;
    f.write_str(if around { ")" } else { "" })
}

fn show_list<'a>(
    inputs: impl Iterator<Item = Peek<'a>>,
    between: &str,
    depth: usize,
    inner: bool,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    for (i, input) in inputs.enumerate() {
        f.write_str(if i > 0 { between } else { "" })?;
        show(input, depth - 1, inner, f)?;
    }
    Ok(())
}

/// `all[3/5]`: how many of how many are go; `workers[3/5]` if they share that name.
fn show_count(peek: Peek<'_>, f: &mut Formatter<'_>) -> fmt::Result {
    let (need, inputs) = peek.inputs();
    let n = inputs.len();
    let go = inputs.filter(|i| i.is_go()).count();
    let mut names = peek.inputs().1.map(Peek::name);
    let first = names.next().flatten();
    let shared = first.filter(|name| names.all(|other| other == Some(*name)));
    match (need, shared) {
        (k, Some(name)) if k == n => write!(f, "{name}[{go}/{n}]"),
        (1, Some(name)) => write!(f, "any {name}[{go}/{n}]"),
        (k, Some(name)) => write!(f, "{k} of {name}[{go}/{n}]"),
        (k, None) if k == n => write!(f, "all[{go}/{n}]"),
        (1, None) => write!(f, "any[{go}/{n}]"),
        (k, None) => write!(f, "{k} of [{go}/{n}]"),
    }
}
