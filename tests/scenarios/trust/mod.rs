//! The trust policy: thresholds, denials, quarantine, what was put back.

mod approve;
mod aws_signer;
mod formats;
mod late;
mod names;
mod places;
mod quarantine;
mod revocation;
mod rollback;
mod siblings;
mod table;
mod thresholds;
mod worthless;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hallmark_proxy::store::Store;
use hallmark_signer::Signature;
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::raw::Response;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Options, READER, Site};

/// Its rules are a test's own.
const BUCKET: &str = "approved";
/// One that has no rule.
const FREE: &str = "free";
const KEY: &str = "app.tar";
const HEADER: &str = "x-amz-meta-hallmark-signature";

struct Lab {
    proxy: InProcess,
    store: Arc<MemoryStore>,
    /// May do everything, and see what is not trusted.
    client: Client,
    /// May read.
    reader: Client,
}

impl Lab {
    /// With this rule for all of the bucket, and these lines in its table.
    fn new(rule: &str, lines: &str) -> Self {
        let site = Site::new(&Options {
            tables: format!(
                "[buckets.{BUCKET}]\n{lines}\nrules = [{{ prefix = \"\", signatures = \"required\", {rule} }}]\n"
            ),
            ..Options::default()
        });
        site.add_release_role();
        let lab = Self::over(Arc::new(site), &Arc::new(MemoryStore::new()));
        for bucket in [BUCKET, FREE] {
            lab.client.create_bucket(bucket);
        }
        lab
    }

    fn over(site: Arc<Site>, store: &Arc<MemoryStore>) -> Self {
        let proxy = InProcess::start_at(site, Arc::clone(store) as Arc<dyn Store>);
        let (client, reader) = (proxy.client(), Site::client(proxy.address(), READER));
        Self { proxy, store: Arc::clone(store), client, reader }
    }

    /// The same deployment under a configuration that was changed.
    fn changed(&self, edit: impl FnOnce(String) -> String) -> Self {
        self.proxy.site.edit_config(edit);
        Self::over(Arc::clone(&self.proxy.site), &self.store)
    }

    /// The value of the header: signatures over `body` by these keys.
    fn signed(&self, body: &[u8], keys: &[&str]) -> String {
        let signatures: Vec<_> = keys.iter().map(|key| self.proxy.site.signature(key, body)).collect();
        signatures.join(",")
    }

    fn put(&self, body: &[u8], keys: &[&str]) -> Response {
        match keys {
            [] => self.client.put(BUCKET, KEY, body),
            keys => self.client.put_with(BUCKET, KEY, body, &[(HEADER, &self.signed(body, keys))]),
        }
    }

    /// What a reader gets, by HEAD as by GET.
    #[track_caller]
    fn read(&self) -> Result<Vec<u8>, String> {
        let (head, got) = (self.reader.head(BUCKET, KEY), self.reader.get(BUCKET, KEY));
        assert_eq!(head.status, got.status);
        match got.status {
            200 => Ok(got.body),
            status => {
                assert_eq!(status, 403, "{}", got.text());
                assert_eq!(head.header("x-hallmark-refused"), Some(got.code().as_str()));
                Err(got.code())
            }
        }
    }

    /// What may be seen by who may see what is not trusted.
    #[track_caller]
    fn inspect(&self) -> (Vec<u8>, String) {
        let got = self.client.get(BUCKET, KEY);
        assert_eq!(got.status, 200, "{}", got.text());
        let verified = got.header("x-hallmark-verified").unwrap().to_owned();
        (got.body, verified)
    }
}

/// What was asked for is refused, for the reason that this code says.
#[track_caller]
fn refused(what: &str, response: &Response, code: &str) {
    assert_eq!((response.status, response.code().as_str()), (403, code), "{what}: {}", response.text());
}

/// The other signature that says the same: (r, n - s).
fn twin(signature: &str) -> String {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let der = BASE64.decode(signature).unwrap();
    let mut bytes = Signature::from_der(&der).unwrap().to_bytes();
    let mut borrow = 0i16;
    for (byte, order) in bytes[32..].iter_mut().zip(hex::decode(ORDER).unwrap()).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    BASE64.encode(Signature::from_bytes(&bytes).unwrap().to_der())
}
