//! Counts the lines and words of every file below a directory, by workers who find work for each other.
//!
//! What it shows: a [`Lock`] as a *monitor*. The workers share a list of directories. Each takes one off, counts its files, and puts
//! the directories it found on. That the list is empty is not the end: somebody may be about to put more on. The end is
//! that it is empty *and nobody is at work*, and the whole of that is one closure and one line:
//!
//! ```text
//! work.lock().wait_some_until(|work| work.next(), stop)
//! ```
//!
//! - It waits until the closure has an answer, a directory or "that was the last", or until `stop` goes.
//! - Nobody notifies anybody: who leaves the lock and has changed what is inside has told those who wait.
//! - A job is handed in by its `Drop`, however it ends: a worker that panics leaves nobody waiting.
//!
//! ```text
//! cargo run --release --example worklist -- --secs 5 ~/.cargo
//! ```

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use stopwhen::{Lock, Signal, Stopped, Till};

const USAGE: &str = "\
Counts lines and words of every file below PATH, until all are counted, Ctrl-C is pressed, or time is up.

Usage: worklist [PATH] [--secs N] [--threads N]

  PATH           a directory; the current one if not given
  --secs N       stop after N seconds (0.5 is fine); no limit if not given
  --threads N    count with N threads (1 to 256); one for each core if not given
  -h, --help     print this

Links are not followed, special files are skipped. What cannot be read is named, counted and left out.
Exit code: 0 all is counted, 3 stopped before, 2 wrong usage or PATH.
";

fn main() -> ExitCode {
    match Options::from_args() {
        Ok(Some(options)) => walk(options),
        Ok(None) => print(USAGE, 0),
        Err(error) => {
            say(error);
            ExitCode::from(2)
        }
    }
}

fn walk(options: Options) -> ExitCode {
    let user_cancel = Signal::named("user cancel");
    // Not `map(Till::after)`: its cause would name a place in the standard library, not this one.
    let stop = &user_cancel | options.time.map(|time| Till::after(time));
    cancel_on_ctrl_c(&user_cancel);
    say(format_args!("{}, until all is counted or {stop}", options.path.display()));

    let work = Lock::new(Work { todo: vec![options.path], at_work: 0, found: Found::default() });
    let all_counted = thread::scope(|scope| {
        let start = |_| scope.spawn(|| count_all(&work, &stop));
        let workers: Vec<_> = (0..options.threads).map(start).collect();
        let ends: Vec<_> = workers.into_iter().map(|worker| worker.join().expect("the hook has told why")).collect();
        ends.iter().all(Result::is_ok)
    });
    let found = work.into_inner().found;
    match stop.cause() {
        Some(cause) if !all_counted => print(&format!("{found}stopped by   {cause:#}\n"), 3),
        _ => print(&found.to_string(), 0),
    }
}

/// One worker's life.
fn count_all(work: &Lock<Work>, stop: &Signal) -> Result<(), Stopped> {
    while let Some(mut job) = next_job(work, stop)? {
        job.count(stop)?;
    }
    Ok(())
}

/// The next directory; `None` once all are done, for this worker and, each in turn, for the others.
fn next_job<'a>(work: &'a Lock<Work>, stop: &Signal) -> Result<Option<Job<'a>>, Stopped> {
    let directory = work.lock().wait_some_until(|work| work.next(), stop)?;
    Ok(directory.map(|directory| Job { work, directory, below: Vec::new(), found: Found::default() }))
}

/// What the workers share: what is to be done, how many are at it, what was found so far.
struct Work {
    todo: Vec<PathBuf>,
    at_work: usize,
    found: Found,
}

impl Work {
    /// A directory, or `Some(None)`: there will be no more. No answer: who is at work may find more yet.
    fn next(&mut self) -> Option<Option<PathBuf>> {
        let directory = self.todo.pop();
        self.at_work += directory.is_some() as usize;
        (directory.is_some() || self.at_work == 0).then_some(directory)
    }
}

/// A directory that one worker counts, and what it has found in there.
struct Job<'a> {
    work: &'a Lock<Work>,
    directory: PathBuf,
    below: Vec<PathBuf>,
    found: Found,
}

/// Hands it in.
impl Drop for Job<'_> {
    fn drop(&mut self) {
        let mut work = self.work.lock();
        work.at_work -= 1;
        work.todo.append(&mut self.below);
        work.found.add(&self.found);
    } // and whoever waits for work looks again
}

impl Job<'_> {
    fn count(&mut self, stop: &Signal) -> Result<(), Stopped> {
        stop.check()?;
        let Some(entries) = self.readable(fs::read_dir(&self.directory)) else { return Ok(()) };
        self.found.directories += 1;
        for entry in entries {
            let Some((entry, kind)) = self.readable(entry.and_then(|e| e.file_type().map(|kind| (e, kind)))) else {
                continue;
            };
            if kind.is_dir() {
                self.below.push(entry.path());
            } else if kind.is_file() {
                let counted = File::open(entry.path()).and_then(|file| count_file(file, stop));
                let Some(counted) = self.readable(counted) else { continue };
                self.found.add(&counted?);
            }
        }
        Ok(())
    }

    fn readable<T>(&mut self, result: io::Result<T>) -> Option<T> {
        result
            .map_err(|error| {
                self.found.unreadable += 1;
                say(format_args!("in {}: {error}", self.directory.display()));
            })
            .ok()
    }
}

/// Looks at `stop` between two blocks, so that a huge file holds nobody up.
fn count_file(mut file: File, stop: &Signal) -> io::Result<Result<Found, Stopped>> {
    let (mut found, mut in_word, mut block) = (Found { files: 1, ..Found::default() }, false, vec![0; 64 * 1024]);
    while !stop.is_go() {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(Ok(found));
        }
        found.bytes += read as u64;
        for byte in &block[..read] {
            found.lines += (*byte == b'\n') as u64;
            found.words += (!in_word && !byte.is_ascii_whitespace()) as u64;
            in_word = !byte.is_ascii_whitespace();
        }
    }
    Ok(Err(Stopped))
}

#[derive(Default)]
struct Found {
    directories: u64,
    files: u64,
    lines: u64,
    words: u64,
    bytes: u64,
    unreadable: u64,
}

impl Found {
    fn add(&mut self, more: &Found) {
        self.directories += more.directories;
        self.files += more.files;
        self.lines += more.lines;
        self.words += more.words;
        self.bytes += more.bytes;
        self.unreadable += more.unreadable;
    }
}

impl Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Found { directories, files, lines, words, bytes, unreadable } = self;
        write!(f, "directories  {directories}\nfiles        {files}\nlines        {lines}\n")?;
        write!(f, "words        {words}\nbytes        {bytes}\nunreadable   {unreadable}\n")
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
    path: PathBuf,
    time: Option<Duration>,
    threads: usize,
}

impl Options {
    /// `None`: help was asked for.
    fn from_args() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let (mut path, mut time, mut threads) = (None, None, None);
        let mut args = lexopt::Parser::from_env();
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
        fs::read_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let threads = threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, |n| n.get().min(256)));
        Ok(Some(Options { path, time, threads }))
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    seconds.and_then(Result::ok).ok_or("not a number of seconds")
}

fn thread_count(text: &str) -> Result<usize, &'static str> {
    let threads = text.parse().ok();
    threads.filter(|n| (1..=256).contains(n)).ok_or("not a number from 1 to 256")
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
    let _ = writeln!(io::stderr(), "worklist: {line}");
}
