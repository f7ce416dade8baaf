//! Several instances over one store: they share nothing else.

use std::sync::Arc;

use hallmark_proxy::store::Store;
use hallmark_tests::data::{MIB, assert_same, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::s3::Client;
use hallmark_tests::site::{Options, Site};

const BUCKET: &str = "artifacts";

/// Instances of one deployment.
fn lab() -> [InProcess; 3] {
    let store = Arc::new(MemoryStore::new());
    let first = InProcess::start(Arc::clone(&store) as Arc<dyn Store>);
    let another = || {
        let site = Site::new(&Options::default());
        for name in ["seal.key", "ci.pub"] {
            std::fs::copy(first.site.path().join(name), site.path().join(name)).unwrap();
        }
        InProcess::start_at(site, Arc::clone(&store) as Arc<dyn Store>)
    };
    let (second, third) = (another(), another());
    first.client().create_bucket(BUCKET);
    [first, second, third]
}

#[test]
fn p6_any_instance_serves_what_another_took() {
    let instances = lab();
    let clients: Vec<Client> = instances.iter().map(InProcess::client).collect();
    for length in [0, 70_000, 3 * MIB, 9 * MIB] {
        for (number, uploader) in clients.iter().enumerate() {
            let body = content(number as u64, length);
            let put = uploader.put(BUCKET, "key", &body);
            assert_eq!(put.status, 200, "{}", put.text());
            for reader in &clients {
                // Nothing that an instance remembers of the version before gets in the way.
                let got = reader.get(BUCKET, "key");
                assert_eq!((got.status, got.header("etag")), (200, put.header("etag")), "{length}");
                assert_same(&got.body, &body, "the newest");
                assert_eq!(reader.keys(BUCKET, ""), ["key"]);
            }
        }
        assert_eq!(clients[2].delete(BUCKET, "key").status, 204);
        assert_eq!(clients[0].get(BUCKET, "key").status, 404);
    }
}

/// A condition holds across instances: of many that would create a key, one does.
#[test]
fn p6_conditions_hold_across_instances() {
    let instances = lab();
    for (round, length) in [1000, 70_000, 9 * MIB].into_iter().enumerate() {
        let key = format!("key-{round}");
        let statuses: Vec<_> = std::thread::scope(|scope| {
            let uploads: Vec<_> = instances
                .iter()
                .cycle()
                .take(6)
                .enumerate()
                .map(|(number, instance)| {
                    let (client, key) = (instance.client(), &key);
                    scope.spawn(move || {
                        let body = content(number as u64, length);
                        let put = client.put_with(BUCKET, key, &body, &[("If-None-Match", "*")]);
                        (number, put.status, put.code())
                    })
                })
                .collect();
            uploads.into_iter().map(|upload| upload.join().unwrap()).collect()
        });
        let winners: Vec<_> = statuses.iter().filter(|(_, status, _)| *status == 200).collect();
        assert_eq!(winners.len(), 1, "{statuses:?}");
        assert!(
            statuses.iter().all(|(_, status, code)| *status == 200 || code == "PreconditionFailed"),
            "{statuses:?}"
        );
        let got = instances[0].client().get(BUCKET, &key);
        assert_same(&got.body, &content(winners[0].0 as u64, length), "the winner's");
    }
}
