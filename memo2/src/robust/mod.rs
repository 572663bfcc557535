//! Step 5: the memo for work. Nothing that one caller does can make another wait forever.

mod call;
mod error;
mod graph;
mod memo;
mod running;
mod stats;
mod terms;
mod token;
mod until;
mod waiter;

pub use call::Call;
pub use error::Error;
pub use memo::Memo;
pub use stats::{InFlight, Stats};
pub use token::Token;
pub use until::Until;
