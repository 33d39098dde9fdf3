//! Expressions: `|`, `&`, any, all, at least k; and what needs no expression of its own (S10).
use super::Signal;
use crate::order::sort;
use crate::wait::{Handle, Kind, User};
use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign};

/// What may stand beside a signal in `|` and `&`.
mod sealed {
    use crate::wait::User;

    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be combined with a signal",
        note = "`|` and `&` take a `Signal`, a `&Signal`, or an `Option` of either",
        note = "for time write `Till::after(duration)`; for what may be none `option.map(|d| Till::after(d))`",
        note = "a `bool` is a snapshot: combine the `Signal` it came from"
    )]
    pub trait Operand {
        #[doc(hidden)]
        fn user(self) -> Option<User>;
    }
}
use sealed::Operand;

impl Operand for Signal {
    #[inline]
    fn user(self) -> Option<User> {
        Some(self.0.into_user())
    }
}

impl Operand for &Signal {
    #[inline]
    fn user(self) -> Option<User> {
        Some(self.0.user())
    }
}

impl Operand for Option<Signal> {
    fn user(self) -> Option<User> {
        self.and_then(Operand::user)
    }
}

impl Operand for Option<&Signal> {
    fn user(self) -> Option<User> {
        self.and_then(Operand::user)
    }
}

/// How many inputs an expression needs.
#[derive(Clone, Copy, PartialEq)]
enum Need {
    Any,
    All,
}

impl Need {
    /// Whether such an input changes nothing: never in an OR, done in an AND.
    fn ignores(self, input: &User) -> bool {
        let peek = input.peek();
        peek.kind() == Kind::Fixed && peek.is_go() == (self == Need::All)
    }

    fn of(self, n: usize) -> usize {
        if self == Need::Any { 1 } else { n }
    }

    /// What an expression without inputs is.
    #[track_caller]
    fn of_none(self) -> Signal {
        if self == Need::Any { Signal::never() } else { Signal::done() }
    }

    #[inline]
    #[track_caller]
    fn pair(self, a: Option<User>, b: Option<User>) -> Signal {
        match (a, b) {
            (Some(a), Some(b)) if is_plain(&a, &b) => Signal(Handle::of_two(self.of(2), [a, b])),
            (a, b) => self.gather(a.into_iter().chain(b).collect()),
        }
    }

    /// The expression over what is left when duplicates and what changes nothing are gone.
    #[track_caller]
    fn gather(self, inputs: Vec<User>) -> Signal {
        let is_again = repeats(&inputs);
        let mut spare = Vec::new();
        let mut kept = Vec::with_capacity(inputs.len());
        for (input, again) in inputs.into_iter().zip(is_again) {
            if again || self.ignores(&input) { spare.push(input) } else { kept.push(input) }
        }
        match kept.len() {
            // All of them change nothing: one tells as well as any.
            0 => match spare.pop() {
                Some(only) => Signal(Handle::view_of(only)),
                None => self.of_none(),
            },
            1 => Signal(Handle::view_of(kept.remove(0))),
            n => Signal(Handle::at_least(self.of(n), kept)),
        }
    }
}

/// Which of them were named before.
fn repeats(inputs: &[User]) -> Vec<bool> {
    let mut order: Vec<(u64, usize)> =
        inputs.iter().zip(0..).map(|(input, i)| (input.peek().address() as u64, i)).collect();
    sort(&mut order);
    let mut again = vec![false; inputs.len()];
    for pair in order.windows(2) {
        again[pair[1].1] = pair[0].0 == pair[1].0;
    }
    again
}

/// Two different signals, neither of which is fixed for ever.
#[inline]
fn is_plain(a: &User, b: &User) -> bool {
    let (a, b) = (a.peek(), b.peek());
    a.address() != b.address() && a.kind() != Kind::Fixed && b.kind() != Kind::Fixed
}

fn users<I>(inputs: I) -> Vec<User>
where
    I: IntoIterator,
    I::Item: Into<Signal>,
{
    inputs.into_iter().map(|s| s.into().0.into_user()).collect()
}

impl Signal {
    /// Goes when the first of the inputs goes: `a | b | c` for any number. Of none: never.
    ///
    /// ```
    /// use stopwhen::Signal;
    ///
    /// let workers: Vec<Signal> = (0..5).map(|_| Signal::named("worker")).collect();
    /// let failed = Signal::any(&workers);
    /// workers[3].go();
    /// assert!(failed.is_go());
    /// ```
    #[doc(alias = "select")]
    #[doc(alias = "race")]
    #[track_caller]
    pub fn any<I>(inputs: I) -> Signal
    where
        I: IntoIterator,
        I::Item: Into<Signal>,
    {
        Need::Any.gather(users(inputs))
    }

