//! What clients ask for, and what must be true of what they get.

use bytes::Bytes;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::raw::{End, Response};
use hallmark_tests::s3::{Client, Completed, Upload, completed};

use super::lab::BUCKET;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Over an artifact that stands there.
    PutSmall,
    /// So large that it is streamed; over an artifact that stands there.
    PutLarge,
    GetSmall,
    /// So large that its seal is in a record.
    GetLarge,
    /// The last bytes of such a one.
    GetRange,
    Head,
    Part,
    /// Of one part, so that much of it can be tried; over an artifact that stands there.
    CompleteSmall,
    /// Of so much that its seal is in a record; over an artifact that stands there.
    CompleteLarge,
    /// Over an artifact that stands there.
    Copy,
    List,
    Delete,
}

const LARGE: u64 = 9 * MIB + 5;
const RANGE: u64 = 100;

/// A key, and what is to happen to it.
pub(crate) struct Scene {
    pub(crate) action: Action,
    pub(crate) key: String,
    /// What stands there.
    old: Bytes,
    old_etag: String,
    /// What is to stand there.
    new: Bytes,
    upload: Option<Upload>,
    parts: Vec<Completed>,
}

/// What a client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The status and the code.
    Refused(u16, String),
    /// A good beginning, and a connection that broke.
    Broken,
}

impl Action {
    /// Whether something may be another afterwards.
    pub(crate) fn writes(self) -> bool {
        match self {
            Self::GetSmall | Self::GetLarge | Self::GetRange | Self::Head | Self::List => false,
            Self::PutSmall
            | Self::PutLarge
            | Self::Part
            | Self::CompleteSmall
            | Self::CompleteLarge
            | Self::Copy
            | Self::Delete => true,
        }
    }
}

impl Scene {
    pub(crate) fn prepare(action: Action, client: &Client, number: usize) -> Self {
        let (key, seed) = (format!("key-{number}"), number as u64 * 10);
        let old: Bytes = match action {
            Action::GetLarge | Action::GetRange => content(seed, LARGE),
            Action::GetSmall | Action::Head => content(seed, 70_000),
            Action::PutSmall
            | Action::PutLarge
            | Action::Part
            | Action::CompleteSmall
            | Action::CompleteLarge
            | Action::Copy
            | Action::List
            | Action::Delete => content(seed, 100),
        }
        .into();
        let put = client.put(BUCKET, &key, &old);
        assert_eq!(put.status, 200, "{}", put.text());
        let old_etag = put.header("etag").unwrap().to_owned();
        let scene = Self { action, key, new: old.clone(), old, old_etag, upload: None, parts: Vec::new() };
        match action {
            Action::PutSmall => Self { new: content(seed + 1, 70_000).into(), ..scene },
            Action::PutLarge => Self { new: content(seed + 1, LARGE).into(), ..scene },
            Action::Part => {
                let upload = Some(client.create_upload(BUCKET, &scene.key, &[]));
                Self { new: content(seed + 1, 70_000).into(), upload, ..scene }
            }
            Action::CompleteSmall => scene.with_parts(client, &[content(seed + 1, 70_000)]),
            Action::CompleteLarge => {
                scene.with_parts(client, &[content(seed + 1, 5 * MIB), content(seed + 2, 4 * MIB + 5)])
            }
            Action::Copy => {
                let new: Bytes = content(seed + 1, 70_000).into();
                assert_eq!(client.put(BUCKET, &scene.source(), &new).status, 200);
                Self { new, ..scene }
            }
            Action::GetSmall
            | Action::GetLarge
            | Action::GetRange
            | Action::Head
            | Action::List
            | Action::Delete => scene,
        }
    }

    fn with_parts(mut self, client: &Client, parts: &[Vec<u8>]) -> Self {
        let upload = client.create_upload(BUCKET, &self.key, &[]);
        self.parts = (1..).zip(parts).map(|(number, part)| upload.send_part(number, part)).collect();
        self.new = parts.concat().into();
        self.upload = Some(upload);
        self
    }

    /// What is copied: no other name holds this one.
    fn source(&self) -> String {
        format!("source-of-{}", self.key)
    }

    /// Asks for it. Whatever comes is true, or not served.
    #[track_caller]
    pub(crate) fn act(&self, client: &Client) -> Outcome {
        let response = self.ask(client);
        let what = format!("{:?} of {}", self.action, self.key);
        if response.status < 400 && response.status != 0 && response.end != End::Complete {
            self.assert_true(&response, &what);
            return Outcome::Broken;
        }
        let code = match self.action {
            Action::CompleteSmall | Action::CompleteLarge => completed(&response).err().unwrap_or_default(),
            _ => response.code(),
        };
        if (200..300).contains(&response.status) && code.is_empty() {
            self.assert_true(&response, &what);
            return Outcome::Done;
        }
        let said = response.text();
        assert!(
            !said.contains("said by the store") && response.header("location").is_none(),
            "{what}: {said}"
        );
        assert!(said.len() < 2000, "{what}: {} bytes", said.len());
        Outcome::Refused(response.status, code)
    }

