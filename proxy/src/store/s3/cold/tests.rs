//! What the store says, and what becomes of it: of stores that lie, and of recorded answers of some that do not.

mod governance;
mod lists;
mod versions;
