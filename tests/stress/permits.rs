//! Permits under random stops: what is out, what is there, what was forgotten.
use super::*;
use stopwhen::{AcquireError, BoundedSemaphore, Permit, Semaphore};

/// The stop of the moment: it goes within 200 µs, and the next one takes its place.
pub struct Stops(Mutex<Signal>);

impl Stops {
    pub fn new() -> Stops {
        Stops(Mutex::new(Signal::new()))
    }

    pub fn now(&self) -> Signal {
        self.0.lock().unwrap().clone()
    }

    /// Raises one after the other until all is over.
    pub fn raise(&self, over: &Signal, mut dice: Dice) {
        while !over.is_go() {
            linger(&mut dice);
            let before = std::mem::take(&mut *self.0.lock().unwrap());
            before.go();
        }
        self.now().go();
    }
}

/// Permits that are out, by the count of those who have them.
#[derive(Default)]
struct Out(AtomicUsize);

impl Out {
    /// Holds permits for a moment; never more than there are.
    fn hold(&self, permit: &Permit<'_>, most: usize, dice: &mut Dice) {
        let before = self.0.fetch_add(permit.count(), AcqRel);
        assert!(before + permit.count() <= most, "K4: {before} out, and {} more", permit.count());
        if dice.below(8) == 0 {
            thread::yield_now();
        }
        self.0.fetch_sub(permit.count(), AcqRel);
    }
}

/// One wait that a time, a signal, or either of both may end.
pub fn wait<R>(dice: &mut Dice, stops: &Stops, acquire: impl FnOnce(&dyn stopwhen::Until) -> R) -> R {
    let time = Duration::from_micros(dice.below(200) as u64);
    match dice.below(5) {
        0 => acquire(&time),
        1 => acquire(&stops.now()),
        2 => acquire(&(Instant::now() + time)),
        3 => acquire(&Till::after(time)),
        _ => acquire(&(&stops.now(), time)),
    }
}

/// What three threads got, or were stopped at.
#[derive(Default)]
struct Ends {
    got: AtomicUsize,
    stopped: AtomicUsize,
}

impl Ends {
    fn count(&self, got: bool) {
        if got { &self.got } else { &self.stopped }.fetch_add(1, AcqRel);
    }

    /// Both ends were met, and tells how often if somebody asked for a long run.
    fn tell(&self, name: &str) {
        let (got, stopped) = (self.got.load(Acquire), self.stopped.load(Acquire));
        assert!(got > 0);
        if std::env::var_os("STRESS_SECONDS").is_some() {
            eprintln!("{name}: {got} got, {stopped} stopped");
        }
    }
}

const TURNS: usize = 300;

/// K4, K1, R1, R2: permits add up whatever is stopped, split, forgotten or panics, and nobody hangs.
#[test]
fn permits_add_up() {
    let ends = std::sync::Arc::new(Ends::default());
    let count = ends.clone();
    scene("permits taken under stops", move |dice| {
        let total = [1, 1, 2, 3, 5][dice.below(5)];
        let (s, stops, over, out) = (Semaphore::new(total), Stops::new(), Signal::new(), Out::default());
        let seeds: [u64; 4] = std::array::from_fn(|_| dice.roll());
        thread::scope(|scope| {
            scope.spawn(|| stops.raise(&over, Dice::new(seeds[0])));
            let workers = seeds.map(|seed| {
                let (s, stops, out, ends) = (&s, &stops, &out, &count);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    for _ in 0..TURNS {
                        one_turn(&mut dice, s, stops, out, ends, total);
                    }
                })
            });
            workers.into_iter().for_each(|w| w.join().unwrap());
            over.go();
        });
        assert_eq!((s.available(), s.waiting()), (total, 0));
        assert_eq!(s.try_acquire_many(total).map(|p| p.count()), Some(total));
    });
    ends.tell("permits");
}

fn one_turn(dice: &mut Dice, s: &Semaphore, stops: &Stops, out: &Out, ends: &Ends, total: usize) {
    let n = dice.below(total + 1).max(dice.below(2));
    let permit = match dice.below(12) {
        0 => s.try_acquire_many(n),
        1 => return assert!(wait(dice, stops, |until| s.acquire_many_until(total + 1, until)).is_err()),
        2 if n > 0 => Some(s.acquire_many(n)),
        _ => {
            let permit = wait(dice, stops, |until| s.acquire_many_until(n, until)).ok();
            ends.count(permit.is_some());
            permit
        }
    };
    let Some(mut permit) = permit else { return };
    out.hold(&permit, total, dice);
    match dice.below(8) {
        0 => {
            let half = permit.split(n / 2).expect("half of it");
            drop(permit);
            drop(half);
        }
        1 => {
            let half = permit.split(n / 2).expect("half of it");
            permit.merge(half);
        }
        2 => {
            permit.forget();
            s.release(n);
        }
        3 => {
            let thrown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _permit = permit;
                std::panic::resume_unwind(Box::new("thrown"))
            }));
            assert!(thrown.is_err());
        }
        4 => {
            drop(permit);
            s.release(s.forget_permits(1));
        }
        _ => {}
    }
}

/// K3, K4: available, out and forgotten are the bound, and what was forgotten can be given back once.
#[test]
fn bounded_permits_add_up() {
    let ends = std::sync::Arc::new(Ends::default());
    let count = ends.clone();
    scene("bounded permits taken under stops", move |dice| {
        let bound = 1 + dice.below(4);
        let (s, stops, over, out) = (BoundedSemaphore::new(bound), Stops::new(), Signal::new(), Out::default());
        let seeds: [u64; 4] = std::array::from_fn(|_| dice.roll());
        let gone = thread::scope(|scope| {
            scope.spawn(|| stops.raise(&over, Dice::new(seeds[0])));
            let workers = seeds.map(|seed| {
                let (s, stops, out, ends) = (&s, &stops, &out, &count);
                scope.spawn(move || {
                    let mut dice = Dice::new(seed);
                    (0..TURNS).map(|_| one_bounded_turn(&mut dice, s, stops, out, ends)).sum::<isize>()
                })
            });
            let gone: isize = workers.into_iter().map(|w| w.join().unwrap()).sum();
            over.go();
            gone as usize
        });
        assert_eq!((s.available() + gone, s.waiting()), (bound, 0));
        assert!(s.release(gone + 1).is_err() && s.release(gone).is_ok() && s.release(1).is_err());
        assert_eq!(s.try_acquire_many(bound).map(|p| p.count()), Some(bound));
    });
    ends.tell("bounded permits");
}

/// How many more are forgotten after it.
fn one_bounded_turn(dice: &mut Dice, s: &BoundedSemaphore, stops: &Stops, out: &Out, ends: &Ends) -> isize {
    let n = 1 + dice.below(s.bound());
    match dice.below(8) {
        0 => return -isize::from(s.release(1) == Ok(())),
        1 => return s.forget_permits(1) as isize,
        2 => {
            let refused = wait(dice, stops, |until| s.acquire_many_until(s.bound() + n, until));
            assert_eq!(refused.err(), Some(AcquireError::TooMany));
            return 0;
        }
        _ => {}
    }
    let permit = wait(dice, stops, |until| s.acquire_many_until(n, until)).ok();
    ends.count(permit.is_some());
    let Some(permit) = permit else { return 0 };
    out.hold(&permit, s.bound(), dice);
    if dice.below(16) > 0 {
        return 0;
    }
    permit.forget();
    n as isize
}
