//! Many real instances of one deployment over one real store: they share that, and nothing else.

mod fleet;
mod garage;
mod restarts;
mod rgw;
mod sharing;
