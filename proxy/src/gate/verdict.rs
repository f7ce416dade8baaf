//! The verdict on what is about to be written: the rule for its name, judged by what it bears itself, and where that does not
//! suffice by what stands beside its name already.

use hallmark_config::UnixMs;
use hallmark_signer::{Op, SIGNATURE_HEADER, SealedHeaders, Sha256Digest, Verdicts};

use super::quarantine::account;
use super::upload::{Upload, malformed_signature};
use super::{Gate, GateError, Subject};
use crate::name::ObjectName;
use crate::proof::ArtifactFault;
use crate::trust::{Evidence, Form, Judged, Piece, Taken, Taking, TrustFault, TrustPolicy};

impl Gate {
    /// Judges the publishers' signatures by the rule for the name. `sealed`: when, and by what; `taking`: whether
    /// what stands under the name may be replaced by what does not satisfy it.
    pub(super) async fn judge(
        &self,
        upload: &Upload,
        headers: &SealedHeaders,
        content: (&Sha256Digest, u64),
        sealed: (u64, Op),
        (form, taking): (Form, Taking),
    ) -> Result<Taken, GateError> {
        let client = account(&upload.by);
        self.judge_name(&upload.name, headers, content, sealed, form, (taking, client)).await
    }

    /// The same for what is to stand under `name` with these headers. `form`: what the bytes were found to be.
    pub(super) async fn judge_name(
        &self,
        name: &ObjectName,
        headers: &SealedHeaders,
        (sha256, size): (&Sha256Digest, u64),
        (at, op): (u64, Op),
        form: Form,
        (taking, client): (Taking, &str),
    ) -> Result<Taken, GateError> {
        match form {
            Form::Sibling => {}
            Form::Any => self.is_no_sibling(name, Some(size))?,
        }
        let header = headers.get(SIGNATURE_HEADER);
        let judged = Judged { object: name, sha256, seal: None, at: UnixMs(at), op, form };
        let alone = Evidence::header_only(header);
        let verdict = match self.policy.judge_upload(&judged, &alone, taking, self.prover.verdicts()) {
            Err(TrustFault::SignatureMalformed) => Err(malformed_signature().into()),
            // Signatures may have been put there before the artifact.
            Err(fault) if fault.may_be_mended() && !self.policy.siblings(name).is_empty() => {
                let subject = Subject { object: name.clone(), sha256: *sha256, size };
                Box::pin(self.judge_beside(subject, header, (at, op), taking, client)).await
            }
            verdict => verdict.map_err(GateError::from),
        };
        verdict.map_err(|error| self.say_what_stands(name, taking, error))
    }

    /// Says why an upload is not taken to wait for signatures, where others are.
    fn say_what_stands(&self, name: &ObjectName, taking: Taking, error: GateError) -> GateError {
        match (taking, error) {
            (Taking::Satisfying, GateError::Artifact(ArtifactFault::Trust(fault)))
                if fault.may_be_mended() && self.policy.quarantines(name) =>
            {
                TrustFault::WouldReplace { without: Box::new(fault) }.into()
            }
            (Taking::Satisfying | Taking::Quarantined, error) => error,
        }
    }

    /// The same with what stands beside it.
    async fn judge_beside(
        &self,
        subject: Subject,
        header: Option<&str>,
        (at, op): (u64, Op),
        taking: Taking,
        client: &str,
    ) -> Result<Taken, GateError> {
        let (header, name, sha256) = (header.map(str::to_owned), subject.object.clone(), subject.sha256);
        let judge = move |policy: &TrustPolicy, pieces: &[Piece], verdicts: &dyn Verdicts| {
            // What has siblings is none.
            let form = Form::Any;
            let judged = Judged { object: &name, sha256: &sha256, seal: None, at: UnixMs(at), op, form };
            policy.judge_upload(&judged, &Evidence { header: header.as_deref(), pieces }, taking, verdicts)
        };
        self.weigh(subject, client, judge).await?.taken()
    }
}
