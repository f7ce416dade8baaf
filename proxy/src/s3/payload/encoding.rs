//! `Content-Encoding`, without the part of it that is about the transfer.

use http::HeaderMap;

use crate::s3::error::{Code, S3Error};

const AWS_CHUNKED: &str = "aws-chunked";

/// The content encoding to be kept with an object: without `aws-chunked`, which ends here. `None` if nothing is left.
///
/// # Errors
/// `InvalidArgument` when it is not visible ASCII.
pub fn content_encoding(headers: &HeaderMap) -> Result<Option<String>, S3Error> {
    let mut kept = Vec::new();
    for value in headers.get_all("content-encoding") {
        let text = value.to_str().map_err(|_| {
            S3Error::new(Code::InvalidArgument, "Content-Encoding is not visible ASCII.")
                .with("ArgumentName", "content-encoding")
        })?;
        kept.extend(tokens(text).filter(|token| !token.eq_ignore_ascii_case(AWS_CHUNKED)));
    }
    Ok(if kept.is_empty() { None } else { Some(kept.join(",")) })
}

/// Whether `Content-Encoding` says that the body is framed.
pub(super) fn is_aws_chunked(headers: &HeaderMap) -> bool {
    let values = headers.get_all("content-encoding").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(tokens).any(|token| token.eq_ignore_ascii_case(AWS_CHUNKED))
}

fn tokens(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(|token| token.trim_matches([' ', '\t'])).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_transfer_is_no_part_of_the_encoding() {
        for (sent, kept) in [
            (&[][..], None),
            (&["aws-chunked"], None),
            (&["AWS-Chunked, ,"], None),
            (&["gzip"], Some("gzip")),
            (&["gzip, br"], Some("gzip,br")),
            (&["aws-chunked,gzip"], Some("gzip")),
            (&["gzip", " aws-chunked , br"], Some("gzip,br")),
            (&["x-aws-chunked"], Some("x-aws-chunked")),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append("content-encoding", HeaderValue::from_static(value));
            }
            assert_eq!(content_encoding(&headers), Ok(kept.map(str::to_owned)), "{sent:?}");
        }
    }
}
