//! Looking at threads: a reference to one, and the tree below it as a person sees it.
use super::here::is_here;
use super::node::{Kind, Node, Phase};
use super::root::is_running;
use crate::error::Panic;
use crate::signal::Signal;
use crate::sys::{Arc, Moment};
use crate::till::clock;
use crate::wait::{Handle, Sleep, User};
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// A thread of a tree, for whoever wants to look at it or stop it.
///
/// It is a cheap handle, which keeps no thread alive and joins none: clones are the same thread, and equal.
///
/// # Examples
/// ```
/// use stopwhen::{Thread, ThreadRef};
///
/// let worker = Thread::run("worker", |please_stop| please_stop.wait());
/// let seen: &ThreadRef = worker.as_ref();
/// println!("{}", seen.tree()); // worker: waits for worker.please_stop, for 0.0 s
/// seen.stop();
/// assert_eq!(worker.join(), Ok(()));
/// ```
#[derive(Clone)]
pub struct ThreadRef(pub(super) Arc<Node>);

impl UnwindSafe for ThreadRef {}
impl RefUnwindSafe for ThreadRef {}

impl ThreadRef {
    /// The name it was given, in full.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its name and those of the threads above: `main/server/worker`.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Asks it and all threads below it to stop; true for the one call that did. Never waits for a thread.
    ///
    /// # Panics
    /// As [`Signal::go`]: if a callback of a please_stop does.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.0.please_stop.go()
    }

    /// What asks it to stop.
    pub fn please_stop(&self) -> &Signal {
        &self.0.please_stop
    }

    /// What goes when it has stopped: its body is over, and all threads below it have stopped. A view. Its [cause](Signal::cause) tells
    /// where the thread was started; of a root, where it was shut down.
    ///
    /// # Memory ordering
    /// All that the thread has done happens before whatever sees this go.
    #[doc(alias = "is_alive")]
    #[doc(alias = "is_finished")]
    pub fn stopped(&self) -> &Signal {
        self.0.stopped()
    }

    /// The thread that it is below; `None` of a root.
    pub fn parent(&self) -> Option<ThreadRef> {
        self.0.parent.clone().map(ThreadRef)
    }

    /// The threads right below it that have not stopped, the oldest first.
    pub fn children(&self) -> Vec<ThreadRef> {
        self.0.children().into_iter().map(ThreadRef).collect()
    }

    /// Looks at it and all threads below it, and what each of them waits on: what to print when a program will not stop.
    ///
    /// Each thread is looked at by itself; they go on meanwhile.
    #[doc(alias = "enumerate")]
    pub fn tree(&self) -> Tree {
        Tree::of(&self.0)
    }

    /// Runs the body, or the part of it that matters: a panic of it is the thread's.
    pub(crate) fn body<R>(&self, f: impl FnOnce() -> R) -> Option<R> {
        self.0.body(f)
    }

    /// Runs foreign code on this thread beside the body: a panic of it is counted among those of threads below.
    pub(crate) fn caught<R>(&self, f: impl FnOnce() -> R) {
        self.0.caught(f);
    }

    /// Whether the thread that calls is it: also where it is a root, or registered, meanwhile.
    pub(crate) fn is_here(&self) -> bool {
        is_here(self.0.id)
    }

    pub(crate) fn has_panicked(&self) -> bool {
        self.0.has_panicked()
    }

    /// What was noted here, or came up from below, and nobody was told.
    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        self.0.take_below()
    }
}

impl PartialEq for ThreadRef {
    fn eq(&self, other: &ThreadRef) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ThreadRef {}

impl Hash for ThreadRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for ThreadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadRef")
            .field("path", &self.path())
            .field("state", &format_args!("{}", describe(&self.0)))
            .finish()
    }
}

/// A tree of threads as it was at one time. Its `Display` is a line for each thread: its state, what it waits on, and since when.
///
/// ```text
/// main: waits for main.please_stop, for 12.0 s
/// ├─ reader: runs
/// ├─ hash 1: waits in Queue::pop of paths until hash 1.please_stop, for 0.3 s
/// ├─ ticker: waits for its next turn until ticker.please_stop or at most 0.6 s more, for 0.4 s
/// └─ writer: told to stop, runs
/// ```
#[derive(Clone, Debug)]
pub struct Tree {
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    /// For each level above, whether more follows there.
    rails: Vec<bool>,
    name: Box<str>,
    path: Box<str>,
    state: String,
}

