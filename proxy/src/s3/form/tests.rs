//! Forms from end to end.
