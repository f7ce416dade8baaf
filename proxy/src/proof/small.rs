//! Small artifacts that the proxy reads for itself: siblings with signatures.

use super::admitted::Admitted;
use super::fault::ProofError;
use super::reader::{Origin, Reading};
use crate::store::GetError;

impl Admitted {
    /// All bytes of a sealed artifact, at most `limit` of them, checked as for a client. They can go to none from here.
    ///
    /// # Errors
    /// They are not what was sealed, or cannot be read. [`GetError::OutOfRange`]: they are more, or no seal covers them.
    pub(crate) async fn read_small(
        &self,
        with: Reading,
        origin: Origin,
        limit: usize,
    ) -> Result<Vec<u8>, ProofError> {
        if self.seal().is_none() || self.length() > limit as u64 {
            return Err(GetError::OutOfRange.into());
        }
        let mut reader = self.read(with, 0..self.length(), origin)?;
        let mut bytes = Vec::new();
        while let Some(pieces) = reader.next().await? {
            pieces.iter().for_each(|piece| bytes.extend_from_slice(&piece.0));
        }
        Ok(bytes)
    }
}
