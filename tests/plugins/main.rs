//! The plugin host with plugins in its own process and in processes of their own, well and ill.

mod child;
mod linked;
mod process;
mod python;
mod world;
