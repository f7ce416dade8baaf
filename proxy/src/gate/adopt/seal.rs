//! The new seal itself, and what is sealed of an object's headers.

use std::time::{Duration, UNIX_EPOCH};

use hallmark_signer::{
    By, Claims, ContentDigests, Hallmark, MAX_INLINE, METADATA_PREFIX, RecordRef, SIGNATURE_HEADER, SealId,
    SealedEtag, SealedHeaders, Sha256Digest,
};

use super::super::record::Contents;
use super::super::upload::{Upload, internal, no_randomness, too_large};
use super::super::{Gate, GateError};
use super::{Found, NotMade, OldHeaders, Order};
use crate::name::ObjectName;
use crate::proof::Disbelieved;
use crate::s3::condition::PutCondition;
use crate::store::{Attributes, Guard, Lock, Source, Tags};

/// What objects have that bear no type, as for uploads.
const DEFAULT_TYPE: &str = "binary/octet-stream";
/// What metadata of Hallmark's own begins with: somebody found out what it says, or nobody did.
const OURS: &str = "hallmark";

/// What is sealed of the headers that the store shows.
pub(super) fn headers(said: &SealedHeaders, old: OldHeaders) -> Result<SealedHeaders, GateError> {
    let ours = |name: &str| name.strip_prefix(METADATA_PREFIX).is_some_and(|rest| rest.starts_with(OURS));
    let keep = |name: &str| match old {
        _ if name == SIGNATURE_HEADER => true,
        OldHeaders::Dropped => false,
        OldHeaders::TrustStore => !ours(name),
    };
    let mut headers = SealedHeaders::default();
    for (name, value) in said.iter().filter(|(name, _)| keep(name)) {
        headers.insert(name, value).map_err(|_| internal())?;
    }
    if headers.get("content-type").is_none() {
        headers.insert("content-type", DEFAULT_TYPE).map_err(|_| internal())?;
    }
    Ok(headers)
}

/// A lock without a retention that has run out `now`: stores refuse to set one that ends in the past.
fn lasting(lock: &Lock, now: u64) -> Lock {
    let now = UNIX_EPOCH + Duration::from_millis(now);
    Lock { retention: lock.retention.filter(|retention| retention.until > now), ..lock.clone() }
}

impl Gate {
    /// Makes the seal of what was read, and has it put where that stands.
    pub(super) async fn seal_anew(&self, found: Found, order: Order) -> Result<(), NotMade> {
        let Found { name, said, examined, headers, form: _ } = found;
        let headers = match order.headers {
            OldHeaders::Dropped => self.with_known_signatures(headers, examined.content.sha256())?,
            OldHeaders::TrustStore => headers,
        };
        let (content, etag) = (&examined.content, SealedEtag::single(examined.md5));
        let claims = Claims {
            id: SealId::random().map_err(no_randomness)?,
            op: order.deed.op(),
            at: self.time_for(&name, self.clock.now()),
            // Nobody knows who uploaded it.
            by: By::anonymous(),
            src: None,
            content: ContentDigests::of(content).map_err(|_| GateError::from(too_large()))?,
            parts: None,
            etag,
        };
        let line = self.sign(&name, &headers, claims).await?;
        let mut reference = None;
        if content.size() > MAX_INLINE {
            let new = RecordRef::random().map_err(no_randomness)?;
            let contents = Contents { leaves: content.leaves(), sum: None, parts: None };
            self.write_record(&name, &new, &line, contents).await?;
            reference = Some(new);
        }
        let hallmark = reference.map_or_else(|| line.to_string(), |new| Hallmark::Record(new).to_string());
        // No seal covers tags and locks, before and after.
        let tags = match said.standing().tags {
            0 => Tags::default(),
            _ => self.store.tags(&name, None).await.map_err(GateError::from)?.0,
        };
        let upload = Upload {
            name: name.clone(),
            by: By::anonymous(),
            headers: headers.clone(),
            condition: PutCondition::None,
            tags,
            lock: lasting(&said.standing().lock, self.clock.now()),
        };
        // Where the store minds no such guard, what another writer puts there in this moment is replaced by what stood
        // there before; never is something sealed that was not read.
        let guards = self.store.probe().await.map_err(GateError::from)?.guards;
        let guard = if guards.matches { Guard::Matches(said.pin().clone()) } else { Guard::Any };
        let source =
            Source { object: name.clone(), version: None, pin: said.pin().clone(), while_staged: None };
        let write = upload.write(Attributes { headers, hallmark: Some(hallmark) }, guard);
        if let Err(changed) = self.still_stands(&name, &said).await {
            if let Some(reference) = &reference {
                self.forget_record(reference).await;
            }
            return Err(changed);
        }
        let put = self.store.copy(&source, &name, write, &etag.to_string()).await;
        self.settle_sealed(&upload, &line, reference.as_ref(), put).await?;
        Ok(())
    }

    /// Looks once more, right before the copy, at what it is to replace: the store's guard may be a digest of the bytes
    /// alone, and a client that has uploaded the same bytes meanwhile was told that they, its headers and its signatures
    /// are there. What is uploaded between this look and the copy is not seen: as few milliseconds as can be.
    async fn still_stands(&self, name: &ObjectName, said: &Disbelieved) -> Result<(), NotMade> {
        let now = self.store.head(name, None).await.map_err(GateError::from)?;
        if said.is_still(&now) { Ok(()) } else { Err(NotMade::Changed) }
    }

    /// The headers with those publishers' signatures alone that are by keys of the configuration, over this digest: nobody
    /// vouches for any others where a list speaks for the bytes.
    fn with_known_signatures(
        &self,
        headers: SealedHeaders,
        sha256: &Sha256Digest,
    ) -> Result<SealedHeaders, GateError> {
        let Some(value) = headers.get(SIGNATURE_HEADER) else { return Ok(headers) };
        let proven = self.policy.known_signatures(value, sha256, self.prover.verdicts());
        let mut kept = SealedHeaders::default();
        for (name, value) in headers.iter().filter(|(name, _)| *name != SIGNATURE_HEADER) {
            kept.insert(name, value).map_err(|_| internal())?;
        }
        if let Some(proven) = proven {
            kept.insert(SIGNATURE_HEADER, &proven).map_err(|_| internal())?;
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{LegalHold, Retention, RetentionMode};

    #[test]
    fn a_retention_that_has_run_out_is_not_set_again() {
        let lock = |until: u64| Lock {
            retention: Some(Retention {
                mode: RetentionMode::Compliance,
                until: UNIX_EPOCH + Duration::from_millis(until),
            }),
            legal_hold: Some(LegalHold::On),
        };
        assert_eq!(lasting(&lock(1001), 1000), lock(1001));
        for past in [0, 999, 1000] {
            assert_eq!(lasting(&lock(past), 1000), Lock { retention: None, ..lock(past) });
        }
    }
}
