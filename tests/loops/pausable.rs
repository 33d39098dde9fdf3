//! Pauses.
use super::*;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// A thread whose turns wait until each is let go on.
struct Steps {
    begun: Queue<u64>,
    go_on: Queue<()>,
}

fn stepping() -> (Arc<Steps>, PausableThread) {
    let steps = Arc::new(Steps { begun: Queue::unbounded(), go_on: Queue::unbounded() });
    let thread = PausableThread::run("stepping", {
        let steps = steps.clone();
        move |turn| {
            steps.begun.push(turn.index()).expect("open");
            let _ = steps.go_on.pop_until(turn.please_stop());
        }
    });
    (steps, thread)
}

impl Steps {
    fn begins(&self) -> u64 {
        self.begun.pop().expect("open")
    }

    fn let_go_on(&self) {
        self.go_on.push(()).expect("open");
    }
}

#[test]
fn p2_pause_takes_effect_after_the_turn_and_resume_lets_it_go_on() {
    in_time("pause", || {
        let (steps, thread) = stepping();
        assert_eq!(steps.begins(), 0);
        assert!(!thread.is_paused());
        thread.pause();
        assert_eq!((thread.is_paused(), thread.state()), (true, State::Pausing));
        steps.let_go_on();
        assert_eq!(thread.pause_until(AGES), Ok(()), "the turn has ended");
        assert_eq!((thread.is_paused(), thread.state()), (true, State::Paused));
        assert!(steps.begun.is_empty());
        thread.resume();
        assert_eq!((steps.begins(), thread.is_paused(), thread.state()), (1, false, State::Running));
        thread.stop();
        assert_eq!(thread.join(), Ok(()));
    });
}

#[test]
fn p2_pause_until_is_ended_and_the_pause_stays() {
    in_time("pause_until", || {
        let (steps, thread) = stepping();
        assert_eq!(steps.begins(), 0);
        assert_eq!(thread.pause_until(Duration::from_millis(1)), Err(Stopped));
        assert_eq!(thread.pause_until(Signal::done()), Err(Stopped));
        assert_eq!(thread.state(), State::Pausing);
        steps.let_go_on();
        assert_eq!(thread.pause_until(AGES), Ok(()));
        assert_eq!(thread.pause_until(Signal::done()), Ok(()), "no turn: it does not matter what has come");
        drop(thread.stop_on_drop());
    });
}

/// Whoever waits for the end of a turn, and what that came by.
#[test]
fn p2_a_waiter_is_let_go_by_the_end_of_the_turn_whatever_that_was() {
    for how in ["resumed", "stopped", "panicked"] {
        in_time(how, move || {
            let (root, _) = quiet("root");
            let (begun, go_on, again) = (Signal::new(), Signal::new(), Signal::new());
            let thread = PausableThread::builder("turns").under(root.as_ref()).run({
                let (begun, go_on, again) = (begun.clone(), go_on.clone(), again.clone());
                move |turn, ()| {
                    if !begun.go() {
                        again.go();
                        turn.please_stop().wait();
                    }
                    (turn.please_stop() | &go_on).wait();
                    assert_ne!(how, "panicked", "planned");
                }
            });
            begun.wait();
            std::thread::scope(|s| {
                let waiter = s.spawn(|| thread.pause_until(AGES));
                while !thread.is_paused() {
                    std::thread::yield_now();
                }
                match how {
                    "resumed" => {
                        thread.resume();
                        go_on.go();
                        again.wait(); // the next turn is under way, and does not end
                    }
                    "stopped" => assert!(thread.stop()),
                    _ => assert!(go_on.go()),
                }
                assert_eq!(waiter.join().expect("no panic"), Ok(()), "{how}");
            });
            thread.stop();
            assert_eq!(thread.join().is_err(), how == "panicked");
        });
    }
}

