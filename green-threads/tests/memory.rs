//! What a process reads of its own memory. It is the only test in its process, because any other would change the memory
//! meanwhile.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]

use green_threads::probe::memory::Memory;

#[test]
fn touched_memory_is_resident_and_a_thread_is_counted() {
    const BYTES: usize = 64 << 20;
    let before = Memory::now().unwrap();
    let touched = std::hint::black_box(vec![1_u8; BYTES]);
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || held.recv());
    let after = Memory::at_rest().unwrap();
    let more = after.resident - before.resident;
    assert!(more >= touched.len() as u64, "{before:?} {after:?}");
    assert!(after.reserved > before.reserved, "{before:?} {after:?}");
    assert_eq!(after.threads, before.threads + 1, "{before:?} {after:?}");
    drop(hold);
    thread.join().unwrap().unwrap_err();
}
