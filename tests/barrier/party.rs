//! B4: parties join, leave, and panic.
use super::*;

/// A barrier of two members and a party, whose action counts.
fn with_party(n: usize) -> (Arc<Barrier>, Party, Count) {
    let runs = Count::new();
    let counts = runs.clone();
    let b = Arc::new(Barrier::new(n).with_action(move || counts.add()));
    let party = b.party();
    (b, party, runs)
}

#[test]
fn b4_a_party_that_leaves_lets_the_others_pass_and_the_first_of_them_leads() {
    in_time("the last to be waited for leaves", || {
        for round in 0..100 {
            let (b, party, runs) = with_party(4);
            thread::scope(|s| {
                let first = s.spawn(|| b.wait().unwrap());
                until_waiting(&b, 1);
                let others = [0; 2].map(|_| s.spawn(|| b.wait_until(AGES).unwrap()));
                if round % 2 == 0 {
                    until_waiting(&b, 3);
                }
                drop(party);
                let first = first.join().unwrap();
                let others = others.map(|t| t.join().unwrap());
                settled(&[first, others[0], others[1]], 0);
                if round % 2 == 0 {
                    assert!(first.is_leader() && first.index() == 0);
                }
            });
            assert_eq!((b.size(), b.waiting(), runs.get()), (3, 0, 1));
        }
    });
}

#[test]
fn b4_the_panic_of_an_action_goes_on_in_the_one_appointed() {
    in_time("a panic in the action of an appointed leader", || {
        let b = Arc::new(Barrier::new(3).with_action(planned));
        let party = b.party();
        thread::scope(|s| {
            let first = s.spawn(|| b.wait());
            until_waiting(&b, 1);
            let second = s.spawn(|| b.wait());
            until_waiting(&b, 2);
            drop(party);
            assert_eq!(message(&*first.join().unwrap_err()), "planned");
            assert_eq!(second.join().unwrap(), Err(Broken));
        });
        assert!(b.is_broken());
    });
}

#[test]
fn b4_parties_take_the_places_there_are_and_then_make_more() {
    let b = Arc::new(Barrier::new(2));
    let parties = [b.party(), b.party()];
    assert_eq!(b.size(), 2);
    let third = b.party();
    assert_eq!(b.size(), 3);
    assert!(Arc::ptr_eq(third.barrier(), &b));
    drop(third);
    assert_eq!(b.size(), 2);
    drop(parties);
    assert_eq!((b.size(), b.waiting(), b.is_broken()), (0, 0, false));
    assert!(b.wait().unwrap().is_leader(), "nobody is waited for");
    let mut again = b.party();
    assert_eq!((b.size(), again.wait().map(|p| p.index())), (1, Ok(0)));
    assert_eq!(again.wait_until(Duration::ZERO).map(|p| p.index()), Ok(0));
}

#[test]
fn b4_a_party_dropped_by_a_panic_breaks_it() {
    in_time("a party panics", || {
        for plain in [true, false] {
            let b = if plain { Barrier::new(3) } else { Barrier::new(3).with_action(|| ()) };
            let b = Arc::new(b);
            thread::scope(|s| {
                let inside = [0; 2].map(|_| s.spawn(|| b.wait()));
                until_waiting(&b, 2);
                let mut party = b.party();
                let panic = s.spawn(move || {
                    let _ = &mut party;
                    planned()
                });
                assert!(panic.join().is_err());
                assert_eq!(inside.map(|t| t.join().unwrap()), [Err(Broken); 2]);
            });
            assert_eq!((b.is_broken(), b.size()), (true, 2));
            b.reset();
            let all = thread::scope(|s| [0; 2].map(|_| s.spawn(|| b.wait().unwrap())).map(|t| t.join().unwrap()));
            settled(&all, 1);
        }
    });
}

/// B4: a panic that passed before the party was made is none of its own.
#[test]
fn b4_a_party_made_while_a_panic_passes_may_leave() {
    struct Meets(Arc<Barrier>);
    impl Drop for Meets {
        fn drop(&mut self) {
            assert!(thread::panicking());
            drop(self.0.party());
        }
    }
    let b = Arc::new(Barrier::new(2));
    let meets = Meets(b.clone());
    assert_eq!(
        panic_of(move || {
            let _meets = meets;
            planned()
        }),
        "planned"
    );
    assert_eq!((b.is_broken(), b.size()), (false, 1));
}

/// B4: the first party of a plain barrier, while others look at its word, sleep, and pass.
#[test]
fn b4_a_plain_barrier_takes_its_first_party_at_any_moment() {
    in_time("first parties", || {
        for round in 0..300 {
            let b = Arc::new(Barrier::new(3));
            let begin = Barrier::new(3);
            thread::scope(|s| {
                let meet = || {
                    begin.wait().unwrap();
                    [b.wait().unwrap(), b.wait().unwrap(), b.wait().unwrap()]
                };
                let others = [0; 2].map(|_| s.spawn(meet));
                begin.wait().unwrap();
                if round % 3 == 0 {
                    until_waiting(&b, 2);
                }
                if round % 3 == 1 {
                    Till::after(Duration::from_micros(round)).wait();
                }
                let mut mine = Vec::new();
                if round % 2 == 0 {
                    mine.push(b.wait().unwrap());
                }
                let mut party = b.party();
                while mine.len() < 3 {
                    mine.push(party.wait().unwrap());
                }
                let [p, q] = others.map(|t| t.join().unwrap());
                (0..3).for_each(|i| settled(&[p[i], q[i], mine[i]], i as u64));
            });
            assert_eq!((b.size(), b.waiting()), (2, 0));
        }
    });
}

/// B4: parties of different stamina: each leaves when it is done, and nobody is left waiting.
#[test]
fn b4_parties_leave_one_after_the_other() {
    in_time("parties of 1 to 8 rounds", || {
        for action in [false, true] {
            let runs = Count::new();
            let counts = runs.clone();
            let b = Barrier::new(8);
            let b = Arc::new(if action { b.with_action(move || counts.add()) } else { b });
            let parties: Vec<Party> = (0..8).map(|_| b.party()).collect();
            thread::scope(|s| {
                for (i, mut party) in parties.into_iter().enumerate() {
                    s.spawn(move || {
                        for round in 0..=i * 50 {
                            assert_eq!(party.wait().unwrap().generation(), round as u64);
                        }
                    });
                }
            });
            assert_eq!((b.size(), b.waiting(), runs.get()), (0, 0, if action { 351 } else { 0 }));
        }
    });
}
