//! The end of a whole tree, within its time.
//!
//! ```text
//!   asked to stop ────────── half ─────────────── end
//!   join, the newest first    Tills go early (T8)   who is still there is stuck
//! ```
use super::here::{Runs, runs, waits_for_here};
use super::node::{Kind, Late, Node};
use super::root::{Root, is_running};
use crate::error::Stuck;
use crate::signal::{GoOnDrop, Signal, Until};
use crate::sys::{self, Arc, Moment, Shared};
use crate::till::clock;
use crate::wait::{Firing, Handle, Leaf, Leaves, Mutex, Term, blocked_on};
use std::error::Error;
use std::iter::from_fn;
use std::mem::take;
use std::panic::Location;
use std::time::Duration;

/// The time that threads are given to stop.
pub(super) struct Timeline {
    /// What else ends it, one by one and together.
    signals: Vec<Signal>,
    any: Option<Signal>,
    /// When half of it is over, if that means anything and has not come.
    half: Option<Moment>,
    end: Moment,
}

impl Timeline {
    /// That long from now.
    pub(super) fn within(grace: Duration) -> Timeline {
        Timeline { signals: Vec::new(), any: None, half: None, end: clock::moment().after(grace) }
    }

    /// Until then; if it says nothing of time, within the grace.
    fn until(until: &dyn Leaves, grace: Duration) -> Timeline {
        let now = clock::moment();
        let (mut end, mut signals) = (None, Vec::new());
        until.visit(&mut |leaf| {
            let time = match leaf {
                Leaf::After(d) => Some(now.after(d)),
                Leaf::At(t) => Some(Moment::of(t)),
                Leaf::Signal(signal) => {
                    signals.push(Signal(Handle::view_of(signal.user())));
                    signal.when()
                }
            };
            end = time.map_or(end, |time| Some(end.unwrap_or(Moment::NEVER).min(time)));
        });
        let end = end.unwrap_or_else(|| now.after(grace));
        let half = Some(now.after(end.since(now) / 2));
        Timeline { any: any(&signals), signals, half, end }
    }

    /// Waits for that signal; false: the time is over.
    pub(super) fn wait(&self, signal: &Signal) -> bool {
        signal.wait_until((self.any.as_ref(), self.end.instant())).is_ok()
    }

    /// Waits for that signal, but when half of the time is over lets the Tills of the tree go first.
    fn wait_with_half(&mut self, signal: &Signal, aside: &mut Aside<'_>) -> bool {
        loop {
            let end = self.half.unwrap_or(self.end);
            if signal.wait_until((self.any.as_ref(), end.instant())).is_ok() {
                return true;
            }
            let was_over = self.is_over();
            self.forget(aside.release());
            if was_over && !self.is_over() {
                continue;
            }
            if self.half.take().is_none() {
                return false;
            }
            aside.let_tills_go();
        }
    }

    /// Whether one of its signals has come.
    fn is_over(&self) -> bool {
        self.any.as_ref().is_some_and(Signal::is_go)
    }

    /// A Till of the tree itself that is to end the shutdown does not by going early, whichever shutdown lets it: its time is in `end`. What
    /// stood beside it in an OR still does.
    fn forget(&mut self, release: Option<&Signal>) {
        let early = |signal: &Signal| release.is_some_and(|release| went_by(signal, release));
        if !self.signals.iter().any(early) {
            return;
        }
        let apart = |signal: Signal| if early(&signal) { alternatives(&signal) } else { vec![signal] };
        let signals = take(&mut self.signals).into_iter().flat_map(apart);
        self.signals = signals.filter(|signal| !early(signal)).collect();
        self.any = any(&self.signals);
    }
}

/// Whether a signal is go, and because of that one.
fn went_by(signal: &Signal, leaf: &Signal) -> bool {
    let (peek, leaf) = (signal.0.peek(), leaf.0.peek());
    peek.is_go() && peek.decisive().address() == leaf.address()
}

