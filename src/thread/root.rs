//! Roots: where a tree of threads begins, and how a program makes one.
use super::handle::Thread;
use super::here::{Here, Heritage};
use super::node::{Family, Kind, Node, PanicHook, Plan, StopOrder, or_numbered};
use super::panics;
use super::reference::{ThreadRef, Tree};
use super::shutdown::UnderWay;
use super::start::Builder;
use crate::error::{Panic, Stuck};
use crate::report;
use crate::signal::Signal;
use crate::sys::{self, Arc, Shared};
use crate::wait::Mutex;
use std::fmt;
use std::iter::once;
use std::panic::{AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind};
use std::process::{ExitCode, Termination};
use std::time::Duration;

/// How long threads may take to stop, unless it is said.
const GRACE: Duration = Duration::from_secs(10);

/// The root of a tree of threads.
///
/// [`run`] makes one for a program, and gives it to the body as [`Main`]. Tests and libraries make their own, any number of them,
/// which do not meet. It is a cheap handle. When the last clone is dropped the threads are asked to stop, and nobody waits.
///
/// ```
/// use std::time::Duration;
/// use stopwhen::{Root, Thread};
///
/// let root = Root::new("server");
/// let listener = root.run("listener", |please_stop| {
///     let talker = Thread::run("talker", |please_stop| please_stop.wait()); // below the listener
///     println!("{}", talker.path()); // server/listener/talker
///     please_stop.wait();
/// });
/// println!("{}", root.tree());
/// root.shutdown(Duration::from_secs(10)).expect("nobody is stuck");
/// assert!(listener.stopped().is_go());
/// ```
#[doc(alias = "TaskTracker")]
#[doc(alias = "ThreadGroup")]
#[derive(Clone)]
pub struct Root(Shared<Inner>);

/// The root that a program's [`run`] gives to its body.
pub type Main = Root;

impl UnwindSafe for Root {}
impl RefUnwindSafe for Root {}

struct Inner {
    me: ThreadRef,
    grace: Duration,
    under_way: UnderWay,
    #[cfg(feature = "os-signals")]
    _os_signals: Option<crate::os::Watch>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        const WHY: &str = "nobody holds its root any more";
        let node = &self.me.0;
        let children = node.close();
        node.ask_all(once(node).chain(&children).map(|node| &**node), WHY);
    }
}

impl Root {
    /// Makes a root without threads, with a grace of ten seconds.
    #[track_caller]
    pub fn new(name: impl AsRef<str>) -> Root {
        Root::builder(name).build()
    }

    /// Says more about a root before it is made.
    pub fn builder(name: impl AsRef<str>) -> RootBuilder {
        RootBuilder {
            name: name.as_ref().into(),
            grace: GRACE,
            order: StopOrder::AllReverse,
            stop_when: None,
            on_panic: None,
            on_stuck: None,
            #[cfg(feature = "os-signals")]
            os_signals: false,
        }
    }

    /// Starts a thread right below the root, whichever thread calls.
    ///
    /// # Panics
    /// If the platform refuses, or if the root was shut down: [`Builder::try_run`] `under` this tells instead.
    #[track_caller]
    pub fn run<R: Send + 'static>(
        &self,
        name: impl AsRef<str>,
        f: impl FnOnce(&Signal) -> R + Send + 'static,
    ) -> Thread<R> {
        Builder::new(name.as_ref()).under(&self.0.me).run(f)
    }

    /// What asks the tree to stop.
    pub fn please_stop(&self) -> &Signal {
        self.0.me.please_stop()
    }

    /// Asks all threads of the tree to stop; true for the one call that did. Never waits for a thread.
    ///
    /// With [`StopOrder::Sequential`] they are asked by [`shutdown`](Root::shutdown), one after the other.
    ///
    /// # Panics
    /// As [`Signal::go`]: if a callback of a please_stop does.
    #[track_caller]
    pub fn stop(&self) -> bool {
        self.0.me.stop()
    }

    /// Waits until the tree is asked to stop, by whatever it may be.
    ///
    /// # Blocking
    /// Until then.
    #[doc(alias = "wait_for_shutdown_signal")]
    #[doc(alias = "ctrl_c")]
    pub fn wait_for_shutdown(&self) {
        self.please_stop().wait();
    }

    /// All threads, and what each of them waits on.
    #[doc(alias = "enumerate")]
    pub fn tree(&self) -> Tree {
        self.0.me.tree()
    }

    /// Takes the panics so far of threads below that nobody has joined.
    ///
    /// Each is told once. [`run`] reports those that are left.
    pub fn take_panics(&self) -> Vec<Panic> {
        self.node().take_below()
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.0.me.0
    }

    pub(super) fn grace(&self) -> Duration {
        self.0.grace
    }

    pub(super) fn under_way(&self) -> &UnderWay {
        &self.0.under_way
    }

    /// The end of a program: whether it went well.
    #[track_caller]
    fn finish(&self, on_stuck: Option<StuckHook>) -> bool {
        let stuck = self.shutdown(None::<Duration>).err();
        if let Some(stuck) = &stuck {
            match on_stuck {
                Some(hook) => self.node().caught(|| hook(stuck)),
                None => report::stuck(stuck),
            }
        }
        let panics = self.take_panics();
        if !panics.is_empty() {
            let all: Vec<_> = panics.iter().map(ToString::to_string).collect();
            report::warn(format_args!("{} has ended, and nobody had joined: {}", self.node().path, all.join("; ")));
        }
        stuck.is_none() && panics.is_empty()
    }
}

