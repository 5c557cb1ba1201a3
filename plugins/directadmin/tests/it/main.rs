//! The plugin against the simulator and against documented answers.

mod documented;
mod faults;
mod plugin;
mod story;
