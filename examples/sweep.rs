//! Hashes every file below a directory: until all is done, you have had enough, or time is up.
//!
//! What it shows: *one* stop condition for a whole program. Three things may end it, and they are
//! one [`Signal`], composed where the program starts:
//!
//! ```text
//! let stop = (&all_done | &user_cancel) | options.time.map(|time| Till::after(time));
//! ```
//!
//! - the workers poll it between two blocks (`stop.check()?`, `stop.is_go()`),
//! - the main thread sleeps on it and wakes at once, or redraws (`stop.wait_until(REDRAW)`),
//! - the end asks it what happened (`stop.cause()`).
//!
//! `all_done` is composed too, of one Signal for each worker. A worker's is raised by a guard
//! (`go_on_drop`), so one that panics keeps nobody waiting.
//!
//! ```text
//! cargo run --release --example sweep -- --secs 5 ~/.cargo
//! ```

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode, Termination};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use stopwhen::{Signal, Stopped, Till};

const USAGE: &str = "\
Hashes every file below PATH, until all are done, Enter or Ctrl-C is pressed, or time is up.

Usage: sweep [PATH] [--secs N] [--threads N]

  PATH           a directory or a file; the current directory if not given
  --secs N       stop after N seconds (0.5 is fine); no limit if not given
  --threads N    hash with N threads (1 to 256); one for each core if not given
  -h, --help     print this

Links are not followed, special files are skipped. A file that cannot be read is named, counted
and left out. The digest covers names and contents, whatever the order of work. A second Ctrl-C
ends the program on the spot.

Exit code: 0 all files are done, 3 stopped before, 2 wrong usage or PATH, 1 output failed.
";

/// The exit codes; of several workers' ends the greatest counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    AllDone = 0,
    NotPrinted = 1,
    WrongUsage = 2,
    StoppedBefore = 3,
    /// What any Rust program says of a panic.
    Panicked = 101,
    /// What a shell says of a program that Ctrl-C ended.
    Interrupted = 130,
}

impl Termination for End {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}

const MAX_THREADS: usize = 256;
/// Read between two looks at `stop`, so that a huge file holds nobody up.
const BLOCK_BYTES: usize = 128 * 1024;
const REDRAW: Duration = Duration::from_millis(100);

fn main() -> End {
    match Options::from_args() {
        Ok(Some(options)) => sweep(&options),
        Ok(None) => print(USAGE, End::AllDone),
        Err(error) => {
            say(error);
            End::WrongUsage
        }
    }
}

fn sweep(options: &Options) -> End {
    let named = |n| Signal::named(format!("worker {n} is done"));
    let workers: Vec<Signal> = (1..=options.threads).map(named).collect();
    let all_done = Signal::all(&workers);
    let user_cancel = Signal::named("user cancel");
    // Not `map(Till::after)`: its cause would name a place in the standard library, not this one.
    let stop = (&all_done | &user_cancel) | options.time.map(|time| Till::after(time));

    cancel_on_ctrl_c(&user_cancel);
    cancel_on_enter(&user_cancel);
    say(format_args!("{}, until {stop}", options.path.display()));

    let started = Instant::now();
    let sweep = &Sweep::new(&options.path, &stop);
    let end = thread::scope(|scope| {
        let start = |done: Signal| {
            scope.spawn(move || {
                let _done = done.go_on_drop();
                sweep.work()
            })
        };
        let workers: Vec<_> = workers.into_iter().map(start).collect();
        while stop.wait_until(REDRAW).is_err() {
            sweep.redraw();
        }
        let ends = workers.into_iter().map(|worker| match worker.join() {
            Ok(Ok(())) => End::AllDone,
            Ok(Err(Stopped)) => End::StoppedBefore,
            Err(_the_panic_hook_has_told) => End::Panicked,
        });
        ends.max().expect("there is at least one worker")
    });
    sweep.bar.finish_and_clear();
    print(&sweep.report(end, started.elapsed()), end)
}

/// What the workers share: where the files come from, when to stop, what is done so far.
struct Sweep<'a> {
    root: &'a Path,
    stop: &'a Signal,
    entries: Mutex<walkdir::IntoIter>,
    bar: ProgressBar,
    files: AtomicU64,
    bytes: AtomicU64,
    unreadable: AtomicU64,
    digest: Mutex<[u8; blake3::OUT_LEN]>,
}

impl<'a> Sweep<'a> {
    fn new(root: &'a Path, stop: &'a Signal) -> Self {
        let style = "{spinner} {msg}, {binary_bytes}, {binary_bytes_per_sec}";
        let style = ProgressStyle::with_template(style).expect("the template is well-formed");
        Sweep {
            root,
            stop,
            entries: Mutex::new(walkdir::WalkDir::new(root).into_iter()),
            bar: ProgressBar::new_spinner().with_style(style), // draws on a terminal only
            files: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            digest: Mutex::default(),
        }
    }

    /// One worker's life: hashes the next file until there is none.
    fn work(&self) -> Result<(), Stopped> {
        let mut block = vec![0; BLOCK_BYTES];
        while let Some(path) = self.next_file()? {
            match self.hash(&path, &mut block) {
                Ok(hash) => self.add(&hash?),
                Err(error) => self.skip(format_args!("{}: {error}", path.display())),
            }
        }
        Ok(())
    }

    fn next_file(&self) -> Result<Option<PathBuf>, Stopped> {
        let mut entries = self.entries.lock().expect("the walk does not panic");
        loop {
            self.stop.check()?;
            match entries.next() {
                None => return Ok(None),
                Some(Err(error)) => self.skip(error),
                Some(Ok(entry)) => {
                    if entry.file_type().is_file() {
                        return Ok(Some(entry.into_path()));
                    }
                }
            }
        }
    }

