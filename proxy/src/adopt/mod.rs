//! New seals for everything below a prefix: `hallmark-proxy adopt` and `reseal`.
//!
//! One walk over the list for artifacts, and one for what is named like a signature beside one: those that speak for an
//! artifact get their seals together with it. What the store hides stays hidden, and what nobody can ask for is only told of; a
//! list that does not go on in order, or names something twice, is given up. What is done for each object is
//! [`Gate::make_anew`]'s.

mod lists;
mod walk;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use hallmark_config::{BucketName, Config};
use hallmark_signer::{Pacer, Rate};

use crate::app::{self, StartError};
use crate::gate::{Gate, Made, NotMade, Order, Voucher, Writing};
use crate::name::ObjectName;
use crate::s3::error::S3Error;
use crate::store::Store;

pub use lists::{ListFileError, Lists};
pub use walk::{Below, WalkError};

use walk::{Names, Walk};

/// How many objects are read at once.
const AT_ONCE: usize = 4;

/// What is to be done, and by whose word.
pub struct Campaign<'c> {
    /// To which objects.
    pub below: &'c Below,
    /// What.
    pub order: Order,
    /// Lists of digests that the operator brought.
    pub lists: &'c Lists,
    /// How fast the store is read, all together; `None`: as fast as it goes.
    pub rate: Option<Rate>,
}

/// What happened, told while it goes on.
pub enum Event<'e> {
    /// So many bytes were read.
    Read(u64),
    /// An object got a new seal, or would have.
    Sealed(&'e ObjectName, &'e Voucher),
    /// An object did not.
    Problem(&'e ObjectName, &'e Problem),
    /// Nor did one whose key, which begins as asked, no client can ask for. Whatever is not text in it is replaced.
    Unreachable(&'e str),
    /// And so many more, of which there were too many in one place to name them.
    MoreUnreachable(usize),
}

/// Why an object got no new seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// What came of all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Objects that the store listed.
    pub objects: u64,
    /// Those whose seals held before.
    pub sealed_before: u64,
    /// Those that have new ones.
    pub sealed: u64,
    /// The bytes of these.
    pub sealed_bytes: u64,
    /// Those that do not, and names in lists under which there is nothing. Also those with keys that no client can ask for.
    pub problems: u64,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// Files that the configuration names cannot be used, or the store does not answer.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The list of objects cannot be read.
    #[error(transparent)]
    Walk(#[from] WalkError),
}

/// Does it. `tell` hears what happens, from several tasks.
///
/// # Errors
/// A key cannot be used, or the list of objects cannot be read: what was done until then stays.
pub async fn run(
    config: &Config,
    store: Arc<dyn Store>,
    campaign: &Campaign<'_>,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Summary, CampaignError> {
    let gate = app::gate_for(config, store).await?;
    match campaign.order.writing {
        Writing::Real => gate.ready_to_seal().await.map_err(StartError::from)?,
        Writing::Pretended => {}
    }
    let pacer = Pacer::new(campaign.rate);
    let mut summary = Summary::default();
    let (mut listed, mut with_artifacts) = (HashSet::new(), HashSet::new());
    for beside in [Walked::Artifacts, Walked::Siblings] {
        let mut walk = Walk::new(&**gate.store(), campaign.below);
        while let Some(Names { objects: page, unreachable, omitted }) = walk.next().await? {
            summary.unreachable(beside, (&unreachable, omitted), tell);
            let named = page.iter().filter(|name| campaign.lists.digest(campaign.below, name).is_some());
            listed.extend(named.cloned());
            // What got its seal with an artifact was counted with that.
            let meant = |name: &&ObjectName| beside.is(&gate, name) && !with_artifacts.contains(*name);
            let page: Vec<_> = page.iter().filter(meant).collect();
            let work: Vec<_> = page.iter().map(|name| one(&gate, campaign, &pacer, name, tell)).collect();
            let mut done = stream::iter(work).buffered(AT_ONCE);
            for name in page {
                let Some(made) = done.next().await else { break };
                with_artifacts.extend(summary.count(name, made, tell));
            }
        }
    }
    for name in campaign.lists.names(campaign.below) {
        if !listed.contains(&name) {
            let (code, message) = ("NoSuchKey".to_owned(), "a list names it, and it is not there".to_owned());
            summary.problem(&name, &Problem { code, message }, tell);
        }
    }
    Ok(summary)
}

