//! Writes XML, byte for byte as S3 does: no indentation, and every character of a key comes through.

use std::fmt::Write as _;

use super::Document;

/// What every document begins with.
pub const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// A document in the making.
pub(super) struct Xml(String);

/// The document with root element `root` in `namespace`, its content written by `content`.
pub(super) fn document(root: &str, namespace: Option<&str>, content: impl FnOnce(&mut Xml)) -> Document {
    let mut xml = Xml(String::from(DECLARATION));
    let open = match namespace {
        Some(namespace) => format!("{root} xmlns=\"{namespace}\""),
        None => root.to_owned(),
    };
    xml.between(&open, root, content);
    Document::new("application/xml", xml.0)
}

impl Xml {
    /// An element with elements in it.
    pub(super) fn element(&mut self, name: &str, content: impl FnOnce(&mut Self)) {
        self.between(name, name, content);
    }

    /// An element with attributes, written out, and with elements in it.
    pub(super) fn element_with(&mut self, name: &str, attributes: &str, content: impl FnOnce(&mut Self)) {
        self.between(&format!("{name} {attributes}"), name, content);
    }

    /// An element that says whether something is so.
    pub(super) fn flag(&mut self, name: &str, is_so: bool) {
        self.text(name, if is_so { "true" } else { "false" });
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.between(name, name, |xml| xml.escape(text));
    }

    /// An element with a number in it.
    pub(super) fn number(&mut self, name: &str, number: u64) {
        self.text(name, &number.to_string());
    }

    /// The text of the element that is open.
    pub(super) fn escape(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                // A parser would turn a carriage return into a line feed. The other control characters and the two
                // non-characters are in no XML 1.0 document, not even as references; S3 writes references, and so do
                // we: clients that meet such keys ask for `encoding-type=url`, and the others get an error from their
                // parser instead of a key that is not there.
                '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {
                    // Writing to a String does not fail.
                    let _ = write!(self.0, "&#x{:X};", u32::from(character));
                }
                _ => self.0.push(character),
            }
        }
    }

    fn between(&mut self, open: &str, close: &str, content: impl FnOnce(&mut Self)) {
        self.0.extend(["<", open, ">"]);
        content(self);
        self.0.extend(["</", close, ">"]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_comes_through() {
        let document = document("R", Some("urn:n"), |xml| {
            xml.text("Key", "a<b>&\"'é\u{1}\r\n\t\u{7f}\u{ffff}😀");
            xml.text("Empty", "");
            xml.element("Outer", |xml| xml.number("N", u64::MAX));
        });
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<R xmlns=\"urn:n\">\
            <Key>a&lt;b&gt;&amp;&quot;'é&#x1;&#xD;&#xA;&#x9;&#x7F;&#xFFFF;😀</Key><Empty></Empty>\
            <Outer><N>18446744073709551615</N></Outer></R>";
        assert_eq!(document.bytes(), expected.as_bytes());
        assert_eq!(document.content_type(), "application/xml");
    }
}