#[test]
fn p2_stop_beats_pause() {
    in_time("stop", || {
        let (steps, thread) = stepping();
        assert_eq!(steps.begins(), 0);
        thread.pause();
        steps.let_go_on();
        assert_eq!(thread.pause_until(AGES), Ok(()));
        assert!(thread.stop());
        assert!(!thread.is_paused(), "it was stopped");
        assert_eq!((thread.join(), thread.state()), (Ok(()), State::Ended));
        assert!(steps.begun.is_empty(), "no turn by the stop");
        thread.pause();
        assert_eq!((thread.is_paused(), thread.pause_until(AGES)), (false, Ok(())), "there is nothing to be paused");
        thread.resume();
    });
}

#[test]
fn p2_from_inside_the_turn_pause_until_does_not_wait() {
    in_time("inside", || {
        let (send, own) = std::sync::mpsc::channel::<Arc<PausableThread>>();
        let turns = Count::new();
        let counted = turns.clone();
        let thread = Arc::new(PausableThread::run("inside", move |turn| {
            counted.add();
            if turn.index() == 0 {
                let me = own.recv().expect("sent");
                assert_eq!(me.pause_until(AGES), Ok(()));
                assert_eq!(me.state(), State::Pausing);
            } else {
                turn.stop();
            }
        }));
        send.send(thread.clone()).expect("it runs");
        while thread.state() != State::Paused {
            std::thread::yield_now();
        }
        assert_eq!(turns.get(), 1);
        thread.resume();
        assert_eq!((thread.join(), turns.get()), (Ok(()), 2));
    });
}

#[test]
fn p2_from_a_root_inside_the_turn_pause_until_does_not_wait() {
    in_time("a root inside", || {
        let (send, own) = std::sync::mpsc::channel::<Arc<PausableThread>>();
        let told = Log::new();
        let said = told.clone();
        let thread = Arc::new(PausableThread::run("outside", move |turn| {
            let me = own.recv().expect("sent");
            Root::builder("inside").run(|_| said.say(format!("{:?} {:?}", me.pause_until(AGES), me.state())));
            turn.stop();
        }));
        send.send(thread.clone()).expect("it runs");
        assert_eq!((thread.join(), told.said().as_str()), (Ok(()), "Ok(()) Pausing"));
    });
}

#[test]
fn p2_a_thread_begins_paused_if_it_is_to() {
    in_time("begins paused", || {
        let log = Log::new();
        let (init, turns) = (log.clone(), log.clone());
        let thread = PausableThread::builder("later").paused().init(move |_| init.say("init"));
        let thread = thread.run(move |turn, ()| {
            turns.say("turn");
            turn.stop();
        });
        assert_eq!((thread.is_paused(), thread.pause_until(AGES)), (true, Ok(())));
        thread.resume();
        assert_eq!((thread.join(), log.said().as_str()), (Ok(()), "init turn"));
    });
}

/// Several who pause, and turns that would notice.
#[test]
fn p2_no_turn_runs_while_paused() {
    in_time("many pauses", || {
        let forbidden = Arc::new(AtomicBool::new(false));
        let (turns, seen) = (Count::new(), forbidden.clone());
        let counted = turns.clone();
        let thread = PausableThread::run("watched", move |_| {
            assert!(!seen.load(SeqCst), "a turn while paused");
            counted.add();
            assert!(!seen.load(SeqCst), "a turn while paused");
        });
        for round in 0..200 {
            assert_eq!(thread.pause_until(AGES), Ok(()));
            forbidden.store(true, SeqCst);
            let before = turns.get();
            if round % 3 == 0 {
                std::thread::yield_now();
            }
            assert_eq!(turns.get(), before);
            forbidden.store(false, SeqCst);
            thread.resume();
            if round % 7 == 0 {
                while turns.get() == before {
                    std::thread::yield_now(); // it goes on
                }
            }
        }
        thread.stop();
        assert_eq!(thread.join(), Ok(()));
    });
}
