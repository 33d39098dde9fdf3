//! Conway's Life, by a team of threads that finish each generation together, or not at all.
//!
//! What it shows: a [`Barrier`] between phases, and a [`Signal`] that stops the team between two of them. Each thread has some rows
//! of the world. It writes those of the next generation, and then meets the others:
//!
//! ```text
//! team.wait_until(&stop)
//! ```
//!
//! - Nobody passes before all have arrived, and what they wrote before is seen by all after: so the cells need no lock.
//! - The stop is no vote. Who is stopped while it waits breaks the barrier for all others, so either all of them pass or
//!   none does, and all end after the same generation. What is left is a whole world.
//! - A thread that panics never arrives. An alarm raises the stop for it, so nobody waits for it in vain.
//!
//! ```text
//! cargo run --release --example phases -- --size 1000 --secs 5
//! cargo run --release --example phases -- --size 40 --generations 100 --show
//! ```

use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::process::{self, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use stopwhen::{Barrier, Signal, Till};

const USAGE: &str = "\
Lets a pattern live on a square whose edges meet, until its generations are over, Ctrl-C is pressed, or time is up.

Usage: phases [PATTERN] [--size N] [--generations N] [--secs N] [--threads N] [--show]

  PATTERN           rows from the top, such as .#./..#/###, put in the middle; if not given, .##/##./.#.
  --size N          N rows of N cells (3 to 4096); 256 if not given
  --generations N   so many; 1000 if not given
  --secs N          stop after N seconds (0.5 is fine); no limit if not given
  --threads N       a team of N threads (1 to 64); one for each core if not given
  --show            print the last generation too
  -h, --help        print this

Exit code: 0 all generations are over, 3 stopped before, 2 wrong usage, 1 output failed.
";

fn main() -> ExitCode {
    match Options::from_args() {
        Ok(Some(options)) => live(&options),
        Ok(None) => print(USAGE, 0),
        Err(error) => {
            say(error);
            ExitCode::from(2)
        }
    }
}

fn live(options: &Options) -> ExitCode {
    let (user_cancel, alarm) = (Signal::named("user cancel"), Signal::named("a thread panicked"));
    // Not `map(Till::after)`: its cause would name a place in the standard library, not this one.
    let stop = (&user_cancel | &alarm) | options.time.map(|time| Till::after(time));
    cancel_on_ctrl_c(&user_cancel);
    say(format_args!("{} generations, or until {stop}", options.generations));

    let world = &World::new(options);
    let team = &Team { barrier: Barrier::new(options.threads), stop, alarm };
    let completed = thread::scope(|scope| {
        let from = |i| i * options.size / options.threads;
        let start = |i| scope.spawn(move || team.live(world, from(i)..from(i + 1), options.generations));
        let members: Vec<_> = (0..options.threads).map(start).collect();
        let mut completed = members.into_iter().map(|m| m.join().expect("the hook has told why"));
        let first = completed.next().expect("there is at least one thread");
        assert!(completed.all(|others| others == first), "all end after the same generation");
        first
    });

    let mut report = if options.show { world.show(completed) } else { String::new() };
    report += &world.report(completed);
    match team.stop.cause() {
        Some(cause) if completed < options.generations => print(&format!("{report}stopped by   {cause:#}\n"), 3),
        _ => print(&report, 0),
    }
}

struct Team {
    barrier: Barrier,
    stop: Signal,
    alarm: Signal,
}

impl Team {
    /// One thread's part. Tells how many generations were completed, which is the same for all.
    fn live(&self, world: &World, rows: Range<usize>, generations: u64) -> u64 {
        let panicked = self.alarm.go_on_drop();
        let mut completed = 0;
        // A team of one is always complete: its stop is seen here. So is that of a team too fast to sleep.
        while completed < generations && !self.stop.is_go() {
            rows.clone().for_each(|y| world.next_row(completed, y));
            if self.barrier.wait_until(&self.stop).is_err() {
                break; // for all
            }
            completed += 1;
        }
        panicked.disarm();
        completed
    }
}

/// Two squares: one holds a generation while the next is written to the other.
///
/// Relaxed: each cell is written by one thread between two meetings, and the barrier orders that against all who read it.
struct World {
    size: usize,
    squares: [Vec<AtomicBool>; 2],
}

impl World {
    fn new(options: &Options) -> World {
        let size = options.size;
        let square = || (0..size * size).map(|_| AtomicBool::new(false)).collect();
        let world = World { size, squares: [square(), square()] };
        let rows: Vec<&str> = options.pattern.split('/').collect();
        let top = (size - rows.len()) / 2;
        let left = (size - rows.iter().map(|row| row.len()).max().unwrap_or(0)) / 2;
        for (y, row) in rows.iter().enumerate() {
            for (x, _) in row.match_indices('#') {
                world.row(0, top + y)[left + x].store(true, Relaxed);
            }
        }
        world
    }

    fn row(&self, generation: u64, y: usize) -> &[AtomicBool] {
        &self.squares[(generation % 2) as usize][y * self.size..][..self.size]
    }

    /// Writes row `y` of the generation after this one.
    fn next_row(&self, generation: u64, y: usize) {
        let (size, next) = (self.size, self.row(generation + 1, y));
        let near = [y + size - 1, y, y + 1].map(|y| self.row(generation, y % size));
        for x in 0..size {
            let around = [x + size - 1, x, x + 1].map(|x| x % size);
            let three_by_three = near.iter().flat_map(|row| around.iter().map(|&x| row[x].load(Relaxed)));
            let alive = near[1][x].load(Relaxed);
            let others = three_by_three.filter(|&cell| cell).count() - alive as usize;
            next[x].store(others == 3 || alive && others == 2, Relaxed);
        }
    }

    fn cells(&self, generation: u64) -> impl Iterator<Item = bool> {
        (0..self.size).flat_map(move |y| self.row(generation, y)).map(|cell| cell.load(Relaxed))
    }

    fn show(&self, generation: u64) -> String {
        let cells: Vec<_> = self.cells(generation).map(|alive| if alive { '#' } else { '.' }).collect();
        cells.chunks(self.size).flat_map(|row| row.iter().copied().chain(['\n'])).collect()
    }

    fn report(&self, generation: u64) -> String {
        let mut state = DefaultHasher::new();
        self.cells(generation).for_each(|cell| cell.hash(&mut state));
        let alive = self.cells(generation).filter(|&cell| cell).count();
        format!("generations  {generation}\nalive        {alive}\nstate        {:016x}\n", state.finish())
    }
}

/// The first Ctrl-C raises `user_cancel`; any after it ends the process.
fn cancel_on_ctrl_c(user_cancel: &Signal) {
    let user_cancel = user_cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if !user_cancel.go_because("Ctrl-C") {
            process::exit(130); // what a shell says of a program that Ctrl-C ended
        }
    });
    if let Err(error) = installed {
        say(format_args!("Ctrl-C will not be orderly: {error}"));
    }
}

