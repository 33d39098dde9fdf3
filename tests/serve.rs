//! The example `serve`, run for real, with real clients: what they are told, and that a stop takes no reply from them.
#![cfg(all(unix, not(any(miri, loom))))]

#[path = "common/child.rs"]
mod child;

use child::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::sync::Barrier;
use std::thread;

const CLOSING: &str = "we are closing, bye\n";

/// A server, and where it listens.
fn server(args: &[&str]) -> (Running, String) {
    let running = run(args);
    let listening = running.says();
    let address = listening.split("listening on ").nth(1).and_then(|rest| rest.split(',').next());
    let address = address.unwrap_or_else(|| panic!("{listening}")).to_owned();
    (running, address)
}

struct Client(BufReader<TcpStream>);

impl Client {
    fn of(address: &str) -> Client {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        Client(BufReader::new(stream))
    }

    fn says(&mut self, words: impl AsRef<[u8]>) {
        self.0.get_mut().write_all(words.as_ref()).unwrap();
    }

    /// A line; nothing at the end.
    fn hears(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line, or the end, in time");
        line
    }

    fn asks(&mut self, line: &str) -> String {
        self.says(format!("{line}\n"));
        self.hears()
    }

    /// The rest, to the end.
    fn hears_out(&mut self) -> Vec<String> {
        let next = || Some(self.hears()).filter(|line| !line.is_empty());
        std::iter::from_fn(next).collect()
    }
}

fn end(running: Running) -> Ended {
    running.interrupt();
    let ended = running.finish();
    assert_eq!((ended.code, ended.errors.len()), (ALL_DONE, 0), "{ended:?}");
    assert!(ended.field("stopped by").contains("SIGINT"), "{ended:?}");
    ended
}

#[test]
fn answers_what_it_knows_and_bears_what_it_does_not() {
    let (running, address) = server(&["--pause", "0"]);
    let mut client = Client::of(&address);
    assert_eq!(client.asks("ECHO good  morning"), "good  morning\n");
    assert_eq!(client.asks("sum 1 2 -4"), "-1\n");
    assert_eq!(client.asks("SUM"), "0\n");
    assert!(client.asks("SUM 1 two").starts_with("error: two: "));
    assert_eq!(client.asks(&format!("SUM {} 1", i64::MAX)), "error: the sum is too large\n");
    assert!(client.asks("SLOW -1").starts_with("error: "));
    assert!(client.asks("SLOW 1000000000").starts_with("error: "));
    assert_eq!((client.asks("SLOW 2"), client.hears()), ("1 of 2\n".into(), "2 of 2\n".into()));
    assert!(client.asks("").starts_with("error: ECHO"));
    client.says(b"\xff\xfe\0\n");
    assert!(client.hears().starts_with("error: ECHO"));
    client.says("QUIT\nECHO in vain\n");
    assert_eq!(client.hears_out(), ["bye\n"]);

    let mut long = Client::of(&address);
    long.says([b'x'; 5000]);
    assert_eq!(long.hears_out(), ["error: that line is too long, bye\n"]);
    let ended = end(running);
    assert_eq!([ended.field("clients"), ended.field("replies")], ["2", "10"], "{ended:?}");
}

#[test]
fn shows_the_tree_of_its_threads() {
    let (running, address) = server(&["--pause", "3600"]);
    let mut slow = Client::of(&address);
    assert_eq!(slow.asks("SLOW 2"), "1 of 2\n");
    let mut client = Client::of(&address);
    let name = |client: &Client| format!("─ client {}: ", client.0.get_ref().local_addr().unwrap());
    let (one, two) = (name(&slow), name(&client));
    // The one may be on its way to its wait, and waits by the next time, or the one after.
    loop {
        let mut tree = vec![client.asks("TREE")];
        while tree.last().is_none_or(|line| line != "\n") {
            tree.push(client.hears());
        }
        assert_eq!(tree[0], "serve: runs\n");
        assert!(tree[2].contains(&two) && tree[2].ends_with("runs\n") && tree[1].contains(&one), "{tree:?}");
        if tree[1].contains("waits for client") {
            break;
        }
    }
    end(running);
    assert_eq!(slow.hears_out(), ["2 of 2\n", CLOSING]);
}

/// The heart of it: dozens of clients, half of them in the middle of a reply, and a Ctrl-C.
#[test]
fn nobody_loses_a_reply_that_was_begun() {
    const CLIENTS: usize = 32;
    const LINES: usize = 500;
    let (running, address) = server(&["--at-once", "32", "--pause", "0.05"]);
    let begun = Barrier::new(CLIENTS + 1);
    let ended = thread::scope(|scope| {
        for i in 0..CLIENTS {
            let (begun, address) = (&begun, &address);
            scope.spawn(move || {
                let mut client = Client::of(address);
                if i % 2 == 0 {
                    assert_eq!(client.asks("ECHO here"), "here\n");
                    begun.wait();
                    assert_eq!(client.hears_out(), [CLOSING]);
                } else {
                    // 25 seconds of it, were it not to stop; and a wish that is not begun any more.
                    client.says(format!("SLOW {LINES}\nECHO not begun\n"));
                    let first = client.hears();
                    begun.wait();
                    let mut all = vec![first];
                    all.extend(client.hears_out());
                    let whole = (1..=LINES).map(|n| format!("{n} of {LINES}\n"));
                    assert!(all.iter().cloned().eq(whole.chain([CLOSING.into()])), "client {i}: {:?}", &all[1..]);
                }
            });
        }
        begun.wait();
        end(running)
    });
    assert_eq!(ended.field("clients"), "32");
    assert_eq!(ended.field("at once"), "32");
    assert_eq!(ended.field("replies"), "32", "16 and 16: {ended:?}");
}

