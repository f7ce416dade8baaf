//! What Hallmark asks of a store, and which request is meant.

use percent_encoding::percent_decode_str;

use super::head::Head;

/// S3's operations, as far as tests tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "named after S3's own")]
pub enum Op {
    ListBuckets,
    HeadBucket,
    CreateBucket,
    DeleteBucket,
    ListObjects,
    ListVersions,
    ListUploads,
    DeleteObjects,
    GetObject,
    HeadObject,
    PutObject,
    CopyObject,
    DeleteObject,
    CreateUpload,
    UploadPart,
    UploadPartCopy,
    CompleteUpload,
    AbortUpload,
    ListParts,
    /// Something about a bucket: its versioning, lock, tags, place.
    AboutBucket,
    /// Something about an object: its tags, retention, legal hold.
    AboutObject,
    /// Nothing of these.
    Other,
}

/// A request that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is asked for.
    pub op: Op,
    /// `bucket/key`, decoded; the key may be missing.
    pub name: String,
    /// The query, as it came.
    pub query: String,
    /// The whole head.
    pub head: Head,
}

/// Which request is meant: the next that fits.
#[derive(Debug, Clone)]
pub struct Which {
    op: Option<Op>,
    naming: Option<String>,
    asking: Option<String>,
    pub(super) skip: usize,
}

impl Op {
    /// Those whose `bucket/key` holds `text`.
    pub fn naming(self, text: impl Into<String>) -> Which {
        Which::from(self).naming(text)
    }

    /// Those after so many of them.
    pub fn after(self, calls: usize) -> Which {
        Which::from(self).after(calls)
    }

    /// Whether the store may be another one afterwards.
    pub fn writes(self) -> bool {
        match self {
            Self::ListBuckets
            | Self::HeadBucket
            | Self::ListObjects
            | Self::ListVersions
            | Self::ListUploads
            | Self::ListParts
            | Self::GetObject
            | Self::HeadObject => false,
            Self::CreateBucket
            | Self::DeleteBucket
            | Self::DeleteObjects
            | Self::PutObject
            | Self::CopyObject
            | Self::DeleteObject
            | Self::CreateUpload
            | Self::UploadPart
            | Self::UploadPartCopy
            | Self::CompleteUpload
            | Self::AbortUpload
            | Self::AboutBucket
            | Self::AboutObject
            | Self::Other => true,
        }
    }
}

impl Which {
    /// Every request.
    pub fn any() -> Self {
        Self { op: None, naming: None, asking: None, skip: 0 }
    }

    /// Those whose `bucket/key` holds `text`.
    #[must_use]
    pub fn naming(self, text: impl Into<String>) -> Self {
        Self { naming: Some(text.into()), ..self }
    }

    /// Those whose query holds `text`.
    #[must_use]
    pub fn asking(self, text: impl Into<String>) -> Self {
        Self { asking: Some(text.into()), ..self }
    }

    /// Those after so many of them.
    #[must_use]
    pub fn after(self, calls: usize) -> Self {
        Self { skip: calls, ..self }
    }

    pub(super) fn fits(&self, call: &Call) -> bool {
        self.op.is_none_or(|op| op == call.op)
            && self.naming.as_deref().is_none_or(|text| call.name.contains(text))
            && self.asking.as_deref().is_none_or(|text| call.query.contains(text))
    }
}

impl From<Op> for Which {
    fn from(op: Op) -> Self {
        Self { op: Some(op), ..Self::any() }
    }
}

impl Call {
    pub(super) fn of(head: Head) -> Self {
        let mut words = head.first.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let name = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
        let op = operation(method, &name, query, head.header("x-amz-copy-source").is_some());
        Self { op, name, query: query.to_owned(), head }
    }

    /// The method.
    pub fn method(&self) -> &str {
        self.head.first.split(' ').next().unwrap_or_default()
    }

    /// The decoded value of a parameter of the query; empty: it has no value.
    pub fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.query, name).map(|value| percent_decode_str(value).decode_utf8_lossy().into_owned())
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
}

