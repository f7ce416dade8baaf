//! `Content-Encoding`, as far as it is about the transfer. What of it is kept with an object: see `headers`.

use http::HeaderMap;

/// Whether `Content-Encoding` says that the body is framed.
pub(super) fn is_aws_chunked(headers: &HeaderMap) -> bool {
    let values = headers.get_all("content-encoding").iter().filter_map(|value| value.to_str().ok());
    let mut tokens = values.flat_map(|text| text.split(',')).map(|token| token.trim_matches([' ', '\t']));
    tokens.any(|token| token.eq_ignore_ascii_case("aws-chunked"))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_framing_is_found_among_the_encodings() {
        for (sent, framed) in [
            (&[][..], false),
            (&["aws-chunked"], true),
            (&["AWS-Chunked, ,"], true),
            (&["gzip"], false),
            (&["aws-chunked,gzip"], true),
            (&["gzip", " aws-chunked , br"], true),
            (&["x-aws-chunked"], false),
        ] {
            let mut headers = HeaderMap::new();
            for value in sent {
                headers.append("content-encoding", HeaderValue::from_static(value));
            }
            assert_eq!(is_aws_chunked(&headers), framed, "{sent:?}");
        }
    }
}
