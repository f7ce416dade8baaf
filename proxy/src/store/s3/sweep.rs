//! Removes what nobody can come back to.

use super::{S3Store, unbuilt};
use std::time::Duration;

use crate::store::{StoreError, Swept};

impl S3Store {
    pub(super) async fn sweep_scratch(&self, _pause: Duration) -> Result<Swept, StoreError> {
        Err(unbuilt("sweep_scratch"))
    }
}
