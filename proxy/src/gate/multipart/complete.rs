//! CompleteMultipartUpload: from parts to an artifact, once, whatever dies on the way.
//!
//! Nothing is visible before every check has passed; a Complete that is refused leaves the upload open and what stood
//! under the name where it was. Any instance can do any step, and do it again:
//!
//! | | step | if the process dies after it, a repeated Complete … |
//! |---|---|---|
//! | 1 | read `done`, `plan` and marker; compare the list with the part records ([`selection`](super::selection)); look at the condition | begins anew: nothing was changed |
//! | 2 | close the stage: no part of it changes any more | the same; it can be closed again with the same parts. (Other parts than these are taken no more; where this Complete is refused, it is to be repeated, or the upload aborted.) |
//! | 3 | hash: the window, and the rest read back ([`verified`](super::verified)); judge signatures, seal | hashes again and makes another seal: this one was shown to nobody |
//! | 4 | write the record of a large artifact | the same; the record is garbage |
//! | 5 | write `plan`, if there is none | finds the plan and goes on from here with *its* seal: two Completes cannot make two artifacts |
//! | 6 | promote: the stage becomes the object, on the plan's guard | finds its seal on the object: goes on with 7 |
//! | 7 | HEAD the object: it bears the plan's seal, or a later one ([`settle`](super::settle)) | the same |
//! | 8 | write `done` | finds `done`: goes on with 9, and answers what it says |
//! | 9 | drop the stage, if the store still has it: **the fence**. A Complete that was stopped before 6 and wakes up now finds nothing to promote | finds `done`: the same |
//! | 10 | remove the marker: there is no upload any more; answer | is answered from `done`, for 8 days |
//! | 11 | remove part records and plan | the same; what is left expires |
//!
//! **Two Completes at once** meet at 5, where one plan wins, and at 6, where one promotion does; both find its seal at 7
//! and give the same answer. With other parts, or on another condition, the second is refused while the plan stands
//! (`ConditionalRequestConflict`), and finds no upload after that.
//! **Abort** removes the marker first and then the stage. Before 6 it wins: nothing can be promoted; after 6 Complete has
//! won, and an Abort that was answered in between changes nothing. **UploadPart** after 2 is refused by the store;
//! before 2 it replaces a part, so that 2 refuses the list; after 10 it finds no upload. **A guard that does not hold** at
//! 6: the plan is removed, the upload stays open. The record stays: another Complete may be about to promote by the same
//! plan. **An answer that never came** at 6: 7 decides, and if that cannot be known either the client is asked to try
//! again, with the plan in place. **Overtaken**: where another upload of the key was sealed later than the plan, and
//! nothing but that plan's own promotion was asked for (no guard), ours counts as made right before it.
//!
//! **A store that cannot say "only if there is none"** ([`Guards::absent`](crate::store::Guards::absent)) makes 5 a read, a
//! write and another read, and whoever reads goes on with what he read. So two Completes at once may carry out two plans.
//! Both are of the same parts, for 2 comes before 5 and closes the stage once; and neither is on a condition, which such a
//! store would refuse at 6. So they differ in the seal's id and time, and in the record, which no plan that was visible
//! loses:
//!
//! | A and B | what stands | A is answered | B is answered |
//! |---|---|---|---|
//! | B reads A's plan | A's | success | success, the same |
//! | both write, both read B's | B's | success | success, the same |
//! | A reads its own, B writes over it; both promote | the later promotion's | success: it finds its own or its *twin*, the same bytes and headers sealed for the same client since the upload began | the same |
//! | the same, and the stage is gone when B promotes | A's | success | success: B finds its twin |
//! | the same, and A dies after 6 | A's | - | success; a repetition reads B's plan, and finds the twin |
//! | another upload of the key comes between the two promotions | it, or a twin put over it | success | success; who wrote in between may be undone, though answered. Clients that race with themselves for a key get some order, and this is one of them but for that other one |
//!
//! The last line is what such a store costs beyond what [`promotes_once`](crate::store::Capabilities::promotes_once) says.
//!
//! What the store holds is never trusted: `done` and `plan` bear MACs, and forged ones are as if they were not there. A
//! stage that is altered after it was hashed becomes an object that no download accepts, leaf by leaf. That holds for
//! parts that the window hashed as for those that were read back.

use hallmark_signer::{Hallmark, MAX_INLINE, RecordRef};

