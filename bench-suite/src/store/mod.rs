//! The results: their schema, and the folder in which they are kept. Tables, reports, figures and claims read
//! results from this store and from nowhere else.

mod estimate;
mod folder;
mod machine;
mod results;
mod set;

pub use estimate::Estimate;
pub use folder::{Store, StoreError};
pub use machine::Machine;
pub use results::{Cell, Found, Observation, Results, SCHEMA, Series, Setting, depth_from_environment, named};
pub use set::read_set;
