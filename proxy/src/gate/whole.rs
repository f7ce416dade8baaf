//! Uploads of at most 8 MiB: everything is here and checked before the store hears of it.

use bytes::{Bytes, BytesMut};
use hallmark_signer::MAX_INLINE;

use super::budget::Reservation;
use super::hash::hash_whole;
use super::receive::Incoming;
use super::sibling_worth::Weight;
use super::unknown::{Beginning, UNKNOWN_MEMORY};
use super::upload::{Upload, Uploaded, declare, too_large};
use super::{Gate, GateError};
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::{Payload, PayloadEnd, Step};
use crate::store::{Attributes, Body, committed};
use crate::trust::Form;

/// The least that the buffer of a body grows by.
const FIRST_BYTES: usize = 64 * 1024;

impl Gate {
    /// One request to the store, with the seal in it.
    pub(super) async fn put_whole<B>(
        &self,
        mut upload: Upload,
        body: &mut Payload<B>,
        client: &str,
    ) -> Result<Uploaded, GateError>
    where
        B: Incoming,
    {
        // All of it at once: requests that hold some memory and wait for more could wait for each other.
        let memory = match body.length() {
            Some(length) => length,
            None => UNKNOWN_MEMORY.min(self.budget.most()).max(MAX_INLINE),
        };
        let held = self.budget.reserve(client, memory).await?;
        let (_held, bytes, end) = match self.collect_or_begin(body, held).await? {
            Collected::All(held, bytes, end) => (held, bytes, end),
            Collected::Longer(beginning) => return self.put_in_parts(upload, body, beginning).await,
        };
        let hashed = hash_whole(bytes.clone()).await?;
        let checked = end.check(hashed.0.sha256(), hashed.1.as_bytes())?;
        if let Some(sum) = checked.checksum() {
            declare(&mut upload.headers, sum)?;
        }
        let form = self.form_of_bytes(&upload.name, &bytes)?;
        let worth = match form {
            Form::Sibling => self.worth_of(&upload.name, &bytes, Some(&upload.headers), client).await?,
            Form::Any => Weight::Unknown,
        };
        let ground = self.ground(&upload.name, &upload.condition, &upload.by, &worth).await?;
        let sealed = self.seal(&upload, &upload.headers, &hashed, &checked, (form, &ground)).await?;
        self.confirm_sealed(&upload, &upload.headers, &sealed, (form, &ground)).await?;
        let hallmark = sealed.line.to_string();
        let attributes = Attributes { headers: upload.headers.clone(), hallmark: Some(hallmark) };
        let etag = sealed.etag.to_string();
        let length = bytes.len() as u64;
        let body = Body::whole(bytes, etag).digested(*hashed.0.sha256());
        let put = self.store.put(&upload.name, upload.write(attributes, ground.guard), length, body);
        let put = committed(put).await;
        let version = self.settle(&upload, &sealed.line, put).await?;
        Ok(sealed.uploaded(version))
    }

    /// Receives a body of at most 8 MiB, for which memory was set aside.
    pub(super) async fn collect<B>(
        &self,
        body: &mut Payload<B>,
        held: Reservation,
    ) -> Result<(Reservation, Bytes, PayloadEnd), GateError>
    where
        B: Incoming,
    {
        match self.collect_or_begin(body, held).await? {
            Collected::All(held, bytes, end) => Ok((held, bytes, end)),
            Collected::Longer(_) => Err(length_required().into()),
        }
    }

    /// Receives a body of at most 8 MiB, or so much of one of unknown length. The buffer grows as bytes arrive, not as
    /// they are announced.
    async fn collect_or_begin<B>(
        &self,
        body: &mut Payload<B>,
        held: Reservation,
    ) -> Result<Collected, GateError>
    where
        B: Incoming,
    {
        let expected = body.length();
        let mut buffer = BytesMut::new();
        loop {
            let piece = match body.next().await? {
                Step::End(end) => return Ok(Collected::All(held, buffer.freeze(), end)),
                Step::Data(piece) => piece,
            };
            let total = buffer.len() + piece.len();
            if total as u64 > self.limits.max_object_size {
                return Err(too_large().into());
            }
            if total as u64 > MAX_INLINE {
                // Only a body of unknown length comes here.
                return Ok(Collected::Longer(Beginning { held, buffer, rest: piece }));
            }
            if total > buffer.capacity() {
                // Doubling keeps the copies few; the announced length, which the payload holds the client to, keeps
                // the last step exact.
                let most = expected.unwrap_or(MAX_INLINE) as usize;
                let wanted = (total * 2).max(FIRST_BYTES).min(most).max(total);
                buffer.reserve(wanted - buffer.len());
            }
            buffer.extend_from_slice(&piece);
        }
    }
}

/// What came of collecting a body.
enum Collected {
    All(Reservation, Bytes, PayloadEnd),
    Longer(Beginning),
}

fn length_required() -> S3Error {
    let message =
        "A part of more than 8 MiB must say its length (Content-Length or x-amz-decoded-content-length).";
    S3Error::new(Code::MissingContentLength, message)
}