use super::find::RECORDS_MEMORY;
use super::id::UploadId;
use super::marker::Marker;
use super::memory;
use super::plan::{Added, Asked, Plan, PlanError, Proposed};
use super::references::Made;
use super::selection::{Completion, Selection};
use super::settle::Attempt;
use super::verified::{CheckedParts, verify};
use crate::gate::checked::CheckedUpload;
use crate::gate::quarantine::Ground;
use crate::gate::record::Contents;
use crate::gate::upload::{Sealed, Uploaded, internal, no_randomness};
use crate::gate::{Gate, GateError, Reservation};
use crate::name::ObjectName;
use crate::proof::Reader;
use crate::s3::condition::PutCondition;
use crate::s3::error::{Code, S3Error};
use crate::store::{Attributes, Guard, MAX_PARTS, PutError, Write};
use crate::trust::Form;

/// Where another Complete of the upload is faster, one of these comes of it: what stands in the way of the condition is its
/// own artifact.
const OVERTAKEN: [Code; 3] = [Code::PreconditionFailed, Code::ConditionalRequestConflict, Code::NoSuchKey];

/// And one of these where the other one has changed, closed or promoted what this one was about to carry or to close.
const GETTING_IN_THE_WAY: [Code; 2] = [Code::NoSuchUpload, Code::InvalidPart];

/// How often a Complete that was overtaken begins again: once where the other one has a plan, and once more where it came to
/// its end meanwhile.
const MAX_OVERTAKEN: usize = 2;

/// What is seen of the destination before anything is done.
pub(super) struct Ahead {
    /// On what the write depends, towards the store, and whether it may be made without satisfying its rule.
    pub(super) ground: Ground,
    /// When what stands there now was sealed.
    pub(super) after: Option<u64>,
    /// A guard for just what stands there now, or that nothing does.
    pub(super) standing: Guard,
}

impl Gate {
    /// Makes an artifact of parts. May be asked for again, here or elsewhere, until the answer has come.
    ///
    /// The caller sees to it that this is not dropped half-way: that would do no harm, but leave it to a repetition. What it
    /// holds for the list may be given back: what all of this takes is set aside here.
    ///
    /// # Errors
    /// A check failed, and the upload stays as it was; there is no such upload; or the store failed.
    pub async fn complete_upload(
        &self,
        object: &ObjectName,
        id: &str,
        client: &str,
        completion: &Completion,
        mut held: Reservation,
    ) -> Result<Uploaded, GateError> {
        let mut answer = self.try_complete(object, id, client, completion, &mut held).await;
        for _ in 0..MAX_OVERTAKEN {
            let Err(GateError::Client(error)) = &answer else { break };
            // The other one may be carrying and closing the parts, and have no plan yet.
            let again = GETTING_IN_THE_WAY.contains(&error.code)
                || (OVERTAKEN.contains(&error.code) && self.is_overtaken(object, id, client).await?);
            if !again {
                break;
            }
            answer = self.try_complete(object, id, client, completion, &mut held).await;
        }
        answer.map_err(|error| self.explain(object, &completion.whole.condition, error))
    }

    /// Whether a Complete of the upload, perhaps another one, has come as far as a plan or an answer. One whose doings another
    /// one can see has; and where there is an answer, the next try finds it.
    async fn is_overtaken(&self, object: &ObjectName, id: &str, client: &str) -> Result<bool, GateError> {
        let Some(upload) = UploadId::verify(id, &self.multipart.keys, object, client) else {
            return Ok(false);
        };
        // In this order: a plan that was carried out goes only once there is an answer.
        Ok(self.planned(&upload).await?.is_some() || self.done(&upload).await?.is_some())
    }

    /// Removes what is left of an upload that was completed, unless its answer could not be kept: then a repetition
    /// needs it. Nobody needs to wait for that.
    pub async fn clear_upload(&self, object: &ObjectName, id: &str, client: &str) {
        let Some(id) = UploadId::verify(id, &self.multipart.keys, object, client) else { return };
        if let Ok(Some(_)) = self.done(&id).await {
            self.drop_records(&id).await;
        }
    }

