//! New seals for what stands in the store already: objects that came there without Hallmark (`op=adopt`), and artifacts whose
//! seals are by a key that is not trusted any more (`op=reseal`).
//!
//! Everything in the store is an attacker's word, the seals by a lost key too. So the bytes are read and hashed here, and
//! sealed only if somebody else vouches for that digest: publishers' signatures by which the rule is satisfied, a list of
//! digests that the operator brings, or for adoption the operator himself. Of headers nothing is proven, so but for the
//! signatures they are left behind, unless the operator says otherwise. The rule is judged as for an upload.
//!
//! The bytes stay where they are: the store makes a copy in place of exactly the version that was read, if it is still what
//! stands there. Were it to take others, every download would find that out, for the seal is of the digest that was read.
//!
//! | if the process dies after | what is there | who does it again |
//! |---|---|---|
//! | reading | what was there | begins anew |
//! | sealing what stands beside it | signatures with seals, an artifact without | finds them, and goes on |
//! | writing the record of more than 8 MiB | that, and a record that nothing refers to | begins anew |
//! | the copy | an artifact with its seal | passes it over |

mod beside;
mod seal;

use hallmark_config::{SignerName, UnixMs};
use hallmark_signer::evidence::MAX_FILE;
use hallmark_signer::{Op, SIGNATURE_HEADER, SealedHeaders, Sha256Digest};

use super::{Gate, GateError, Subject};
use crate::name::ObjectName;
use crate::proof::{ArtifactFault, Disbelieved, Examined, Seen};
use crate::store::Span;
use crate::trust::{Evidence, Form, Judged, Taking};

/// What new seals are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Objects without a seal.
    Adopt,
    /// Artifacts with a seal by a key that is not trusted.
    Reseal,
}

/// What becomes of content headers and user metadata, which nobody vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldHeaders {
    /// They are left behind, but for publishers' signatures, which prove themselves.
    Dropped,
    /// They are sealed as the store shows them.
    TrustStore,
}

/// Whether the operator vouches for whatever is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldContents {
    /// Somebody else must vouch for each object.
    Proven,
    /// The operator does.
    TrustStore,
}

/// Whether anything is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writing {
    /// New seals are made.
    Real,
    /// It is found out what would become of each object, and no more.
    Pretended,
}

/// What is to be done to objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// For which objects.
    pub deed: Deed,
    /// What becomes of their headers.
    pub headers: OldHeaders,
    /// Who vouches where nobody else does; for adoption only.
    pub contents: OldContents,
    /// Whether it is done.
    pub writing: Writing,
}

/// Who vouches for an artifact that got a new seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Voucher {
    /// Publishers, by whom the rule is satisfied.
    Signers(Vec<SignerName>),
    /// A list of digests.
    List,
    /// The operator.
    Operator,
}

/// What became of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Its seal held before.
    SealedBefore,
    /// It has a new one.
    Sealed {
        /// Who vouches for it.
        voucher: Voucher,
        /// Its length, bytes.
        size: u64,
        /// What speaks for it beside it and got a seal with it: names and lengths.
        beside: Vec<(ObjectName, u64)>,
    },
}

/// Why an object got no new seal.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotMade {
    /// Nobody vouches for it.
    #[error(
        "nobody vouches for it (its SHA-256 is {0}): no signature that the rule asks for, and no list names it"
    )]
    NoVoucher(Sha256Digest),
    /// A list says that it is something else.
    #[error("a list has another SHA-256 for it ({listed}) than it has ({found})")]
    ListedOtherwise {
        /// What the list says.
        listed: Sha256Digest,
        /// What it is.
        found: Sha256Digest,
    },
    /// It could be taken for something else that was signed.
    #[error("it begins like a DSSE pre-authentication encoding (`DSSEv1 `), which is never sealed")]
    LooksLikeDsse,
    /// Somebody wrote there while it was read.
    #[error("it was replaced while it was read: nothing was done to it; do it again")]
    Changed,
    /// The rule refuses it, its seal is damaged, or the store failed.
    #[error(transparent)]
    Refused(#[from] GateError),
}

impl Deed {
    /// As seals say it.
    pub fn op(self) -> Op {
        match self {
            Self::Adopt => Op::Adopt,
            Self::Reseal => Op::Reseal,
        }
    }
}

/// An object that was read, whoever's word it is.
struct Found {
    name: ObjectName,
    /// As the store shows it.
    said: Disbelieved,
    /// What was found out.
    examined: Examined,
    /// What is to be sealed of its headers.
    headers: SealedHeaders,
    /// What its bytes are, where its name is that of a sibling.
    form: Form,
}

impl Found {
    fn subject(&self) -> Subject {
        let content = &self.examined.content;
        Subject { object: self.name.clone(), sha256: *content.sha256(), size: content.size() }
    }

    /// What is judged; `at`: now.
    fn judged(&self, at: u64, deed: Deed) -> Judged<'_> {
        let sha256 = self.examined.content.sha256();
        Judged { object: &self.name, sha256, seal: None, at: UnixMs(at), op: deed.op(), form: self.form }
    }
}

