//! Hashes every file below a directory: until all is done, you have had enough, or time is up.
//!
//! What it shows: a program of threads with *one* stop condition. Three things may end it, and they are one [`Signal`]:
//!
//! ```text
//! let enough = &user_cancel | options.time.map(|time| Till::after(time));
//! let stop = &enough | &all_done;
//! ```
//!
//! - A [`Root`] is told to stop when `enough` goes, and with it all its threads: one that walks the tree, and workers that hash.
//! - They hand the paths on by a bounded [`Queue`]: whoever waits for room, or for work, is ended by its `please_stop`.
//! - `all_done` is composed of the workers' own `stopped()`, so one that panics keeps nobody waiting.
//! - The main thread sleeps on `stop`, redraws now and then, and in the end asks it what happened (`stop.cause()`).
//! - `t` and Enter: who is running, and what is everybody waiting for (`main.tree()`)?
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
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use stopwhen::{Ended, JoinError, Lock, Main, Queue, Root, Signal, Stopped, Thread, ThreadRef, Till};

const USAGE: &str = "\
Hashes every file below PATH, until all are done, Enter or Ctrl-C is pressed, or time is up.

Usage: sweep [PATH] [--secs N] [--threads N]

  PATH           a directory or a file; the current directory if not given
  --secs N       stop after N seconds (0.5 is fine); no limit if not given
  --threads N    hash with N threads (1 to 256); one for each core if not given
  -h, --help     print this

The key t, and Enter (or such a line, wherever input comes from) shows what every thread is doing.
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
/// Who has not stopped by then is named, and left behind.
const GRACE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    match Options::from_args() {
        Ok(Some(options)) => {
            let user_cancel = Signal::named("user cancel");
            // Not `map(Till::after)`: its cause would name a place in the standard library, not this one.
            let enough = &user_cancel | options.time.map(|time| Till::after(time));
            let program = Root::builder("sweep").stop_when(&enough).grace(GRACE);
            program.run(|main| sweep(main, options, &enough, &user_cancel))
        }
        Ok(None) => print(USAGE, End::AllDone).report(),
        Err(error) => {
            say(error);
            End::WrongUsage.report()
        }
    }
}

fn sweep(main: &Main, options: Options, enough: &Signal, user_cancel: &Signal) -> End {
    let started = Instant::now();
    let sweep = Arc::new(Sweep::new(options.path));
    let start = |name: String, what: fn(&Sweep, &Signal) -> Result<(), Ended>| {
        let sweep = sweep.clone();
        Thread::run(name, move |please_stop| what(&sweep, please_stop))
    };
    let workers: Vec<_> = (1..=options.threads).map(|n| start(format!("worker {n}"), Sweep::work)).collect();
    let all_done = Signal::all(workers.iter().map(Thread::stopped));
    let stop = enough | &all_done;

    cancel_on_ctrl_c(user_cancel);
    listen_to_keys(user_cancel, main.as_ref(), &sweep.bar);
    say(format_args!("{}, until {stop}", sweep.root.display()));

    let walker = start("walker".into(), Sweep::walk);
    while stop.wait_until(REDRAW).is_err() {
        sweep.redraw(stop.remaining());
    }
    // Whatever ended it, all of them have been told, or are done; unless the system keeps one, in a file that never ends a read.
    let soon = Till::after(GRACE);
    let ends = workers.iter().chain([&walker]).map(|thread| match thread.join_until(&soon) {
        Ok(Ok(())) => End::AllDone,
        Ok(Err(_)) | Err(JoinError::Stopped) => End::StoppedBefore,
        Err(_it_was_reported) => End::Panicked,
    });
    let end = ends.max().expect("there is at least one worker");
    sweep.bar.finish_and_clear();
    print(&sweep.report(&stop, end, started.elapsed()), end)
}

/// What the threads share: where the files are, what is done so far.
struct Sweep {
    root: PathBuf,
    files_to_do: Queue<PathBuf>,
    bar: ProgressBar,
    files: AtomicU64,
    unreadable: AtomicU64,
    digest: Lock<[u8; blake3::OUT_LEN]>,
}

