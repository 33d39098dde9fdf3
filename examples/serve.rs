//! A small server that stops well: nobody new is let in, every reply that was begun is finished, all threads end, exit code 0.
//!
//! What it shows: a program as a tree of threads.
//!
//! - Ctrl-C or SIGTERM (feature `os-signals`) asks the root to stop, and so every thread: `Root::builder("serve").os_signals()`.
//! - A thread for each client is told of it by its `please_stop`, wherever it waits. A read is a call of the system's, which a
//!   callback ends, and so does the time that a client may be idle:
//!
//!   ```text
//!   let enough = please_stop | Till::after(self.idle);
//!   let hang_up = enough.then(move || drop(socket.shutdown(Shutdown::Read)));
//!   ```
//!
//! - A [`Semaphore`] is the limit; its permit goes with the client's thread. Whoever is over the limit waits at the door.
//! - `main.shutdown(grace)` waits for all of them, or says who is stuck. `TREE` shows every thread, and what it waits on.
//!
//! ```text
//! cargo run --release --features os-signals --example serve -- --port 7000      # and elsewhere: nc 127.0.0.1 7000
//! ```

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use stopwhen::{Lock, Main, OwnedPermit, Root, Semaphore, Signal, Thread, Till};

const USAGE: &str = "\
Answers lines over TCP on 127.0.0.1, until Ctrl-C is pressed (or SIGTERM comes), or time is up.

Usage: serve [--at-once N] [--idle N] [--pause N] [--port N] [--secs N]

  --at-once N    serve N clients at once (1 to 256), others wait; 8 if not given
  --idle N       hang up on who says nothing for N seconds; 60 if not given
  --pause N      between two lines of a SLOW reply, in seconds; 0.1 if not given
  --port N       listen there; where the system likes if not given
  --secs N       end after N seconds; no limit if not given
  -h, --help     print this

Commands: ECHO text, SUM number ..., SLOW lines, TREE (ends with an empty line), QUIT.
When it stops, replies that were begun are finished first. A second Ctrl-C ends it on the spot.

Exit code: 0 ended in good order, 1 a client was stuck, the port cannot be had or output failed, 2 wrong usage.
";

/// A client that does not read holds nobody up for longer.
const WRITE_LIMIT: Duration = Duration::from_secs(1);
/// What all clients together may take to end.
const GRACE: Duration = Duration::from_secs(5);
const REST: Duration = Duration::from_millis(100);
const LONGEST_LINE: u64 = 4096;
const MOST_LINES: u32 = 1_000_000;

fn main() -> ExitCode {
    let options = match Options::from_args() {
        Ok(Some(options)) => options,
        Ok(None) => return print(USAGE, ExitCode::SUCCESS),
        Err(error) => {
            say(error);
            return ExitCode::from(2);
        }
    };
    match TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)) {
        Ok(listener) => {
            let time = options.time.map_or_else(Signal::never, |time| Till::after(time));
            Root::builder("serve")
                .os_signals()
                .stop_when(time)
                .grace(GRACE)
                .run(|main| serve_all(main, listener, options))
        }
        Err(error) => {
            say(format_args!("port {}: {error}", options.port));
            ExitCode::FAILURE
        }
    }
}

fn serve_all(main: &Main, listener: TcpListener, options: Options) -> ExitCode {
    let here = listener.local_addr().expect("it is bound");
    // The listener waits in a call of the system's: a knock ends it.
    main.please_stop().on_go(move || drop(TcpStream::connect_timeout(&here, WRITE_LIMIT)));
    say(format_args!("listening on {here}, {} at once", options.at_once));

    let limit = Arc::new(Semaphore::new(options.at_once));
    let server = Arc::new(Server { main: main.clone(), options, seen: Lock::default() });
    while let Some((client, permit)) = next_client(&listener, &limit, main.please_stop()) {
        let name = client.peer_addr().map_or("client".into(), |peer| format!("client {peer}"));
        let server = server.clone();
        let serve = move |please_stop: &Signal| {
            server.serve(Arc::new(client), please_stop);
            drop(permit);
        };
        if let Err(refused) = Thread::builder(name).try_run(serve) {
            say(refused); // no more threads, say: that client is hung up on
        }
    }
    drop(listener);
    let ended = main.shutdown(GRACE);
    let Seen { clients, replies, idle, most, .. } = *server.seen.lock();
    let cause = main.please_stop().cause().expect("nothing else ends it");
    let counts = format!("clients     {clients}\nreplies     {replies}\nidle        {idle}\nat once     {most}\n");
    let code = print(&format!("{counts}stopped by  {cause:#}\n"), ExitCode::SUCCESS);
    match ended {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE, // who it was, `run` tells
    }
}

/// The next to knock once there is a permit, unless it is time to stop.
fn next_client(
    listener: &TcpListener,
    limit: &Arc<Semaphore>,
    please_stop: &Signal,
) -> Option<(TcpStream, OwnedPermit)> {
    let permit = limit.acquire_owned_until(please_stop).ok()?;
    loop {
        let knock = listener.accept();
        please_stop.check().ok()?;
        match knock {
            Ok((client, _)) => return Some((client, permit)),
            Err(error) => {
                say(error); // too many open files, say: that passes
                let _ = please_stop.wait_until(REST);
            }
        }
    }
}

struct Server {
    main: Main,
    options: Options,
    seen: Lock<Seen>,
}

#[derive(Default)]
struct Seen {
    clients: u64,
    replies: u64,
    idle: u64,
    now: u64,
    most: u64,
}

