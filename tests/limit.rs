//! The example `limit`, run for real, with real clients: who is served, who is refused, who is stopped, and how it ends.
#![cfg(not(any(miri, loom)))]
#![cfg_attr(not(unix), allow(dead_code, unused_imports, reason = "most of it takes a Ctrl-C"))]

#[path = "common/child.rs"]
mod child;

use child::*;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;

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

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line, or an end, in time");
        line
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.0.get_mut(), "{line}").unwrap();
        self.hear()
    }

    /// Whether the other side has hung up.
    fn hears_the_end(mut self) -> bool {
        self.0.read(&mut [0]).map_or(true, |n| n == 0)
    }
}

/// Waits until so many clients' ends have been printed, then Ctrl-C.
#[cfg(unix)]
fn end_after(running: Running, clients: usize) -> Ended {
    (0..clients).for_each(|_| drop(running.prints()));
    running.interrupt();
    running.finish()
}

fn counts(ended: &Ended) -> [&str; 4] {
    ["served", "refused", "stopped", "lines"].map(|name| ended.field(name))
}

#[cfg(unix)]
#[test]
fn serves_so_many_at_once_and_tells_the_others_that_it_is_busy() {
    let (running, address) = server(&["--at-once", "2", "--patience", "0"]);
    let (mut one, mut two) = (Client::of(&address), Client::of(&address));
    assert_eq!((one.ask("one"), two.ask("two")), ("ONE\n".into(), "TWO\n".into()));
    let mut three = Client::of(&address);
    assert_eq!(three.hear(), "we are busy\n");
    assert!(three.hears_the_end());
    assert_eq!(one.ask("still here"), "STILL HERE\n");
    drop((one, two));
    let ended = end_after(running, 3);
    assert_eq!((ended.code, counts(&ended)), (ALL_DONE, ["2", "1", "0", "3"]), "{ended:?}");
    assert_eq!(ended.field("at once"), "2");
}

#[cfg(unix)]
#[test]
fn who_waits_is_served_when_another_has_gone() {
    let (running, address) = server(&["--at-once", "1", "--patience", "60"]);
    for name in ["one", "two", "three"] {
        let mut client = Client::of(&address);
        assert_eq!(client.ask(name), format!("{}\n", name.to_uppercase()));
        let mut next = Client::of(&address);
        writeln!(next.0.get_mut(), "next").unwrap();
        drop(client);
        assert_eq!(next.hear(), "NEXT\n");
    }
    let ended = end_after(running, 6);
    assert_eq!((ended.code, counts(&ended)), (ALL_DONE, ["6", "0", "0", "6"]), "{ended:?}");
    assert_eq!(ended.field("at once"), "1");
}

#[cfg(unix)]
#[test]
fn many_clients_and_never_more_than_so_many() {
    let (running, address) = server(&["--at-once", "3", "--patience", "60"]);
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                for _ in 0..5 {
                    let mut client = Client::of(&address);
                    (0..4).for_each(|i| assert_eq!(client.ask(&format!("line {i}")), format!("LINE {i}\n")));
                }
            });
        }
    });
    let ended = end_after(running, 40);
    assert_eq!((ended.code, counts(&ended)), (ALL_DONE, ["40", "0", "0", "160"]), "{ended:?}");
    let most: u32 = ended.field("at once").parse().unwrap();
    assert!((1..=3).contains(&most), "{ended:?}");
}

/// One is being served, one waits for its turn, and the listener for the next: the stop ends all three waits.
#[cfg(unix)]
#[test]
fn ctrl_c_ends_every_kind_of_wait() {
    let (running, address) = server(&["--at-once", "1", "--patience", "60"]);
    let mut served = Client::of(&address);
    assert_eq!(served.ask("one"), "ONE\n");
    let mut waiting = Client::of(&address);
    running.interrupt();
    assert!(served.hears_the_end());
    let last = waiting.hear();
    assert!(last == "we are closing\n" || last.is_empty(), "in line, or not even let in: {last}");
    let ended = running.finish();
    assert_eq!((ended.code, ended.field("served"), ended.field("lines")), (ALL_DONE, "0", "1"), "{ended:?}");
    assert!(ended.output.contains("after 1 lines"), "{ended:?}");
    assert!(ended.field("stopped by").contains("Ctrl-C"), "{ended:?}");
}

#[test]
fn time_ends_it() {
    let ended = run(["--secs", "0"]).finish();
    assert_eq!((ended.code, counts(&ended)), (ALL_DONE, ["0", "0", "0", "0"]), "{ended:?}");
    assert!(ended.field("stopped by").contains("till"), "{ended:?}");
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
        &["--patience", "-1"],
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
    assert!(ended.output.contains("Usage: limit"), "{ended:?}");
}
