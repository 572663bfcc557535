//! Checks a history of look-ups in `lending::Memo`.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use memo2::lending::Memo;

/// Hashes a number well, and then keeps only the bits of a mask. With few low bits, lines overflow. With few high
/// bits, tags are alike.
struct Masked(u64);

struct MaskedHasher(u64, u64);

impl BuildHasher for Masked {
    type Hasher = MaskedHasher;
    fn build_hasher(&self) -> MaskedHasher {
        MaskedHasher(self.0, 0)
    }
}

impl Hasher for MaskedHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the keys are numbers")
    }
    fn write_u16(&mut self, key: u16) {
        self.1 = (u64::from(key) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.1 ^= self.1 >> 32;
    }
    fn finish(&self) -> u64 {
        self.1 & self.0
    }
}

/// Asks for `keys`, one after another. Each key has its own value, computed once, and always lent from one place.
pub(crate) fn check(mask: u64, keys: &[u16]) {
    let calls = std::cell::Cell::new(0);
    let memo = Memo::with_hasher(
        |key: &u16| {
            calls.set(calls.get() + 1);
            u64::from(*key) * 3
        },
        Masked(mask),
    );
    let mut lent: HashMap<u16, &u64> = HashMap::new();
    for key in keys {
        let value = memo.get(key);
        assert_eq!(*value, u64::from(*key) * 3);
        let first = *lent.entry(*key).or_insert(value);
        assert!(std::ptr::eq(first, value), "{key} has moved");
        assert_eq!(calls.get(), lent.len());
    }
    for (key, value) in &lent {
        assert!(std::ptr::eq(*value, memo.get(key)), "{key} has moved");
    }
    assert_eq!(calls.get(), lent.len());
}