fn alternatives(signal: &Signal) -> Vec<Signal> {
    signal.0.peek().alternatives().into_iter().map(Signal).collect()
}

/// `None`: time alone, which needs no place in a list of anybody's.
fn any(signals: &[Signal]) -> Option<Signal> {
    if signals.is_empty() { None } else { Some(Signal::any(signals)) }
}

/// Signals that the shutdowns of a root raise. What hangs on them is foreign, and may take longer than a shutdown has time: it is run
/// aside, one after the other as they took their places in line, and every shutdown waits for all of it.
struct Aside<'a> {
    root: &'a Arc<Node>,
    under_way: &'a UnderWay,
    /// Where it was called.
    place: &'static Location<'static>,
}

/// What hangs on the signals that shutdowns of a root have raised, or are about to.
pub(super) struct UnderWay(Mutex<Vec<Place>>);

/// In the line of those that are run one after the other.
struct Place {
    /// Goes when what hangs on that signal has been run, or nothing does.
    over: Signal,
    /// Something does.
    hangs: bool,
}

impl UnderWay {
    pub(super) fn new() -> UnderWay {
        UnderWay(Mutex::new(Vec::new()))
    }

    /// A place at the end of the line: what stands before it, and what tells that it is over.
    fn add(&self) -> (Option<Signal>, Signal) {
        let over = Signal::named("callbacks");
        let mut all = self.0.lock();
        all.retain(|place| !place.over.is_go());
        let before = all.last().map(|place| place.over.clone());
        all.push(Place { over: over.clone(), hangs: false });
        (before, over)
    }

    /// Something hangs on that signal.
    fn note(&self, over: &Signal) {
        self.0.lock().iter_mut().filter(|place| place.over == *over).for_each(|place| place.hangs = true);
    }

    /// The first of those that have not been run: those behind it wait for it.
    fn first(&self) -> Option<Signal> {
        let mut all = self.0.lock();
        all.retain(|place| !place.over.is_go());
        all.first().map(|place| place.over.clone())
    }

    /// Whether something hangs on a signal, and has not been run.
    fn hangs(&self) -> bool {
        self.0.lock().iter().any(|place| place.hangs && !place.over.is_go())
    }
}

impl<'a> Aside<'a> {
    /// What lets the Tills of the tree go.
    fn release(&self) -> Option<&'a Signal> {
        self.root.family.as_ref().map(|family| &family.release)
    }

    /// Raises a signal, and wakes the threads that wait for it; runs what else hangs on it on a thread of its own, if there is anything.
    fn raise(&mut self, signal: &Signal, why: &str) {
        let why: Box<dyn Error + Send + Sync> = why.into();
        let (before, over) = self.under_way.add(); // first, for another shutdown that finds it raised
        let guard = over.go_on_drop();
        let Some(firing) = signal.0.go_but_callbacks(Some(why.into()), self.place) else { return };
        self.under_way.note(&over);
        let (root, job) = (self.root.clone(), Shared::new(Mutex::new(Some((firing, guard)))));
        let run = move |job: &Mutex<Option<(Firing, GoOnDrop)>>| {
            let _runs = Runs::enter(&root);
            let job = job.lock().take();
            job.into_iter().for_each(|(firing, _over)| root.finish(firing));
        };
        let (again, theirs) = (run.clone(), job.clone());
        // Models have no thread to spare. Without one: rather by this one than not at all.
        let alone = cfg!(all(loom, feature = "loom"));
        let aside = move || {
            before.iter().for_each(Signal::wait);
            again(&theirs);
        };
        if alone || sys::spawn_named("stopwhen-callbacks", aside).is_err() {
            run(&job);
        }
    }

    /// T8.
    fn let_tills_go(&mut self) {
        if let Some(release) = self.release() {
            self.raise(release, "its tree of threads is shutting down, and half of the grace is over");
        }
    }

    /// Asks a thread to stop.
    fn ask(&mut self, node: &Node, why: &str) {
        if !node.please_stop.is_go() && !node.has_stopped() {
            self.raise(&node.please_stop, why);
        }
    }
}

