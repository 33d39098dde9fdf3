//! Turns one after the other, unless paused.
//!
//! The thread takes turns in rounds: it begins one under the lock, and takes turns without it until the round's `ask` is go. Who pauses raises
//! that under the lock. So turns cost no lock, and who pauses does not stand in line behind them.
use super::builder::{Builder, Turns};
use super::handle::{Kind, LoopThread, State};
use super::turn::Turn;
use crate::error::Stopped;
use crate::lock::{Lock, LockGuard};
use crate::signal::{Signal, Until};
use crate::sys::Arc;
use crate::thread::ThreadRef;
use crate::till::clock;

/// A thread that runs its body again and again, and that can be paused.
///
/// A pause takes effect when the turn that is under way, or just about to begin, has ended: after that, none begins until
/// [`resume`](PausableThread::resume). [`pause_until`](PausableThread::pause_until) waits for that moment. A stop comes before a pause: a thread that is paused stops at once.
///
/// Being paused is one switch: pauses do not add up, and one `resume` undoes them all.
///
/// # Examples
/// ```
/// use stopwhen::PausableThread;
/// use std::time::Duration;
///
/// let worker = PausableThread::run("worker", |turn| {
///     println!("turn {}", turn.index());
/// });
/// worker.pause_until(Duration::from_secs(10)).expect("turns are short");
/// assert!(worker.is_paused()); // and no turn is under way
/// worker.resume();
/// worker.stop();
/// assert_eq!(worker.join(), Ok(()));
/// ```
#[doc(alias = "suspend")]
pub type PausableThread = LoopThread<Pausable>;

/// The kind of a [`PausableThread`].
#[derive(Clone, Debug)]
pub struct Pausable(Arc<Lock<Switch>>);

#[derive(Default, Debug)]
struct Switch {
    paused: bool,
    /// A round is under way.
    in_turn: bool,
    /// Ends the round that is under way with its present turn.
    ask: Signal,
    /// How many rounds have ended.
    ended: u64,
}

impl Switch {
    fn pause(&mut self) {
        self.paused = true;
        self.ask.go();
    }
}

/// While it lives, a round is under way.
struct Round<'a> {
    switch: &'a Lock<Switch>,
    ask: Signal,
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        let mut switch = self.switch.lock();
        switch.in_turn = false;
        switch.ended += 1;
    }
}

impl LoopThread<Pausable> {
    /// Starts a [`PausableThread`] of that name, under the thread that calls.
    ///
    /// # Panics
    /// If the platform refuses; [`Builder::try_run`] tells instead.
    #[track_caller]
    pub fn run(name: impl AsRef<str>, mut body: impl FnMut(&Turn<'_>) + Send + 'static) -> PausableThread {
        LoopThread::<Pausable>::builder(name).run(move |turn, ()| body(turn))
    }

    /// Says more about a [`PausableThread`] before it is started.
    pub fn builder(name: impl AsRef<str>) -> Builder<Pausable> {
        Builder::new(name.as_ref(), Pausable(Arc::new(Lock::default())))
    }

    /// Pauses it after the turn that is under way. Does not wait for that.
    pub fn pause(&self) {
        self.kind.0.lock().pause();
    }

    /// Pauses it, and waits until the turn that is under way has ended, or until `until`.
    ///
    /// If it has ended, or none was under way, it does not matter whether `until` has come. It returns when that very turn has
    /// ended, whatever others do meanwhile: if it was by a stop or a panic, there will be none any more; if somebody has resumed the
    /// thread, the next one may be under way. Called by the turn itself, it does not wait.
    ///
    /// # Blocking
    /// Until the turn has ended, or until `until`.
    ///
    /// # Errors
    /// [`Stopped`] if `until` came first. The thread is paused all the same, once that turn has ended.
    pub fn pause_until(&self, until: impl Until) -> Result<(), Stopped> {
        let me: &ThreadRef = self.as_ref();
        let from_inside = me.is_here(); // by a root within the turn, too
        let mut switch = self.kind.0.lock();
        switch.pause();
        if from_inside || !switch.in_turn {
            return Ok(());
        }
        let ended = switch.ended;
        let has_ended = |switch: &mut Switch| (switch.ended != ended).then_some(());
        LockGuard::wait_some_as(&mut switch, ("for a pause", Some(self.name())), has_ended, until)
    }

    /// Lets it go on.
    #[doc(alias = "start")]
    #[doc(alias = "unpause")]
    pub fn resume(&self) {
        self.kind.0.lock().paused = false;
    }

    /// Tells whether it was paused, and neither resumed nor stopped since. A turn may still be under way:
    /// [`state`](LoopThread::state) tells the two apart.
    pub fn is_paused(&self) -> bool {
        matches!(self.state(), State::Paused | State::Pausing)
    }
}

impl<S> Builder<Pausable, S> {
    /// Has it begin paused: no turn before the first [`resume`](PausableThread::resume).
    pub fn paused(self) -> Builder<Pausable, S> {
        self.kind.0.lock().paused = true;
        self
    }
}

impl Pausable {
    /// Waits until a turn may begin. `None`: there is to be none.
    fn begin(&self, please_stop: &Signal) -> Option<Round<'_>> {
        let may = |switch: &mut Switch| match () {
            () if please_stop.is_go() => Some(None), // O2
            () if switch.paused => None,
            () => {
                switch.in_turn = true;
                switch.ask = Signal::new();
                Some(Some(switch.ask.clone()))
            }
        };
        let begun = LockGuard::wait_some_as(&mut self.0.lock(), ("to be resumed", None), may, please_stop);
        begun.ok().flatten().map(|ask| Round { switch: &self.0, ask })
    }
}

impl Kind for Pausable {
    fn look(&self) -> State {
        let switch = self.0.lock();
        let state = match (switch.paused, switch.in_turn) {
            (false, _) => State::Running,
            (true, true) => State::Pausing,
            (true, false) => State::Paused,
        };
        LockGuard::quiet(switch);
        state
    }
}

impl Turns for Pausable {
    fn drive(&self, please_stop: &Signal, body: &mut dyn FnMut(&Turn<'_>)) {
        let mut index = 0;
        while let Some(round) = self.begin(please_stop) {
            while !round.ask.is_go() && !please_stop.is_go() {
                let turn = Turn::new(please_stop, index, clock::moment(), 0);
                body(&turn); // may unwind: the round ends by that
                if turn.is_last() {
                    return;
                }
                index += 1;
            }
        }
    }
}
