//! Look-ups in `lending::Memo`, chosen by the fuzzer. The first eight bytes choose which bits of the hash count,
//! and the rest are keys. The checks are those of the property tests.

#![no_main]

#[path = "../../tests/checked/history.rs"]
mod history;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, Vec<u16>)| history::check(input.0, &input.1));
