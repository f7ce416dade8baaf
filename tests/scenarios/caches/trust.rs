//! Trust is judged at every request, whatever is kept.

use std::sync::Arc;

use hallmark_config::Config;
use hallmark_proxy::gate::{Gate, GateError, Recency, Wanted};
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::proof::{Kept, Reader};
use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::site::{NOBODY, Options, READER, SIGNED, Site};
use http_body_util::BodyExt as _;

use super::{FRESH, KEY, Lab};

/// The gate of a configuration that was changed, with the caches that were filled under the old one.
fn gate(site: &Site, store: &Arc<MemoryStore>, kept: &Arc<Kept>, change: impl Fn(&str) -> String) -> Gate {
    let text = std::fs::read_to_string(site.config_file()).unwrap();
    let path = site.path().join("changed.toml");
    std::fs::write(&path, change(&text)).unwrap();
    let config = Config::load(&path).unwrap();
    hallmark_proxy::gate_keeping(&config, Arc::clone(store) as Arc<dyn Store>, Arc::clone(kept)).unwrap()
}

async fn read(gate: &Gate) -> Result<(), GateError> {
    let name = ObjectName { bucket: BucketName::parse(SIGNED).unwrap(), key: ObjectKey::parse(KEY).unwrap() };
    let (reader, recency, client) = (Reader::Trusting, Recency::Fresh, "ci");
    let wanted = Wanted { name: &name, version: None, reader, recency, client };
    let looked = gate.look(wanted).await.map(drop);
    let got = match gate.get(wanted, None).await {
        Ok(download) => gate.release(download).await.map(|release| release.carry().collect()),
        Err(error) => Err(error),
    };
    assert_eq!(looked.is_ok(), got.is_ok(), "HEAD and GET agree");
    got?.await.unwrap();
    Ok(())
}

/// Seal, leaves and the answer of the store are all there, and fresh: a key that is no longer trusted, and a rule that asks
/// for more, count at the next request all the same.
#[test]
fn p5_what_is_kept_is_judged_by_todays_policy() {
    let fresh = |text: &str| text.replace("[buckets.signed]\n", "[buckets.signed]\nfreshness = \"5m\"\n");
    let site = Site::new(&Options::default());
    site.edit_config(|text| fresh(&text));
    let store = Arc::new(MemoryStore::new());
    let lab = Lab::over(site, &store);
    lab.client.create_bucket(SIGNED);
    for length in [1000, 9 * MIB] {
        let body = content(1, length);
        let signature = lab.proxy.site.signature("ci", &body);
        let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
        assert_eq!(lab.client.put_with(SIGNED, KEY, &body, &headers).status, 200);

        let site = &lab.proxy.site;
        let kept = Arc::new(Kept::new(&Config::load(&site.config_file()).unwrap().cache));
        let change = |change: &dyn Fn(&str) -> String| gate(site, &store, &kept, change);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let before = change(&|text| text.to_owned());
            for _ in 0..2 {
                read(&before).await.unwrap();
            }
            store.take_calls();
            read(&before).await.unwrap();
            assert_eq!(store.take_calls(), [], "all of it is kept, and fresh");

            let refused = |gate: Gate| async move { read(&gate).await.unwrap_err().label() };
            let revoked = change(&|text| {
                text.replace(
                    "public_key_file = \"ci.pub\"",
                    "public_key_file = \"ci.pub\"\nrevoked = \"leaked\"",
                )
            });
            assert_eq!(refused(revoked).await, "key_revoked");
            let other = change(&|text| text.replace("\"ci.pub\"", "\"other.pub\""));
            assert_eq!(refused(other).await, "signer_untrusted");
            let seals = change(&|text| text.replace("\"seal.key\"", "\"other.key\""));
            assert_eq!(refused(seals).await, "seal_unknown_key");
            let realm = change(&|text| text.replace("realm = \"test\"", "realm = \"other\""));
            assert_eq!(refused(realm).await, "seal_signature");

            store.take_calls();
            read(&change(&|text| text.to_owned())).await.unwrap();
            assert_eq!(store.take_calls(), [], "and nothing of that was a verdict for later");
            let stats = kept.stats();
            assert!(
                stats
                    .iter()
                    .filter(|stats| ["heads", "leaves"].contains(&stats.name))
                    .all(|stats| stats.hits > 0)
            );
        });
    }
}

/// Who may not read gets nothing, however much of it is in memory.
#[test]
fn permissions_come_before_caches() {
    let lab = Lab::new();
    let body = content(1, 1000);
    lab.put(FRESH, &body, &[]);
    for _ in 0..2 {
        assert_eq!(lab.client.get(FRESH, KEY).status, 200);
    }
    let reader = Site::client(lab.client.address, READER);
    let nobody = Site::client(lab.client.address, NOBODY);
    lab.store.take_calls();
    assert_eq!(reader.get(FRESH, KEY).body, body);
    for got in [nobody.get(FRESH, KEY), nobody.head(FRESH, KEY)] {
        assert_eq!(got.status, 403);
        assert!(!got.body.windows(16).any(|part| body.starts_with(part)));
    }
    assert_eq!(lab.store.take_calls(), []);
}