struct Options {
    pattern: String,
    size: usize,
    generations: u64,
    time: Option<Duration>,
    threads: usize,
    show: bool,
}

impl Options {
    /// `None`: help was asked for.
    fn from_args() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let threads = thread::available_parallelism().map_or(1, |n| n.get().min(64));
        let mut options =
            Options { pattern: String::new(), size: 256, generations: 1000, time: None, threads, show: false };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("size") => {
                    options.size = args.value()?.parse_with(|n| number(n, 3..=4096, "a size from 3 to 4096"))?
                }
                Long("generations") => options.generations = args.value()?.parse()?,
                Long("secs") => options.time = Some(args.value()?.parse_with(seconds)?),
                Long("threads") => {
                    options.threads = args.value()?.parse_with(|n| number(n, 1..=64, "a number from 1 to 64"))?
                }
                Long("show") => options.show = true,
                Value(value) if options.pattern.is_empty() => options.pattern = value.parse_with(pattern)?,
                _ => return Err(arg.unexpected()),
            }
        }
        if options.pattern.is_empty() {
            options.pattern = ".##/##./.#.".into();
        }
        let rows = || options.pattern.split('/');
        if rows().map(str::len).chain([rows().count()]).any(|n| n > options.size) {
            return Err(format!("the pattern does not fit a square of {}", options.size).into());
        }
        Ok(Some(options))
    }
}

fn pattern(text: &str) -> Result<String, &'static str> {
    let right = !text.is_empty() && text.chars().all(|c| ".#/".contains(c));
    right.then(|| text.into()).ok_or("not a pattern of . and # and /")
}

fn number(text: &str, range: std::ops::RangeInclusive<usize>, what: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| range.contains(n)).ok_or_else(|| format!("not {what}"))
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    seconds.and_then(Result::ok).ok_or("not a number of seconds")
}

/// Prints a result and ends with that code; a reader that has gone away is no failure.
fn print(text: &str, code: u8) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(format_args!("cannot print: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::from(code),
    }
}

/// A line on standard error; if nobody reads that either, there is no one left to tell.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "phases: {line}");
}
