//! Cause: what decided a signal.
use super::Signal;
use crate::wait::{Kind, Origin};
use std::error::Error;
use std::fmt;
use std::panic::Location;

/// What decided a signal: the leaf that went, where, and why.
///
/// ```
/// use stopwhen::{Signal, Till};
///
/// let user_cancel = Signal::named("user_cancel");
/// let stop = &user_cancel | Till::secs(360);
/// user_cancel.go_because("Ctrl-C");
///
/// let cause = stop.cause().unwrap();
/// assert_eq!(cause.name(), Some("user_cancel"));
/// assert_eq!(cause.reason().unwrap().to_string(), "Ctrl-C");
/// assert_eq!(cause.location().file(), file!());
/// ```
///
/// `Display` tells the name and the place, with `{:#}` the reason too. As an [`Error`] its source is the reason.
#[derive(Clone)]
pub struct Cause {
    name: Option<crate::sys::Shared<str>>,
    number: u64,
    reason: Option<crate::wait::Reason>,
    place: &'static Location<'static>,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Hand,
    Time,
    Start,
}

impl Cause {
    /// The name of the leaf, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The number of the leaf: unique in the process, drawn when somebody first asks.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The reason given with [`Signal::go_because`].
    pub fn reason(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.reason.as_deref()
    }

    /// Where it was raised; for a time that came, where that was set; for the end of a thread, where that was started.
    pub fn location(&self) -> &'static Location<'static> {
        self.place
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.what) {
            (Some(name), _) => f.write_str(name)?,
            (None, What::Time) => f.write_str("till")?,
            (None, What::Start) => f.write_str("done")?,
            (None, What::Hand) => write!(f, "signal #{}", self.number)?,
        }
        let verb = match self.what {
            What::Hand => "raised",
            What::Time => "set",
            What::Start => "made",
        };
        write!(f, ", {verb} at {}", self.place)?;
        match &self.reason {
            Some(reason) if f.alternate() => write!(f, ": {reason}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cause")
            .field("name", &self.name)
            .field("number", &self.number)
            .field("reason", &self.reason)
            .field("location", &format_args!("{}", self.place))
            .finish()
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.as_deref().map(|r| r as &(dyn Error + 'static))
    }
}

impl Signal {
    /// Tells what decided it: the leaf that went, where, and why. `None`: not go.
    ///
    /// For an OR that is the input that went, for an AND and k-of-n the one that completed it. Of two `go`s of which one
    /// returned before the other began the earlier decides; concurrent ones may be taken either way, and inputs that
    /// were go before the expression was built count as simultaneous, in the order in which they were named. The answer
    /// never changes.
    pub fn cause(&self) -> Option<Cause> {
        let peek = self.0.peek();
        if !peek.is_go() {
            return None;
        }
        let leaf = peek.decisive();
        let Origin { name, number, reason, place, by_time } = leaf.origin();
        let what = match leaf.kind() {
            Kind::Fixed => What::Start,
            _ if by_time => What::Time,
            _ => What::Hand,
        };
        Some(Cause { name, number, reason, place, what })
    }
}
