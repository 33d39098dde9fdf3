//! Peers' monitors, taken in turns: the other thread is told inside the lock, or after it.

use std::sync::{Condvar, Mutex};
use stopwhen_benches::crew::On;
use stopwhen_benches::turns::{RawTurns, Turns, alternate};
use stopwhen_benches::{Group, Row};

/// std's Mutex and Condvar.
pub struct Std<const UNDER: bool>(Mutex<u32>, Condvar);

impl<const UNDER: bool> Turns for Std<UNDER> {
    fn fresh() -> Self {
        Std(Mutex::new(0), Condvar::new())
    }

    fn take(&self, me: u32) {
        let mut turn = self.1.wait_while(self.0.lock().unwrap(), |turn| *turn != me).unwrap();
        *turn = 1 - me;
        if UNDER {
            self.1.notify_one();
            drop(turn);
        } else {
            drop(turn);
            self.1.notify_one();
        }
    }
}

/// parking_lot's Mutex and Condvar.
pub struct ParkingLot<const UNDER: bool>(parking_lot::Mutex<u32>, parking_lot::Condvar);

impl<const UNDER: bool> Turns for ParkingLot<UNDER> {
    fn fresh() -> Self {
        ParkingLot(parking_lot::Mutex::new(0), parking_lot::Condvar::new())
    }

    fn take(&self, me: u32) {
        let mut turn = self.0.lock();
        self.1.wait_while(&mut turn, |turn| *turn != me);
        *turn = 1 - me;
        if UNDER {
            self.1.notify_one();
            drop(turn);
        } else {
            drop(turn);
            self.1.notify_one();
        }
    }
}

/// A row of round trips, with the peers that all our ways are compared with.
pub fn row(id: &'static str, what: &'static str) -> Row {
    Row::ns(id, what).median()
}

/// Ours of one way beside the peers in both.
pub fn variants<Ours: Turns>(g: &mut Group, on: On) {
    g.rounds(100);
    g.limit("futex word", alternate::<RawTurns>(on));
    g.ours(alternate::<Ours>(on));
    g.peer("std, told after", alternate::<Std<false>>(on));
    g.peer("std, told under the lock", alternate::<Std<true>>(on));
    g.peer("parking_lot, told after", alternate::<ParkingLot<false>>(on));
    g.peer("parking_lot, told under the lock", alternate::<ParkingLot<true>>(on));
}
