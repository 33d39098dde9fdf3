//! The rows of Condition: nobody waits, and two threads that tell each other.

mod peers;

use peers::turns;
use std::hint::black_box;
use std::sync::{Condvar, Mutex};
use stopwhen::{Condition, Lock};
use stopwhen_benches::crew::On;
use stopwhen_benches::time::each;
use stopwhen_benches::turns::Turns;
use stopwhen_benches::{Goal, Row, Suite};

fn main() {
    let mut suite = Suite::start("condition");
    nobody(&mut suite);
    alternate(&mut suite);
    suite.finish();
}

/// All waiters are told inside a lock, and there are none. Slower: to tell nobody takes a lock, or a system call.
fn nobody(suite: &mut Suite) {
    let row = Row::ns("L1n-condition", "lock, tell all, unlock; nobody waits");
    suite.group([row.goal(Goal::Peer(1.03))], |g| {
        let (ours, std, lot) = (Lock::new(0_u64), Mutex::new(0_u64), parking_lot::Mutex::new(0_u64));
        let (told, std_told, lot_told) = (Condition::new(), Condvar::new(), parking_lot::Condvar::new());
        let tell = move || {
            let mut n = black_box(&ours).lock();
            *n += 1;
            black_box(&told).notify_all()
        };
        g.ours(each(tell));
        let std_tells = move || {
            let mut n = black_box(&std).lock().unwrap();
            *n += 1;
            black_box(&std_told).notify_all();
        };
        g.peer("std", each(std_tells));
        let lot_tells = move || {
            let mut n = black_box(&lot).lock();
            *n += 1;
            black_box(&lot_told).notify_all()
        };
        g.peer("parking_lot", each(lot_tells));
    });
}

/// Ours, told inside the lock or after it.
struct Told<const UNDER: bool>(Lock<u32>, Condition);

impl<const UNDER: bool> Turns for Told<UNDER> {
    fn fresh() -> Self {
        Told(Lock::new(0), Condition::new())
    }

    fn take(&self, me: u32) {
        let mut turn = self.0.lock();
        self.1.wait_some(&mut turn, |turn| (*turn == me).then(|| *turn = 1 - me));
        if UNDER {
            self.1.notify_one();
            drop(turn);
        } else {
            drop(turn);
            self.1.notify_one();
        }
    }
}

/// Two threads change a state in turns, each told by the other: the round trip. Slower: who is told inside the lock wakes
/// to find it closed.
fn alternate(suite: &mut Suite) {
    let row = |id, what| turns::row(id, what).goal(Goal::Peer(1.05));
    let row_under = row("L3-under", "monitor alternation, told under the lock, one core");
    suite.group([row_under], |g| turns::variants::<Told<true>>(g, On::One));
    let row_after = row("L3-after", "monitor alternation, told after the lock, one core");
    suite.group([row_after], |g| turns::variants::<Told<false>>(g, On::One));
    let row_under = row("L3-under-2c", "monitor alternation, told under the lock, two cores");
    suite.group([row_under], |g| turns::variants::<Told<true>>(g, On::Own));
    let row_after = row("L3-after-2c", "monitor alternation, told after the lock, two cores");
    suite.group([row_after], |g| turns::variants::<Told<false>>(g, On::Own));
}
