//! Many deletions at once.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_s3::config::Builder;
use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use futures_util::{StreamExt as _, stream};
use hallmark_config::StoreBucket;

use super::super::S3Store;
use super::error::Failure;
use super::reason::Reason;
use super::retry::NotWhenLate;
use super::wire::ContentMd5;
use crate::name::ObjectName;
use crate::store::{Deleted, Deletion, Guard, PutError, Retentions, VersionId, step};

const CALL: &str = "DeleteObjects";

/// The most deletions of a request, as in S3.
const MAX_BATCH: usize = 1000;

/// How many deletions are under way at once that cannot be sent together.
const ALONE_AT_ONCE: usize = 16;

/// Key and version as the store names them.
type Target = (String, Option<String>);

/// What goes with one request: deletions by what they are of, with their place in what was asked for.
struct Batch {
    bucket: StoreBucket,
    retentions: Retentions,
    targets: BTreeMap<Target, usize>,
}

impl S3Store {
    pub(in crate::store::s3) async fn delete_objects(
        &self,
        deletions: &[(ObjectName, Deletion)],
    ) -> Vec<Result<Deleted, PutError>> {
        let (batches, mut alone) = self.batches(deletions);
        let mut results = BTreeMap::new();
        for batch in batches {
            match self.delete_batch(&batch).await {
                Ok(answered) => results.extend(answered),
                // A store without the call.
                Err(failure) if failure.reason() == Some(Reason::NotImplemented) => {
                    alone.extend(batch.targets.into_values());
                }
                Err(failure) => {
                    let each = batch.targets.into_values();
                    results.extend(each.map(|index| (index, Err(failure.clone().repeated().into()))));
                }
            }
        }
        let each = alone.into_iter().filter_map(|index| Some((index, deletions.get(index)?.clone())));
        let each = each.map(async |(index, (object, deletion))| {
            let deleted = self.delete_object(&object, deletion).await;
            step();
            (index, deleted)
        });
        results.extend(stream::iter(each).buffer_unordered(ALONE_AT_ONCE).collect::<Vec<_>>().await);
        let unanswered = || PutError::Unknown(Failure::malformed(CALL, "a deletion was not answered").into());
        (0..deletions.len())
            .map(|index| results.remove(&index).unwrap_or_else(|| Err(unanswered())))
            .collect()
    }

    /// What can be sent together, and what has to go alone: what is conditional, keys that XML cannot hold, repetitions,
    /// and versions where the store has none.
    fn batches(&self, deletions: &[(ObjectName, Deletion)]) -> (Vec<Batch>, BTreeSet<usize>) {
        let (mut batches, mut alone): (Vec<Batch>, _) = (Vec::new(), BTreeSet::new());
        for (index, (object, deletion)) in deletions.iter().enumerate() {
            let Deletion { version, guard, retentions } = deletion;
            let together = *guard == Guard::Any
                && fits_xml(object.key.as_str())
                && (version.is_none() || self.findings().versions);
            // Also what has no place is left to the single deletion to judge.
            let Some(place) = self.place(object).ok().filter(|_| together) else {
                alone.insert(index);
                continue;
            };
            let target = (place.key, version.as_ref().map(ToString::to_string));
            let open = batches.iter_mut().rev().find(|batch| {
                batch.bucket == place.bucket
                    && batch.retentions == *retentions
                    && batch.targets.len() < MAX_BATCH
            });
            match open {
                Some(batch) if batch.targets.contains_key(&target) => {
                    alone.insert(index);
                }
                Some(batch) => {
                    batch.targets.insert(target, index);
                }
                None => batches.push(Batch {
                    bucket: place.bucket,
                    retentions: *retentions,
                    targets: BTreeMap::from([(target, index)]),
                }),
            }
        }
        (batches, alone)
    }

    async fn delete_batch(&self, batch: &Batch) -> Result<Vec<(usize, Result<Deleted, PutError>)>, Failure> {
        let objects = batch.targets.keys().map(|(key, version)| {
            ObjectIdentifier::builder().key(key).set_version_id(version.clone()).build()
        });
        let objects: Result<Vec<_>, _> = objects.collect();
        let delete = objects.and_then(|objects| Delete::builder().set_objects(Some(objects)).build());
        let delete = delete.map_err(|e| Failure::malformed(CALL, &e.to_string()))?;
        let bypass = match batch.retentions {
            Retentions::Respect => None,
            Retentions::BypassGovernance => Some(true),
        };
        let call = self
            .sdk
            .delete_objects()
            .bucket(batch.bucket.as_str())
            .set_bypass_governance_retention(bypass)
            .delete(delete);
        let retries = Builder::new().retry_classifier(NotWhenLate);
        let answer = call.customize().config_override(retries).interceptor(ContentMd5).send().await;
        let answer = answer.map_err(|e| Failure::of(CALL, &e))?;
        Ok(results(&batch.targets, &answer))
    }
}

