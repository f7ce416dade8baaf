//! The tamper matrix over real stores: somebody who has the store's credentials changes what is stored, with a plain
//! client, and each way of asking the proxy for it gets its exact refusal. What only a store that lies can do is tested
//! with the store in memory, in `crate::tamper`.

pub(super) mod objects;
pub(super) mod records;
pub(super) mod uploads;

use hallmark_tests::proxy::Proxy;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Engine, Options, Remote};
use hallmark_tests::stores::{Account, Kind, STATE_BUCKET};

use crate::tamper::{Leaf, Verdict, ask};

const BUCKET: &str = "artifacts";
const HALLMARK: &str = "x-amz-meta-hallmark";
const INVALID: &str = "ArtifactSealInvalid";

/// The proxy, and the store behind its back.
struct Lab {
    proxy: Proxy,
    client: Client,
    store: Client,
}

/// An object as the store has it.
#[derive(Debug, Clone)]
struct Stored {
    /// Content headers and metadata.
    headers: Vec<(String, String)>,
    bytes: Vec<u8>,
}

impl Lab {
    fn new(kind: Kind) -> Self {
        let account = Account::new(kind);
        let store = account.client();
        let options = Options { store: Engine::S3(Remote::new(account)), ..Options::default() };
        let proxy = Proxy::start_with(&options);
        let client = proxy.client();
        client.create_bucket(BUCKET);
        Self { proxy, client, store }
    }

    /// Uploads with headers that can be tampered with.
    #[track_caller]
    fn upload(&self, bucket: &str, key: &str, body: &[u8]) {
        let headers = [
            ("Content-Type", "application/x-tar"),
            ("Content-Encoding", "identity"),
            ("x-amz-meta-commit", "4f2a91c"),
        ];
        let response = self.client.put_with(bucket, key, body, &headers);
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// What the store has.
    #[track_caller]
    fn stored(&self, bucket: &str, key: &str) -> Stored {
        let response = self.store.get(bucket, key);
        assert_eq!(response.status, 200, "{bucket}/{key}: {}", response.text());
        Stored::of(response)
    }

    /// Gives the store another object in its place.
    #[track_caller]
    fn place(&self, bucket: &str, key: &str, object: &Stored) {
        let headers: Vec<_> =
            object.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let response = self.store.put_with(bucket, key, &object.bytes, &headers);
        assert_eq!(response.status, 200, "{bucket}/{key}: {}", response.text());
    }

    #[track_caller]
    fn edit(&self, key: &str, edit: impl FnOnce(&mut Stored)) {
        let mut object = self.stored(BUCKET, key);
        edit(&mut object);
        self.place(BUCKET, key, &object);
    }

    /// The key of a large artifact's record in the bucket of state.
    #[track_caller]
    fn record(&self, key: &str) -> String {
        let object = self.stored(BUCKET, key);
        let seal = object.header(HALLMARK).expect("it is sealed");
        let reference = seal.split(' ').find_map(|field| field.strip_prefix("ref="));
        let reference = reference.expect("a large artifact refers to its record");
        let names = self.store.keys(STATE_BUCKET, "records/");
        names.into_iter().find(|name| name.contains(reference)).expect("the record is there")
    }

    fn ask(&self, key: &str, original: &[u8], bad: Leaf, verdict: Verdict, wrong: &mut String) {
        ask(&self.client, (BUCKET, key), original, bad, verdict, wrong);
    }
}

impl Stored {
    fn of(response: Response) -> Self {
        let kept = |name: &str| {
            let content = ["cache-control", "expires"].contains(&name)
                || (name.starts_with("content-") && !["content-length", "content-range"].contains(&name));
            content || name.starts_with("x-amz-meta-")
        };
        let headers = response.headers.into_iter().filter(|(name, _)| kept(name)).collect();
        Self { headers, bytes: response.body }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Gives a header another value; `None`: takes it away.
    fn set(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(known, _)| known != name);
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    fn seal(&mut self, change: impl FnOnce(String) -> String) {
        let seal = self.header(HALLMARK).expect("it is sealed").to_owned();
        self.set(HALLMARK, Some(&change(seal)));
    }

    /// Changes one byte.
    fn flip(&mut self, at: usize) {
        self.bytes[at] ^= 1;
    }
}
