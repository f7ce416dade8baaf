//! What PutObject, CopyObject and CompleteMultipartUpload mind: conditions, tags.
//!
//! A condition counts as minded if it lets through what it should, stops what it should, and of several writes at once lets
//! through one. That a store is atomic cannot be shown in this way, only that it is not.

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};

use super::findings::{IfMatch, Writes};
use super::lab::{Headers, Lab, Said, unquoted};
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

/// Of several writes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Winners {
    /// Nothing was written.
    None,
    /// What one of them wrote stands there, and the others say that they did nothing.
    One,
    /// Some were done that should not have been.
    Many,
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
        if self == Self::Copy {
            try_join_all((0..=RACERS).map(|content| trial.make_source(content))).await?;
        }
        let (absent, if_match, labels) = tokio::try_join!(trial.absent(), trial.if_match(), trial.labels())?;
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
    /// `If-None-Match: *`: nothing is written over, and of several new ones one.
    async fn absent(&self) -> Result<bool, StoreError> {
        let key = self.key("there");
        self.write(&key, 0, &[]).await?.needed("to write an object")?;
        Ok(self.stops(&key, ABSENT).await? && self.race(&self.key("fresh"), ABSENT).await? == Winners::One)
    }

    async fn if_match(&self) -> Result<IfMatch, StoreError> {
        // Only of PutObject is there a store that wants the other form; where another way would, it is not used.
        let forms = match self.way {
            Way::Put => [IfMatch::Quoted, IfMatch::Bare].as_slice(),
            Way::Copy | Way::Complete => [IfMatch::Quoted].as_slice(),
        };
        for form in forms {
            match self.minds(*form).await? {
                Winners::One => return Ok(*form),
                // In this form it never matches, or is not seen.
                Winners::None => {}
                Winners::Many => return Ok(IfMatch::Ignored),
            }
        }
        Ok(IfMatch::Ignored)
    }

    /// `If-Match` in this form: another version is not written over, nothing is made, and of several writes over the right
    /// one one is done.
    async fn minds(&self, form: IfMatch) -> Result<Winners, StoreError> {
        let name = if form == IfMatch::Quoted { "quoted" } else { "bare" };
        let (target, missing) = (self.key(name), self.key(&format!("{name}-missing")));
        self.write(&target, 0, &[]).await?.needed("to write an object")?;
        // What the write says itself may be nothing.
        let etag = self.lab.head(&target).await?.and_then(|head| head.e_tag);
        let (Some(wrong), Some(right)) = (form.value(NO_ETAG), form.value(&unquoted(etag))) else {
            return Ok(Winners::None);
        };
        let wrong = ("if-match", wrong.as_str());
        let (other, none) = tokio::try_join!(self.stops(&target, wrong), self.stops(&missing, wrong))?;
        if !(other && none) {
            return Ok(Winners::None);
        }
        self.race(&target, ("if-match", &right)).await
    }

    async fn stops(&self, key: &str, guard: (&'static str, &str)) -> Result<bool, StoreError> {
        Ok(self.write(key, 1, &[guard]).await?.guard_failed())
    }

    /// Who wins of several writes at once under the same condition, which holds.
    async fn race(&self, key: &str, guard: (&'static str, &str)) -> Result<Winners, StoreError> {
        let guard = [guard];
        let write = async |number| (number, self.write(key, number, &guard).await);
        // Some are answered with an error, since another one was under way.
        let racers = join_all((1..=RACERS).map(write)).await.into_iter();
        let mut done = racers.filter_map(|(number, said)| said.ok()?.done().map(|_| number));
        let stands = self.lab.get(key).await?.map(|(_, body)| body);
        let is = |number| stands.as_ref().is_some_and(|body| *body == content(number));
        match (done.next(), done.next()) {
            (Some(winner), None) if is(winner) => Ok(Winners::One),
            // The winner was told of the others, too.
            (None, None) if (1..=RACERS).any(is) => Ok(Winners::One),
            // All of them gave way to each other, or it never matches. Alone it must be done.
            (None, None) => {
                let alone = self.write(key, 1, &guard).await?.done().is_some();
                Ok(if alone { Winners::One } else { Winners::None })
            }
            _ => Ok(Winners::Many),
        }
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
