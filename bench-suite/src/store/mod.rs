//! The results and the traces: their schemas, and the folder in which they are kept. Tables, reports, figures and
//! claims read them from this store and from nowhere else.

mod estimate;
mod folder;
mod machine;
mod results;
mod set;
mod traces;

pub use estimate::Estimate;
pub use folder::{Kind, Store, StoreError};
pub use machine::Machine;
pub use results::{Cell, Found, Observation, Results, SCHEMA, Series, Setting, depth_from_environment, named};
pub use set::read_set;
pub use traces::{KeptTrace, TRACE_SCHEMA};
