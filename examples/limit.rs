//! A TCP server that serves only so many clients at once, and ends in good order whatever they are doing.
//!
//! What it shows: a [`Semaphore`] as the limit, and one [`Signal`] that ends every kind of wait there is:
//!
//! - Who waits for a permit is waiting for three things at once: a permit, the end of its patience, the end of the server.
//!
//!   ```text
//!   limit.acquire_until((&stop, patience))
//!   ```
//!
//! - Who waits for bytes waits in a call of the system's. A callback ends that: `stop.then(...)` shuts the socket down, and is taken
//!   back when the client has gone first.
//! - The listener waits likewise: a callback knocks at its door.
//!
//! Each client has a thread, and a scope joins them all: when `main` goes on nobody is left.
//!
//! What it shows and `serve` does not: signals in a program whose threads are std's and whose Ctrl-C is another crate's, without any
//! feature; and how to turn away who has waited long enough, and tell whether it was that or the end. (`serve` keeps them waiting at the
//! door, and leaves threads, Ctrl-C and the wait for the last of them to the tree.)
//!
//! ```text
//! cargo run --release --example limit -- --at-once 2 --port 7000      # and elsewhere: nc 127.0.0.1 7000
//! ```

use std::fmt::Display;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{self, ExitCode};
use std::thread;
use std::time::Duration;

use stopwhen::{Lock, Semaphore, Signal, Stopped, Till};

const USAGE: &str = "\
Answers lines in capitals, over TCP on 127.0.0.1, to so many clients at once, until Ctrl-C is pressed or time is up.

Usage: limit [--at-once N] [--patience N] [--port N] [--secs N]

  --at-once N    serve N clients at once (1 to 256); 2 if not given
  --patience N   let others wait for N seconds, then tell them that we are busy; 1 if not given
  --port N       listen there; where the system likes if not given
  --secs N       end after N seconds; no limit if not given
  -h, --help     print this

Exit code: 0 ended in good order, 2 wrong usage, 1 the port cannot be had or output failed.
";

/// A client that does not read holds nobody up for longer.
const WRITE_LIMIT: Duration = Duration::from_secs(1);
const REST: Duration = Duration::from_millis(100);

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
        Ok(listener) => serve_all(&listener, options),
        Err(error) => {
            say(format_args!("port {}: {error}", options.port));
            ExitCode::FAILURE
        }
    }
}

fn serve_all(listener: &TcpListener, options: Options) -> ExitCode {
    let user_cancel = Signal::named("user cancel");
    // Not `map(Till::after)`: its cause would name a place in the standard library, not this one.
    let stop = &user_cancel | options.time.map(|time| Till::after(time));
    let here = listener.local_addr().expect("it is bound");
    stop.on_go(move || drop(TcpStream::connect_timeout(&here, WRITE_LIMIT)));
    cancel_on_ctrl_c(&user_cancel);
    say(format_args!("listening on {here}, {} at once, until {stop}", options.at_once));

    let limit = Semaphore::new(options.at_once);
    let server = Server { limit, patience: options.patience, stop, seen: Lock::default() };
    thread::scope(|scope| {
        while let Some(client) = server.next_client(listener) {
            scope.spawn(|| server.receive(client));
        }
    });
    let Seen { served, refused, stopped, lines, most, .. } = server.seen.into_inner();
    let cause = server.stop.cause().expect("nothing else ends it");
    let counts = format!("served      {served}\nrefused     {refused}\nstopped     {stopped}\nlines       {lines}\n");
    print(&format!("{counts}at once     {most}\nstopped by  {cause:#}\n"), ExitCode::SUCCESS)
}

struct Server {
    limit: Semaphore,
    patience: Duration,
    stop: Signal,
    seen: Lock<Seen>,
}

#[derive(Default)]
struct Seen {
    served: u64,
    refused: u64,
    stopped: u64,
    lines: u64,
    now: u64,
    most: u64,
}

impl Server {
    /// The next to knock, unless that is the callback which says that we close.
    fn next_client(&self, listener: &TcpListener) -> Option<TcpStream> {
        loop {
            let knock = listener.accept();
            if self.stop.is_go() {
                return None;
            }
            match knock {
                Ok((client, _)) => return Some(client),
                Err(error) => {
                    say(error); // too many open files, say: that passes
                    let _ = self.stop.wait_until(REST);
                }
            }
        }
    }

    /// One client, from its knock to its end.
    fn receive(&self, client: TcpStream) {
        let name = client.peer_addr().map_or("somebody".into(), |name| name.to_string());
        let _ = client.set_write_timeout(Some(WRITE_LIMIT));
        let told = match self.limit.acquire_until((&self.stop, self.patience)) {
            Ok(_permit) => self.serve(&client, &name),
            Err(Stopped) if self.stop.is_go() => {
                self.seen.lock().stopped += 1;
                let _ = writeln!(&client, "we are closing");
                format!("stopped {name}, who was waiting\n")
            }
            Err(Stopped) => {
                self.seen.lock().refused += 1;
                let _ = writeln!(&client, "we are busy");
                format!("refused {name}\n")
            }
        };
        print(&told, ExitCode::SUCCESS);
    }

    fn serve(&self, client: &TcpStream, name: &str) -> String {
        let mut seen = self.seen.lock();
        seen.now += 1;
        seen.most = seen.most.max(seen.now);
        drop(seen);

        let mut lines = 0;
        let end = self.answer(client, &mut lines);

        let mut seen = self.seen.lock();
        seen.now -= 1;
        seen.lines += lines;
        match end {
            _ if self.stop.is_go() => {
                seen.stopped += 1;
                format!("stopped {name} after {lines} lines\n")
            }
            Ok(()) => {
                seen.served += 1;
                format!("served {name}: {lines} lines\n")
            }
            Err(error) => {
                seen.served += 1;
                format!("lost {name} after {lines} lines: {error}\n")
            }
        }
    }

    /// Until the client has no more to say, or `stop`, which ends a read that blocks.
    fn answer(&self, mut client: &TcpStream, lines: &mut u64) -> io::Result<()> {
        let socket = client.try_clone()?;
        let hang_up = self.stop.then(move || drop(socket.shutdown(Shutdown::Both)));
        let end = BufReader::new(client).lines().try_for_each(|line| {
            *lines += 1;
            client.write_all(format!("{}\n", line?.to_uppercase()).as_bytes())
        });
        hang_up.cancel(); // or it would keep the socket until the server ends
        end
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
    at_once: usize,
    patience: Duration,
    port: u16,
    time: Option<Duration>,
}

impl Options {
    /// `None`: help was asked for.
    fn from_args() -> Result<Option<Options>, lexopt::Error> {
        use lexopt::prelude::*;
        let mut options = Options { at_once: 2, patience: Duration::from_secs(1), port: 0, time: None };
        let mut args = lexopt::Parser::from_env();
        while let Some(arg) = args.next()? {
            match arg {
                Short('h') | Long("help") => return Ok(None),
                Long("at-once") => options.at_once = args.value()?.parse_with(client_count)?,
                Long("patience") => options.patience = args.value()?.parse_with(seconds)?,
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
    let _ = writeln!(io::stderr(), "limit: {line}");
}