    async fn try_complete(
        &self,
        object: &ObjectName,
        id: &str,
        client: &str,
        completion: &Completion,
        held: &mut Reservation,
    ) -> Result<Uploaded, GateError> {
        let keys = &self.multipart.keys;
        let upload = UploadId::verify(id, keys, object, client).ok_or_else(GateError::no_such_upload)?;
        let asked = completion.digest().map(|list| Asked::new(list, &completion.whole.condition));
        let (done, plan) = tokio::try_join!(self.done(&upload), self.planned(&upload))?;
        if let Some(done) = done {
            if asked.is_none_or(|asked| asked.list != done.list) {
                return Err(GateError::no_such_upload());
            }
            // Whoever wrote it may have died right after.
            return match self.find_upload(object, id, client).await {
                Ok(marker) => Ok(self.end(&marker, done).await?.uploaded),
                Err(GateError::Client(S3Error { code: Code::NoSuchUpload, .. })) => Ok(done.uploaded),
                Err(error) => Err(error),
            };
        }
        let marker = self.find_upload(object, id, client).await?;
        let parts = completion.parts.len() as u64 * memory::PART;
        held.exchange(parts + RECORDS_MEMORY).await?;
        let records = self.records_after(&marker.id, None, usize::from(MAX_PARTS)).await?;
        // All that is still to come, before any of it is needed.
        let making = memory::of_making(&records, completion, self.limits.max_object_size);
        held.exchange(parts + records.len() as u64 * memory::RECORD + making).await?;
        let made = self.made_of(&marker, records, completion, held).await?;
        // An ETag that none has was refused just now.
        let asked = asked.ok_or_else(internal)?;
        let (origin, condition) = (made.origin(&marker), &completion.whole.condition);
        let (plan, attempt) = match (plan, made) {
            (Some(plan), _) => (plan, Attempt::Again),
            (None, Made::Parts(selection)) => self.plan(&marker, selection, asked.clone(), condition).await?,
            (None, Made::Artifact(copy)) => self.plan_copy(&marker, copy, asked.clone(), condition).await?,
        };
        if plan.asked != asked {
            return Err(other_plan().into());
        }
        let version = self.settle_plan(&marker, &plan, &origin, attempt, condition).await?;
        Ok(self.end(&marker, plan.done(version)).await?.uploaded)
    }

    /// Checks and seals, and says what the upload is about to become: or finds that this was said meanwhile.
    async fn plan(
        &self,
        marker: &Marker,
        selection: Selection,
        asked: Asked,
        condition: &PutCondition,
    ) -> Result<(Plan, Attempt), GateError> {
        let Ahead { ground: Ground { guard, taking, standing: _ }, after, standing: _ } =
            self.look_ahead(marker, condition).await?;
        let checked = self.check_parts(marker, selection).await?;
        let selection = checked.selection();
        let added = Added {
            sum: selection.checksum().cloned(),
            table: (selection.size() <= MAX_INLINE).then(|| selection.table().to_metadata()),
            signatures: None,
        };
        let upload = marker.upload(&added, condition)?;
        let sealed = self
            .seal_checked(
                &upload,
                &upload.headers,
                &CheckedUpload::of_parts(&checked, after),
                (Form::Any, taking),
            )
            .await?;
        // Where the window held them all the stage is still open: refused parts could be sent again until now.
        self.store.stage_close(&marker.stage, &checked.selection().staged()).await?;
        let record = self.write_parts_record(marker, &checked, &sealed).await?;
        let plan = Plan {
            asked,
            line: sealed.line,
            sha256: *checked.content().sha256(),
            at: sealed.at,
            etag: sealed.etag,
            record,
            overtakable: guard == Guard::Any && precedes(after, sealed.at),
            guard,
            added,
            source: None,
        };
        self.propose(marker, plan).await
    }

    /// The condition, as far as it can be seen now, and the guard that holds the store to it; and when what stands there
    /// was sealed. Cheap, before anything is read.
    pub(super) async fn look_ahead(
        &self,
        Marker { object, by, client, .. }: &Marker,
        condition: &PutCondition,
    ) -> Result<Ahead, GateError> {
        // Whoever began the upload may not have known that there would be such a rule.
        self.is_no_sibling(object, None)?;
        let ground = self.ground(object, condition, by).await?;
        let (after, standing) = match self.head(object, None, Reader::Inspecting, client).await {
            Ok(found) => (found.seal().map(hallmark_signer::Seal::at), Guard::Matches(found.pin().clone())),
            Err(GateError::Client(S3Error { code: Code::NoSuchKey, .. })) => (None, Guard::Absent),
            // Something is there, and it does not hold.
            Err(GateError::Artifact(_)) => (None, Guard::Any),
            Err(error) => return Err(error),
        };
        match (&ground.guard, &standing) {
            (Guard::Absent, Guard::Any | Guard::Matches(_)) => Err(PutError::GuardFailed.into()),
            _ => Ok(Ahead { ground, after, standing }),
        }
    }

