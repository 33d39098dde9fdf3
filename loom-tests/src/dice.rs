//! Scenes of more threads than loom can hold, played by shuttle: many games, each in an order that dice decide.
//!
//! Half of the games draw each step anew; the other half run the threads by priorities that change at a few random points (PCT), which
//! finds what needs few but particular steps. A game that fails prints how to play it again.
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};
use std::env;
use std::time::Instant;

/// Points at which PCT changes priorities.
const CHANGES: usize = 3;

/// Plays `scene` so many times each way; as many times more as the environment says.
pub fn play(name: &str, games: usize, scene: impl Fn() + Send + Sync + Clone + 'static) {
    let times = env::var("STOPWHEN_GAMES").map_or(1, |n| n.parse().expect("a number of games"));
    let (games, begin) = (games * times, Instant::now());
    let played = run(RandomScheduler::new(games), scene.clone()) + run(PctScheduler::new(CHANGES, games), scene);
    assert_eq!(played, 2 * games, "{name} was not played to its end");
    println!("model {name}: {played} games, {:.1} s", begin.elapsed().as_secs_f64());
}

fn run(scheduler: impl Scheduler + 'static, scene: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    config.stack_size = 1 << 18;
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(scene)
}
