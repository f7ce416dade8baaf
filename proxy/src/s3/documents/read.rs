//! Reads small XML documents from clients into a tree: strictly, and within bounds.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::MAX_REQUEST_BYTES;
use crate::s3::error::{Code, S3Error};

/// Bounds on a document, beside [`MAX_REQUEST_BYTES`].
pub(super) struct Limits {
    /// Elements within elements.
    pub(super) depth: usize,
    /// Elements in all.
    pub(super) elements: usize,
    /// Names of attributes that may stand there and are not looked at.
    pub(super) attributes: &'static [&'static str],
}

/// Bounds on a small document: one that configures something.
pub(super) const SMALL: Limits = Limits { depth: 8, elements: 512, attributes: &[] };

/// An element that holds text or other elements, never both.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// As written; a prefix is part of it, so that a prefixed name is an unknown one.
    pub(super) name: String,
    /// Empty if there are children.
    pub(super) text: String,
    /// In the order of the document.
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The refusal of an element that has no place where it stands.
    pub(super) fn unexpected(&self) -> S3Error {
        malformed("an element is not expected there, or not in this form").with("Element", self.shown_name())
    }

    /// Its text, if it holds nothing else.
    pub(super) fn leaf(self) -> Result<String, S3Error> {
        if self.children.is_empty() { Ok(self.text) } else { Err(self.unexpected()) }
    }

    /// Its children, if it has this name and no text.
    pub(super) fn named(self, name: &str) -> Result<Vec<Element>, S3Error> {
        let is_bare = self.children.is_empty() && !self.text.chars().all(is_space);
        if self.name != name || is_bare {
            return Err(self.unexpected());
        }
        Ok(self.children)
    }

    /// Its name, cut to what a message can bear.
    pub(super) fn shown_name(&self) -> String {
        self.name.chars().take(64).collect()
    }
}

/// Puts `value` into a place that an element may fill once.
pub(super) fn once<T>(place: &mut Option<T>, value: T) -> Result<(), S3Error> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(malformed("an element is there twice")),
    }
}

/// Parses `body`.
///
/// No document type, no entities but the predefined five and character references, no processing instructions, no
/// attributes but namespace declarations.
///
/// # Errors
/// `MalformedXML`, or `MaxMessageLengthExceeded`.
pub(super) fn parse(body: &[u8], limits: &Limits) -> Result<Element, S3Error> {
    if body.len() > MAX_REQUEST_BYTES {
        return Err(S3Error::new(Code::MaxMessageLengthExceeded, "Your request was too big.")
            .with("MaxMessageLengthBytes", MAX_REQUEST_BYTES.to_string()));
    }
    let text = str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains(|c: char| c.is_control() && !is_space(c) && !matches!(c, '\u{7f}'..='\u{9f}')) {
        return Err(malformed("it holds a control character"));
    }
    let mut tree = Tree { limits, open: Vec::new(), root: None, elements: 0 };
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut is_first = true;
    loop {
        match reader.read_event().map_err(|_| malformed("a tag, a comment or a reference is wrong"))? {
            Event::Start(tag) => tree.open(&tag)?,
            Event::Empty(tag) => {
                tree.open(&tag)?;
                tree.close()?;
            }
            // That it closes what is open was checked by the reader.
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.text(&text.xml10_content())?,
            Event::GeneralRef(reference) => tree.text(resolve(&reference)?.encode_utf8(&mut [0; 4]))?,
            Event::Comment(_) => {}
            Event::Decl(declaration) if is_first => {
                let encoding =
                    declaration.encoding().transpose().map_err(|_| malformed("its declaration"))?;
                if encoding.is_some_and(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(malformed("its encoding is not UTF-8"));
                }
            }
            Event::Decl(_) => return Err(malformed("a declaration stands in its middle")),
            Event::PI(_) => return Err(malformed("it holds a processing instruction")),
            Event::DocType(_) => return Err(malformed("it holds a document type")),
            Event::Eof => return tree.finish(),
        }
        is_first = false;
    }
}

