//! What `fuzz/` calls: the parsers of foreign bytes, which are no part of the public interface, each with what must
//! hold of it for any input. Compiled only there (`cfg(fuzzing)`); the rooms own their checks.

pub use crate::directory::fuzzing as directory;
pub use crate::ffi::attack;
pub use crate::ffi::tests::on_the_test_engine;
pub use crate::graph::fuzzing as graph;
pub use crate::mapping::fuzzing as mapping;
pub use crate::operation::fuzzing as operation;
pub use crate::session::fuzzing as session;
