//! Hallmark through its front door.
