//! Making seals.

use crate::digest::Sha256Digest;
use crate::key::{KeyHint, LocalKey, PublicKey, SealKey};
use crate::seal::claims::{Claims, ClaimsError};
use crate::seal::line::SealLine;
use crate::seal::statement::{BucketError, Observed, Statement};
use crate::signature::Signature;
use crate::signer::{Signer, SignerError};

/// Seals artifacts with a seal key.
pub struct Sealer<S = LocalKey>(SealKey<S>);

/// A seal that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// Claims that do not go together.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// The content that was hashed has another length than what is observed.
    #[error("{hashed} bytes were hashed, the artifact has {observed}")]
    Length {
        /// How many bytes were hashed.
        hashed: u64,
        /// The length observed, bytes.
        observed: u64,
    },
    /// A bucket's name that no seal can be about.
    #[error(transparent)]
    Bucket(#[from] BucketError),
}

/// A seal that cannot be made, or that the signer did not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RemoteSealingError {
    /// It cannot be made.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// It was not signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

/// What is signed, while it waits for its signature.
struct Unsigned {
    claims: Claims,
    statement: Statement,
    headers: Sha256Digest,
    key: KeyHint,
}

impl Unsigned {
    fn new(claims: Claims, observed: &Observed<'_>, key: &PublicKey) -> Result<Self, SealingError> {
        claims.check()?;
        let hashed = claims.content.size();
        if hashed != observed.length {
            return Err(SealingError::Length { hashed, observed: observed.length });
        }
        let key = key.id();
        let statement = Statement::new(&claims, observed, key)?;
        Ok(Self { claims, statement, headers: observed.headers, key: key.hint() })
    }

    fn signed(self, signature: Signature) -> SealLine {
        let Self { claims, statement: _, headers, key } = self;
        SealLine { claims, headers, key, signature }
    }
}

impl<S> Sealer<S> {
    /// Seals with this key.
    pub fn new(key: SealKey<S>) -> Self {
        Self(key)
    }
}

impl Sealer {
    /// The key that verifies its seals.
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// Seals an artifact.
    ///
    /// # Errors
    /// Claims that do not go together or with what is observed. No line that is made is refused when it is read.
    pub fn seal(&self, claims: Claims, observed: &Observed<'_>) -> Result<SealLine, SealingError> {
        let unsigned = Unsigned::new(claims, observed, self.public_key())?;
        let signature = self.0.sign(&unsigned.statement);
        Ok(unsigned.signed(signature))
    }
}

impl Sealer<Signer> {
    /// The key that verifies its seals.
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// Seals an artifact. Where the key lies in this process there is nothing to wait for.
    ///
    /// # Errors
    /// As there; and the signer did not sign.
    pub async fn seal(
        &self,
        claims: Claims,
        observed: &Observed<'_>,
    ) -> Result<SealLine, RemoteSealingError> {
        let unsigned = Unsigned::new(claims, observed, self.public_key())?;
        let signature = self.0.sign(&unsigned.statement).await?;
        Ok(unsigned.signed(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::fixtures::Sample;
    use crate::seal::{MAX_NUMBER, Op};

    #[test]
    fn what_would_be_refused_is_not_sealed() {
        let sample = Sample::of_size(5);
        let seal = |change: &dyn Fn(&mut Claims), observed: &Observed<'_>| {
            let mut claims = sample.claims.clone();
            change(&mut claims);
            sample.sealer.seal(claims, observed).map(|line| line.id())
        };
        let observed = sample.observed();
        assert_eq!(seal(&|_| (), &observed), Ok(sample.claims.id));
        assert_eq!(seal(&|claims| claims.op = Op::Copy, &observed), Err(ClaimsError::Source.into()));
        assert_eq!(seal(&|claims| claims.op = Op::Mpu, &observed), Err(ClaimsError::Etag.into()));
        assert_eq!(seal(&|claims| claims.at = MAX_NUMBER + 1, &observed), Err(ClaimsError::Number.into()));
        let parts = Some(Sha256Digest::of(b""));
        assert_eq!(seal(&|claims| claims.parts = parts, &observed), Err(ClaimsError::Parts.into()));
        let longer = Observed { length: 6, ..observed };
        assert_eq!(seal(&|_| (), &longer), Err(SealingError::Length { hashed: 5, observed: 6 }));
        let nowhere = Observed { bucket: "a/b", ..observed };
        assert_eq!(seal(&|_| (), &nowhere), Err(BucketError.into()));
    }

    #[test]
    fn the_same_claims_have_the_same_seal() {
        let sample = Sample::of_size(5);
        assert_eq!(sample.seal(), sample.seal());
    }
}
