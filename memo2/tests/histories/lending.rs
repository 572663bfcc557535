//! Checks `lending::Memo` against a map, with hash functions that collide in as many ways as a few masks allow.

#[path = "../checked/history.rs"]
mod history;

use proptest::prelude::*;
use proptest::test_runner::Config;

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn agrees_with_a_map(
        mask in prop_oneof![Just(0), Just(0xff), any::<u64>()],
        keys in prop::collection::vec(0..400u16, 0..600),
    ) {
        history::check(mask, &keys);
    }
}
