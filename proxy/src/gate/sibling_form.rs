//! What is named like a sibling must be one: a file of the kind that its name says, of at most 64 KiB. It is served without
//! being judged by the rule around it, and counts as a signature; anything else under such a name is an artifact like any
//! other, however it came there.

use std::sync::Arc;

use hallmark_config::Sibling;
use hallmark_signer::evidence::MAX_FILE;
use hallmark_signer::{SealedHeaders, Sha256Digest, Verdicts as _};

use super::sibling_worth::Weight;
use super::{Gate, GateError};
use crate::name::ObjectName;
use crate::proof::{Admitted, Artifact, Origin, Proven, Reader};
use crate::s3::error::{Code, S3Error};
use crate::store::{Span, aside};
use crate::trust::Form;

impl Gate {
    /// What bytes are that are about to be written under `name`.
    ///
    /// # Errors
    /// The name is that of a sibling, and they are none: `EntityTooLarge`, `InvalidRequest`.
    pub(super) fn form_of_bytes(&self, name: &ObjectName, bytes: &[u8]) -> Result<Form, GateError> {
        if !self.is_sibling(name) {
            return Ok(Form::Any);
        }
        if bytes.len() > MAX_FILE {
            return Err(too_long().into());
        }
        match self.policy.read_as_sibling(name, bytes) {
            Ok(()) => Ok(Form::Sibling),
            Err(error) => Err(no_sibling(&error).into()),
        }
    }

    /// That what comes in other ways than in one small body is no sibling: nobody would read it.
    ///
    /// # Errors
    /// `EntityTooLarge`, or `InvalidRequest`.
    pub(super) fn is_no_sibling(&self, name: &ObjectName, size: Option<u64>) -> Result<(), GateError> {
        if !self.is_sibling(name) {
            return Ok(());
        }
        match size {
            Some(size) if size > MAX_FILE as u64 => Err(too_long().into()),
            Some(_) | None => Err(not_whole().into()),
        }
    }

    /// What an artifact is that is about to be copied to `name`, and what it is worth there: read for that, if it is the
    /// name of a sibling. The role that it was approved for elsewhere may be none here.
    ///
    /// # Errors
    /// As [`form_of_bytes`](Self::form_of_bytes) and [`worth_of`](Self::worth_of); or it cannot be read, or is not what was
    /// sealed.
    pub(super) async fn form_of_copy(
        &self,
        name: &ObjectName,
        source: &Admitted,
        client: &str,
    ) -> Result<(Form, Weight), GateError> {
        if !self.is_sibling(name) {
            return Ok((Form::Any, Weight::Unknown));
        }
        if source.length() > MAX_FILE as u64 {
            return Err(too_long().into());
        }
        let bytes = self.read_whole(source).await?;
        let form = self.form_of_bytes(name, &bytes)?;
        Ok((form, self.worth_of(name, &bytes, None, client).await?))
    }

    /// What stands under the name of a sibling. Its bytes are read the first time, in `client`'s turn; of what they are,
    /// nothing else reaches anybody.
    ///
    /// # Errors
    /// They cannot be read, or are not what was sealed; or no turn comes.
    pub(super) async fn form_of(
        &self,
        sealed: Option<&Arc<Artifact>>,
        client: &str,
    ) -> Result<Form, GateError> {
        let Some(artifact) = sealed else { return Ok(Form::Any) };
        match self.known_form(artifact) {
            Some(form) => Ok(form),
            None => Box::pin(self.find_form(artifact, client)).await,
        }
    }

    /// The same without asking the store; `None`: that cannot be said.
    pub(super) fn known_form(&self, artifact: &Artifact) -> Option<Form> {
        if !self.is_sibling(artifact.name()) || artifact.seal().size() > MAX_FILE as u64 {
            return Some(Form::Any);
        }
        let check = self.form_check(artifact);
        if self.kept().known(&check) {
            return Some(Form::Sibling);
        }
        self.kept().known_to_fail(&check).then_some(Form::Any)
    }