/// What one walk is for.
#[derive(Clone, Copy)]
enum Walked {
    Artifacts,
    Siblings,
}

impl Walked {
    fn is(self, gate: &Gate, name: &ObjectName) -> bool {
        match self {
            Self::Artifacts => !gate.is_sibling(name),
            Self::Siblings => gate.is_sibling(name),
        }
    }
}

async fn one(
    gate: &Gate,
    campaign: &Campaign<'_>,
    pacer: &Pacer,
    name: &ObjectName,
    tell: &(dyn Fn(Event<'_>) + Sync),
) -> Result<Made, NotMade> {
    let mut pace = async |bytes| {
        tell(Event::Read(bytes));
        let wait = pacer.wait(bytes);
        if wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
        }
    };
    let listed = campaign.lists.digest(campaign.below, name);
    gate.make_anew(name, campaign.order, listed, &mut pace).await
}

impl Summary {
    /// Counts what became of an object. What was sealed with it.
    fn count(
        &mut self,
        name: &ObjectName,
        made: Result<Made, NotMade>,
        tell: &(dyn Fn(Event<'_>) + Sync),
    ) -> Vec<ObjectName> {
        self.objects += 1;
        match made {
            Ok(Made::SealedBefore) => self.sealed_before += 1,
            Ok(Made::Sealed { voucher, size, beside }) => {
                let with_it = beside.len() as u64;
                self.objects += with_it;
                self.sealed += 1 + with_it;
                self.sealed_bytes += size + beside.iter().map(|(_, size)| size).sum::<u64>();
                tell(Event::Sealed(name, &voucher));
                return beside.into_iter().map(|(name, _)| name).collect();
            }
            Err(error) => self.problem(name, &Problem::of(error), tell),
        }
        Vec::new()
    }

    /// Counts what nobody can ask for, on the first walk.
    fn unreachable(
        &mut self,
        walked: Walked,
        (keys, omitted): (&[Vec<u8>], usize),
        tell: &(dyn Fn(Event<'_>) + Sync),
    ) {
        match walked {
            Walked::Siblings => {}
            Walked::Artifacts => {
                let count = (keys.len() + omitted) as u64;
                self.objects += count;
                self.problems += count;
                for key in keys {
                    tell(Event::Unreachable(&String::from_utf8_lossy(key)));
                }
                if omitted > 0 {
                    tell(Event::MoreUnreachable(omitted));
                }
            }
        }
    }

    fn problem(&mut self, name: &ObjectName, problem: &Problem, tell: &(dyn Fn(Event<'_>) + Sync)) {
        self.problems += 1;
        tell(Event::Problem(name, problem));
    }
}

impl Problem {
    fn of(error: NotMade) -> Self {
        let message = error.to_string();
        let code = match error {
            NotMade::NoVoucher(_) => "NotProven".to_owned(),
            NotMade::ListedOtherwise { .. } => "ArtifactDigestMismatch".to_owned(),
            NotMade::LooksLikeDsse => "LooksLikeDsse".to_owned(),
            NotMade::Changed => "ChangedMeanwhile".to_owned(),
            NotMade::Refused(error) => S3Error::from(error).code.as_str().to_owned(),
        };
        Self { code, message }
    }
}

/// The bucket and prefix of `s3://bucket[/prefix]`.
///
/// # Errors
/// What it should look like.
pub fn below(text: &str) -> Result<Below, String> {
    let rest = text.strip_prefix("s3://").ok_or("expected s3://bucket[/prefix]")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let bucket = BucketName::parse(bucket).map_err(|rule| format!("the bucket must be {rule}"))?;
    Ok(Below { bucket, prefix: prefix.to_owned() })
}
