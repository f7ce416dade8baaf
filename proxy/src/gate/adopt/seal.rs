//! The new seal itself, and what is sealed of an object's headers.

use hallmark_signer::{
    By, Claims, ContentDigests, Hallmark, MAX_INLINE, METADATA_PREFIX, RecordRef, SIGNATURE_HEADER, SealId,
    SealedEtag, SealedHeaders,
};

use super::super::record::Contents;
use super::super::upload::{Settled, Upload, internal, no_randomness, too_large};
use super::super::{Gate, GateError};
use super::{Deed, Found, OldHeaders};
use crate::s3::condition::PutCondition;
use crate::store::{Attributes, Guard, Source, Tags, committed};

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

impl Gate {
    /// Makes the seal of what was read, and has it put where that stands.
    pub(super) async fn seal_anew(&self, found: Found, deed: Deed) -> Result<(), GateError> {
        let Found { name, said, examined, headers, form: _ } = found;
        let (content, etag) = (&examined.content, SealedEtag::single(examined.md5));
        let claims = Claims {
            id: SealId::random().map_err(no_randomness)?,
            op: deed.op(),
            at: self.time_for(&name, self.clock.now()),
            // Nobody knows who uploaded it.
            by: By::anonymous(),
            src: None,
            content: ContentDigests::of(content).map_err(|_| too_large())?,
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
            _ => self.store.tags(&name, None).await?.0,
        };
        let upload = Upload {
            name: name.clone(),
            by: By::anonymous(),
            headers: headers.clone(),
            condition: PutCondition::None,
            tags,
            lock: said.standing().lock.clone(),
        };
        // Where the store minds no such guard, what another writer puts there in this moment is replaced by what stood
        // there before; never is something sealed that was not read.
        let guards = self.store.probe().await?.guards;
        let guard = if guards.matches { Guard::Matches(said.pin().clone()) } else { Guard::Any };
        let source =
            Source { object: name.clone(), version: None, pin: said.pin().clone(), while_staged: None };
        let write = upload.write(Attributes { headers, hallmark: Some(hallmark) }, guard);
        let put = committed(self.store.copy(&source, &name, write, &etag.to_string())).await;
        let settled = self.settle(&upload, &line, put).await;
        if let (Err(Settled::NotStored(_)), Some(reference)) = (&settled, &reference) {
            self.forget_record(reference).await;
        }
        settled?;
        Ok(())
    }
}