impl Root {
    /// Stops all threads of the tree, in order, and waits for them.
    ///
    /// All are asked at once, the newest first (with [`StopOrder::Sequential`](super::StopOrder) one after the other), and joined in that
    /// order; then threads that [registered](Root::register) are waited for. Half of the time before the end, all Tills that were made on
    /// threads of this tree go, so that nobody sleeps through the rest. The tree takes no more threads from the first moment on, but
    /// those that are still running may start threads below them.
    ///
    /// The end is what `until` says in time; if it says none, the [grace](super::RootBuilder::grace), or a signal of `until`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use stopwhen::Root;
    ///
    /// let root = Root::new("server");
    /// root.run("listener", |please_stop| please_stop.wait());
    /// assert_eq!(root.shutdown(Duration::from_secs(10)), Ok(()));
    /// ```
    ///
    /// What hangs on the signals that this raises (each please_stop that was not go, the Tills, the root's `stopped`) is run on other
    /// threads, one after the other, and waited for, also by the next call; so is what hangs on the ends of the threads.
    ///
    /// # Blocking
    /// Until all threads have stopped, and never beyond that end.
    ///
    /// # Errors
    /// [`Stuck`] names the threads that have not stopped, and what each waits on; or that run what hangs on their end. They go on, and it
    /// can be called again: until a time, or a signal from elsewhere, since a Till made on a thread of this tree is go by then.
    ///
    /// Called on a thread of this tree it waits neither for that one nor for those above it; called in a [`scope`](fn@super::scope), not
    /// for that; called in what hangs on an end, or on signals that a shutdown has raised, not for what hangs there. It would wait for
    /// itself, and so always finds them stuck: call [`stop`](Root::stop) there.
    #[track_caller]
    pub fn shutdown(&self, until: impl Until) -> Result<(), Stuck> {
        let (root, place) = (self.node(), Location::caller());
        let time = Timeline::until(&until, self.grace());
        let told = Term::told("in shutdown", &until, time.end).named(Some(&root.path));
        blocked_on(&told, || self.shut_down(time, place))
    }

    fn shut_down(&self, mut time: Timeline, place: &'static Location<'static>) -> Result<(), Stuck> {
        let (root, under_way) = (self.node(), self.under_way());
        let mut aside = Aside { root, under_way, place };
        let why = format!("{} is shut down", root.path);
        aside.ask(root, &why);
        let mut children = root.close();
        children.sort_by_key(|child| child.kind == Kind::Registered);
        for child in &children {
            aside.ask(child, &why);
            if waits_for_here(child) {
                continue;
            }
            time.wait_with_half(child.stopped(), &mut aside);
            if child.has_stopped() {
                let going = child.going();
                going.iter().all(|going| time.wait_with_half(going, &mut aside));
            }
        }
        let stuck = root.stuck(); // before they leave: who stops in between is stuck, or leaves
        children.iter().filter(|child| child.has_stopped()).for_each(|child| child.leave());
        let mut others = root.late().into_iter().filter(|late| !late.is_here());
        others.all(|late| time.wait_with_half(&late.going, &mut aside));
        let late = root.late();
        // While its body runs, it has not stopped.
        if stuck.is_empty() && late.is_empty() && !is_running(root) {
            aside.raise(root.end_signal(), &why);
        }
        // Those behind one that is not over in time are not, either. J7: what runs them would wait for itself.
        let mut line = from_fn(|| under_way.first());
        let hangs = line.any(|over| runs(root) || !time.wait_with_half(&over, &mut aside)) && under_way.hangs();
        let callbacks = hangs.then(|| (root.path.clone(), "runs what hangs on its signals".to_owned()));
        let late = late.into_iter().map(Late::told);
        let stuck = Stuck::new(&root.path, callbacks.into_iter().chain(late).chain(stuck));
        if stuck.threads().is_empty() { Ok(()) } else { Err(stuck) }
    }
}
