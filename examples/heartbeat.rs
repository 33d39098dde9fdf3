//! The machine's load, drawn as it beats: a moving plot in the terminal, plain lines where there is none.
//!
//! What it shows: a [`PeriodicThread`] that keeps time. Its `init` makes the plot on the thread; each turn is lent it, and `cleanup` leaves the
//! terminal as it should be, whatever ended the turns. A sample that takes too long does not put off the next ones: what was left out is counted ([`Missed::Skip`]).
//! Whoever wants it to end (Ctrl-C, the number of turns) need not wait for the end of a period, be it an hour.
//!
//! ```text
//! heartbeat: every 500ms, until main.please_stop
//! ▁▁▂▂▁▁▃▇██▆▃▂▁▁▁▁▁▂▁  busy 12 %  load 0.42
//! ```
//!
//! ```text
//! cargo run --release --features os-signals --example heartbeat -- --period 0.2
//! ```

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use stopwhen::loops::{Missed, Turn};
use stopwhen::{Lock, Main, PeriodicThread};

const USAGE: &str = "\
Draws the load of this machine, a sample in each period, until Ctrl-C is pressed or enough are taken.

Usage: heartbeat [--period SECONDS] [--width N] [--turns N]

  --period SECONDS  the time between two samples, such as 0.2; 0.5 if not given
  --width N         draw the last N samples (1 to 500); 60 if not given
  --turns N         end after N samples; no limit if not given
  -h, --help        print this

Exit code: 0 ended in good order, 2 wrong usage, 1 this system does not tell its load or output failed.
";

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

fn main() -> ExitCode {
    match Options::from_args() {
        Ok(Some(options)) => stopwhen::run(|main| beat(main, options)),
        Ok(None) => print(USAGE),
        Err(error) => {
            say(error);
            ExitCode::from(2)
        }
    }
}

