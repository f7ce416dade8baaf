//! What PutObject, CopyObject and CompleteMultipartUpload mind: conditions, tags.
//!
//! A condition counts as minded if it lets through what it should, stops what it should, and of several writes at once lets
//! through one. That a store is atomic cannot be shown in this way, only that it is not.

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};

use super::findings::{IfMatch, Writes};
use super::lab::{Headers, Lab, Said};
use super::uploads::Upload;
use crate::store::StoreError;

/// Writes at once.
const RACERS: u8 = 3;

/// An ETag that nothing here has.
const NO_ETAG: &str = "00000000000000000000000000000000";

const ABSENT: (&str, &str) = ("if-none-match", "*");
const TAG: (&str, &str) = ("x-amz-tagging", "probe=1");

/// A way to write an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Put,
    Copy,
    Complete,
}

/// What is tried out of one way to write.
struct Trial<'a> {
    lab: &'a Lab,
    way: Way,
}

impl Way {
    /// Finds out what this way minds.
    pub(super) async fn ask(self, lab: &Lab) -> Result<Writes, StoreError> {
        let trial = Trial { lab, way: self };
        if self == Way::Copy {
            try_join_all((0..=RACERS).map(|content| trial.make_source(content))).await?;
        }
        let (guards, labels) = tokio::try_join!(trial.guards(), trial.labels())?;
        let (absent, if_match) = guards;
        Ok(Writes { absent, if_match, labels })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Copy => "copy",
            Self::Complete => "complete",
        }
    }
}

impl Trial<'_> {
    async fn guards(&self) -> Result<(bool, IfMatch), StoreError> {
        let target = self.key("target");
        self.write(&target, 0, &[]).await?.needed("to write an object")?;
        // What it says itself may be nothing.
        let etag = self.etag(&target).await?;
        let [quoted, bare] = [IfMatch::Quoted, IfMatch::Bare];
        let (absent, quoted_stops, bare_stops) = tokio::try_join!(
            self.stops(&target, ABSENT),
            self.minds(&target, quoted),
            self.minds(&target, bare)
        )?;
        let absent =
            async { if absent { self.one_wins(&self.key("fresh"), ABSENT).await == Some(1) } else { false } };
        let matches = async {
            for (form, stops) in [(quoted, quoted_stops), (bare, bare_stops)] {
                let Some(value) = form.value(&etag).filter(|_| stops) else { continue };
                match self.one_wins(&target, ("if-match", &value)).await {
                    Some(1) => return form,
                    // It never matches in this form.
                    Some(0) => {}
                    // All of them match: then they are not judged together with the write.
                    Some(_) | None => return IfMatch::Ignored,
                }
            }
            IfMatch::Ignored
        };
        Ok(tokio::join!(absent, matches))
    }

    /// Whether `If-Match` in this form stops a write of another version, and of what is not there.
    async fn minds(&self, target: &str, form: IfMatch) -> Result<bool, StoreError> {
        let Some(value) = form.value(NO_ETAG) else { return Ok(false) };
        let missing = self.key(if form == IfMatch::Quoted { "missing-quoted" } else { "missing-bare" });
        let guard = ("if-match", value.as_str());
        let (other, missing) = tokio::try_join!(self.stops(target, guard), self.stops(&missing, guard))?;
        Ok(other && missing)
    }

    async fn stops(&self, key: &str, guard: (&'static str, &str)) -> Result<bool, StoreError> {
        Ok(self.write(key, 1, &[guard]).await?.guard_failed())
    }

    /// How many of several writes under the same condition are done; `None`: of some it is not known.
    async fn one_wins(&self, key: &str, guard: (&'static str, &str)) -> Option<usize> {
        let guard = [guard];
        let racers = join_all((1..=RACERS).map(|content| self.write(key, content, &guard))).await;
        let done: Result<Vec<_>, _> = racers.into_iter().map(|said| said.map(Said::done)).collect();
        Some(done.ok()?.into_iter().flatten().count())
    }

    async fn labels(&self) -> Result<bool, StoreError> {
        let key = self.key("tagged");
        let written = match self.way {
            Way::Put => self.lab.put(&key, &content(0), &[TAG]).await?.done().is_some(),
            Way::Copy => {
                let headers = [TAG, ("x-amz-tagging-directive", "REPLACE")];
                self.lab.copy(&self.source(0), &key, &headers).await?.done().is_some()
            }
            Way::Complete => match Upload::create(self.lab, &key, &[TAG]).await?.done() {
                Some(upload) => {
                    let part = upload.part(1, &content(0)).await?;
                    upload.complete(&[part], &[]).await?.done().is_some()
                }
                None => false,
            },
        };
        Ok(written && self.lab.tags(&key).await? == ["probe"])
    }

    /// Writes `key` with the content of that number.
    async fn write(&self, key: &str, number: u8, guard: Headers<'_>) -> Result<Said<String>, StoreError> {
        match self.way {
            Way::Put => self.lab.put(key, &content(number), guard).await,
            Way::Copy => self.lab.copy(&self.source(number), key, guard).await,
            Way::Complete => {
                let upload = Upload::open(self.lab, key).await?;
                let part = upload.part(1, &content(number)).await?;
                upload.complete(&[part], guard).await
            }
        }
    }

    async fn make_source(&self, number: u8) -> Result<(), StoreError> {
        let put = self.lab.put(&self.source(number), &content(number), &[]).await?;
        put.needed("to write an object").map(|_| ())
    }

    async fn etag(&self, key: &str) -> Result<String, StoreError> {
        let head = self.lab.head(key).await?;
        Ok(super::lab::unquoted(head.and_then(|head| head.e_tag)))
    }

    fn source(&self, number: u8) -> String {
        self.key(&format!("source-{number}"))
    }

    fn key(&self, name: &str) -> String {
        self.lab.key(&format!("{}-{name}", self.way.name()))
    }
}

/// Contents that differ, and so have ETags that differ.
fn content(number: u8) -> Bytes {
    Bytes::copy_from_slice(&[number; 64])
}