impl Gate {
    /// Gives what stands under `name` a new seal, if somebody vouches for it: `listed` is what a list says of it. `pace` is
    /// told how many bytes were read, and has the next ones wait.
    ///
    /// # Errors
    /// Nobody does, the rule refuses it, or the store failed. Nothing has changed then, but that signatures beside it may
    /// have been sealed.
    pub async fn make_anew(
        &self,
        name: &ObjectName,
        order: Order,
        listed: Option<&Sha256Digest>,
        pace: &mut (impl AsyncFnMut(u64) + Send),
    ) -> Result<Made, NotMade> {
        let Some(found) = self.find(name, order, pace).await? else { return Ok(Made::SealedBefore) };
        let content = &found.examined.content;
        if content.blob_digest().is_err() {
            return Err(NotMade::LooksLikeDsse);
        }
        if let Some(listed) = listed.filter(|listed| *listed != content.sha256()) {
            return Err(NotMade::ListedOtherwise { listed: *listed, found: *content.sha256() });
        }
        let at = self.time_for(name, self.clock.now());
        let (mut beside, unsealed) = self.find_beside(&found, order, pace).await?;
        let judged = found.judged(at, order.deed);
        let header = found.headers.get(SIGNATURE_HEADER);
        let pieces = std::mem::take(&mut beside.pieces);
        let evidence = Evidence { header, pieces: &pieces };
        let verdicts = self.prover.verdicts();
        // What stands there is served to nobody, so it can wait for its signatures where the rule lets it.
        beside.taken(self.policy.judge_upload(&judged, &evidence, Taking::Quarantined, verdicts))?;
        let signers = self.policy.judge(&judged, &evidence, verdicts).ok();
        let signers = signers.map(|signers| signers.names().to_vec()).unwrap_or_default();
        let voucher = match (listed, order) {
            _ if !signers.is_empty() => Voucher::Signers(signers),
            (Some(_), _) => Voucher::List,
            (None, Order { deed: Deed::Adopt, contents: OldContents::TrustStore, .. }) => Voucher::Operator,
            (None, _) => return Err(NotMade::NoVoucher(*content.sha256())),
        };
        let speaking: Vec<_> =
            unsealed.into_iter().filter(|(_, pieces)| self.speaks(&judged, pieces)).collect();
        let beside =
            speaking.iter().map(|(found, _)| (found.name.clone(), found.examined.content.size())).collect();
        let made = Made::Sealed { voucher, size: content.size(), beside };
        match order.writing {
            Writing::Pretended => {}
            Writing::Real => {
                // First what speaks for it: who goes on after this died finds that the artifact has no seal yet.
                for (sibling, _) in speaking {
                    self.seal_anew(sibling, order).await?;
                }
                self.seal_anew(found, order).await?;
            }
        }
        Ok(made)
    }

    /// Reads what stands under `name`; `None`: its seal holds.
    async fn find(
        &self,
        name: &ObjectName,
        order: Order,
        pace: &mut (impl AsyncFnMut(u64) + Send),
    ) -> Result<Option<Found>, GateError> {
        let head = self.store.head(name, None).await?;
        let seen = self.prover.see(&*self.store, name, head).await?;
        let Some(said) = self.meant(seen, order.deed)? else { return Ok(None) };
        let (head, body) = self.store.get(name, None, Span::All, Some(said.pin())).await?.split();
        // The store may name two versions alike that differ in their headers: those that come with the bytes count.
        let seen = self.prover.see(&*self.store, name, head).await?;
        let Some(said) = self.meant(seen, order.deed)? else { return Ok(None) };
        let keep = if self.is_sibling(name) { MAX_FILE } else { 0 };
        let examined = said.examine(body, keep, pace).await?;
        let mut headers = seal::headers(said.headers(), order.headers)?;
        // What is only named like a signature is judged like any artifact.
        let reads = |bytes: &Vec<u8>| keep > 0 && self.policy.read_as_sibling(name, bytes).is_ok();
        let form = if examined.small.as_ref().is_some_and(reads) { Form::Sibling } else { Form::Any };
        if form == Form::Sibling {
            self.attach(name, &mut headers)?;
        }
        Ok(Some(Found { name: name.clone(), said, examined, headers, form }))
    }

    /// What is to get a new seal; `None`: it has one that holds.
    fn meant(&self, seen: Seen, deed: Deed) -> Result<Option<Disbelieved>, GateError> {
        match (seen, deed) {
            (Seen::Believed, _) => Ok(None),
            (Seen::Bare(said), Deed::Adopt) => Ok(Some(said)),
            // A new seal has a new id, by which it is not denied.
            (Seen::Stranger(said, strange), Deed::Reseal) => {
                self.policy.denied_seal(strange.id).map_or(Ok(Some(said)), |fault| Err(fault.into()))
            }
            (Seen::Bare(_), Deed::Reseal) => Err(ArtifactFault::Unsealed.into()),
            (Seen::Stranger(_, strange), Deed::Adopt) => Err(ArtifactFault::Seal(strange.error).into()),
        }
    }
}