fn beat(main: &Main, options: Options) -> ExitCode {
    let first = match Load::read() {
        Ok(load) => load,
        Err(error) => {
            say(format_args!("this system does not tell its load: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let seen = Arc::new(Lock::new(Seen::default()));
    let heart = PeriodicThread::builder("heart", options.period).initial_delay(options.period).missed(Missed::Skip);
    let heart = heart.init(move |_| Plot::new(first, options.width)).cleanup(Plot::leave).run({
        let seen = seen.clone();
        move |turn, plot| {
            match plot.sample() {
                Ok(busy) => seen.lock().note(turn, busy),
                Err(error) => {
                    say(error);
                    return turn.stop();
                }
            }
            if options.turns == Some(turn.index() + 1) {
                turn.stop();
            }
        }
    });
    say(format_args!("every {:?}, until {}", options.period, main.please_stop()));

    (main.please_stop() | heart.stopped()).wait();
    heart.stop(); // it may be the other that has gone
    let joined = heart.join();
    let Seen { samples, missed, busy, most } = *seen.lock();
    let mean = busy / samples.max(1) as f64;
    let counts = format!("samples     {samples}\nmissed      {missed}\n");
    let cause = main.please_stop().cause().map_or("the last turn".into(), |cause| format!("{cause:#}"));
    let printed = print(&format!("{counts}busy        {mean:.0} % (most {most:.0} %)\nstopped by  {cause}\n"));
    if joined.is_err() { ExitCode::FAILURE } else { printed }
}

/// What is told in the end.
#[derive(Default)]
struct Seen {
    samples: u64,
    missed: u64,
    busy: f64,
    most: f64,
}

impl Seen {
    fn note(&mut self, turn: &Turn<'_>, busy: f64) {
        self.samples += 1;
        self.missed += turn.missed();
        self.busy += busy;
        self.most = self.most.max(busy);
    }
}

/// The load at one time.
struct Load {
    /// Of all processors since the machine was started: at work, and altogether.
    busy: u64,
    total: u64,
    /// Of the last minute: how many threads want a processor.
    mean: String,
}

impl Load {
    fn read() -> io::Result<Load> {
        let mean = read("/proc/loadavg")?;
        let stat = read("/proc/stat")?;
        let strange = || io::Error::new(ErrorKind::InvalidData, format!("/proc/stat says {stat:?}"));
        let times = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).ok_or_else(strange)?;
        // user nice system idle iowait irq softirq steal; guests are in user
        let times: Vec<u64> = times.split_whitespace().take(8).map_while(|n| n.parse().ok()).collect();
        let idle = times.iter().skip(3).take(2).sum::<u64>();
        let total = times.iter().sum::<u64>();
        if times.len() < 4 {
            return Err(strange());
        }
        Ok(Load { busy: total - idle, total, mean: mean.split(' ').next().unwrap_or_default().into() })
    }
}

fn read(path: &str) -> io::Result<String> {
    fs::read_to_string(path).map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))
}

/// The last samples, and where they are drawn.
struct Plot {
    last: Load,
    bars: Vec<char>,
    width: usize,
    samples: u64,
    in_terminal: bool,
}

impl Plot {
    fn new(first: Load, width: usize) -> Plot {
        Plot { last: first, bars: Vec::new(), width, samples: 0, in_terminal: io::stdout().is_terminal() }
    }

    /// Takes a sample, and draws it: how many percent of the machine's time were spent on work since the last one.
    fn sample(&mut self) -> io::Result<f64> {
        let load = Load::read()?;
        let (busy, total) = (load.busy.saturating_sub(self.last.busy), load.total.saturating_sub(self.last.total));
        let busy = 100.0 * busy as f64 / total.max(1) as f64; // nothing was counted: the period is short
        self.last = load;
        self.samples += 1;
        let height = (busy / 100.0 * BARS.len() as f64) as usize;
        self.bars.push(BARS[height.min(BARS.len() - 1)]);
        let gone = self.bars.len().saturating_sub(self.width);
        self.bars.drain(..gone);
        self.draw(busy)?;
        Ok(busy)
    }

    fn draw(&self, busy: f64) -> io::Result<()> {
        let (bars, mean): (String, _) = (self.bars.iter().collect(), &self.last.mean);
        let mut out = io::stdout().lock();
        if self.in_terminal {
            write!(out, "\r\x1b[K{bars}  busy {busy:.0} %  load {mean}")?;
        } else {
            writeln!(out, "sample {}  {bars}  busy {busy:.0} %  load {mean}", self.samples)?;
        }
        out.flush()
    }

    /// The plot stays, and what is printed next begins a line.
    fn leave(self) {
        if self.in_terminal && self.samples > 0 {
            let _ = writeln!(io::stdout());
        }
    }
}

struct Options {
    period: Duration,
    width: usize,
    turns: Option<u64>,
}

impl Options {
    /// `None`: help was asked for.
    fn from_args() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Options { period: Duration::from_millis(500), width: 60, turns: None };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("period") => options.period = args.value()?.parse_with(period)?,
                Long("width") => options.width = args.value()?.parse_with(width)?,
                Long("turns") => options.turns = Some(args.value()?.parse_with(turns)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn period(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    let period = seconds.and_then(Result::ok);
    period.filter(|period| !period.is_zero()).ok_or("not a number of seconds above zero")
}

fn width(text: &str) -> Result<usize, &'static str> {
    let width = text.parse().ok();
    width.filter(|n| (1..=500).contains(n)).ok_or("not a number from 1 to 500")
}

fn turns(text: &str) -> Result<u64, &'static str> {
    let turns = text.parse().ok();
    turns.filter(|n| *n > 0).ok_or("not a number from 1")
}

/// Prints a result; a reader that has gone away is no failure.
fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(format_args!("cannot print: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// A line on standard error; if nobody reads that either, there is no one left to tell.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "heartbeat: {line}");
}
