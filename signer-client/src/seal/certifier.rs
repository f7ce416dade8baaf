//! Making certificates of seal keys.

use crate::key::PublicKey;
use crate::seal::certificate::{Certificate, KeyStatement, Lifetime};
use crate::signer::{Signer, SignerError};

/// A private key that certifies seal keys and signs nothing else: no seals, no blobs, no other statements.
///
/// ```
/// use hallmark_signer::signer::Signer;
/// use hallmark_signer::PrivateKey;
/// let certifier = Signer::from(PrivateKey::generate()?).into_certifier();
/// # Ok::<(), hallmark_signer::KeyError>(())
/// ```
///
/// ```compile_fail
/// use hallmark_signer::signer::Signer;
/// use hallmark_signer::{PrivateKey, Sealer};
/// let sealer = Sealer::new(Signer::from(PrivateKey::generate()?).into_certifier());
/// # Ok::<(), hallmark_signer::KeyError>(())
/// ```
#[derive(Debug)]
pub struct Certifier(Signer);

impl Certifier {
    pub(crate) fn of(signer: Signer) -> Self {
        Self(signer)
    }

    /// The key that verifies its certificates.
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// Says that `key` makes seals of the deployment `realm` for this long.
    ///
    /// # Errors
    /// The signer cannot be reached, or refuses, or returned another signature.
    pub async fn certify(
        &self,
        realm: &str,
        key: &PublicKey,
        lifetime: Lifetime,
    ) -> Result<Certificate, SignerError> {
        let statement = KeyStatement { realm, key, lifetime, certifier: self.public_key().id() };
        let signature = self.0.sign(&statement.pae_digest()).await?;
        Ok(statement.signed(signature))
    }
}