    async fn find_form(&self, artifact: &Arc<Artifact>, client: &str) -> Result<Form, GateError> {
        let turn = self.lookups.turn(client).await?;
        let proven = Proven::Sealed(Arc::clone(artifact));
        // Whatever the policy says of it: nobody gets what is read here.
        let admitted =
            proven.admit(&self.policy, Reader::Inspecting, Form::Any, &[], self.prover.verdicts())?;
        let bytes = self.read_whole(&admitted).await?;
        let (policy, name) = (Arc::clone(&self.policy), artifact.name().clone());
        // Somebody chose these bytes; to parse them may take a while.
        let read = turn.work(move || policy.read_as_sibling(&name, &bytes)).await?;
        let form = if read.is_ok() { Form::Sibling } else { Form::Any };
        let check = self.form_check(artifact);
        match form {
            Form::Sibling => self.kept().remember(check),
            Form::Any => self.kept().remember_failure(check),
        }
        Ok(form)
    }

    /// All bytes of something small. Perhaps asked for by an upload that is on its way to the store, where a newer
    /// configuration makes its name that of a sibling; never by who holds the body of another one that is read.
    pub(super) async fn read_whole(&self, admitted: &Admitted) -> Result<Vec<u8>, GateError> {
        if admitted.length() == 0 {
            return Ok(Vec::new());
        }
        aside(async {
            let (name, version) = (admitted.name(), admitted.version());
            let body = self.store.get(name, version, Span::All, Some(admitted.pin())).await?.split().1;
            Ok(admitted.read_small(self.reading(None), Origin::Stored(body), MAX_FILE).await?)
        })
        .await
    }

    /// Under what is remembered that the sealed bytes are as a whole one of the kinds that the name says: a digest over these
    /// kinds and the bytes' own. No signature check is remembered under the same: what is signed begins otherwise.
    fn form_check(&self, artifact: &Artifact) -> [u8; 32] {
        let mut text = b"hallmark-form-v1\n".to_vec();
        for kind in self.policy.kinds(artifact.name()) {
            text.extend_from_slice(Sibling::word(kind).as_bytes());
            text.push(b'\n');
        }
        text.extend_from_slice(artifact.seal().sha256().as_bytes());
        *Sha256Digest::of(&text).as_bytes()
    }

    /// Has browsers keep a sibling instead of showing it, unless its headers say something else about that: whoever may
    /// sign may not choose what pages of this origin look like. Sealed with the rest.
    pub(super) fn attach(&self, name: &ObjectName, headers: &mut SealedHeaders) -> Result<(), GateError> {
        const DISPOSITION: &str = "content-disposition";
        if !self.is_sibling(name) {
            return Ok(());
        }
        match headers.get(DISPOSITION) {
            Some(said) if said.starts_with("attachment") => Ok(()),
            Some(_) => {
                let message = "What holds signatures over another object is served as an attachment: leave \
                               Content-Disposition out.";
                Err(S3Error::new(Code::InvalidRequest, message).into())
            }
            None => headers.insert(DISPOSITION, "attachment").map_err(|_| super::upload::internal()),
        }
    }
}

pub(super) fn too_long() -> S3Error {
    let message = "An object that holds signatures over another one is at most 65536 bytes long.";
    S3Error::new(Code::EntityTooLarge, message)
}

fn not_whole() -> S3Error {
    let message =
        "What is named like signatures over another object is uploaded by one PUT of at most 65536 bytes.";
    S3Error::new(Code::InvalidRequest, message)
}

fn no_sibling(error: &dyn std::fmt::Display) -> S3Error {
    let why: String = error.to_string().escape_debug().take(300).collect();
    let message = format!("What is named like signatures over another object must hold such: {why}.");
    S3Error::new(Code::InvalidRequest, message)
}
