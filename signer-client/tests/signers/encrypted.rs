//! Encrypted key files, made by openssl and by `hallmark keygen`.

use super::Bench;

const PASSPHRASE: &str = "correct horse";

/// A bench with `ci.key`, as `openssl pkcs8` made it with these options.
fn bench(options: &[&str]) -> Bench {
    let bench = Bench::new();
    let plain = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "plain.key"];
    bench.good("openssl", &plain);
    let convert = ["pkcs8", "-topk8", "-in", "plain.key", "-out", "ci.key", "-passout", "pass:correct horse"];
    bench.good("openssl", &[&convert, options].concat());
    bench
}

#[test]
fn keys_that_openssl_encrypted_sign() {
    for options in [
        &["-v2", "aes-256-cbc"][..],
        &["-v2", "aes-128-cbc", "-iter", "20000"],
        &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA512"],
        &["-scrypt"],
    ] {
        let mut bench = bench(options);
        bench.write("passphrase", format!("{PASSPHRASE}\n"));
        let arguments = ["sign", "--key", "ci.key", "--passphrase-file", "passphrase", "app.tar"];
        bench.good("hallmark", &arguments);
        std::fs::remove_file(bench.path("app.tar.sig")).unwrap();
        bench.set("HALLMARK_KEY_PASSPHRASE", PASSPHRASE);
        bench.signs("file:ci.key");
        // It is the same key.
        let plain = bench.good("hallmark", &["public-key", "--key", "plain.key"]);
        assert_eq!(bench.good("hallmark", &["public-key", "--key", "ci.key"]), plain);

        bench.set("HALLMARK_KEY_PASSPHRASE", "wrong horse");
        bench.bad(&["sign", "--key", "ci.key", "app.tar"], 2, "the passphrase is wrong", "");
    }
}

#[test]
fn what_cannot_be_opened_is_told() {
    let mut bench = bench(&["-v2", "aes-256-cbc"]);
    let traditional =
        ["ec", "-aes256", "-in", "plain.key", "-out", "old.key", "-passout", "pass:correct horse"];
    bench.good("openssl", &traditional);
    let work =
        ["pkcs8", "-topk8", "-in", "plain.key", "-out", "work.key", "-passout", "pass:x", "-iter", "5000001"];
    bench.good("openssl", &work);
    bench.set("HALLMARK_KEY_PASSPHRASE", PASSPHRASE);
    bench.bad(
        &["sign", "--key", "old.key", "app.tar"],
        2,
        "traditional",
        "openssl pkcs8 -topk8 -v2 aes-256-cbc",
    );
    bench.bad(&["sign", "--key", "work.key", "app.tar"], 2, "too much work", "openssl pkcs8");
    bench.set("HALLMARK_KEY_PASSPHRASE", "");
    bench.bad(&["sign", "--key", "ci.key", "app.tar"], 2, "passphrase is empty", "");
    bench.bad(&["sign", "--signer", "ci.key", "app.tar"], 2, "file:PATH", "--key ci.key");
}

#[test]
fn keygen_encrypts() {
    let mut bench = Bench::new();
    bench.set("HALLMARK_KEY_PASSPHRASE", PASSPHRASE);
    bench.good("hallmark", &["keygen", "ci", "--encrypt"]);
    assert!(bench.read("ci.key").starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    bench.signs("file:ci.key");
    let public = ["pkey", "-in", "ci.key", "-passin", "pass:correct horse", "-pubout"];
    assert_eq!(bench.good("openssl", &public).as_bytes(), bench.read("ci.pub"));
}
