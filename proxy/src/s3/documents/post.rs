//! The answer to a form that asked for one.

use super::Document;
use super::write::document;
use crate::name::ObjectName;

/// `PostResponse`: what was stored, where; `location` is its URL and `etag` without quotes. Without a namespace, as in
/// S3.
pub fn post_response(location: &str, object: &ObjectName, etag: &str) -> Document {
    document("PostResponse", None, |xml| {
        xml.text("Location", location);
        xml.text("Bucket", object.bucket.as_str());
        xml.text("Key", object.key.as_str());
        xml.text("ETag", &format!("\"{etag}\""));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::{BucketName, ObjectKey};

    #[test]
    fn a_form_is_answered_as_s3_does() {
        let object = ObjectName {
            bucket: BucketName::parse("builds").unwrap(),
            key: ObjectKey::parse("a<b>&c").unwrap(),
        };
        let document = post_response("http://h.example/builds/a%3Cb%3E%26c", &object, "d41d");
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse>\
            <Location>http://h.example/builds/a%3Cb%3E%26c</Location><Bucket>builds</Bucket>\
            <Key>a&lt;b&gt;&amp;c</Key><ETag>&quot;d41d&quot;</ETag></PostResponse>";
        assert_eq!(document.bytes(), expected.as_bytes());
    }
}