fn operation(method: &str, name: &str, query: &str, copies: bool) -> Op {
    let has = |name: &str| parameter(query, name).is_some();
    let about =
        ["versioning", "object-lock", "tagging", "location", "retention", "legal-hold", "acl", "policy"];
    let about = about.into_iter().any(has);
    let (bucket, key) = name.split_once('/').unwrap_or((name, ""));
    match (method, bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => Op::ListBuckets,
        (_, false, true) if about => Op::AboutBucket,
        ("GET", false, true) if has("versions") => Op::ListVersions,
        ("GET", false, true) if has("uploads") => Op::ListUploads,
        ("GET", false, true) => Op::ListObjects,
        ("HEAD", false, true) => Op::HeadBucket,
        ("PUT", false, true) => Op::CreateBucket,
        ("DELETE", false, true) => Op::DeleteBucket,
        ("POST", false, true) if has("delete") => Op::DeleteObjects,
        (_, false, false) if about => Op::AboutObject,
        ("GET", false, false) if has("uploadId") => Op::ListParts,
        ("GET", false, false) => Op::GetObject,
        ("HEAD", false, false) => Op::HeadObject,
        ("PUT", false, false) if has("uploadId") && copies => Op::UploadPartCopy,
        ("PUT", false, false) if has("uploadId") => Op::UploadPart,
        ("PUT", false, false) if copies => Op::CopyObject,
        ("PUT", false, false) => Op::PutObject,
        ("POST", false, false) if has("uploads") => Op::CreateUpload,
        ("POST", false, false) if has("uploadId") => Op::CompleteUpload,
        ("DELETE", false, false) if has("uploadId") => Op::AbortUpload,
        ("DELETE", false, false) => Op::DeleteObject,
        (_, _, _) => Op::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(first: &str, headers: &[(&str, &str)]) -> Call {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Call::of(Head { first: format!("{first} HTTP/1.1"), headers: headers.collect() })
    }

    #[test]
    fn requests_are_told_apart() {
        let copy: &[_] = &[("X-Amz-Copy-Source", "/a/b")];
        for (first, headers, op, name) in [
            ("GET /?x-id=ListBuckets", &[][..], Op::ListBuckets, ""),
            ("HEAD /b", &[], Op::HeadBucket, "b"),
            ("PUT /b/", &[], Op::CreateBucket, "b/"),
            ("GET /b?list-type=2&prefix=versions", &[], Op::ListObjects, "b"),
            ("GET /b?versions", &[], Op::ListVersions, "b"),
            ("GET /b?versioning", &[], Op::AboutBucket, "b"),
            ("POST /b?delete", &[], Op::DeleteObjects, "b"),
            ("GET /b/k%2F%C3%BC%20", &[], Op::GetObject, "b/k/ü "),
            ("PUT /b/k", copy, Op::CopyObject, "b/k"),
            ("PUT /b/k?partNumber=1&uploadId=x", copy, Op::UploadPartCopy, "b/k"),
            ("PUT /b/k?partNumber=1&uploadId=x", &[], Op::UploadPart, "b/k"),
            ("POST /b/k?uploads=", &[], Op::CreateUpload, "b/k"),
            ("POST /b/k?uploadId=x", &[], Op::CompleteUpload, "b/k"),
            ("DELETE /b/k?uploadId=x", &[], Op::AbortUpload, "b/k"),
            ("DELETE /b/k?versionId=x", &[], Op::DeleteObject, "b/k"),
            ("PUT /b/k?tagging", &[], Op::AboutObject, "b/k"),
            ("OPTIONS /b/k", &[], Op::Other, "b/k"),
        ] {
            let call = call(first, headers);
            assert_eq!((call.op, call.name.as_str()), (op, name), "{first}");
        }
    }

    #[test]
    fn what_is_meant_can_be_said_closely() {
        let call = call("GET /b/key?partNumber=3", &[]);
        assert!(Which::any().fits(&call) && Op::GetObject.naming("b/k").asking("partNumber=3").fits(&call));
        assert!(!Op::GetObject.naming("c/").fits(&call) && !Which::any().asking("uploadId").fits(&call));
        assert_eq!(call.parameter("partNumber").as_deref(), Some("3"));
    }
}
