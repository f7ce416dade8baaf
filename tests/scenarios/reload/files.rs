//! What has a configuration read again, and what becomes of a wrong one.

use std::fs;
use std::os::unix::fs::symlink;

use hallmark_tests::data::content;
use hallmark_tests::proxy::Proxy;
use hallmark_tests::site::{READER, SIGNED, Site};

use super::{KEY, ask, options, revoke, value};

/// A signed artifact that the reader can have.
fn proxy_at(site: Site) -> Proxy {
    let proxy = Proxy::start_at(site);
    let client = proxy.client();
    client.create_bucket(SIGNED);
    let body = content(1, 1000);
    let signature = proxy.site.signature("ci", &body);
    let headers = [("x-amz-meta-hallmark-signature", signature.as_str())];
    assert_eq!(client.put_with(SIGNED, KEY, &body, &headers).status, 200);
    assert_eq!(proxy.client_of(READER).get(SIGNED, KEY).status, 200);
    proxy
}

#[test]
fn a_wrong_configuration_is_refused_as_a_whole_and_says_so() {
    let proxy = proxy_at(Site::new(&options()));
    let reader = proxy.client_of(READER);
    let metrics = || ask(proxy.admin(), "/metrics");
    let began = value(&metrics(), "hallmark_config_last_success_timestamp_seconds");
    assert!(began > 1.7e9);

    // Each would also revoke the key.
    revoke(&proxy.site);
    let revoked = fs::read_to_string(proxy.site.config_file()).unwrap();
    let wrong = [
        ("[cache]\nleafs = \"1 MiB\"\n", ": cache.leafs: unknown key"),
        ("[keys.x]\npublic_key_file = \"none.pub\"\n", "there is no such file"),
        ("[keys.x]\npublic_key_file = \"seal.pub\"\n", "is also seal.key_file: one key has one use"),
        ("x", "not TOML"),
    ];
    for (number, (addition, said)) in wrong.iter().enumerate() {
        proxy.site.edit_config(|_| format!("{revoked}\n{addition}"));
        assert!(!proxy.reload(), "{addition}");
        let log = proxy.log();
        let told = log.lines().rfind(|line| line.contains("the configuration is wrong")).unwrap();
        assert!(told.contains(said), "{said}\n{told}");
        assert!(told.contains("hallmark.toml"), "{told}");
        assert_eq!(reader.get(SIGNED, KEY).status, 200, "the old one stays");
        let metrics = metrics();
        let refused = value(&metrics, "hallmark_config_reloads_total{result=\"refused\"}");
        assert_eq!(refused, number as f64 + 1.0);
        assert_eq!(value(&metrics, "hallmark_config_reloads_total{result=\"taken\"}"), 0.0);
        assert_eq!(value(&metrics, "hallmark_config_last_success_timestamp_seconds"), began);
        assert_eq!(value(&metrics, "hallmark_config_refused"), 1.0);
    }
    proxy.site.edit_config(|_| revoked);
    assert!(proxy.reload());
    assert_eq!(reader.get(SIGNED, KEY).status, 403);
    assert_eq!(value(&metrics(), "hallmark_config_reloads_total{result=\"taken\"}"), 1.0);
    assert_eq!(value(&metrics(), "hallmark_config_refused"), 0.0);
}

/// A file that the configuration names is enough; nobody says anything to the proxy.
#[test]
fn p5_a_change_of_any_file_is_noticed() {
    let site = Site::new(&options());
    // As in Kubernetes: what the configuration names is a link, below a link that is exchanged.
    for (folder, key) in [("one", "ci.pub"), ("two", "other.pub")] {
        fs::create_dir(site.path().join(folder)).unwrap();
        fs::copy(site.path().join(key), site.path().join(folder).join("key.pub")).unwrap();
    }
    symlink("one", site.path().join("..data")).unwrap();
    fs::remove_file(site.path().join("ci.pub")).unwrap();
    symlink("..data/key.pub", site.path().join("ci.pub")).unwrap();
    let proxy = proxy_at(site);
    let reader = proxy.client_of(READER);
    let path = |name: &str| proxy.site.path().join(name);
    assert!(proxy.reloaded_by(|| {
        symlink("two", path("..new")).unwrap();
        fs::rename(path("..new"), path("..data")).unwrap();
    }));
    assert_eq!(reader.get(SIGNED, KEY).header("x-hallmark-refused"), Some("ArtifactSignerUntrusted"));

    // What is missing is refused once, and taken as soon as it is there.
    assert!(!proxy.reloaded_by(|| {
        proxy.site.edit_config(|text| text.replace("\"ci.pub\"", "\"late.pub\""));
    }));
    assert!(proxy.reloaded_by(|| {
        fs::copy(path("one/key.pub"), path("late.pub")).unwrap();
    }));
    assert_eq!(reader.get(SIGNED, KEY).status, 200);
}