    /// The hash of a file's place below the root and of what is in it.
    fn hash(&self, path: &Path, block: &mut [u8]) -> io::Result<Result<blake3::Hash, Stopped>> {
        let mut file = File::open(path)?;
        let mut hasher = blake3::Hasher::new();
        let place = path.strip_prefix(self.root).unwrap_or(path);
        // A zero ends each part and an empty part the place: names and contents cannot be mixed up.
        for part in place.iter().chain([OsStr::new("")]) {
            hasher.update(part.as_encoded_bytes()).update(&[0]);
        }
        while !self.stop.is_go() {
            let read = file.read(block)?;
            if read == 0 {
                return Ok(Ok(hasher.finalize()));
            }
            hasher.update(&block[..read]);
            self.bytes.fetch_add(read as u64, Relaxed);
        }
        Ok(Err(Stopped))
    }

    /// Counts a file in. Exclusive or, since that does not mind who comes first.
    fn add(&self, hash: &blake3::Hash) {
        self.files.fetch_add(1, Relaxed);
        let mut digest = self.digest.lock().expect("no panic in here");
        for (sum, byte) in digest.iter_mut().zip(hash.as_bytes()) {
            *sum ^= byte;
        }
    }

    fn skip(&self, why: impl Display) {
        self.unreadable.fetch_add(1, Relaxed);
        self.bar.suspend(|| say(why));
    }

    fn redraw(&self) {
        self.bar.set_position(self.bytes.load(Relaxed));
        let files = HumanCount(self.files.load(Relaxed));
        self.bar.set_message(match self.stop.remaining() {
            Some(left) => format!("{:.1} s left, {files} files", left.as_secs_f64()),
            None => format!("{files} files"),
        });
    }

    fn report(&self, end: End, took: Duration) -> String {
        let digest = blake3::Hash::from_bytes(*self.digest.lock().expect("no panic in here"));
        let cause = self.stop.cause().expect("stop has gone");
        let outcome = match end {
            End::AllDone => "all files are done",
            End::StoppedBefore => "stopped before all files were done",
            _ => "a worker panicked",
        };
        [
            format!("files       {}\n", self.files.load(Relaxed)),
            format!("bytes       {}\n", self.bytes.load(Relaxed)),
            format!("seconds     {:.3}\n", took.as_secs_f64()),
            format!("unreadable  {}\n", self.unreadable.load(Relaxed)),
            format!("digest      {digest}\n"),
            format!("outcome     {outcome}\n"),
            format!("stopped by  {cause:#}\n"),
        ]
        .concat()
    }
}

/// The first Ctrl-C raises `user_cancel`; any after it ends the process.
fn cancel_on_ctrl_c(user_cancel: &Signal) {
    let user_cancel = user_cancel.clone();
    let installed = ctrlc::set_handler(move || {
        if !user_cancel.go_because("Ctrl-C") {
            process::exit(End::Interrupted as i32);
        }
    });
    if let Err(error) = installed {
        say(format_args!("Ctrl-C will not be orderly: {error}"));
    }
}

/// Only a terminal's Enter counts: the end of a file or of a pipe says nothing.
fn cancel_on_enter(user_cancel: &Signal) {
    if io::stdin().is_terminal() {
        let user_cancel = user_cancel.clone();
        // Nobody joins it: it may be left waiting for a key when the program ends.
        thread::spawn(move || {
            let line = io::stdin().read_line(&mut String::new());
            if line.is_ok_and(|bytes| bytes > 0) {
                user_cancel.go_because("Enter");
            }
        });
    }
}

struct Options {
    path: PathBuf,
    time: Option<Duration>,
    threads: usize,
}

impl Options {
    /// `None`: help was asked for.
    fn from_args() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let mut args = lexopt::Parser::from_env();
        let (mut path, mut time, mut threads) = (None, None, None);
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("secs") => time = Some(args.value()?.parse_with(seconds)?),
                Long("threads") => threads = Some(args.value()?.parse_with(thread_count)?),
                Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
                _ => return Err(arg.unexpected()),
            }
        }
        let path = path.unwrap_or_else(|| PathBuf::from("."));
        check_readable(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let cores = || thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS));
        let threads = threads.unwrap_or_else(cores);
        Ok(Some(Options { path, time, threads }))
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    seconds.and_then(Result::ok).ok_or("not a number of seconds")
}

fn thread_count(text: &str) -> Result<usize, &'static str> {
    let threads = text.parse().ok();
    threads.filter(|n| (1..=MAX_THREADS).contains(n)).ok_or("not a number from 1 to 256")
}

/// A file below the root that cannot be read is skipped; such a root is a mistake.
fn check_readable(root: &Path) -> io::Result<()> {
    let kind = fs::metadata(root)?;
    if kind.is_dir() {
        fs::read_dir(root).map(drop)
    } else if kind.is_file() {
        File::open(root).map(drop) // not sooner: opening a pipe would wait for its other end
    } else {
        Err(io::Error::other("neither a directory nor a file"))
    }
}

/// Prints a result and passes `end` on; a reader that has gone away is no failure.
fn print(text: &str, end: End) -> End {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(format_args!("cannot print: {error}"));
            End::NotPrinted
        }
        _ => end,
    }
}

/// A line on standard error; if nobody reads that either, there is no one left to tell.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "sweep: {line}");
}
