//! The seal key is exchanged over two instances of one store, one instance after the other, as `deploy/keys.md` has it: at no
//! step does either refuse what the other has sealed, until the old key is dropped.

use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::s3::{Client, Upload, completed};
use hallmark_tests::site::{Options, Site};

const BUCKET: &str = "artifacts";

const BEFORE: &str = "key_file = \"seal.key\"";
const TRUST_NEW: &str = "key_file = \"seal.key\"\ntrusted_key_files = [\"other.pub\"]";
const SIGN_WITH_NEW: &str = "key_file = \"other.key\"\ntrusted_key_files = [\"seal.pub\"]";
const DROP_OLD: &str = "key_file = \"other.key\"";

/// Checked whole; by leaves that stand in the seal; and by those in a record.
const LENGTHS: [u64; 3] = [1000, 3 * MIB + 5, 9 * MIB + 5];

/// An instance, with files of its own.
struct Instance {
    proxy: InProcess,
    client: Client,
    seal: &'static str,
}

impl Instance {
    /// With the keys of `like`, if that is there already.
    fn start(options: &Options, like: Option<&Site>, seal: &'static str, store: &Arc<MemoryStore>) -> Self {
        let site = Site::new(options);
        if let Some(like) = like {
            for name in ["seal.key", "seal.pub", "other.key", "other.pub", "state.secret"] {
                std::fs::copy(like.path().join(name), site.path().join(name)).unwrap();
            }
        }
        site.edit_config(|text| text.replace(BEFORE, seal));
        let proxy = InProcess::start_at(site, Arc::clone(store) as Arc<dyn Store>);
        Self { client: proxy.client(), proxy, seal }
    }

    /// Takes the next step.
    fn go_on(&mut self, seal: &'static str) {
        self.proxy.site.edit_config(|text| text.replace(self.seal, seal));
        self.proxy.renew().unwrap();
        self.seal = seal;
    }

    /// By which key an object is sealed, as this one says.
    #[track_caller]
    fn key_of(&self, key: &str) -> String {
        let head = self.client.head(BUCKET, key);
        assert_eq!(head.status, 200, "{key}: {:?}", head.header("x-hallmark-refused"));
        let seal = head.header("x-amz-meta-hallmark").unwrap();
        seal.split(' ').find_map(|field| field.strip_prefix("key=")).unwrap().to_owned()
    }
}

/// Two instances, and all that they have sealed.
struct Lab {
    store: Arc<MemoryStore>,
    instances: [Instance; 2],
    sealed: Vec<(String, Vec<u8>)>,
}

impl Lab {
    fn new(options: &Options) -> Self {
        let store = Arc::new(MemoryStore::new());
        let first = Instance::start(options, None, BEFORE, &store);
        first.client.create_bucket(BUCKET);
        let second = Instance::start(options, Some(&first.proxy.site), BEFORE, &store);
        Self { store, instances: [first, second], sealed: Vec::new() }
    }

    /// Each seals something of every length; both read all that there is. By which keys they sealed.
    #[track_caller]
    fn all_is_well(&mut self, when: &str) -> [String; 2] {
        let mut keys = [String::new(), String::new()];
        for (number, (instance, by)) in self.instances.iter().zip(&mut keys).enumerate() {
            for length in LENGTHS {
                let (key, body) =
                    (format!("{when}/{number}/{length}"), content(self.sealed.len() as u64, length));
                let put = instance.client.put(BUCKET, &key, &body);
                assert_eq!(put.status, 200, "{key}: {}", put.text());
                *by = instance.key_of(&key);
                self.sealed.push((key, body));
            }
        }
        for (number, instance) in self.instances.iter().enumerate() {
            for (key, body) in &self.sealed {
                let got = instance.client.get(BUCKET, key);
                assert_eq!(got.status, 200, "{when}: {key} by instance {number}: {}", got.code());
                assert_same(&got.body, body, key);
            }
        }
        keys
    }

    /// An upload that one instance began, for the other to go on with.
    fn begin(&self, number: usize, key: &str) -> Upload {
        let upload = self.instances[number].client.create_upload(BUCKET, key, &[]);
        upload.send_part(1, &content(1, 5 * MIB));
        upload
    }

    /// Goes on with it, and ends it.
    #[track_caller]
    fn end(&mut self, upload: &Upload, number: usize, key: &str) {
        let (first, last) = (content(1, 5 * MIB), content(2, 1000));
        let upload = upload.through(&self.instances[number].client);
        let parts = [upload.send_part(1, &first), upload.send_part(2, &last)];
        completed(&upload.complete(&parts)).unwrap();
        self.sealed.push((key.to_owned(), [first, last].concat()));
    }
}

fn exchanged(options: &Options) {
    let mut lab = Lab::new(options);
    let [old, also_old] = lab.all_is_well("before");
    assert_eq!(old, also_old);
    let (begun, later) = (lab.begin(0, "begun"), lab.begin(1, "later"));

    // Each step by one instance after the other, and both at work in between.
    lab.instances[0].go_on(TRUST_NEW);
    assert_eq!(lab.all_is_well("one trusts"), [old.clone(), old.clone()]);
    lab.instances[1].go_on(TRUST_NEW);
    assert_eq!(lab.all_is_well("both trust"), [old.clone(), old.clone()]);

    lab.instances[0].go_on(SIGN_WITH_NEW);
    let [new, still_old] = lab.all_is_well("one signs");
    assert!(new != old && still_old == old, "{new} {still_old} {old}");
    lab.end(&begun, 1, "begun");
    lab.end(&later, 0, "later");
    lab.instances[1].go_on(SIGN_WITH_NEW);
    assert_eq!(lab.all_is_well("both sign"), [new.clone(), new.clone()]);

    // One that took no part does not know the new key: what made the steps good is that each knew it before.
    let aside = Instance::start(options, Some(&lab.instances[0].proxy.site), BEFORE, &lab.store);
    let keys: Vec<_> =
        lab.sealed.iter().map(|(key, _)| (key.clone(), lab.instances[0].key_of(key))).collect();
    let refused = |instance: &Instance, by: &str| {
        for (key, sealed_by) in &keys {
            let got = instance.client.get(BUCKET, key);
            let told = (got.status, got.header("x-hallmark-refused"));
            let expected = if sealed_by == by { (403, Some("ArtifactSealInvalid")) } else { (200, None) };
            assert_eq!(told, expected, "{key} by {sealed_by}");
        }
    };
    refused(&aside, &new);
    assert!(keys.iter().any(|(_, by)| *by == new) && keys.iter().any(|(_, by)| *by == old));

    lab.instances[0].go_on(DROP_OLD);
    refused(&lab.instances[0], &old);
    refused(&lab.instances[1], "none");
    lab.instances[1].go_on(DROP_OLD);
    refused(&lab.instances[1], &old);
    lab.sealed.clear();
    assert_eq!(lab.all_is_well("dropped"), [new.clone(), new]);
}

#[test]
fn p6_a_seal_key_is_exchanged_one_instance_after_the_other() {
    exchanged(&Options::default());
}

#[test]
fn p6_a_seal_key_is_exchanged_by_instances_that_keep_nothing() {
    exchanged(&Options::nothing_kept());
}