impl AsRef<ThreadRef> for Root {
    fn as_ref(&self) -> &ThreadRef {
        &self.0.me
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").field("root", &self.0.me).field("grace", &self.0.grace).finish()
    }
}

type StuckHook = Box<dyn Fn(&Stuck) + Send + Sync>;

/// How a root is to be made. Made by [`Root::builder`].
#[must_use = "it makes nothing before `build` or `run`"]
pub struct RootBuilder {
    name: Box<str>,
    grace: Duration,
    order: StopOrder,
    stop_when: Option<Signal>,
    on_panic: Option<PanicHook>,
    on_stuck: Option<StuckHook>,
    #[cfg(feature = "os-signals")]
    os_signals: bool,
}

impl RootBuilder {
    /// How long all threads together may take to stop; ten seconds by default.
    pub fn grace(mut self, d: Duration) -> RootBuilder {
        self.grace = d;
        self
    }

    /// In which order the threads right below the root are stopped.
    pub fn order(mut self, order: StopOrder) -> RootBuilder {
        self.order = order;
        self
    }

    /// Also asks the tree to stop when `cond` goes. Stopping the tree does not raise `cond`. Of several, each does.
    pub fn stop_when(mut self, cond: impl Into<Signal>) -> RootBuilder {
        let cond = cond.into();
        self.stop_when = Some(match self.stop_when {
            Some(before) => before | cond,
            None => cond,
        });
        self
    }

    /// What is told of the panics of threads, at once and on the thread that panicked, and nobody else then. By default that is a line
    /// on standard error, or (feature `tracing`) an error to the subscriber, if there is one. The panic hook has its say before, always:
    /// what it writes is [`std::panic::set_hook`]'s business.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    /// use stopwhen::Root;
    ///
    /// let (log, lines) = channel();
    /// let root = Root::builder("main").on_panic(move |panic| log.send(panic.to_string()).unwrap()).build();
    /// root.run("worker", |_| panic!("boom")).release();
    /// println!("{}", lines.recv().unwrap()); // of main/worker, and why
    /// ```
    #[doc(alias = "excepthook")]
    #[doc(alias = "panic_hook")]
    #[doc(alias = "UncaughtExceptionHandler")]
    pub fn on_panic(mut self, f: impl Fn(&Panic) + Send + Sync + 'static) -> RootBuilder {
        self.on_panic = Some(Box::new(f));
        self
    }

    /// What [`run`](RootBuilder::run) tells of threads that are stuck in the end, and nobody else then. By default that is standard
    /// error, or (feature `tracing`) an error to the subscriber, if there is one. [`shutdown`](Root::shutdown) returns it.
    pub fn on_stuck(mut self, f: impl Fn(&Stuck) + Send + Sync + 'static) -> RootBuilder {
        self.on_stuck = Some(Box::new(f));
        self
    }

    /// Has the first SIGINT or SIGTERM ask the tree to stop, with [`OsSignal`](super::OsSignal) as the cause's reason; the second ends the
    /// process as if nobody had asked for them (on platforms without signals: the first Ctrl-C, and the second). [`run`]
    /// does this, too.
    ///
    /// Of several roots each is asked, once. A signal that finds none left to ask, since all have heard of one or are gone, is a second
    /// one. What hangs on the tree's please_stop is run on a thread of its own, so whatever it does the other roots are asked, and a second
    /// signal is heard.
    ///
    /// From the first such root on, the process handles these two for good, even if it was started with them ignored. In a model
    /// (`--cfg loom`) nobody listens.
    ///
    /// # Panics
    /// When it is built: if the platform refuses.
    #[doc(alias = "SIGINT")]
    #[doc(alias = "SIGTERM")]
    #[doc(alias = "ctrlc")]
    #[doc(alias = "ctrl_c")]
    #[cfg(feature = "os-signals")]
    pub fn os_signals(mut self) -> RootBuilder {
        self.os_signals = true;
        self
    }

