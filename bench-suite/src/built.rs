//! What this crate was built with: `build.rs` writes it.

#![allow(dead_code, unreachable_pub, clippy::all, reason = "generated")]

include!(concat!(env!("OUT_DIR"), "/built.rs"));
