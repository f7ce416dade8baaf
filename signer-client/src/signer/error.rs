//! What goes wrong with a signer.

use crate::key::KeyError;

/// A signer that cannot be used, or does not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignerError {
    /// What is there is no key of the kind wanted.
    #[error("{place}: {error}")]
    Key {
        /// Where the key should be.
        place: String,
        /// What it is instead.
        error: KeyError,
    },
    /// It is not as it has to be, and will not be when asked again.
    #[error("{message}")]
    Unusable {
        /// What is wrong, and with what.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// It did not do it this time.
    #[error("{message}")]
    Failed {
        /// What was tried, and what came of it.
        message: String,
        /// What to do next.
        hint: Option<String>,
    },
    /// What came back is no signature by its public key over the digest.
    #[error("the signer returned a signature that its own public key does not verify; it is not used")]
    WrongSignature,
    /// This program was built without it.
    #[error("this program was built without {kind} (feature `{feature}`)")]
    NotBuiltIn {
        /// What is missing.
        kind: &'static str,
        /// The feature that has it.
        feature: &'static str,
    },
}

impl SignerError {
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self::Unusable { message: message.into(), hint: None }
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed { message: message.into(), hint: None }
    }

    /// With what to do next.
    pub(crate) fn hint(self, text: &str) -> Self {
        match self {
            Self::Unusable { message, .. } => Self::Unusable { message, hint: Some(text.to_owned()) },
            Self::Failed { message, .. } => Self::Failed { message, hint: Some(text.to_owned()) },
            other @ (Self::Key { .. } | Self::WrongSignature | Self::NotBuiltIn { .. }) => other,
        }
    }

    /// Whether it may sign when it is asked again as it is.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Key { .. } | Self::Unusable { .. } | Self::WrongSignature | Self::NotBuiltIn { .. } => {
                false
            }
        }
    }

    /// What to do next, if that is known.
    pub fn what_next(&self) -> Option<&str> {
        match self {
            Self::Unusable { hint, .. } | Self::Failed { hint, .. } => hint.as_deref(),
            Self::Key { error, .. } => error.what_next(),
            Self::WrongSignature | Self::NotBuiltIn { .. } => None,
        }
    }
}