    /// Goes when the last of the inputs goes: `a & b & c` for any number. Of none: go at once.
    ///
    /// ```
    /// use stopwhen::Signal;
    ///
    /// let done = [Signal::new(), Signal::new(), Signal::new()];
    /// std::thread::scope(|s| {
    ///     for done in &done {
    ///         s.spawn(|| done.go());
    ///     }
    ///     Signal::all(&done).wait();
    /// });
    /// ```
    #[doc(alias = "CountDownLatch")]
    #[doc(alias = "WaitGroup")]
    #[doc(alias = "allOf")]
    #[track_caller]
    pub fn all<I>(inputs: I) -> Signal
    where
        I: IntoIterator,
        I::Item: Into<Signal>,
    {
        Need::All.gather(users(inputs))
    }

    /// Goes when `k` of the inputs are go. Zero of any: go at once; more than there are: never.
    ///
    /// An input that is named twice counts twice.
    ///
    /// ```
    /// use stopwhen::Signal;
    ///
    /// let votes: Vec<Signal> = (0..5).map(|_| Signal::new()).collect();
    /// let quorum = Signal::at_least(3, &votes);
    /// votes.iter().take(3).for_each(|v| { v.go(); });
    /// assert!(quorum.is_go());
    /// ```
    #[track_caller]
    pub fn at_least<I>(k: usize, inputs: I) -> Signal
    where
        I: IntoIterator,
        I::Item: Into<Signal>,
    {
        let mut inputs = users(inputs);
        match (k, inputs.len()) {
            (0, _) => Signal::done(),
            (k, n) if k > n => Signal::never(),
            (_, 1) => Signal(Handle::view_of(inputs.remove(0))),
            (k, _) => Signal(Handle::at_least(k, inputs)),
        }
    }
}

/// Goes when either goes. `a | None` answers as `a`.
///
/// `&a | &b` borrows; `a | b` moves its operands.
impl<O: Operand> BitOr<O> for &Signal {
    type Output = Signal;
    #[inline]
    #[track_caller]
    fn bitor(self, other: O) -> Signal {
        Need::Any.pair(self.user(), other.user())
    }
}

impl<O: Operand> BitOr<O> for Signal {
    type Output = Signal;
    #[inline]
    #[track_caller]
    fn bitor(self, other: O) -> Signal {
        Need::Any.pair(self.user(), other.user())
    }
}

impl BitOr<Signal> for Option<Signal> {
    type Output = Signal;
    #[track_caller]
    fn bitor(self, other: Signal) -> Signal {
        Need::Any.pair(self.user(), other.user())
    }
}

impl BitOr<&Signal> for Option<Signal> {
    type Output = Signal;
    #[track_caller]
    fn bitor(self, other: &Signal) -> Signal {
        Need::Any.pair(self.user(), other.user())
    }
}

/// Goes when both are go. `a & None` answers as `a`.
///
/// `&a & &b` borrows; `a & b` moves its operands.
impl<O: Operand> BitAnd<O> for &Signal {
    type Output = Signal;
    #[inline]
    #[track_caller]
    fn bitand(self, other: O) -> Signal {
        Need::All.pair(self.user(), other.user())
    }
}

impl<O: Operand> BitAnd<O> for Signal {
    type Output = Signal;
    #[inline]
    #[track_caller]
    fn bitand(self, other: O) -> Signal {
        Need::All.pair(self.user(), other.user())
    }
}

impl BitAnd<Signal> for Option<Signal> {
    type Output = Signal;
    #[track_caller]
    fn bitand(self, other: Signal) -> Signal {
        Need::All.pair(self.user(), other.user())
    }
}

impl BitAnd<&Signal> for Option<Signal> {
    type Output = Signal;
    #[track_caller]
    fn bitand(self, other: &Signal) -> Signal {
        Need::All.pair(self.user(), other.user())
    }
}

/// From now on, this or the other.
impl<O: Operand> BitOrAssign<O> for Signal {
    #[track_caller]
    fn bitor_assign(&mut self, other: O) {
        *self = &*self | other;
    }
}

/// From now on, both.
impl<O: Operand> BitAndAssign<O> for Signal {
    #[track_caller]
    fn bitand_assign(&mut self, other: O) {
        *self = &*self & other;
    }
}