/// What ends a talk.
enum Over {
    ClientLeft,
    Quit,
    Idle,
    TooLong,
    Stopped,
}

impl Server {
    /// One client, from its first word to its end.
    fn serve(&self, client: Arc<TcpStream>, please_stop: &Signal) {
        let mut seen = self.seen.lock();
        seen.clients += 1;
        seen.now += 1;
        seen.most = seen.most.max(seen.now);
        drop(seen);

        let _ = client.set_write_timeout(Some(WRITE_LIMIT));
        let over = self.talk(&client, please_stop);
        let _ = match over {
            Ok(Over::ClientLeft) | Err(_) => Ok(()),
            Ok(Over::Quit) => (&*client).write_all(b"bye\n"),
            Ok(Over::Idle) => (&*client).write_all(b"you are idle, bye\n"),
            Ok(Over::TooLong) => (&*client).write_all(b"error: that line is too long, bye\n"),
            Ok(Over::Stopped) => (&*client).write_all(b"we are closing, bye\n"),
        };
        // What it has said in vain is read away: else the system would take back our last words.
        let _ = client.shutdown(Shutdown::Both);
        let _ = io::copy(&mut (&*client).take(1 << 20), &mut io::sink());

        let mut seen = self.seen.lock();
        seen.now -= 1;
        seen.idle += u64::from(matches!(over, Ok(Over::Idle)));
    }

    fn talk(&self, client: &Arc<TcpStream>, please_stop: &Signal) -> io::Result<Over> {
        let mut reader = BufReader::new(&**client);
        loop {
            if please_stop.is_go() {
                return Ok(Over::Stopped);
            }
            let idle = Till::after(self.options.idle);
            let socket = client.clone();
            let hang_up = (please_stop | &idle).then(move || drop(socket.shutdown(Shutdown::Read)));
            let mut line = Vec::new();
            let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            hang_up.cancel(); // or the socket would be shut later on
            read?;
            if line.last() == Some(&b'\n') {
                let line = String::from_utf8_lossy(&line);
                if !self.reply(client, line.trim(), please_stop)? {
                    return Ok(Over::Quit);
                }
                self.seen.lock().replies += 1;
            } else if line.len() as u64 == LONGEST_LINE {
                return Ok(Over::TooLong);
            } else if !please_stop.is_go() {
                return Ok(if idle.is_go() { Over::Idle } else { Over::ClientLeft });
            }
        }
    }

    /// A whole reply, whatever happens meanwhile; false: it was the last wish.
    fn reply(&self, mut client: &TcpStream, line: &str, please_stop: &Signal) -> io::Result<bool> {
        let (command, rest) = line.split_once(' ').unwrap_or((line, ""));
        match command.to_ascii_uppercase().as_str() {
            "ECHO" => writeln(client, rest)?,
            "SUM" => match sum(rest) {
                Ok(sum) => writeln(client, sum)?,
                Err(error) => writeln(client, format_args!("error: {error}"))?,
            },
            "SLOW" => match rest.trim().parse().ok().filter(|n| *n <= MOST_LINES) {
                Some(n) => {
                    for i in 1..=n {
                        writeln(client, format_args!("{i} of {n}"))?;
                        // When it is time to stop the rest goes out at once.
                        let _ = please_stop.wait_until(self.options.pause);
                    }
                }
                None => writeln(client, format_args!("error: not a number up to {MOST_LINES}"))?,
            },
            "TREE" => writeln(client, format_args!("{}\n", self.main.tree()))?,
            "QUIT" => return Ok(false),
            _ => client.write_all(b"error: ECHO, SUM, SLOW, TREE or QUIT?\n")?,
        }
        Ok(true)
    }
}

fn sum(numbers: &str) -> Result<i64, String> {
    numbers.split_whitespace().try_fold(0_i64, |sum, word| {
        let number = word.parse().map_err(|error| format!("{word}: {error}"))?;
        sum.checked_add(number).ok_or_else(|| "the sum is too large".into())
    })
}

/// A line in one piece.
fn writeln(mut client: &TcpStream, line: impl Display) -> io::Result<()> {
    client.write_all(format!("{line}\n").as_bytes())
}

struct Options {
    at_once: usize,
    idle: Duration,
    pause: Duration,
    port: u16,
    time: Option<Duration>,
}

impl Options {
    /// `None`: help was asked for.
    fn from_args() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let (idle, pause) = (Duration::from_secs(60), Duration::from_millis(100));
        let mut options = Options { at_once: 8, idle, pause, port: 0, time: None };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("at-once") => options.at_once = args.value()?.parse_with(client_count)?,
                Long("idle") => options.idle = args.value()?.parse_with(seconds)?,
                Long("pause") => options.pause = args.value()?.parse_with(seconds)?,
                Long("port") => options.port = args.value()?.parse()?,
                Long("secs") => options.time = Some(args.value()?.parse_with(seconds)?),
                _ => return Err(arg.unexpected()),
            }
        }
        Ok(Some(options))
    }
}

fn seconds(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse().ok().map(Duration::try_from_secs_f64);
    seconds.and_then(Result::ok).ok_or("not a number of seconds")
}

fn client_count(text: &str) -> Result<usize, &'static str> {
    let clients = text.parse().ok();
    clients.filter(|n| (1..=256).contains(n)).ok_or("not a number from 1 to 256")
}

/// Prints a result and passes `code` on; a reader that has gone away is no failure.
fn print(text: &str, code: ExitCode) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            say(format_args!("cannot print: {error}"));
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// A line on standard error; if nobody reads that either, there is no one left to tell.
fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "serve: {line}");
}