struct Tree<'a> {
    limits: &'a Limits,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree<'_> {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), S3Error> {
        self.elements += 1;
        if self.elements > self.limits.elements || self.open.len() >= self.limits.depth {
            return Err(malformed("it has too many elements, or they are nested too deeply"));
        }
        if self.root.is_some() {
            return Err(malformed("it has more than one root"));
        }
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| malformed("an attribute is wrong"))?;
            let is_known = self.limits.attributes.contains(&attribute.key.into_inner());
            if attribute.key.as_namespace_binding().is_none() && !is_known {
                return Err(malformed("an element has an attribute"));
            }
        }
        let name = tag.name().into_inner().to_owned();
        self.open.push(Element { name, ..Element::default() });
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), S3Error> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.chars().all(is_space) => {}
            None => return Err(malformed("there is text outside of its root")),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), S3Error> {
        let Some(mut element) = self.open.pop() else {
            return Err(malformed("an element is closed that was not open"));
        };
        if !element.children.is_empty() {
            // The space that documents are indented with.
            if !element.text.chars().all(is_space) {
                return Err(malformed("an element holds both text and elements"));
            }
            element.text.clear();
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, S3Error> {
        match self.root {
            Some(root) if self.open.is_empty() => Ok(root),
            _ => Err(malformed("it ends early")),
        }
    }
}

/// The character that a reference stands for. Control characters are let through as references, though XML 1.0 has
/// none: keys may hold them, and this is how S3 and its clients write such keys.
fn resolve(reference: &BytesRef<'_>) -> Result<char, S3Error> {
    let character = reference.resolve_char_ref().map_err(|_| malformed("a character reference is wrong"))?;
    character
        .or(match &**reference {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => None,
        })
        .ok_or_else(|| malformed("it refers to an entity"))
}

/// White space as XML has it.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// The refusal of a document.
pub(super) fn malformed(why: &str) -> S3Error {
    let message = format!(
        "The XML you provided was not well-formed or did not validate against our published schema: {why}."
    );
    S3Error::new(Code::MalformedXML, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { depth: 3, elements: 5, attributes: &["x:known"] };

    /// `body` as a tree, written `name(text or children)`.
    fn check(body: &str, expected: Option<&str>) {
        fn show(element: &Element) -> String {
            let children: String = element.children.iter().map(show).collect();
            format!("{}({}{children})", element.name, element.text)
        }
        match parse(body.as_bytes(), &LIMITS) {
            Ok(root) => assert_eq!(Some(show(&root).as_str()), expected, "{body}"),
            Err(error) => assert_eq!((error.code, None), (Code::MalformedXML, expected), "{body}: {error}"),
        }
    }

    #[test]
    fn documents_are_read() {
        check("<a/>", Some("a()"));
        check("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<a>\n <b>x</b>\n</a>\n", Some("a(b(x))"));
        check("\u{feff}<a><!-- a comment --></a>", Some("a()"));
        check("<a> x </a>", Some("a( x )"));
        check("<a>&lt;&#x41;&#66;&amp;&quot;&apos;&gt;</a>", Some("a(<AB&\"'>)"));
        check("<a>&#x1;&#13;\r\n\r</a>", Some("a(\u{1}\r\n\n)"));
        check("<a><![CDATA[<b>&lt;]]></a>", Some("a(<b>&lt;)"));
        check("<a xmlns=\"urn:x\" xmlns:y='z'></a>", Some("a()"));
        check("<y:a/>", Some("y:a()"));
        check("<a x:known=\"1\"/>", Some("a()"));
        check("<a><b><c/></b><b/></a>", Some("a(b(c())b())"));
    }

    #[test]
    fn hostile_documents_are_refused() {
        for body in [
            "",
            "   ",
            "x",
            "<a>",
            "<a></b>",
            "</a>",
            "<a/><a/>",
            "<a/>x",
            "x<a/>",
            "<a>x<b/></a>",
            "<a b=\"c\"/>",
            "<a x:known=\"1\" x:known=\"1\"/>",
            "<a xmlns=\"x\" xmlns=\"x\"/>",
            "<a><b><c><d/></c></b></a>",
            "<a><b/><b/><b/><b/><b/></a>",
            "<a>&b;</a>",
            "<a>&#0;</a>",
            "<a>&#xD800;</a>",
            "<a>&#x110000;</a>",
            "<a>&#;</a>",
            "<a>& b</a>",
            "<a>\u{1}</a>",
            "<?xml version=\"1.0\" encoding=\"utf-16\"?><a/>",
            "<a/><?xml version=\"1.0\"?>",
            "<?php x?><a/>",
            "<a><!-- -- --></a>",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY b \"lol\"><!ENTITY c \"&b;&b;&b;\">]><a>&c;</a>",
            "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
        ] {
            check(body, None);
        }
        let large = vec![b' '; MAX_REQUEST_BYTES + 1];
        assert_eq!(parse(&large, &LIMITS).unwrap_err().code, Code::MaxMessageLengthExceeded);
        assert_eq!(parse(b"<a>\xff</a>", &LIMITS).unwrap_err().code, Code::MalformedXML);
    }

    proptest! {
        #[test]
        fn reading_never_panics(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            text in "[<>/&;!?#x\\[\\]=\"' a-c0-9-]{0,60}",
        ) {
            let _ = parse(&bytes, &LIMITS);
            let _ = parse(text.as_bytes(), &LIMITS);
        }

        #[test]
        fn what_is_written_is_read(text in any::<String>()) {
            let text = text.replace('\0', "");
            let written = super::super::write::document("a", None, |xml| xml.escape(&text));
            prop_assert_eq!(parse(written.bytes(), &LIMITS).unwrap().text, text);
        }
    }
}
