//! Hallmark before a store that misbehaves: every client gets a correct answer, and soon.
//!
//! What can go wrong with any request (`kind`) is made to go wrong with each request that each action of a client costs
//! (`action`), and one check says what must be true then (`matrix`).

mod action;
mod few;
mod killed;
mod kind;
mod lab;
mod lists;
mod long_put;
mod matrix;
mod reread;
mod rgw;
mod stuck;
mod tls;