    fn ask(&self, client: &Client) -> Response {
        match self.action {
            Action::PutSmall | Action::PutLarge => client.put(BUCKET, &self.key, &self.new),
            Action::GetSmall | Action::GetLarge => client.get(BUCKET, &self.key),
            Action::GetRange => client.get_range(BUCKET, &self.key, &format!("bytes=-{RANGE}")),
            Action::Head => client.head(BUCKET, &self.key),
            Action::Part => self.upload(client).part(1, &self.new),
            Action::CompleteSmall | Action::CompleteLarge => self.upload(client).complete(&self.parts),
            Action::Copy => client.copy((BUCKET, &self.source(), None), BUCKET, &self.key, &[]),
            Action::List => client.list(BUCKET, &format!("list-type=2&prefix={}", self.key)),
            Action::Delete => client.delete(BUCKET, &self.key),
        }
    }

    fn upload(&self, client: &Client) -> Upload {
        self.upload.as_ref().unwrap().through(client)
    }

    /// Whatever is served was sealed, from its first byte to where it ends.
    #[track_caller]
    fn assert_true(&self, response: &Response, what: &str) {
        let whole = response.end == End::Complete;
        match self.action {
            Action::GetSmall | Action::GetLarge | Action::GetRange => {
                let from = if self.action == Action::GetRange { self.old.len() - RANGE as usize } else { 0 };
                let want = &self.old[from..];
                let served = if whole { want } else { &want[..response.body.len().min(want.len())] };
                assert_same(&response.body, served, what);
                assert_eq!(response.header("x-hallmark-verified"), Some("seal"), "{what}");
                assert_eq!(response.header("etag"), Some(self.old_etag.as_str()), "{what}");
            }
            Action::Head => {
                assert_eq!(response.header("x-hallmark-verified"), Some("seal"), "{what}");
                assert_eq!(response.header("etag"), Some(self.old_etag.as_str()), "{what}");
                let length = self.old.len().to_string();
                assert_eq!(response.header("content-length"), Some(length.as_str()), "{what}");
            }
            Action::List => assert_eq!(response.elements("Key"), [self.key.as_str()], "{what}"),
            Action::PutSmall
            | Action::PutLarge
            | Action::Part
            | Action::CompleteSmall
            | Action::CompleteLarge
            | Action::Copy
            | Action::Delete => {}
        }
    }

    /// What stands there now is the old or the new, whole and sealed; `true`: the new.
    #[track_caller]
    pub(crate) fn is_made(&self, client: &Client, what: &str) -> bool {
        if self.action == Action::Part {
            let page = self.upload(client).parts("");
            assert_eq!(page.status, 200, "{what}: {}", page.text());
            return !page.elements("PartNumber").is_empty();
        }
        let got = client.get(BUCKET, &self.key);
        if self.action == Action::Delete && got.status == 404 {
            return true;
        }
        assert_eq!(
            (got.status, got.header("x-hallmark-verified")),
            (200, Some("seal")),
            "{what}: {}",
            got.text()
        );
        let made = self.action.writes() && self.action != Action::Delete && got.body == *self.new;
        assert_same(&got.body, if made { &self.new } else { &self.old }, what);
        made
    }

    /// Removes what was made of it: there are many scenes, and a store that keeps everything in memory.
    pub(crate) fn clear(&self, client: &Client) {
        client.delete(BUCKET, &self.key);
        client.delete(BUCKET, &self.source());
    }

    /// Puts something else under the key.
    #[track_caller]
    pub(crate) fn replace(&self, client: &Client) -> Bytes {
        let newer = Bytes::from_static(b"what came last");
        assert_eq!(client.put(BUCKET, &self.key, &newer).status, 200);
        newer
    }

    /// That stands there, and nothing that was asked for before.
    #[track_caller]
    pub(crate) fn assert_replaced(&self, client: &Client, newer: &[u8], what: &str) {
        let got = client.get(BUCKET, &self.key);
        assert_eq!(got.status, 200, "{what}: {}", got.text());
        assert_same(&got.body, newer, what);
    }

    /// The client was told that it is done, and it is.
    #[track_caller]
    pub(crate) fn assert_done(&self, outcome: &Outcome, what: &str) {
        assert_eq!(*outcome, Outcome::Done, "{what}");
    }
}
