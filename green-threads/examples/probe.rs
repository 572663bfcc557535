//! The probe alone, for trying a workload by hand: its argument is a setup, its input the iterations, a line each.
//!
//! ```console
//! $ echo 1000 | cargo run --release -p green-threads --example probe -- \
//!     '{"workload":"ping_pong","variant":"","model":"coroutine","workers":1,"stack":65536,"placement":"free","n":2}'
//! ```

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    green_threads::serve::serve(
        &std::env::args().nth(1).unwrap_or_default(),
        green_threads::workload::ALL,
    )
}
