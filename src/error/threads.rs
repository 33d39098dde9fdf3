//! Errors of threads.
use super::STOPPED;
use crate::sys::{OnceLock, Shared};
use std::error::Error;
use std::fmt;

/// A panic of a thread, as much of it as can be told.
#[derive(Clone)]
pub struct Panic(Shared<Told>);

struct Told {
    path: Box<str>,
    message: Box<str>,
    location: Option<Box<str>>,
    /// Set by a join of the thread: not to be told to who takes what nobody was told.
    by_join: OnceLock<()>,
}

impl Panic {
    pub(crate) fn new(path: &str, message: &str, location: Option<&str>) -> Panic {
        let location = location.map(Into::into);
        Panic(Shared::new(Told { path: path.into(), message: message.into(), location, by_join: OnceLock::new() }))
    }

    pub(crate) fn told_by_join(&self) {
        self.0.by_join.get_or_init(|| ());
    }

    pub(crate) fn was_told_by_join(&self) -> bool {
        self.0.by_join.get().is_some()
    }

    fn parts(&self) -> (&str, &str, Option<&str>) {
        (&self.0.path, &self.0.message, self.location())
    }

    /// The path of the thread in its tree.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What it panicked with, if that was text.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it panicked, as `src/main.rs:6:8`. Only the panic hook can tell, and only [`run`](crate::run) and
    /// [`RootBuilder::run`](crate::thread::RootBuilder::run) have it do so.
    pub fn location(&self) -> Option<&str> {
        self.0.location.as_deref()
    }
}

impl PartialEq for Panic {
    fn eq(&self, other: &Panic) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Panic {}

impl fmt::Debug for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, message, location) = self.parts();
        f.debug_struct("Panic").field("path", &path).field("message", &message).field("location", &location).finish()
    }
}

/// Why a thread's result was not had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JoinError {
    /// The wait was ended; the thread runs on and can be joined again.
    Stopped,
    /// The thread panicked.
    Panicked(Panic),
    /// Its result was taken by an earlier join.
    AlreadyTaken,
    /// It is this thread, or one that waits for this thread.
    WouldDeadlock,
    /// The thread returned, but threads below it panicked and nobody had joined them; or items of an
    /// [`OperationThread`](crate::OperationThread) did.
    Children(Vec<Panic>),
}

/// Why a thread was not started.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// The platform refused.
    Refused {
        /// The path the thread was to have.
        path: Shared<str>,
        /// The kind of error.
        kind: std::io::ErrorKind,
        /// What the platform said.
        message: Shared<str>,
    },
    /// The thread that was to be its parent has ended its body, or its root was shut down: it takes no more children.
    ParentEnded {
        /// The path the thread was to have.
        path: Shared<str>,
    },
}

impl SpawnError {
    pub(crate) fn refused(path: &str, e: &std::io::Error) -> SpawnError {
        SpawnError::Refused { path: path.into(), kind: e.kind(), message: e.to_string().into() }
    }
}

/// A tree of threads was not stopped within its grace: who is still running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    root: Shared<str>,
    threads: Shared<[StuckThread]>,
}

/// A thread that has not stopped in time, and what it was at. Part of [`Stuck`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckThread {
    path: Shared<str>,
    state: Shared<str>,
}

impl Stuck {
    pub(crate) fn new(root: &str, threads: impl IntoIterator<Item = (Box<str>, String)>) -> Stuck {
        let thread = |(path, state): (Box<str>, String)| StuckThread { path: path.into(), state: state.into() };
        Stuck { root: root.into(), threads: threads.into_iter().map(thread).collect() }
    }

    /// The threads that had not stopped, those above before those below; or that still ran what hung on their end.
    pub fn threads(&self) -> &[StuckThread] {
        &self.threads
    }
}

impl StuckThread {
    /// Its path in the tree.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it was at, in words: what it waits on, and since when.
    pub fn state(&self) -> &str {
        &self.state
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, message, location) = self.parts();
        write!(f, "thread {path} panicked")?;
        if let Some(place) = location {
            write!(f, " at {place}")?;
        }
        write!(f, ": {message}")
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpawnError::Refused { path, message, .. } => write!(f, "thread {path} was not started: {message}"),
            SpawnError::ParentEnded { path } => {
                write!(f, "thread {path} was not started: its parent has ended, and takes no more children")
            }
        }
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.threads.len();
        let are = if n == 1 { "thread is" } else { "threads are" };
        write!(f, "{} has not stopped in time: {n} {are} stuck", self.root)?;
        self.threads.iter().try_for_each(|t| write!(f, "\n  {}: {}", t.path, t.state))
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JoinError::Stopped => f.write_str(STOPPED),
            JoinError::Panicked(panic) => panic.fmt(f),
            JoinError::AlreadyTaken => f.write_str("the thread's result was taken by an earlier join"),
            JoinError::WouldDeadlock => f.write_str("a thread cannot wait for itself, nor for one that waits for it"),
            JoinError::Children(panics) => {
                f.write_str("of the threads below it, which nobody had joined")?;
                let mut between = ": ";
                panics.iter().try_for_each(|panic| write!(f, "{}{panic}", std::mem::replace(&mut between, "; ")))
            }
        }
    }
}

impl Error for Panic {}
impl Error for JoinError {}
impl Error for SpawnError {}
impl Error for Stuck {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_tells_thread_and_message() {
        let p = Panic::new("main/worker", "boom", None);
        assert_eq!(JoinError::Panicked(p).to_string(), "thread main/worker panicked: boom");
    }
}
