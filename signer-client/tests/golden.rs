//! Vectors that a second implementation made: seals of version 1 never change.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hallmark_signer::signer::Signer;
use hallmark_signer::{
    CHECKSUM_HEADER, Certificate, Claims, Content, ContentDigests, ContentHasher, Envelope, Hallmark,
    Lifetime, NoVerdicts, Observed, PARTS_HEADER, ParsedHeader, PartChecksums, PartTable, Parts, PrivateKey,
    PublicKey, RecordHeader, SealKeys, SealLine, SealedHeaders, Sealer, Sha256Digest, record, verify,
};

const SEALS: &str = include_str!("../testdata/seal-v1.txt");
const MULTIPART: &str = include_str!("../testdata/multipart-v1.txt");
const CERTIFICATES: &str = include_str!("../testdata/certificate-v1.txt");
const KEY: &str = include_str!("../testdata/rfc6979-a25.key");
const PUBLIC: &str = include_str!("../testdata/rfc6979-a25.pub");

/// The lines `name: value` of one vector.
struct Vector(Vec<(&'static str, &'static str)>);

impl Vector {
    fn all(vectors: &'static str) -> Vec<Self> {
        let lines = |text: &'static str| {
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split_once(": ").unwrap())
                .collect()
        };
        vectors.split("\n\n").map(|text| Self(lines(text))).filter(|vector| !vector.0.is_empty()).collect()
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
        // It counts as a header wherever it stands.
        if let Some(sum) = self.values("sum").next() {
            headers.insert(CHECKSUM_HEADER, sum).unwrap();
        }
        headers
    }

    /// The table in the record.
    fn table(&self) -> Option<PartTable> {
        let parts = Parts::parse(self.values("parts").next()?).unwrap();
        let checksums = self.values("checksums").next().map(|text| PartChecksums::parse(text).unwrap());
        Some(PartTable::new(parts, checksums).unwrap())
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
        let table = vector.table();
        let sum = vector.values("sum").next();
        let record = record::encode(&line, content.leaves(), sum, table.as_ref()).unwrap();
        assert_eq!(Sha256Digest::of(&record).to_hex(), expected);
        let Ok(ParsedHeader::Complete(header)) = RecordHeader::parse(&record) else { panic!("{text}") };
        assert_eq!(header.sum(), sum);
        assert_eq!(header.verify(&seal).unwrap().part_table(), table.as_ref());
    }
    let table = seal.part_table(&vector.headers()).unwrap();
    assert_eq!(table.map(|table| table.to_metadata()).as_deref(), vector.headers().get(PARTS_HEADER));
}

#[test]
fn seals_are_made_and_accepted_as_elsewhere() {
    let vectors = Vector::all(SEALS);
    assert_eq!(vectors.len(), 5);
    vectors.iter().for_each(check);
}

#[test]
fn so_are_those_of_what_came_in_parts() {
    let vectors = Vector::all(MULTIPART);
    assert_eq!(vectors.len(), 5);
    assert_eq!(vectors.iter().filter(|vector| vector.table().is_some()).count(), 3);
    vectors.iter().for_each(check);
}

#[tokio::test]
async fn so_are_certificates_of_seal_keys() {
    let vectors = Vector::all(CERTIFICATES);
    assert_eq!(vectors.len(), 2);
    let certifier = Signer::from(PrivateKey::from_pem(KEY).unwrap()).into_certifier();
    let keys = SealKeys::default().certified_by([PublicKey::from_pem(PUBLIC).unwrap()]);
    for vector in vectors {
        let (realm, text) = (vector.value("realm"), vector.value("certificate"));
        let read = Certificate::parse(text.as_bytes()).unwrap();
        assert_eq!(read.to_json(), text);
        assert_eq!(keys.check_certificate(&read, realm, &NoVerdicts), Ok(()));
        let envelope = Envelope::parse(text.as_bytes()).unwrap();
        assert_eq!(envelope.payload, vector.value("statement").as_bytes());

        let key = PublicKey::from_der(&STANDARD.decode(vector.value("spki")).unwrap()).unwrap();
        let time = |name| vector.value(name).parse().unwrap();
        let lifetime = Lifetime::new(time("not-before"), time("not-after")).unwrap();
        assert_eq!(certifier.certify(realm, &key, lifetime).await.unwrap(), read);
    }
}
