//! Tests of the room as a whole: the same steps against the lab's directory and, when asked for, a real controller.

mod controllers;
mod hostile;
mod lab;
mod live;
mod steps;
