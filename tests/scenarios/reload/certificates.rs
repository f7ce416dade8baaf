//! The listener's certificate is exchanged while it listens.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use hallmark_tests::proxy::{Options, Proxy};
use hallmark_tests::site::Site;

/// Makes a certificate, `<name>.crt`, and its key.
fn make(site: &Site, name: &str) {
    let (certificate, key) = (format!("{name}.crt"), format!("{name}.key"));
    let curve = ["-pkeyopt", "ec_paramgen_curve:P-256"];
    let begin = ["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2", "-subj", "/CN=hallmark"];
    let end = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", &key, "-out", &certificate];
    site.openssl(&[&begin[..], &curve, &end].concat());
    fs::set_permissions(site.path().join(&key), fs::Permissions::from_mode(0o600)).unwrap();
}

/// Whether a new connection is to somebody with this certificate.
fn serves(proxy: &Proxy, certificate: &str) -> bool {
    let url = format!("https://{}/.hallmark/seal-keys.pem", proxy.address());
    let ran = Command::new("curl")
        .args(["-sS", "--fail", "--cacert", certificate, &url])
        .current_dir(proxy.site.path())
        .output()
        .unwrap();
    ran.status.success()
}

#[test]
fn certificates_are_exchanged_together_with_all_else() {
    let server = "tls = { certificate_file = \"tls.crt\", key_file = \"tls.key\" }".to_owned();
    let site = Site::new(&Options { server, ..Options::default() });
    for name in ["tls", "new"] {
        make(&site, name);
    }
    fs::copy(site.path().join("tls.crt"), site.path().join("old.crt")).unwrap();
    let proxy = Proxy::start_at(site);
    assert!(serves(&proxy, "old.crt") && !serves(&proxy, "new.crt"));

    let path = |name: &str| proxy.site.path().join(name);
    fs::copy(path("new.crt"), path("tls.crt")).unwrap();
    assert!(!proxy.reload(), "the key is another one's");
    assert!(proxy.log().contains("the key does not belong to the first certificate"), "{}", proxy.log());
    assert!(serves(&proxy, "old.crt"));
    fs::copy(path("new.key"), path("tls.key")).unwrap();
    assert!(proxy.reload());
    assert!(serves(&proxy, "new.crt") && !serves(&proxy, "old.crt"));
}
