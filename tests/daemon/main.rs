//! The real binary: how it starts, answers, stops and refuses.

mod check;
mod ground;
mod serve;