impl Sweep {
    fn new(root: PathBuf) -> Self {
        let style = "{spinner} {msg}, {binary_bytes}, {binary_bytes_per_sec}";
        let style = ProgressStyle::with_template(style).expect("the template is well-formed");
        Sweep {
            root,
            // Silent: that the walker waits for those who hash is as it should be.
            files_to_do: Queue::bounded(1024).named("files").silent(),
            bar: ProgressBar::new_spinner().with_style(style), // draws on a terminal only
            files: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            digest: Lock::default(),
        }
    }

    /// The walker's life: brings every file to the queue, and closes it, whatever ends it.
    fn walk(&self, please_stop: &Signal) -> Result<(), Ended> {
        let _close = self.files_to_do.close_on_drop();
        for entry in walkdir::WalkDir::new(&self.root) {
            please_stop.check()?;
            match entry {
                Ok(entry) if entry.file_type().is_file() => {
                    self.files_to_do.push_until(entry.into_path(), please_stop)?
                }
                Ok(_) => {}
                Err(error) => self.skip(error),
            }
        }
        Ok(())
    }

    /// A worker's life: hashes the next file until there are no more.
    fn work(&self, please_stop: &Signal) -> Result<(), Ended> {
        let mut block = vec![0; BLOCK_BYTES];
        for path in self.files_to_do.iter_until(please_stop) {
            match self.hash(&path, &mut block, please_stop) {
                Ok(hash) => self.add(&hash?),
                Err(error) => self.skip(format_args!("{}: {error}", path.display())),
            }
        }
        if self.files_to_do.drained().is_go() { Ok(()) } else { Err(Ended::Stopped) }
    }

    /// The hash of a file's place below the root and of what is in it.
    fn hash(&self, path: &Path, block: &mut [u8], stop: &Signal) -> io::Result<Result<blake3::Hash, Stopped>> {
        let mut file = File::open(path)?;
        let mut hasher = blake3::Hasher::new();
        let place = path.strip_prefix(&self.root).unwrap_or(path);
        // A zero ends each part and an empty part the place: names and contents cannot be mixed up.
        for part in place.iter().chain([OsStr::new("")]) {
            hasher.update(part.as_encoded_bytes()).update(&[0]);
        }
        while !stop.is_go() {
            let read = file.read(block)?;
            if read == 0 {
                return Ok(Ok(hasher.finalize()));
            }
            hasher.update(&block[..read]);
            self.bar.inc(read as u64);
        }
        Ok(Err(Stopped))
    }

    /// Counts a file in. Exclusive or, since that does not mind who comes first.
    fn add(&self, hash: &blake3::Hash) {
        self.files.fetch_add(1, Relaxed);
        let mut digest = self.digest.lock();
        for (sum, byte) in digest.iter_mut().zip(hash.as_bytes()) {
            *sum ^= byte;
        }
    }

    fn skip(&self, why: impl Display) {
        self.unreadable.fetch_add(1, Relaxed);
        self.bar.suspend(|| say(why));
    }

    fn redraw(&self, left: Option<Duration>) {
        let files = HumanCount(self.files.load(Relaxed));
        self.bar.set_message(match left {
            Some(left) => format!("{:.1} s left, {files} files", left.as_secs_f64()),
            None => format!("{files} files"),
        });
    }

    fn report(&self, stop: &Signal, end: End, took: Duration) -> String {
        let digest = blake3::Hash::from_bytes(*self.digest.lock());
        let cause = stop.cause().expect("stop has gone");
        let outcome = match end {
            End::AllDone => "all files are done",
            End::StoppedBefore => "stopped before all files were done",
            _ => "a thread panicked",
        };
        [
            format!("files       {}\n", self.files.load(Relaxed)),
            format!("bytes       {}\n", self.bar.position()),
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

/// A line "t" asks who is running. Enter is enough, but only a terminal's: the end of a file or of a pipe says nothing.
fn listen_to_keys(user_cancel: &Signal, main: &ThreadRef, bar: &ProgressBar) {
    let (user_cancel, main, bar) = (user_cancel.clone(), main.clone(), bar.clone());
    // No thread of the tree: nobody joins it, and it may be left waiting for a key when the program ends.
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            match line.trim() {
                "t" => bar.suspend(|| say(main.tree())),
                _ if io::stdin().is_terminal() => _ = user_cancel.go_because("Enter"),
                _ => {}
            }
        }
    });
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
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get().min(MAX_THREADS));
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