#[test]
fn never_more_than_so_many_and_the_others_have_their_turn() {
    let (running, address) = server(&["--at-once", "3", "--pause", "0"]);
    thread::scope(|scope| {
        for i in 0..24 {
            let address = &address;
            scope.spawn(move || {
                let mut client = Client::of(address);
                assert_eq!(client.asks(&format!("ECHO {i}")), format!("{i}\n"));
                assert_eq!((client.asks("SLOW 2"), client.hears()), ("1 of 2\n".into(), "2 of 2\n".into()));
                assert_eq!(client.asks("QUIT"), "bye\n");
            });
        }
    });
    let ended = end(running);
    assert_eq!([ended.field("clients"), ended.field("replies")], ["24", "48"], "{ended:?}");
    assert!((1..=3).contains(&ended.field("at once").parse().unwrap()), "{ended:?}");
}

/// Whoever is over the limit when it stops was never let in: it hears nothing but the end.
#[test]
fn who_waits_at_the_door_is_not_let_in_any_more() {
    let (running, address) = server(&["--at-once", "1"]);
    let mut served = Client::of(&address);
    assert_eq!(served.asks("ECHO one"), "one\n");
    let mut waiting = Client::of(&address);
    waiting.says("ECHO two\n");
    let ended = end(running);
    assert_eq!(served.hears_out(), [CLOSING]);
    let mut rest = String::new();
    let _reset_or_closed = waiting.0.read_line(&mut rest);
    assert_eq!(rest, "");
    assert_eq!(ended.field("clients"), "1");
}

#[test]
fn who_is_idle_is_hung_up_on_and_who_is_served_is_not() {
    let (running, address) = server(&["--idle", "0.5", "--pause", "0.1"]);
    let mut silent = Client::of(&address);
    let mut half = Client::of(&address);
    half.says("ECHO never fini");
    let mut slow = Client::of(&address);
    slow.says("SLOW 10\n");
    assert_eq!(silent.hears_out(), ["you are idle, bye\n"]);
    assert_eq!(half.hears_out(), ["you are idle, bye\n"]);
    let told = slow.hears_out();
    assert_eq!((told.len(), &*told[9], &*told[10]), (11, "10 of 10\n", "you are idle, bye\n"));
    let ended = end(running);
    assert_eq!([ended.field("idle"), ended.field("replies")], ["3", "1"], "{ended:?}");
}

/// A client that takes nothing: the reply cannot be finished, and nobody waits for that for ever.
#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    let (running, address) = server(&["--pause", "0"]);
    let mut deaf = Client::of(&address);
    deaf.says("SLOW 1000000\n");
    assert_eq!(deaf.hears(), "1 of 1000000\n");
    let mut other = Client::of(&address);
    assert_eq!(other.asks("ECHO other"), "other\n");
    end(running);
    assert_eq!(other.hears_out(), [CLOSING]);
}

#[test]
fn sigterm_and_time_end_it_likewise() {
    let (running, address) = server(&[]);
    let mut client = Client::of(&address);
    assert_eq!(client.asks("ECHO one"), "one\n");
    running.kill("TERM");
    assert_eq!(client.hears_out(), [CLOSING]);
    let ended = running.finish();
    assert_eq!(ended.code, ALL_DONE, "{ended:?}");
    assert!(ended.field("stopped by").ends_with(": SIGTERM"), "{ended:?}");

    let ended = run(["--secs", "0"]).finish();
    assert_eq!((ended.code, ended.field("clients")), (ALL_DONE, "0"), "{ended:?}");
    assert!(ended.field("stopped by").starts_with("till"), "{ended:?}");
}

/// It waits for a client that takes nothing; the second Ctrl-C does not.
#[test]
fn the_second_ctrl_c_ends_it_on_the_spot() {
    let (running, address) = server(&["--pause", "0"]);
    let mut deaf = Client::of(&address);
    deaf.says("SLOW 1000000\n");
    assert_eq!(deaf.hears(), "1 of 1000000\n");
    let mut other = Client::of(&address);
    assert_eq!(other.asks("ECHO other"), "other\n");
    running.interrupt();
    assert_eq!(other.hears_out(), [CLOSING]);
    running.interrupt();
    let ended = running.finish();
    // Unless the deaf one was given up in between.
    assert!(ended.status.signal() == Some(2) || ended.code == ALL_DONE, "{ended:?}");
}

#[test]
fn a_port_that_cannot_be_had_is_told_in_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ended = run(["--port", &taken.local_addr().unwrap().port().to_string()]).finish();
    assert_eq!((ended.code, ended.errors.len()), (Some(1), 1), "{ended:?}");
}

#[test]
fn refuses_wrong_usage_in_one_line() {
    refuses(&[
        &["--at-once", "0"],
        &["--at-once", "257"],
        &["--at-once"],
        &["--idle", "-1"],
        &["--pause", "inf"],
        &["--port", "65536"],
        &["--secs", "nan"],
        &["here"],
        &["--unheard-of"],
    ]);
}

#[test]
fn helps() {
    let ended = run(["--help"]).finish();
    assert_eq!((ended.code, ended.errors.len()), (ALL_DONE, 0));
    assert!(ended.output.contains("Usage: serve"), "{ended:?}");
}
