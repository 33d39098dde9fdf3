//! Threads that sleep on one signal: S13 wakes one, S14 two in turn, S15 a crowd.

use crate::peers::{Cancel, Oneshot, Ours, ParkingLot, Std, Synchronoise, Triggered};
use stopwhen_benches::latch::{hand_over, ping_pong, wake_all};
use stopwhen_benches::limits::RawFutex;
use stopwhen_benches::{Goal, Row, Suite, Unit};

/// One thread sleeps, another sets. Slower: more than one system call, or work before it.
pub fn hand_overs(suite: &mut Suite) {
    let rows = [
        Row::ns("S13", "go → one sleeper awake on the other core").median().goal(Goal::Limit(1.05)),
        Row::ns("S13-call", "that go() call itself").median().goal(Goal::Limit(1.05)),
    ];
    suite.group(rows, |g| {
        g.rounds(40);
        g.limit("raw futex", hand_over::<RawFutex>());
        g.ours(hand_over::<Ours>());
        g.peer("std Condvar", hand_over::<Std>());
        g.peer("parking_lot Condvar", hand_over::<ParkingLot>());
        g.peer("oneshot", hand_over::<Oneshot>());
        g.peer("synchronoise", hand_over::<Synchronoise>());
        g.peer("triggered", hand_over::<Triggered>());
        g.peer("CancellationToken", hand_over::<Cancel>());
    });
    let row = Row::ns("S14", "round trip of two sleepers on one core").median();
    suite.group([row.goal(Goal::Limit(1.05))], |g| {
        g.rounds(200);
        g.limit("raw futex", ping_pong::<RawFutex>());
        g.ours(ping_pong::<Ours>());
        g.peer("std Condvar", ping_pong::<Std>());
        g.peer("parking_lot Condvar", ping_pong::<ParkingLot>());
        g.peer("oneshot", ping_pong::<Oneshot>());
        g.peer("synchronoise", ping_pong::<Synchronoise>());
        g.peer("triggered", ping_pong::<Triggered>());
        g.peer("CancellationToken", ping_pong::<Cancel>());
    });
}

/// All sleepers of one signal wake. Slower: each is woken by a call of its own.
pub fn crowds(suite: &mut Suite) {
    for (id, sleepers, rounds) in [("S15-8", 8, 60), ("S15-64", 64, 30), ("S15-512", 512, 12)] {
        let row = Row::ns(id, "go → all sleepers awake").unit(Unit::Us).median();
        let row = if sleepers > 100 { row.large() } else { row };
        suite.group([row.goal(Goal::Limit(1.05))], |g| {
            g.rounds(rounds);
            g.limit("raw futex", wake_all::<RawFutex>(sleepers));
            g.ours(wake_all::<Ours>(sleepers));
            g.peer("std Condvar", wake_all::<Std>(sleepers));
            g.peer("parking_lot Condvar", wake_all::<ParkingLot>(sleepers));
            g.peer("synchronoise", wake_all::<Synchronoise>(sleepers));
            g.peer("triggered", wake_all::<Triggered>(sleepers));
            g.peer("CancellationToken", wake_all::<Cancel>(sleepers));
        });
    }
}