impl Tree {
    /// Path and state of each thread, those above before those below.
    pub(super) fn into_threads(self) -> impl Iterator<Item = (Box<str>, String)> {
        self.lines.into_iter().map(|line| (line.path, line.state))
    }

    pub(super) fn of(node: &Node) -> Tree {
        let (mut lines, mut left) = (Vec::new(), Vec::new());
        let mut look = |node: &Node, rails: Vec<bool>, left: &mut Vec<(Arc<Node>, Vec<bool>)>| {
            let children = node.children();
            let last = children.len().wrapping_sub(1);
            for (i, child) in children.into_iter().enumerate().rev() {
                let mut below = rails.clone();
                below.push(i != last);
                left.push((child, below));
            }
            lines.push(Line { rails, name: node.name.clone(), path: node.path.clone(), state: describe(node) });
        };
        look(node, Vec::new(), &mut left);
        while let Some((node, rails)) = left.pop() {
            look(&node, rails, &mut left);
        }
        Tree { lines }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Line { rails, name, state, .. }) in self.lines.iter().enumerate() {
            f.write_str(if i > 0 { "\n" } else { "" })?;
            if let Some((mine, above)) = rails.split_last() {
                above.iter().try_for_each(|more| f.write_str(if *more { "│  " } else { "   " }))?;
                f.write_str(if *mine { "├─ " } else { "└─ " })?;
            }
            write!(f, "{name}: {state}")?;
        }
        Ok(())
    }
}

/// What a thread is at, in words.
pub(super) fn describe(node: &Node) -> String {
    if node.has_stopped() {
        return "has stopped".into();
    }
    let mut words = String::new();
    let told = if node.please_stop.is_go() { "told to stop, " } else { "" };
    let what = match (node.phase(), node.kind) {
        (Phase::Ending, Kind::Root) => "stops its threads, ",
        (Phase::Ending, _) => "its body is over, ",
        (Phase::Running, _) => told,
    };
    if node.kind == Kind::Scope {
        return format!("{told}threads that borrow");
    }
    words.push_str(what);
    let said = match (node.watch.look(), node.phase(), node.kind) {
        (Some(sleep), _, _) => say(&mut words, &sleep),
        (None, _, Kind::Registered) => write!(words, "runs code of its own"),
        (None, Phase::Ending, Kind::Started) => write!(words, "stops those below"),
        (None, Phase::Ending, Kind::Root) if !is_running(node) => return "stops its threads".into(),
        (None, Phase::Running, Kind::Root) if !is_running(node) => write!(words, "has no thread of its own"),
        _ => write!(words, "runs"),
    };
    debug_assert!(said.is_ok(), "a String takes everything");
    words
}

/// `waits for a | b, for 1.2 s`; `waits in Queue::pop of jobs until stop or for 2.5 s more, for 1.2 s`.
fn say(words: &mut String, sleep: &Sleep) -> fmt::Result {
    match (&sleep.on, &sleep.name) {
        (Some(on), _) => write!(words, "waits for {}", shown(on))?,
        (None, Some(name)) => write!(words, "waits {} of {name}", sleep.what)?,
        (None, None) => write!(words, "waits {}", sleep.what)?,
    }
    let now = clock::moment();
    let mut between = " until ";
    for signal in &sleep.until {
        write!(words, "{between}{}", shown(signal))?;
        between = " or ";
    }
    if sleep.end != Moment::NEVER {
        let between = if sleep.until.is_empty() { ", " } else { " or " };
        write!(words, "{between}at most {:.1} s more", sleep.end.since(now).as_secs_f64())?;
    }
    write!(words, ", for {:.1} s", now.since(sleep.since).as_secs_f64())
}

fn shown(user: &User) -> Signal {
    Signal(Handle::view_of(user.again()))
}
