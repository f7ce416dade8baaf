//! The error document.

use super::Document;
use super::write::document;
use crate::s3::error::S3Error;
use crate::s3::response::RequestId;

/// The document that goes with `error`; `resource` is the path that the client asked for. Without a namespace, as in
/// S3.
pub fn error_document(error: &S3Error, resource: &str, request_id: &RequestId) -> Document {
    document("Error", None, |xml| {
        xml.text("Code", error.code.as_str());
        xml.text("Message", &error.message);
        for (element, text) in &error.details {
            xml.text(element, text);
        }
        xml.text("Resource", resource);
        xml.text("RequestId", request_id.as_str());
        // Clients log it beside the request id. Which of our machines answered is nobody's business.
        xml.text("HostId", "hallmark");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::error::Code;

    #[test]
    fn an_error_is_said_as_s3_says_it() {
        let error = S3Error::new(Code::InvalidRange, "The requested range is not satisfiable")
            .with("RangeRequested", "bytes=9-")
            .with("ActualObjectSize", "3");
        let document = error_document(&error, "/builds/<a>", &RequestId::new(0xabc));
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidRange</Code>\
            <Message>The requested range is not satisfiable</Message><RangeRequested>bytes=9-</RangeRequested>\
            <ActualObjectSize>3</ActualObjectSize><Resource>/builds/&lt;a&gt;</Resource>\
            <RequestId>0000000000000ABC</RequestId><HostId>hallmark</HostId></Error>";
        assert_eq!(document.bytes(), expected.as_bytes());
    }
}