/// What came of each; what the answer does not name is left out. Nothing in it is believed of what was not asked for.
fn results(
    targets: &BTreeMap<Target, usize>,
    answer: &DeleteObjectsOutput,
) -> Vec<(usize, Result<Deleted, PutError>)> {
    let target = |key: Option<&str>, version: Option<&str>| {
        let (key, version) = (key?.to_owned(), version.map(str::to_owned));
        let exact = (key, version.filter(|version| !version.is_empty()));
        if let Some(index) = targets.get(&exact) {
            return Some((*index, exact.1.and_then(|version| VersionId::parse(&version))));
        }
        // Garage names versions that nobody asked for, and that nothing can be done with.
        Some((*targets.get(&(exact.0, None))?, None))
    };
    let deleted = answer.deleted().iter().filter_map(|said| {
        let (index, version) = target(said.key(), said.version_id())?;
        let delete_marker = said.delete_marker() == Some(true);
        let version = match version {
            Some(version) => Some(version),
            None if delete_marker => said.delete_marker_version_id().and_then(VersionId::parse),
            None => None,
        };
        Some((index, Ok(Deleted { version, delete_marker })))
    });
    let refused = answer.errors().iter().filter_map(|said| {
        let (index, version) = target(said.key(), said.version_id())?;
        let code = said.code().unwrap_or("-");
        let failure = Failure::refused(CALL, code, said.message().unwrap_or("-"));
        let failure = if version.is_some() { failure.of_lockable() } else { failure };
        let result = match failure.reason() {
            // What is not there is deleted already.
            Some(Reason::NoSuchKey | Reason::NoSuchVersion) => Ok(Deleted { version, delete_marker: false }),
            _ => Err(failure.into()),
        };
        Some((index, result))
    });
    // A refusal counts more than a success of the same.
    deleted.chain(refused).collect()
}

/// Whether a key comes through XML as it is, whoever reads it: no characters that XML 1.0 does not have or that are
/// rewritten, and no spaces at its ends, which some cut off.
fn fits_xml(key: &str) -> bool {
    key.trim() == key
        && !key.chars().any(|c| c.is_control() || matches!(c, '\u{FFFE}' | '\u{FFFF}' | '\u{2028}'))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{DeletedObject, Error};

    use super::*;
    use crate::store::StoreFault;

    fn targets(targets: &[(&str, Option<&str>)]) -> BTreeMap<Target, usize> {
        let targets = targets.iter().map(|(key, version)| ((*key).to_owned(), version.map(str::to_owned)));
        targets.zip(0..).collect()
    }

    #[test]
    fn only_what_was_asked_for_is_believed() {
        let targets =
            targets(&[("a", None), ("a", Some("v1")), ("b", None), ("c", Some("v2")), ("d", Some("v3"))]);
        let said = |key: &str| DeletedObject::builder().key(key);
        let answer = DeleteObjectsOutput::builder()
            .deleted(said("c").version_id("v2").delete_marker(true).build())
            .deleted(said("a").delete_marker(true).delete_marker_version_id("m").build())
            .deleted(said("other").build())
            .deleted(said("b").version_id("unasked").build())
            .deleted(said("d").version_id("another").build())
            .errors(Error::builder().key("a").version_id("v1").code("AccessDenied").build())
            .build();
        let results: BTreeMap<_, _> = results(&targets, &answer).into_iter().collect();
        let version = |name| VersionId::parse(name);
        assert!(
            matches!(&results[&0], Ok(deleted) if deleted.delete_marker && deleted.version == version("m"))
        );
        assert!(matches!(results[&1], Err(PutError::Locked)));
        assert!(matches!(&results[&2], Ok(deleted) if *deleted == Deleted::default()));
        assert!(
            matches!(&results[&3], Ok(deleted) if deleted.delete_marker && deleted.version == version("v2"))
        );
        assert_eq!(results.len(), 4);
    }

    #[test]
    fn refusals_are_told_apart() {
        let targets = targets(&[("a", None)]);
        let of = |code: &str| {
            let error = Error::builder().key("a").code(code).build();
            let answer = DeleteObjectsOutput::builder().errors(error).build();
            results(&targets, &answer).pop().map(|(_, result)| result)
        };
        assert!(matches!(of("NoSuchKey"), Some(Ok(_))));
        assert!(matches!(of("InternalError"), Some(Err(PutError::Unknown(_)))));
        assert!(matches!(
            of("AccessDenied"),
            Some(Err(PutError::NotStored(error))) if error.fault == StoreFault::Unavailable
        ));
    }

    #[test]
    fn keys_that_xml_would_change_go_alone() {
        for good in ["a b", "ä/\u{10FFFF}", "<&>\"'"] {
            assert!(fits_xml(good), "{good}");
        }
        for bad in [" a", "a ", "\u{1}", "a\nb", "a\rb", "\u{FFFF}", "\u{85}"] {
            assert!(!fits_xml(bad), "{bad:?}");
        }
    }
}
