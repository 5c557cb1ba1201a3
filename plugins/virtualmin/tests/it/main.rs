//! The plugin against the simulator and against recorded answers.

mod faults;
mod plugin;
mod recorded;
mod replay;
mod story;