    /// Hashes the parts: those that the window did not see are read back.
    async fn check_parts(&self, marker: &Marker, selection: Selection) -> Result<CheckedParts, GateError> {
        let windows = &self.multipart.windows;
        let prefix = windows.prefix(marker.id.random(), &selection.trees()).await;
        let (taken, of) = (prefix.parts, selection.list().len());
        tracing::debug!(upload = ?marker.id, taken, of, "parts that need not be read back");
        if taken < of {
            self.store.stage_close(&marker.stage, &selection.staged()).await?;
        }
        verify(&*self.store, &self.multipart.read_backs, &marker.stage, selection, prefix).await.inspect_err(
            |error| {
                if let GateError::Artifact(fault) = error {
                    let object = &marker.object;
                    tracing::error!(target: "audit", upload = ?marker.id, %object, %fault, "upload refused");
                }
            },
        )
    }

    /// Writes the record of an artifact of more than 8 MiB.
    async fn write_parts_record(
        &self,
        marker: &Marker,
        checked: &CheckedParts,
        sealed: &Sealed,
    ) -> Result<Option<RecordRef>, GateError> {
        if checked.content().size() <= MAX_INLINE {
            return Ok(None);
        }
        let reference = RecordRef::random().map_err(no_randomness)?;
        let parts = Some(checked.selection().table());
        let contents = Contents { leaves: checked.content().leaves(), sum: None, parts };
        self.write_record(&marker.object, &reference, &sealed.line, contents).await?;
        Ok(Some(reference))
    }

    /// Writes the plan, unless there is one: then that counts.
    pub(super) async fn propose(&self, marker: &Marker, plan: Plan) -> Result<(Plan, Attempt), GateError> {
        let error = match self.write_plan(&marker.id, &plan).await {
            Ok(Proposed::Stands) => return Ok((plan, Attempt::First)),
            // The record that ours names stays: somebody may have read ours.
            Ok(Proposed::Overwritten(other)) => return Ok((*other, Attempt::Again)),
            Err(PlanError::Refused(error)) => return Err(error),
            Err(PlanError::Store(error)) => error,
        };
        match self.planned(&marker.id).await? {
            Some(written) if written.line.id() == plan.line.id() => Ok((plan, Attempt::First)),
            Some(other) => {
                // No plan ever named it, unless ours was written after all and stood there for a while: then somebody may be
                // carrying it out.
                if let (Some(reference), PutError::GuardFailed) = (&plan.record, &error) {
                    self.forget_record(reference).await;
                }
                Ok((other, Attempt::Again))
            }
            // It is gone again with the upload, and there is an answer; or it is none that anybody wrote here. The client had
            // no part in that condition.
            None if matches!(error, PutError::GuardFailed) => Err(other_plan().into()),
            None => Err(error.into()),
        }
    }

    /// What the store is told beside the bytes, by anybody who carries out `plan`.
    pub(super) fn write_of(&self, marker: &Marker, plan: &Plan) -> Result<Write, GateError> {
        let headers = plan.added.to(&marker.headers)?;
        let hallmark = match &plan.record {
            Some(reference) => Hallmark::Record(*reference).to_string(),
            None => plan.line.to_string(),
        };
        // The key may have been made immutable since.
        let guard = match self.policy.immutable(&marker.object) {
            true => Guard::Absent,
            false => plan.guard.clone(),
        };
        Ok(Write {
            attributes: Attributes { headers, hallmark: Some(hallmark) },
            tags: marker.tags.clone(),
            lock: marker.lock.clone(),
            guard,
        })
    }
}

/// Whether what was sealed `at` comes after what stands there, so that of what is later it can be said that it came after
/// that. It does not where a clock ran far ahead.
pub(super) fn precedes(standing: Option<u64>, at: u64) -> bool {
    standing.is_none_or(|standing| standing < at)
}

fn other_plan() -> S3Error {
    let message = "This upload is being completed with other parts or on another condition. Repeat that request, or \
                   abort the upload.";
    S3Error::new(Code::ConditionalRequestConflict, message)
}
