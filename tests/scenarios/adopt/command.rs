//! `hallmark-proxy adopt` and `reseal` as operators run them: before the embedded store, while the proxy is stopped.

use std::sync::Arc;

use hallmark_config::BucketName;
use hallmark_proxy::name::{ObjectKey, ObjectName};
use hallmark_proxy::store::local::LocalStore;
use hallmark_proxy::store::{Attributes, Body, Guard, NewBucket, Store as _, Write};
use hallmark_signer::{Md5Digest, SealedHeaders};
use hallmark_tests::command::{Ran, Sandbox};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::proxy::{Proxy, program};
use hallmark_tests::site::{Engine, Options, SIGNED, Site};
use serde_json::Value;

use super::HEADER;

fn ran(site: &Site, command: &str, arguments: &[&str]) -> Ran {
    let config = site.config_file().display().to_string();
    let sandbox = Sandbox::new("127.0.0.1:1".parse().unwrap());
    sandbox.run(program("hallmark-proxy"), &[&[command, &config], arguments].concat())
}

fn lines(ran: &Ran) -> Vec<Value> {
    String::from_utf8_lossy(&ran.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts objects there as whoever can write to the store does.
fn place(site: &Site, objects: &[(&str, &[u8], Option<&str>)]) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = LocalStore::open(&site.path().join("data")).unwrap();
        let bucket = BucketName::parse(SIGNED).unwrap();
        store.create_bucket(&bucket, NewBucket::default()).await.unwrap();
        for (key, body, signature) in objects {
            let mut headers = SealedHeaders::default();
            signature.iter().for_each(|signature| headers.insert(HEADER, signature).unwrap());
            let name = ObjectName { bucket: bucket.clone(), key: ObjectKey::parse(key).unwrap() };
            let write = Write::new(Attributes { headers, hallmark: None }, Guard::Any);
            let (length, etag) = (body.len() as u64, hex::encode(Md5Digest::of(body).as_bytes()));
            store.put(&name, write, length, Body::whole(body.to_vec().into(), etag)).await.unwrap();
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(10));
}

#[test]
fn a_bucket_is_adopted_and_sealed_anew_after_a_leak() {
    let site = Arc::new(Site::new(&Options { store: Engine::Local, ..Options::default() }));
    let (small, large) = (content(1, 1000), content(2, 9 * MIB + 5));
    let signatures = [site.signature("ci", &small), site.signature("ci", &large)];
    place(
        &site,
        &[
            ("small", &small, Some(&signatures[0])),
            ("large", &large, Some(&signatures[1])),
            ("evil", b"evil", None),
        ],
    );
    let served = |expected: u16| {
        let proxy = Proxy::start_at(Arc::clone(&site));
        for (key, body) in [("small", &small), ("large", &large)] {
            let got = proxy.client().get(SIGNED, key);
            assert_eq!(got.status, expected, "{key}");
            assert_eq!(got.body == *body, expected == 200, "{key}");
        }
        assert_eq!(proxy.client().get(SIGNED, "evil").status, 403);
    };
    served(403);

    let adopted = ran(&site, "adopt", &["--json", "s3://signed"]);
    assert_eq!(adopted.status.code(), Some(3), "{}", adopted.bad());
    let told = lines(&adopted);
    let [evil, large_one, small_one, summary] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(evil["problem"]["code"], "ArtifactSignatureMissing");
    assert_eq!((&evil["problem"]["bucket"], &evil["problem"]["key"]), (&SIGNED.into(), &"evil".into()));
    assert_eq!(large_one["sealed"]["signers"][0], "ci");
    assert_eq!(small_one["sealed"]["location"], "s3://signed/small");
    assert_eq!((&summary["summary"]["sealed"], &summary["summary"]["problems"]), (&2.into(), &1.into()));
    served(200);
    // Again, for people, and only what is well.
    let again = ran(&site, "adopt", &["s3://signed/small"]).good();
    assert!(again.contains("sealed before    1"), "{again}");
    assert_eq!(ran(&site, "adopt", &["s3://signed/nothing"]).status.code(), Some(4));

    site.make_key("next");
    site.edit_config(|text| text.replace("key_file = \"seal.key\"", "key_file = \"next.key\""));
    served(403);
    let dry = ran(&site, "reseal", &["--dry-run", "s3://signed"]);
    let said = String::from_utf8_lossy(&dry.stdout).into_owned();
    assert!(said.contains("would be sealed s3://signed/large: ci\n"), "{said}");
    assert!(
        !said.lines().any(|line| line.starts_with("sealed ") && !line.starts_with("sealed before")),
        "{said}"
    );
    let dry = lines(&ran(&site, "reseal", &["--dry-run", "--json", "s3://signed/large"]));
    assert_eq!(dry[0]["sealed"]["dry_run"], true);
    served(403);
    let text = ran(&site, "reseal", &["--max-rate", "100MB/s", "s3://signed"]);
    assert_eq!(text.status.code(), Some(3), "{}", text.bad());
    let said = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(said.contains("sealed   s3://signed/large: ci\n"), "{said}");
    assert!(
        said.contains("problem  s3://signed/evil: the object bears no seal [ArtifactUnsealed]"),
        "{said}"
    );
    served(200);

    let wrong = ran(&site, "adopt", &["--manifest-signer", "ci", "s3://signed"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", wrong.bad());
    let missing = ran(&site, "adopt", &["--manifest", "nowhere", "s3://signed"]);
    assert_eq!(missing.status.code(), Some(1), "{}", missing.bad());
}
