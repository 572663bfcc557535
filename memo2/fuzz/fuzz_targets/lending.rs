//! Look-ups in `lending::Memo`, as the fuzzer makes them up: the first bytes choose which bits of the hash count, the others
//! are keys. What must hold is what the property tests hold it to.

#![no_main]

#[path = "../../tests/checked/history.rs"]
mod history;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, Vec<u16>)| history::check(input.0, &input.1));
