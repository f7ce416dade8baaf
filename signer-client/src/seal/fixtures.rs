//! A sample artifact for tests: change what is observed or claimed, then seal or verify it.

use proptest::prelude::*;

use crate::content::UploadHasher;
use crate::digest::{Md5Digest, Sha256Digest};
use crate::headers::SealedHeaders;
use crate::key::PrivateKey;
use crate::seal::{
    By, Claims, ContentDigests, Observed, Op, Seal, SealId, SealKeys, SealLine, SealedEtag, Sealer,
    Statement, verify,
};
use crate::tree::{LEAF_SIZE, LeafHash, TreeRoot, leaf_count, root};
use crate::verdicts::NoVerdicts;

pub(crate) struct Sample {
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaves: Vec<LeafHash>,
    pub(crate) realm: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) headers: Sha256Digest,
    pub(crate) claims: Claims,
    pub(crate) sealer: Sealer,
}

impl Sample {
    pub(crate) fn of_size(size: u64) -> Self {
        let bytes: Vec<u8> = (0..size).map(|n| (n % 249) as u8 ^ (n >> 20) as u8).collect();
        let mut hasher = UploadHasher::exactly(size);
        hasher.update(&bytes);
        let (content, md5) = hasher.finish().unwrap();
        let mut headers = SealedHeaders::default();
        headers.insert("content-type", "application/gzip").unwrap();
        headers.insert("x-amz-meta-commit", "4f2a").unwrap();
        let claims = Claims {
            id: SealId::random().unwrap(),
            op: Op::Put,
            at: 1_795_000_000_123,
            by: By::client("ci@example.org").unwrap(),
            src: None,
            content: ContentDigests::of(&content).unwrap(),
            parts: None,
            etag: SealedEtag::single(md5),
        };
        Self {
            bytes,
            leaves: content.leaves().to_vec(),
            realm: "prod".to_owned(),
            bucket: "releases".to_owned(),
            key: "app/1.2.3/app.tar.gz".to_owned(),
            headers: headers.digest(),
            claims,
            sealer: Sealer::new(PrivateKey::generate().unwrap().into_seal_key()),
        }
    }

    pub(crate) fn observed(&self) -> Observed<'_> {
        Observed {
            realm: &self.realm,
            bucket: &self.bucket,
            key: &self.key,
            length: self.bytes.len() as u64,
            headers: self.headers,
        }
    }

    pub(crate) fn statement(&self) -> Statement {
        Statement::new(&self.claims, &self.observed(), self.sealer.public_key().id()).unwrap()
    }

    pub(crate) fn seal(&self) -> SealLine {
        self.sealer.seal(self.claims.clone(), &self.observed()).unwrap()
    }

    pub(crate) fn keys(&self) -> SealKeys {
        SealKeys::new([self.sealer.public_key().clone()]).unwrap()
    }

    pub(crate) fn verified(&self) -> Seal {
        verify(&self.seal(), &self.observed(), &self.keys(), &NoVerdicts).unwrap()
    }
}

/// Claims that go together, of every form.
pub(crate) fn claims() -> impl Strategy<Value = Claims> {
    let by = prop_oneof![
        Just(By::anonymous()),
        "[A-Za-z0-9._@+-]{2,48}".prop_map(|name| By::client(&name).unwrap()),
        "[A-Za-z0-9._@+-]{2,48}".prop_map(|name| By::presigned(&name).unwrap()),
    ];
    let op = prop::sample::select(Op::ALL.to_vec());
    let id = any::<[u8; 16]>().prop_map(SealId::new);
    let src = any::<[u8; 16]>().prop_map(SealId::new);
    let etag = (any::<[u8; 16]>(), prop::option::of(1..=10_000u16));
    let parts = prop::option::of(any::<[u8; 32]>());
    (id, op, 0..1u64 << 53, by, src, contents(), etag, parts).prop_map(
        |(id, op, at, by, src, content, (md5, number), parts)| {
            let md5 = Md5Digest::new(md5);
            let multipart = |number| SealedEtag::multipart(md5, number).unwrap();
            let etag = match (op, number) {
                (Op::Put, _) => SealedEtag::single(md5),
                (Op::Mpu, number) => multipart(number.unwrap_or(1)),
                (_, number) => number.map_or(SealedEtag::single(md5), multipart),
            };
            let record = content.size() > super::MAX_INLINE && etag.parts().is_some();
            let parts = parts.filter(|_| record).map(Sha256Digest::new);
            Claims { id, op, at, by, src: (op == Op::Copy).then_some(src), content, parts, etag }
        },
    )
}

fn contents() -> impl Strategy<Value = ContentDigests> {
    let size = prop_oneof![0..=LEAF_SIZE, LEAF_SIZE + 1..=super::MAX_INLINE, super::MAX_INLINE + 1..1 << 53];
    (size, any::<[u8; 32]>(), prop::collection::vec(any::<[u8; 32]>(), 8)).prop_map(
        |(size, sha256, hashes)| {
            let hashes: Vec<_> = hashes.into_iter().map(LeafHash::new).collect();
            let (tree, leaves) = if size <= LEAF_SIZE {
                (None, vec![])
            } else if size <= super::MAX_INLINE {
                let leaves = hashes[..leaf_count(size) as usize].to_vec();
                (Some(root(&leaves)), leaves)
            } else {
                (Some(TreeRoot::new(*hashes[0].as_bytes())), vec![])
            };
            ContentDigests::new(size, Sha256Digest::new(sha256), tree, leaves).unwrap()
        },
    )
}
