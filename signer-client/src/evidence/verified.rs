//! The proof that somebody vouches for a statement, and the only place where it is made.

use crate::dsse::{Envelope, IN_TOTO};
use crate::evidence::statement::{InTotoStatement, StatementError};
use crate::key::PublicKey;
use crate::publisher::TooManyKeys;
use crate::verdicts::Verdicts;

/// A statement with those who signed it, at least one. It was read from the very bytes that they signed.
///
/// Only [`Envelope::verified_statement`] makes one; what was merely read is none:
///
/// ```
/// use hallmark_signer::evidence::InTotoStatement;
/// fn show(_: &InTotoStatement) {}
/// if let Ok(statement) = InTotoStatement::parse(b"{}") {
///     show(&statement);
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::{InTotoStatement, VerifiedStatement};
/// fn trust(_: &VerifiedStatement<&str>) {}
/// if let Ok(statement) = InTotoStatement::parse(b"{}") {
///     trust(&statement);
/// }
/// ```
///
/// ```compile_fail
/// use hallmark_signer::evidence::{InTotoStatement, VerifiedStatement};
/// if let Ok(statement) = InTotoStatement::parse(b"{}") {
///     let verified = VerifiedStatement { statement, signers: vec!["ci"] };
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedStatement<N> {
    statement: InTotoStatement,
    signers: Vec<N>,
}

impl<N> VerifiedStatement<N> {
    /// What was signed.
    pub fn statement(&self) -> &InTotoStatement {
        &self.statement
    }

    /// Those who signed it; each key counts once.
    pub fn signers(&self) -> &[N] {
        &self.signers
    }
}

/// An envelope that gives no verified statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Its payload is of another type.
    #[error("the envelope holds `{0}`, not an in-toto statement")]
    PayloadType(String),
    /// More candidates than are tried.
    #[error(transparent)]
    TooManyKeys(#[from] TooManyKeys),
    /// None of the candidates signed it.
    #[error("none of the keys asked for signed the statement")]
    Unsigned,
    /// What was signed is no statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

impl Envelope {
    /// The in-toto statement in this envelope, with the names of those candidates whose keys signed it; each key counts once. Nothing of the payload is read before a signature over it held.
    ///
    /// # Errors
    /// Another payload, nobody signed it, more than 16 candidates, or what they signed is no statement.
    pub fn verified_statement<'k, N>(
        &self,
        candidates: impl IntoIterator<Item = (N, &'k PublicKey)>,
        verdicts: &dyn Verdicts,
    ) -> Result<VerifiedStatement<N>, VerifyError> {
        if self.payload_type != IN_TOTO {
            return Err(VerifyError::PayloadType(self.payload_type.clone()));
        }
        let signers = self.verified_by(candidates, verdicts)?;
        if signers.is_empty() {
            return Err(VerifyError::Unsigned);
        }
        Ok(VerifiedStatement { statement: InTotoStatement::parse(&self.payload)?, signers })
    }
}
