//! Vectors that a second implementation made: seals of version 1 never change.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use hallmark_signer::{
    Claims, Content, ContentDigests, ContentHasher, Envelope, Hallmark, NoVerdicts, Observed, PrivateKey,
    PublicKey, SealKeys, SealLine, SealedHeaders, Sealer, record, verify,
};

const VECTORS: &str = include_str!("../testdata/seal-v1.txt");
const KEY: &str = include_str!("../testdata/rfc6979-a25.key");
const PUBLIC: &str = include_str!("../testdata/rfc6979-a25.pub");

/// The lines `name: value` of one vector.
struct Vector(Vec<(&'static str, &'static str)>);

impl Vector {
    fn all() -> Vec<Self> {
        let lines = |text: &'static str| {
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split_once(": ").unwrap())
                .collect()
        };
        VECTORS.split("\n\n").map(|text| Self(lines(text))).filter(|vector| !vector.0.is_empty()).collect()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |line| line.0 == name).map(|line| line.1)
    }

    fn value(&self, name: &str) -> &'static str {
        self.values(name).next().unwrap_or_else(|| panic!("a vector without `{name}`"))
    }

    fn content(&self) -> Content {
        let mut hasher = ContentHasher::of_unknown_length();
        match self.value("content").split_once(' ') {
            Some(("text", json)) => hasher.update(serde_json::from_str::<String>(json).unwrap().as_bytes()),
            Some(("zeros", count)) => hasher.update(&vec![0; count.parse().unwrap()]),
            _ => panic!("{}", self.value("content")),
        }
        hasher.finish().unwrap()
    }

    fn headers(&self) -> SealedHeaders {
        let mut headers = SealedHeaders::default();
        for header in self.values("header") {
            let (name, value) = header.split_once(' ').unwrap();
            headers.insert(name, &serde_json::from_str::<String>(value).unwrap()).unwrap();
        }
        headers
    }
}

fn check(vector: &Vector) {
    let key: String = serde_json::from_str(vector.value("key")).unwrap();
    let content = vector.content();
    let observed = Observed {
        realm: vector.value("realm"),
        bucket: vector.value("bucket"),
        key: &key,
        length: content.size(),
        headers: vector.headers().digest(),
    };
    let text = vector.value("line");

    // What was made elsewhere is accepted here.
    let line = SealLine::parse(text).unwrap();
    let keys = SealKeys::new([PublicKey::from_pem(PUBLIC).unwrap()]).unwrap();
    let seal = verify(&line, &observed, &keys, &NoVerdicts).unwrap();
    assert_eq!(seal.statement().payload(), vector.value("statement"));
    assert_eq!(seal.envelope().to_json(), vector.value("envelope"));
    assert_eq!(Envelope::parse(vector.value("envelope").as_bytes()), Ok(seal.envelope()));
    assert_eq!(*seal.content(), ContentDigests::of(&content).unwrap());
    assert_eq!(Hallmark::parse(text).is_ok(), content.size() <= hallmark_signer::MAX_INLINE);

    // The same is made here.
    let claims = Claims {
        id: seal.id(),
        op: seal.op(),
        at: seal.at(),
        by: seal.by().clone(),
        src: seal.src(),
        content: ContentDigests::of(&content).unwrap(),
        parts: seal.parts().copied(),
        etag: seal.etag(),
    };
    let sealer = Sealer::new(PrivateKey::from_pem(KEY).unwrap().into_seal_key());
    assert_eq!(sealer.seal(claims, &observed).unwrap().to_string(), text);
    for expected in vector.values("record-sha256") {
        let record = record::encode(&line, content.leaves(), None, None).unwrap();
        assert_eq!(hallmark_signer::Sha256Digest::of(&record).to_hex(), expected);
    }
}

#[test]
fn seals_are_made_and_accepted_as_elsewhere() {
    let vectors = Vector::all();
    assert_eq!(vectors.len(), 5);
    vectors.iter().for_each(check);
}
