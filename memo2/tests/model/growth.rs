//! One thread makes the table grow while another looks up keys.

use loom::sync::Arc;
use loom::thread;

use crate::check;
use crate::lending::Memo;
use crate::sync::atomic::relax;
use crate::values::{Fixed, Watched};

/// As many keys as the table has room for before it grows.
const FULL: u64 = 16;

/// The table is full. One thread adds another key, which makes it grow, while another thread looks up an old key
/// and the new one. It must find each key at its place, in whichever table it looks.
fn grow() {
    let memo = Arc::new(Memo::with_hasher(|key: &u64| Watched::new(key * 10), Fixed));
    for key in 0..FULL {
        memo.get(&key);
    }
    let first: *const Watched = memo.get(&0);
    let other = {
        let memo = memo.clone();
        thread::spawn(move || assert_eq!(memo.get(&FULL).read(), FULL * 10))
    };
    let again = memo.get(&0);
    assert_eq!(again.read(), 0);
    assert!(std::ptr::eq(again, first), "an entry never moves");
    assert_eq!(memo.get(&FULL).read(), FULL * 10);
    other.join().unwrap();
}

#[test]
fn look_ups_during_growth() {
    check("lending, look-ups during growth", 2, grow);
}

/// Without `Release` and `Acquire`, a reader can see the new table before it is filled.
#[test]
#[should_panic(expected = "Causality violation")]
fn growth_needs_its_orders() {
    relax();
    check("lending, growth with all orders relaxed", 2, grow);
}
