//! What is served and listed, compared with the model.

use std::collections::BTreeSet;

use bytes::Bytes;
use hallmark_tests::data::assert_same;
use hallmark_tests::s3::{Client, Upload};
use sha2::{Digest as _, Sha256};

use super::command::{INSTANCES, KEYS};
use super::machine::{BUCKET, Machine, name};
use super::model::{Object, State};

/// Of so many uploads the parts are compared after each step: the latest.
const LISTED: usize = 3;

impl Machine {
    /// This was written to a key a moment ago: it is served, under a seal that no other write has.
    pub(super) fn wrote(&mut self, key: usize, bytes: Bytes, etag: String) {
        let seal = seal(&self.client(1), key).expect("what was written is there");
        assert!(
            self.model.objects.iter().flatten().all(|object| object.seal != seal),
            "the seal is an old one"
        );
        let object = Object { bytes, etag, seal };
        serves(&self.client(0), key, &object);
        self.model.objects[key] = Some(object);
    }

    /// After each step.
    pub(super) fn check(&self, through: usize) {
        let client = self.client(through);
        for key in 0..KEYS {
            let known = self.model.objects[key].as_ref().map(|object| &object.seal);
            assert_eq!(seal(&client, key).as_ref(), known, "{}", name(key));
        }
        self.check_uploads(&client);
        for (number, began) in self.model.uploads.iter().enumerate().rev().take(LISTED) {
            let upload = self.upload(through, number);
            match &began.state {
                State::Open => {
                    let expected = began.parts.iter();
                    let expected: Vec<_> = expected
                        .map(|(number, part)| (*number, part.etag.clone(), part.bytes.len()))
                        .collect();
                    assert_eq!(parts(&upload), expected, "the parts of upload {number}");
                }
                State::Interrupted(_) => {}
                State::Completed { .. } | State::Aborted | State::Ended { .. } => {
                    assert_eq!(upload.parts("").code(), "NoSuchUpload");
                }
            }
        }
    }

    fn check_uploads(&self, client: &Client) {
        let page = client.uploads(BUCKET, "");
        let (keys, ids) = (page.elements("Key"), page.elements("UploadId"));
        assert!(page.status == 200 && keys.is_sorted(), "{}", page.text());
        let listed: BTreeSet<_> = keys.into_iter().zip(ids).collect();
        let open = self.model.uploads.iter().filter(|began| began.is_listed());
        let open: BTreeSet<_> = open.map(|began| (name(began.key), began.upload.id.clone())).collect();
        assert_eq!(listed, open, "uploads in progress");
    }

    /// At the end: every byte through every instance, and nothing is left of what is over.
    pub(super) fn check_all(&self) {
        for through in 0..INSTANCES {
            let client = self.client(through);
            let objects = self.model.objects.iter().enumerate();
            let objects: Vec<_> = objects.filter_map(|(key, object)| Some((key, object.as_ref()?))).collect();
            objects.iter().for_each(|(key, object)| serves(&client, *key, object));
            let listed: BTreeSet<_> = client.keys(BUCKET, "").into_iter().collect();
            assert_eq!(listed, objects.iter().map(|(key, _)| name(*key)).collect());
        }
        if let Some(stages) = self.cluster.stages() {
            let open = self.model.uploads.iter().filter(|began| began.is_listed()).count();
            assert!(stages <= open, "{stages} stages of {open} uploads");
        }
    }
}

/// The whole object comes, and its seal says that it is this one.
fn serves(client: &Client, key: usize, object: &Object) {
    let response = client.get(BUCKET, &name(key));
    assert_eq!(response.status, 200, "{}", response.text());
    assert_same(&response.body, &object.bytes, &name(key));
    assert_eq!(response.header("etag").map(|etag| etag.trim_matches('"')), Some(object.etag.as_str()));
    assert_eq!(response.header("x-hallmark-verified"), Some("seal"));
    let line = response.header("x-amz-meta-hallmark").unwrap();
    assert_eq!(line, object.seal);
    let sum = response_sum(client, key);
    assert!(sum.starts_with(&hex::encode(Sha256::digest(&object.bytes))), "{sum}");
    for field in [format!("size={}", object.bytes.len()), format!("etag={}", object.etag)] {
        assert!(line.split(' ').any(|known| known == field), "{line} has no {field}");
    }
}

/// What `sha256sum -c` takes.
fn response_sum(client: &Client, key: usize) -> String {
    client.get_query(BUCKET, &name(key), "hallmark=sha256").text()
}

/// The line of the seal of what stands there, if anything does.
pub(super) fn seal(client: &Client, key: usize) -> Option<String> {
    let response = client.head(BUCKET, &name(key));
    match response.status {
        200 => Some(response.header("x-amz-meta-hallmark").unwrap().to_owned()),
        404 => None,
        other => panic!("{other} {}", response.code()),
    }
}

/// The parts of an upload as they are listed: number, ETag, length.
pub(super) fn parts(upload: &Upload) -> Vec<(u64, String, usize)> {
    let page = upload.parts("");
    assert_eq!((page.status, page.element("IsTruncated").as_str()), (200, "false"), "{}", page.text());
    let numbers = page.elements("PartNumber").into_iter().map(|number| number.parse().unwrap());
    let etags = page.elements("ETag").into_iter().map(|etag| etag.trim_matches('"').to_owned());
    let sizes = page.elements("Size").into_iter().map(|size| size.parse().unwrap());
    numbers.zip(etags).zip(sizes).map(|((number, etag), size)| (number, etag, size)).collect()
}
