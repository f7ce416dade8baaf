//! The certificate of the key that made a seal, where a certifier is trusted and not that key itself: the user gives it, or
//! the endpoint has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallmark_signer::{Certificate, KeyHint, MAX_CERTIFICATE, SEAL_HEADER, SealLine};

use crate::command::failure::{Exit, Failure};
use crate::command::head::Head;
use crate::command::keys::SealTrust;
use crate::command::remote::Remote;
use crate::command::service;

/// In the place of a bucket and before a key: the path under which the endpoint has certificates.
const PLACE: (&str, &str) = (".hallmark", "seal-keys/");

/// So many keys are remembered; for more the endpoint is asked each time.
const MAX_KNOWN: usize = 4096;

/// What the user or the endpoint gave for the keys of the seals so far.
pub(crate) struct Certificates(Mutex<BTreeMap<KeyHint, Arc<Certificate>>>);

impl SealTrust {
    /// The certificate of the key that the seal in `head` names; `None`: it needs none, or there is none. Whoever verifies
    /// the seal verifies it too.
    pub(crate) async fn certificate(
        &self,
        remote: &Remote,
        head: &Head,
    ) -> Result<Option<Arc<Certificate>>, Failure> {
        let line = head.once(SEAL_HEADER)?.and_then(|shown| SealLine::parse(shown).ok());
        let Some(key) = line.map(|line| line.key_hint()).filter(|key| self.keys.may_be_certified(*key))
        else {
            return Ok(None);
        };
        if let Some(known) = self.certificates.known().get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(found) = ask(remote, key).await?.map(Arc::new) else { return Ok(None) };
        let mut known = self.certificates.known();
        if known.len() < MAX_KNOWN {
            known.insert(key, Arc::clone(&found));
        }
        Ok(Some(found))
    }
}

impl Certificates {
    /// These are given, and nobody is asked for them.
    pub(crate) fn given(certificates: Vec<Certificate>) -> Self {
        let known = certificates.into_iter().map(|given| (given.hint(), Arc::new(given)));
        Self(Mutex::new(known.collect()))
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<KeyHint, Arc<Certificate>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for the certificate of a key.
async fn ask(remote: &Remote, key: KeyHint) -> Result<Option<Certificate>, Failure> {
    let doing = format!("get the certificate of the seal key {key}");
    let answer = remote.client.get_object().bucket(PLACE.0).key(format!("{}{key}", PLACE.1)).send().await;
    let mut body = match answer {
        Ok(answer) => answer.body,
        Err(error) => {
            let failure = service::failure(&doing, &remote.endpoint, &error);
            return if failure.exit == Exit::NotFound { Ok(None) } else { Err(failure) };
        }
    };
    let mut text = Vec::new();
    while let Some(bytes) = body.next().await {
        text.extend_from_slice(&bytes.map_err(|error| Failure::failed(format!("cannot {doing}: {error}")))?);
        if text.len() > MAX_CERTIFICATE {
            break;
        }
    }
    let damaged = |_| Failure::refused("ArtifactSealInvalid", format!("cannot {doing}: what came is none"));
    Certificate::parse(&text).map(Some).map_err(damaged)
}
