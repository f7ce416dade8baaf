//! The document in which a store says why it refused.

use quick_xml::Reader;
use quick_xml::events::Event;

/// The longest document that is read, bytes.
pub(super) const MAX_BYTES: usize = 64 << 10;

/// What it says. For decisions the code, for the log the message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

/// Reads `<Error>` with its `<Code>` and `<Message>`; what is something else says nothing.
pub(super) fn parse(document: &[u8]) -> ErrorBody {
    let mut found = ErrorBody::default();
    let Ok(text) = std::str::from_utf8(document) else { return found };
    let mut reader = Reader::from_str(text);
    let (mut depth, mut inside) = (0usize, None);
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                inside = match (depth, start.local_name().as_ref()) {
                    (0, "Error") => None,
                    (0, _) => return found,
                    (1, "Code") => Some(&mut found.code),
                    (1, "Message") => Some(&mut found.message),
                    _ => None,
                };
                depth += 1;
            }
            Ok(Event::Text(piece)) => {
                if let Some(slot) = &mut inside {
                    slot.get_or_insert_default().push_str(&piece.xml10_content());
                }
            }
            Ok(Event::End(_)) => {
                depth = depth.saturating_sub(1);
                inside = None;
            }
            Ok(Event::Eof) | Err(_) => return found,
            // Entities are not put together: no code has any, and a message is for people.
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn code_and_message_are_found() {
        for (document, code, message) in [
            (
                "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>a b</Message></Error>",
                Some("NoSuchKey"),
                Some("a b"),
            ),
            (
                "<Error xmlns=\"x\"><Detail><Code>Inner</Code></Detail><Code>Outer</Code></Error>",
                Some("Outer"),
                None,
            ),
            ("<Other><Code>NoSuchKey</Code></Other>", None, None),
            ("<Error><Code>Cut", Some("Cut"), None),
            ("<html>", None, None),
            ("", None, None),
        ] {
            let expected = ErrorBody { code: code.map(str::to_owned), message: message.map(str::to_owned) };
            assert_eq!(parse(document.as_bytes()), expected, "{document}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_read(document: Vec<u8>, text: String) {
            parse(&document);
            parse(format!("<Error><Code>{text}").as_bytes());
        }
    }
}