    /// Makes the root.
    #[track_caller]
    pub fn build(self) -> Root {
        let name = or_numbered(self.name);
        let release = Signal::named(format!("{name}.shutdown"));
        let family = Family { release, on_panic: self.on_panic };
        let node = Node::new(Plan {
            name,
            kind: Kind::Root,
            parent: None,
            family: Some(Shared::new(family)),
            stop_when: self.stop_when,
            hangs: false,
            order: self.order,
            grace: None,
            held: true,
            place: Location::caller(),
        });
        // Not in models: who listens, does so for good, and each execution of a model is to begin as the first one did.
        #[cfg(feature = "os-signals")]
        let listens = self.os_signals && !cfg!(all(loom, feature = "loom"));
        Root(Shared::new(Inner {
            #[cfg(feature = "os-signals")]
            _os_signals: if listens { Some(crate::os::Watch::new(&node.please_stop)) } else { None },
            me: ThreadRef(node),
            grace: self.grace,
            under_way: UnderWay::new(),
        }))
    }

    /// Makes the root, runs `body` as its thread, and shuts the tree down: see [`run`].
    ///
    /// # Blocking
    /// As long as `body` does, and then no longer than the grace.
    ///
    /// # Panics
    /// If `body` does: with that panic, once the tree is shut down.
    #[track_caller]
    pub fn run<R: Termination>(mut self, body: impl FnOnce(&Main) -> R) -> ExitCode {
        panics::note_places();
        let on_stuck = self.on_stuck.take();
        let root = self.build();
        let here = Here::enter(root.node(), Heritage::default());
        let program = Program::begin(root.node());
        // May unwind: the tree is whole, and shut down before that goes on.
        let ended = catch_unwind(AssertUnwindSafe(|| body(&root).report()));
        drop(program);
        let well = root.finish(on_stuck);
        drop(here);
        match ended {
            Ok(ExitCode::SUCCESS) if !well => ExitCode::FAILURE,
            Ok(code) => code,
            Err(panic) => resume_unwind(panic),
        }
    }
}

impl fmt::Debug for RootBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RootBuilder")
            .field("name", &self.name)
            .field("grace", &self.grace)
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

/// Runs a program: `body` on this thread, as the root of a tree of threads, which is shut down when it is over.
///
/// All threads that `body` starts are below it, and so on. When it returns, or panics, they are asked to stop, the newest first, and
/// joined, within a grace of ten seconds; who has not stopped by then is reported, with what it waits on. For another grace, and for
/// more, see [`Root::builder`].
///
/// With the feature `os-signals` the first Ctrl-C (or SIGTERM) asks the tree to stop, and the second ends the process.
///
/// ```
/// use std::process::ExitCode;
/// use stopwhen::{JoinError, Thread};
///
/// fn main() -> ExitCode {
///     stopwhen::run(|main| -> Result<(), JoinError> {
///         let worker = Thread::run("worker", |please_stop| {
///             please_stop.wait();
///             42
///         });
/// #       main.stop();
///         main.wait_for_shutdown(); // Ctrl-C, or main.stop() from anywhere
///         println!("{}", worker.join()?); // the worker was told before that line
///         Ok(())
///     })
/// }
/// ```
///
/// # The exit code
/// What `body` returns says it; if that is success, but a thread panicked and nobody joined it, or one is stuck, it is failure.
///
/// # Blocking
/// As long as `body` does, and then no longer than the grace.
///
/// # Panics
/// If `body` does: with that panic, once the tree is shut down.
#[track_caller]
pub fn run<R: Termination>(body: impl FnOnce(&Main) -> R) -> ExitCode {
    let main = Root::builder("main");
    #[cfg(feature = "os-signals")]
    let main = main.os_signals();
    main.run(body)
}

sys::process_wide! {
    /// The roots whose body is running, the latest last.
    static PROGRAMS: Mutex<Vec<Arc<Node>>> = Mutex::new(Vec::new());
}

/// While it lives, that root's body is running.
struct Program(Arc<Node>);

impl Program {
    fn begin(node: &Arc<Node>) -> Program {
        PROGRAMS.lock().push(node.clone());
        Program(node.clone())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut programs = PROGRAMS.lock();
        let mine = programs.iter().rposition(|node| Arc::ptr_eq(node, &self.0)).map(|at| programs.remove(at));
        drop(programs);
        drop(mine);
    }
}

/// The program's root: of several the latest.
pub(super) fn program() -> Option<Arc<Node>> {
    PROGRAMS.lock().last().cloned()
}

/// Whether that root's body is running.
pub(super) fn is_running(root: &Node) -> bool {
    PROGRAMS.lock().iter().any(|node| std::ptr::eq(&**node, root))
}
