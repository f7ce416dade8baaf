//! Copies, versions, tags, locks, and deletions of many: what is asked in a header, a query or a small document.

use super::{Client, about, checksum, object};
use crate::raw::Response;
use crate::sigv4::encode;

/// Copies and versions.
impl Client {
    /// Copies an object: `source` is bucket, key, and perhaps the version.
    pub fn copy(
        &self,
        source: (&str, &str, Option<&str>),
        bucket: &str,
        key: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let source = copy_source(source.0, source.1, source.2);
        let headers = [&[("x-amz-copy-source", source.as_str())], headers].concat();
        self.ask("PUT", &object(bucket, key), &headers, &[])
    }

    /// Has a bucket keep versions, or no longer: `Enabled` or `Suspended`.
    pub fn set_versioning(&self, bucket: &str, status: &str) -> Response {
        let text = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
        self.put_document(&format!("/{bucket}?versioning"), &text)
    }

    /// Downloads a version.
    pub fn get_version(&self, bucket: &str, key: &str, version: &str) -> Response {
        self.get_with(bucket, key, &of_version(version), &[])
    }

    /// Asks for the headers of a version.
    pub fn head_version(&self, bucket: &str, key: &str, version: &str) -> Response {
        self.head_with(bucket, key, &of_version(version), &[])
    }

    /// Deletes a version.
    pub fn delete_version(&self, bucket: &str, key: &str, version: &str) -> Response {
        self.delete_with(bucket, key, &of_version(version), &[])
    }

    /// Deletes with further headers, perhaps `?{query}`.
    pub fn delete_with(&self, bucket: &str, key: &str, query: &str, headers: &[(&str, &str)]) -> Response {
        self.ask("DELETE", &about(bucket, key, query), headers, &[])
    }

    /// Deletes many objects: keys, and perhaps which version.
    pub fn delete_many(&self, bucket: &str, objects: &[(&str, Option<&str>)]) -> Response {
        let line = |(key, version): &(&str, Option<&str>)| {
            let version = version.map(|version| format!("<VersionId>{version}</VersionId>"));
            format!("<Object><Key>{}</Key>{}</Object>", escape(key), version.unwrap_or_default())
        };
        let objects: String = objects.iter().map(line).collect();
        self.send_document("POST", &format!("/{bucket}?delete"), &format!("<Delete>{objects}</Delete>"))
    }

    /// One page of the versions of a bucket; `query` is encoded, and may be empty.
    pub fn list_versions(&self, bucket: &str, query: &str) -> Response {
        let mark = if query.is_empty() { "" } else { "&" };
        self.ask("GET", &format!("/{bucket}?versions{mark}{query}"), &[], &[])
    }
}

/// Tags and locks. For other versions than the current, and for reading or deleting what is set here, see
/// [`get_query`](Client::get_query), [`delete_with`](Client::delete_with) and [`put_document`](Client::put_document).
impl Client {
    /// Replaces the tags of an object.
    pub fn set_tags(&self, bucket: &str, key: &str, tags: &[(&str, &str)]) -> Response {
        self.put_document(&about(bucket, key, "tagging"), &tagging(tags))
    }

    /// The tags of an object.
    pub fn tags(&self, bucket: &str, key: &str) -> Response {
        self.get_query(bucket, key, "tagging")
    }

    /// Replaces the tags of a bucket.
    pub fn set_bucket_tags(&self, bucket: &str, tags: &[(&str, &str)]) -> Response {
        self.put_document(&format!("/{bucket}?tagging"), &tagging(tags))
    }

    /// Locks a version: `GOVERNANCE` or `COMPLIANCE`, until a time as `2031-01-01T00:00:00Z`.
    pub fn set_retention(&self, bucket: &str, key: &str, version: &str, mode: &str, until: &str) -> Response {
        let text =
            format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
        self.put_document(&about(bucket, key, &format!("retention&{}", of_version(version))), &text)
    }

    /// Sets or lifts the legal hold of a version: `ON` or `OFF`.
    pub fn set_legal_hold(&self, bucket: &str, key: &str, version: &str, status: &str) -> Response {
        let text = format!("<LegalHold><Status>{status}</Status></LegalHold>");
        self.put_document(&about(bucket, key, &format!("legal-hold&{}", of_version(version))), &text)
    }

    /// Puts a small document, with the MD5 that S3 asks of some of them.
    pub fn put_document(&self, target: &str, text: &str) -> Response {
        self.send_document("PUT", target, text)
    }

    fn send_document(&self, method: &str, target: &str, text: &str) -> Response {
        let md5 = checksum("md5", text.as_bytes());
        self.ask(
            method,
            target,
            &[("Content-MD5", &md5), ("Content-Type", "application/xml")],
            text.as_bytes(),
        )
    }
}

/// The value of `x-amz-copy-source`.
pub fn copy_source(bucket: &str, key: &str, version: Option<&str>) -> String {
    about(bucket, key, &version.map(of_version).unwrap_or_default())
}

fn of_version(version: &str) -> String {
    format!("versionId={}", encode(version))
}

fn tagging(tags: &[(&str, &str)]) -> String {
    let tag = |(name, value): &(&str, &str)| {
        format!("<Tag><Key>{}</Key><Value>{}</Value></Tag>", escape(name), escape(value))
    };
    let tags: String = tags.iter().map(tag).collect();
    format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_documents_are_encoded() {
        assert_eq!(copy_source("b", "a b/ü?", None), "/b/a%20b/%C3%BC%3F");
        assert_eq!(copy_source("b", "k", Some("v+1")), "/b/k?versionId=v%2B1");
        assert_eq!(
            tagging(&[("a&b", "<c>")]),
            "<Tagging><TagSet><Tag><Key>a&amp;b</Key><Value>&lt;c&gt;</Value></Tag></TagSet></Tagging>"
        );
    }
}
