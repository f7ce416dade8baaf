//! Bad files and, word for word, what is said about them.

use std::fs;

use super::{BASE, folder, load};
use crate::{Config, Secret};

/// Loads each text, after [`BASE`] unless it names a realm itself, and expects exactly these lines.
#[track_caller]
fn check(table: &[(&str, &[&str])]) {
    let dir = folder();
    for (text, expected) in table {
        let text = if text.contains("realm") { (*text).to_owned() } else { format!("{BASE}{text}") };
        let lines = load(&text, dir.path()).err().unwrap_or_default();
        assert_eq!(lines, *expected, "\n{text}");
    }
}

#[test]
fn what_is_not_toml_is_judged_no_further() {
    check(&[
        ("x", &["4:2: not TOML: key with no value, expected `=`"]),
        ("realm = \"r\nunknown = 1", &["1:11: not TOML: invalid basic string, expected `\"`"]),
        (
            "secret = correct-horse-battery-staple",
            &["4:10: not TOML: string values must be quoted, expected literal string"],
        ),
        ("[limits]\n[limits]\n", &["5:2: not TOML: duplicate key"]),
        ("[store]\nunknown = 1\n", &["4:2: not TOML: duplicate key"]),
    ]);
}

#[test]
fn the_whole_file() {
    check(&[
        (
            "# realm\n",
            &[
                "1:1: realm: missing; add `realm = \"acme-artifacts\"`",
                "1:1: seal.key_file: missing; add `key_file = \"seal.key\"`",
                "1:1: store.path: missing; add `path = \"/var/lib/hallmark\"`",
            ],
        ),
        (
            "realm = \"a b\"\n[seal]\n[store]\n",
            &[
                "1:9: realm: must be 1 to 64 of A-Z a-z 0-9 . _ -",
                "2:1: seal.key_file: missing; add `key_file = \"seal.key\"`",
                "3:1: store.path: missing; add `path = \"/var/lib/hallmark\"`",
            ],
        ),
        ("server = 1", &["4:10: server: must be a table; this is a whole number"]),
        ("servre.listen = 1", &["4:1: servre: unknown key; did you mean `server`?"]),
        (
            "\"a b\" = 1",
            &[
                "4:1: \"a b\": unknown key; known: `realm`, `server`, `admin`, `limits`, `cache`, `seal`, `store`, `state`, \
                 `keys`, `identities`, `roles`, `attestations`, `deny`, `clients`, `buckets`",
            ],
        ),
    ]);
}

#[test]
fn server() {
    const LISTEN: &str = "server.listen: must be an IP address and a port, such as \"127.0.0.1:9000\", or \
        \"0.0.0.0:9000\" for all of this machine's addresses";
    const DOMAIN: &str =
        "must be a host name in lower case, without port or scheme, such as \"s3.example.com\"";
    const OVERLAP: &str = "overlaps the one in line 4: a host name could mean two buckets; keep one of them";
    check(&[
        ("server.listen = \"localhost:9000\"", &[&format!("4:17: {LISTEN}")]),
        ("server.listen = \"127.0.0.1\"", &[&format!("4:17: {LISTEN}")]),
        ("server.listen = 9000", &["4:17: server.listen: must be a text in quotes; this is a whole number"]),
        ("server.listn = 9000", &["4:8: server.listn: unknown key; did you mean `listen`?"]),
        (
            "[server.tls]\nkey-file = \"k\"",
            &[
                "4:1: server.tls.certificate_file: missing; add `certificate_file = \"tls.crt\"`",
                "4:1: server.tls.key_file: missing; add `key_file = \"tls.key\"`",
                "5:1: server.tls.key-file: unknown key; did you mean `key_file`?",
            ],
        ),
        (
            "server.tls = { certificate_file = \"\", key_file = \"a\\u0000b\" }",
            &[
                "4:35: server.tls.certificate_file: must be the name of a file",
                "4:50: server.tls.key_file: must be the name of a file",
            ],
        ),
        (
            "server.tls = { certificate_file = \"tls.crt\", key_file = \"open.key\" }",
            &[
                "4:57: server.tls.key_file: the file is open to others than its owner (mode 0640); run `chmod 600` on it",
            ],
        ),
        ("server.domains = \"a\"", &["4:18: server.domains: must be a list, in [ ]; this is a text"]),
        (
            "server.domains = [\"A.b\", \"a:1\", \"http://a\", \"\", \"a..b\", \"-a\", \"10.0.0.1\", \"é.b\"]",
            &[
                &format!("4:19: server.domains[0]: {DOMAIN}"),
                &format!("4:26: server.domains[1]: {DOMAIN}"),
                &format!("4:33: server.domains[2]: {DOMAIN}"),
                &format!("4:45: server.domains[3]: {DOMAIN}"),
                &format!("4:49: server.domains[4]: {DOMAIN}"),
                &format!("4:57: server.domains[5]: {DOMAIN}"),
                &format!("4:63: server.domains[6]: {DOMAIN}"),
                &format!("4:75: server.domains[7]: {DOMAIN}"),
            ],
        ),
        (
            "server.domains = [\"b.c\", \"bb.c\", \"a.b.c\",\n  \"b.c\",\n  \"c\"]",
            &[
                &format!("4:34: server.domains[2]: {OVERLAP}"),
                &format!("5:3: server.domains[3]: {OVERLAP}"),
                &format!("6:3: server.domains[4]: {OVERLAP}"),
            ],
        ),
        ("server.region = \"US\"", &["4:17: server.region: must be 1 to 64 of a-z 0-9 -"]),
        (
            "server.dangerous_unsigned_payload_over_http = \"yes\"",
            &["4:47: server.dangerous_unsigned_payload_over_http: must be `true` or `false`; this is a text"],
        ),
    ]);
}

#[test]
fn admin() {
    const DELAY: &str = "admin.drain_delay: must be from 0 ms to 5 m";
    const TAKEN: &str =
        "admin.listen: the address of `server.listen`, where clients are served; take another port";
    let good = "admin.listen = \"[::1]:9000\"\n";
    check(&[
        (good, &[]),
        ("[admin]\n", &["4:1: admin.listen: missing; add `listen = \"127.0.0.1:9001\"`"]),
        ("admin = \"127.0.0.1:9001\"", &["4:9: admin: must be a table; this is a text"]),
        ("admin.listen = \"127.0.0.1:9000\"", &[&format!("4:16: {TAKEN}")]),
        ("server.listen = \"[::]:1\"\nadmin.listen = \"[::]:1\"", &[&format!("5:16: {TAKEN}")]),
        ("server.listen = \"[::]:0\"\nadmin.listen = \"[::]:0\"", &[]),
        (&format!("{good}admin.drain_delay = \"6m\""), &[&format!("5:21: {DELAY}")]),
        (
            &format!("{good}admin.drain_timeout = \"6m\""),
            &["5:7: admin.drain_timeout: belongs into [limits]"],
        ),
        ("limits.drain_timeout = \"2h\"", &["4:24: limits.drain_timeout: must be from 0 ms to 1 h"]),
    ]);
}

#[test]
fn limits() {
    const CONNECTIONS: &str = "4:26: limits.max_connections: must be from 1 to 1000000";
    const SIZE: &str = "4:26: limits.max_object_size: must be from 1 B to 5 TiB";
    const MEMORY: &str = "4:24: limits.memory_budget: must be from 33 MiB to 1 TiB";
    const HEADER: &str = "4:25: limits.header_timeout: must be from 1 s to 5 m";
    const IDLE: &str = "4:23: limits.idle_timeout: must be from 1 s to 1 h";
    check(&[
        ("limits.max_connections = 1", &[]),
        ("limits.max_connections = 0x10", &[]),
        ("limits.max_connections = 1_000_000", &[]),
        ("limits.max_connections = 0", &[CONNECTIONS]),
        ("limits.max_connections = 1000001", &[CONNECTIONS]),
        ("limits.max_connections = -1", &[CONNECTIONS]),
        ("limits.max_connections = 99999999999999999999999", &[CONNECTIONS]),
        (
            "limits.max_connections = 1.5",
            &["4:26: limits.max_connections: must be a whole number; this is a decimal number"],
        ),
        ("limits.max_object_size = \"1 B\"", &[]),
        ("limits.max_object_size = \"0\"", &[SIZE]),
        ("limits.max_object_size = \"6 TiB\"", &[SIZE]),
        ("limits.max_object_size = \"99999999999 TiB\"", &["4:26: limits.max_object_size: far too large"]),
        (
            "limits.max_object_size = \"5 TB\"",
            &["4:26: limits.max_object_size: unknown unit; known: `B`, `KiB`, `MiB`, `GiB`, `TiB`"],
        ),
        (
            "limits.max_object_size = 1024",
            &[
                "4:26: limits.max_object_size: must be a size in quotes, such as \"256 MiB\"; this is a whole \
                 number",
            ],
        ),
        ("limits.memory_budget = \"33 MiB\"", &[]),
        ("limits.memory_budget = \"1 TiB\"", &[]),
        ("limits.memory_budget = \"32 MiB\"", &[MEMORY]),
        ("limits.memory_budget = \"2 TiB\"", &[MEMORY]),
        ("limits.header_timeout = \"1s\"", &[]),
        ("limits.header_timeout = \"5m\"", &[]),
        ("limits.header_timeout = \"999ms\"", &[HEADER]),
        ("limits.header_timeout = \"301s\"", &[HEADER]),
        (
            "limits.header_timeout = \"10\"",
            &["4:25: limits.header_timeout: a duration is a whole number with a unit, such as \"30s\""],
        ),
        ("limits.idle_timeout = \"1h\"", &[]),
        ("limits.idle_timeout = \"0\"", &[IDLE]),
        ("limits.idle_timeout = \"2h\"", &[IDLE]),
        ("limits.min_rate = \"0\"", &[]),
        ("limits.min_rate = \"1 GiB\"", &[]),
        ("limits.min_rate = \"2 GiB\"", &["4:19: limits.min_rate: must be from 0 B to 1 GiB"]),
    ]);
}

#[test]
fn caches_and_freshness() {
    check(&[
        ("cache.leaves = \"1 TiB\"", &[]),
        ("cache.leaves = \"0\"", &[]),
        ("cache.leaves = \"2 TiB\"", &["4:16: cache.leaves: must be from 0 B to 1 TiB"]),
        (
            "cache.heads = 1",
            &["4:15: cache.heads: must be a size in quotes, such as \"256 MiB\"; this is a whole number"],
        ),
        ("cache.leafs = \"0\"", &["4:7: cache.leafs: unknown key; did you mean `leaves`?"]),
        ("buckets.rel.freshness = \"5m\"", &[]),
        ("buckets.rel.freshness = \"300001ms\"", &["4:25: buckets.rel.freshness: must be from 0 ms to 5 m"]),
    ]);
}

#[test]
fn seal_and_store() {
    let file = |seal: &str, store: &str| format!("realm = \"r\"\n[seal]\n{seal}\n[store]\n{store}\n");
    check(&[
        (&file("key_file = \"closed.key\"", "path = \"d\""), &[]),
        // The mode of a file that is not there yet cannot be wrong.
        (&file("key_file = \"absent.key\"", "kind = \"local\"\npath = \"d\""), &[]),
        (
            &file("key_file = \"open.key\"", "path = \"d\""),
            &[
                "3:12: seal.key_file: the file is open to others than its owner (mode 0640); run `chmod 600` on it",
            ],
        ),
        (
            &file("signer = \"pkcs11:object=seal\"", "path = \"d\"\n[state]\nsecret_file = \"state.secret\""),
            &[],
        ),
        (
            &file("signer = \"pkcs11:object=seal\"", "path = \"d\""),
            &[
                "1:1: state.secret_file: missing; the seal key is in no folder where the secret could be; make it with \
                 `umask 077; openssl rand -hex 32 > state.secret` and add `secret_file = \"state.secret\"`",
            ],
        ),
        (
            &file("key_file = \"k\"\nsigner = \"pkcs11:object=seal\"", "path = \"d\""),
            &["4:10: seal.signer: stands beside `key_file`; keep one of the two"],
        ),
        (&file("certifier_file = \"closed.key\"\nlifetime = \"90 h\"", "path = \"d\""), &[]),
        // To close it would be no cure.
        (
            &file("certifier_file = \"ci.pub\"", "path = \"d\""),
            &[
                "3:18: seal.certifier_file: this is a public key; the private key, of which it is a half, belongs here",
            ],
        ),
        (
            &file("key_file = \"ci.pub\"", "path = \"d\""),
            &[
                "3:12: seal.key_file: this is a public key; the private key, of which it is a half, belongs here",
            ],
        ),
        (
            &file("certifier = \"awskms:alias/a\"", "path = \"d\"\n[state]\nsecret_file = \"state.secret\""),
            &[],
        ),
        (
            &file("certifier_file = \"open.key\"\nlifetime = \"59 m\"", "path = \"d\""),
            &[
                "3:18: seal.certifier_file: the file is open to others than its owner (mode 0640); run `chmod 600` on it",
                "4:12: seal.lifetime: must be from 1 h to 2160 h",
            ],
        ),
        (
            &file("key_file = \"k\"\ncertifier = \"awskms:alias/a\"", "path = \"d\""),
            &["4:13: seal.certifier: stands beside `key_file`; keep one of the two"],
        ),
        (
            &file("key_file = \"k\"\nlifetime = \"24 h\"", "path = \"d\""),
            &["4:12: seal.lifetime: is for the keys that a certifier certifies, and there is none"],
        ),
        (
            &file(
                &format!(
                    "key_file = \"k\"\nrefused = [{{ key = \"{0}\", reason = \"x\" }}, {{ key = \"{0}\", reason = \"\" }}, {{ key = \"AA\" }}]",
                    "0a".repeat(32)
                ),
                "path = \"d\"",
            ),
            &[
                "4:112: seal.refused[1].key: the same as in line 4; each may stand here once",
                "4:189: seal.refused[1].reason: must be the reason, in one line; it is shown to who asks for an artifact that the key sealed",
                "4:195: seal.refused[2].reason: missing; add `reason = \"it leaked on 2026-11-02\"`",
                "4:203: seal.refused[2].key: must be the whole id of a seal key: 64 hexadecimal digits in lower case, as `keyid` in `?hallmark=seal`",
            ],
        ),
        (
            &file("key_file = \"k\"\npassphrase_file = \"open.key\"", "path = \"d\""),
            &[
                "4:19: seal.passphrase_file: the file is open to others than its owner (mode 0640); run `chmod 600` on it",
            ],
        ),
        (
            &file("key_file = \"k\"\ntrusted_key_files = [\"a\", \"b\",\n \"a\"]", "path = \"d\""),
            &["5:2: seal.trusted_key_files[2]: the same as in line 4; each may stand here once"],
        ),
        (
            &file("key_file = \"k\"", "kind = \"locale\"\npath = \"d\""),
            &["5:8: store.kind: unknown word; did you mean `local`?"],
        ),
        // What else is wrong is said when the kind is known.
        (
            &file("key_file = \"k\"", "kind = \"s4\"\npaht = \"d\"\nregion = 1"),
            &[
                "5:8: store.kind: unknown word; known: `local`, `s3`",
                "6:1: store.paht: unknown key; did you mean `path`?",
            ],
        ),
        (
            &file("key_file = \"k\"", "path = \"d\"\nendpoint = \"https://s3.example.com\"\nregio = 1"),
            &[
                "6:1: store.endpoint: belongs to a store that speaks S3; set `kind = \"s3\"`, or leave it out",
                "7:1: store.regio: unknown key; known: `kind`, `path`",
            ],
        ),
    ]);
}

#[test]
fn state() {
    const FORM: &str = "the file must hold 32 random bytes as 64 hexadecimal digits on one line; make it with \
        `umask 077; openssl rand -hex 32`";
    const OPEN: &str = "the file is open to others than its owner (mode 0644); run `chmod 600` on it";
    const NO_FILE: &str = "there is no such file; a relative name begins at this file's folder";
    let one = |key: &str, said: &str| format!("4:{}: state.{key}: {said}", "state. = ".len() + key.len() + 1);
    check(&[
        ("state.secret_file = \"state.secret\"", &[]),
        ("state.secret_file = \"absent.secret\"", &[&one("secret_file", NO_FILE)]),
        ("state.secret_file = \"ci.secret\"", &[&one("secret_file", FORM)]),
        ("state.secret_file = \"huge.secret\"", &[&one("secret_file", "the file is longer than 66 B")]),
        ("state.secret_file = \"open-state.secret\"", &[&one("secret_file", OPEN)]),
        ("state.secret_file = \"\"", &[&one("secret_file", "must be the name of a file")]),
        ("state.previous_secret_file = \"absent.secret\"", &[&one("previous_secret_file", NO_FILE)]),
        ("state.previous_secret_file = \"open-state.secret\"", &[&one("previous_secret_file", OPEN)]),
        (
            "[state]\nsecret_file = \"state-old.secret\"\nprevious_secret_file = \"state-old.secret\"",
            &["6:24: state.previous_secret_file: the same file as the secret of today; leave it out"],
        ),
        (
            "[state]\nprevious_secret_file = \"state.secret\"",
            &["5:24: state.previous_secret_file: the same file as the secret of today; leave it out"],
        ),
        ("state.secret = \"x\"", &["4:7: state.secret: unknown key; did you mean `secret_file`?"]),
        // One report for one mistake: that the default cannot be known follows from it.
        (
            "realm = \"r\"\nseal.key_file = 1\nstore.path = \"d\"\n",
            &["2:17: seal.key_file: must be a text in quotes; this is a whole number"],
        ),
    ]);
}

#[test]
fn the_default_state_secret_is_checked_if_it_is_there() {
    let dir = folder();
    fs::write(dir.path().join("state.secret"), "not a secret").unwrap();
    let lines = load(&format!("{BASE}[state]\n"), dir.path()).unwrap_err();
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(
        line.starts_with("4:1: state: `state.secret` in the folder of the seal key: the file must hold"),
        "{line}"
    );
}

#[test]
fn keys() {
    const HOW: &str = "make it with `openssl pkey -in PRIVATE -pubout`";
    let not_pem = format!(
        "must be one PEM block, from `-----BEGIN PUBLIC KEY-----` to `-----END PUBLIC KEY-----`, and nothing else; \
         {HOW}"
    );
    check(&[
        ("keys.a.public_key_file = \"ci.pub\"\nkeys.b.public_key_file = \"other.pub\"", &[]),
        ("keys.a = {}", &["4:10: keys.a: `public_key_file` or `public_key` is missing; add one"]),
        (
            "keys.a = { public_key_file = \"ci.pub\", public_key = \"x\" }",
            &["4:53: keys.a.public_key: stands beside `public_key_file`; keep one of the two"],
        ),
        (
            "keys.\"é\".public_key_file = \"ci.pub\"",
            &["4:6: keys.\"é\": the name must be 1 to 64 of A-Z a-z 0-9 . _ -"],
        ),
        ("keys.a.public_key = \"x\"", &[&format!("4:21: keys.a.public_key: {not_pem}")]),
        ("keys.a.public_key_file = \"ci.secret\"", &[&format!("4:26: keys.a.public_key_file: {not_pem}")]),
        (
            "keys.a.public_key_file = \"private.pem\"",
            &[&format!(
                "4:26: keys.a.public_key_file: this is a private key, which only its owner may have; give the \
                 public key: {HOW}"
            )],
        ),
        (
            "keys.a.public_key_file = \"absent.pub\"",
            &[
                "4:26: keys.a.public_key_file: there is no such file; a relative name begins at this file's folder",
            ],
        ),
        (
            "keys.a.public_key_file = \"binary\"",
            &["4:26: keys.a.public_key_file: the file is not a text in UTF-8"],
        ),
        (
            "keys.z.public_key_file = \"ci.pub\"\nkeys.a.public_key_file = \"ci-again.pub\"\n\
             keys.b.public_key = \"-----BEGIN PUBLIC KEY-----QUFBQUFB-----END PUBLIC KEY-----\"",
            &[
                "5:26: keys.a.public_key_file: the same as in line 4; each may stand here once",
                "6:21: keys.b.public_key: the same as in line 4; each may stand here once",
            ],
        ),
        (
            "keys.a = { public_key_file = \"ci.pub\", revoked = \" \" }",
            &[
                "4:50: keys.a.revoked: must be the reason, in one line; leave the key out while the publisher's key \
                 is trusted",
            ],
        ),
        (
            "keys.a = { public_key_file = \"ci.pub\", revoked = true }",
            &["4:50: keys.a.revoked: must be a text in quotes; this is `true` or `false`"],
        ),
    ]);
}

#[test]
fn clients() {
    const ACCESS_KEY: &str = "must be 3 to 128 visible ASCII characters without `/`, `,` and `=`";
    check(&[
        (
            "[clients]\nname = \"ci\"",
            &["4:1: clients: must be a list of tables; write it with double brackets, [[ ]]"],
        ),
        (
            "[[clients]]",
            &[
                "4:1: clients[0].name: missing; add `name = \"ci\"`",
                "4:1: clients[0].access_key: missing; add `access_key = \"ci-access\"`",
                "4:1: clients[0]: `secret_file` or `secret_env` is missing; add one",
            ],
        ),
        (
            "[[clients]]\nname = \"-\"\naccess_key = \"ab\"\nsecret_env = \"SECRET\"\n\
             [[clients]]\nname = \"b\"\naccess_key = \"a/b\"\nsecret_env = \"SECRET\"\n\
             [[clients]]\nname = \"c\"\naccess_key = \"a b\"\nsecret_env = \"SECRET\"\n",
            &[
                "5:8: clients[0].name: must be 1 to 48 of A-Z a-z 0-9 . _ @ + - (not `-` alone)",
                &format!("6:14: clients[0].access_key: {ACCESS_KEY}"),
                &format!("10:14: clients[1].access_key: {ACCESS_KEY}"),
                &format!("14:14: clients[2].access_key: {ACCESS_KEY}"),
            ],
        ),
        (
            "[[clients]]\nname = \"a\"\naccess_key = \"abc\"\nsecret_env = \"SECRET\"\n\
             [[clients]]\nname = \"b\"\naccess_key = \"abd\"\nsecret_env = \"SECRET\"\n\
             [[clients]]\nname = \"a\"\naccess_key = \"abd\"\nsecret_env = \"SECRET\"\n",
            &[
                "13:8: clients[2].name: the same as in line 5; each may stand here once",
                "14:14: clients[2].access_key: the same as in line 10; each may stand here once",
            ],
        ),
    ]);
}

#[test]
fn secrets() {
    const INLINE: &str = "a secret does not stand in this file; put it into a file of its own, named by `secret_file`, \
        or into an environment variable, named by `secret_env`";
    const OPEN: &str = "the file is open to others than its owner";
    const NO_FILE: &str = "there is no such file; a relative name begins at this file's folder";
    const SHORT: &str =
        "the secret must have at least 16 characters; make one with `openssl rand -base64 30`";
    const LINE: &str = "the secret must be one line without spaces around it";
    let client = |secret: &str| format!("[[clients]]\nname = \"a\"\naccess_key = \"abc\"\n{secret}\n");
    let one = |key: &str, said: &str| format!("7:{}: clients[0].{key}: {said}", key.len() + 4);
    check(&[
        (
            &client("secret_file = \"ci.secret\"\nsecret_env = \"SECRET\""),
            &["8:14: clients[0].secret_env: stands beside `secret_file`; keep one of the two"],
        ),
        // Secrets where they do not belong; `load` asserts that they are not shown.
        (
            &client("secret = \"correct-horse-battery-staple\""),
            &[&format!("7:1: clients[0].secret: {INLINE}")],
        ),
        (
            &client("secret_access_key = \"correct-horse-battery-staple\"\nsecret_env = \"SECRET\""),
            &[&format!("7:1: clients[0].secret_access_key: {INLINE}")],
        ),
        (&client("secret_file = \"correct-horse-battery-staple\""), &[&one("secret_file", NO_FILE)]),
        (
            &client("secret_env = \"correct-horse-battery-staple\""),
            &[&one(
                "secret_env",
                "must be the name of an environment variable (letters, digits and `_`), not its content",
            )],
        ),
        (
            &client("secret_env = \"SECRET\"\ngrants = \"correct-horse-battery-staple\""),
            &["8:10: clients[0].grants: must be a list, in [ ]; this is a text"],
        ),
        (&client("secret_env = \"ABSENT\""), &[&one("secret_env", "this environment variable is not set")]),
        (&client("secret_env = \"SHORT\""), &[&one("secret_env", SHORT)]),
        (&client("secret_file = \"short.secret\""), &[&one("secret_file", SHORT)]),
        (&client("secret_file = \"empty.secret\""), &[&one("secret_file", "the secret is empty")]),
        (&client("secret_file = \"lines.secret\""), &[&one("secret_file", LINE)]),
        (
            &client("secret_file = \"long.secret\""),
            &[&one("secret_file", "the secret must have at most 1024 bytes")],
        ),
        (&client("secret_file = \"huge.secret\""), &[&one("secret_file", "the file is longer than 1026 B")]),
        (
            &client("secret_file = \"open.secret\""),
            &[&one("secret_file", &format!("{OPEN} (mode 0644); run `chmod 600` on it"))],
        ),
        (
            &client("secret_file = \"group.secret\""),
            &[&one("secret_file", &format!("{OPEN} (mode 0640); run `chmod 600` on it"))],
        ),
    ]);
}

#[test]
fn grants() {
    const BUCKET: &str = "must be \"*\" for all buckets, or the name of one (3 to 63 of a-z 0-9 . -, each label between dots begins and ends with a letter or digit, not an IP address)";
    const WORDS: &str = "known: `read`, `read_untrusted`, `write`, `write_signatures`, `delete`, `delete_version`, \
        `lock`, `bypass_governance`, `list`, `admin`";
    let grants = |grants: &str| {
        format!(
            "[[clients]]\nname = \"a\"\naccess_key = \"abc\"\nsecret_env = \"SECRET\"\n[[clients.grants]]\n{grants}"
        )
    };
    check(&[
        (
            &grants("prefix = \"app/\""),
            &[
                "8:1: clients[0].grants[0].bucket: missing; add `bucket = \"releases\"`",
                "8:1: clients[0].grants[0].permissions: missing; add `permissions = [\"read\"]`",
            ],
        ),
        (
            &grants("bucket = \"rel*\"\npermissions = [\"raed\", \"execute\", 3, \"read\", \"read\"]"),
            &[
                &format!("9:10: clients[0].grants[0].bucket: {BUCKET}"),
                "10:16: clients[0].grants[0].permissions[0]: unknown word; did you mean `read`?",
                &format!("10:24: clients[0].grants[0].permissions[1]: unknown word; {WORDS}"),
                "10:35: clients[0].grants[0].permissions[2]: must be a text in quotes; this is a whole number",
                "10:46: clients[0].grants[0].permissions[4]: the same as in line 10; each may stand here once",
            ],
        ),
        (
            &grants("bucket = \"*\"\npermissions = []\npermision = 1"),
            &[
                "10:15: clients[0].grants[0].permissions: is empty; name what is allowed, or leave the entry out",
                "11:1: clients[0].grants[0].permision: unknown key; did you mean `permissions`?",
            ],
        ),
        (
            &grants("bucket = \"*\"\nprefix = \"a\"\npermissions = [\"admin\"]"),
            &[
                "8:1: clients[0].grants[0]: `admin` is about whole buckets; grant it without a prefix, in an entry of \
               its own",
            ],
        ),
        (&grants("bucket = \"*\"\nprefix = \"\"\npermissions = [\"admin\"]"), &[]),
    ]);
}

#[test]
fn what_is_immutable() {
    const UNENDED: &str = "must be empty or end in `/`: \"v1\" would cover \"v10\" too";
    check(&[
        ("buckets.rel.immutable = true", &[]),
        (
            "buckets.rel.immutable = \"v1/\"",
            &["4:25: buckets.rel.immutable: must be `true` or `false`; this is a text"],
        ),
        (
            "buckets.rel.immutable_prefixes = [\"v1\", \"/v1/\", \"v1/\",\n\"v2/\",\n\"v1/\"]",
            &[
                &format!("4:35: buckets.rel.immutable_prefixes[0]: {UNENDED}"),
                "4:41: buckets.rel.immutable_prefixes[1]: must be without a `/` in front, as S3 keys are: \"app/\", or \
                 \"\" for the whole bucket",
                "6:1: buckets.rel.immutable_prefixes[4]: the same as in line 4; each may stand here once",
            ],
        ),
        (
            "[buckets.rel]\nimmutable = true\nimmutable_prefixes = [\"v1/\"]",
            &[
                "6:22: buckets.rel.immutable_prefixes: says nothing beside `immutable = true`; keep one of the two",
            ],
        ),
    ]);
}

#[test]
fn buckets_and_rules() {
    const SLASH: &str =
        "must be empty or end in `/`: \"app\" would cover \"apple\" too; one object is named by `key`";
    const FRONT: &str =
        "must be without a `/` in front, as S3 keys are: \"app/\", or \"\" for the whole bucket";
    const EXACT: &str = "must be the key of one object, 1 to 1024 bytes, without a `/` in front";
    let rules =
        |rules: &str| format!("keys.ci.public_key_file = \"ci.pub\"\n[buckets.rel]\nrules = [\n{rules}\n]\n");
    let one = |place: &str, said: &str| format!("{place} {said}");
    check(&[
        (
            "[buckets.Rel]\nanonymous = [\"write\"]",
            &[
                "4:10: buckets.Rel: the name must be 3 to 63 of a-z 0-9 . -, each label between dots \
                 begins and ends with a letter or digit, not an IP address",
                "5:14: buckets.Rel.anonymous[0]: unknown word; known: `read`, `list`",
            ],
        ),
        (
            "[buckets.rel]\nserve_unsealed = true",
            &[
                "5:1: buckets.rel.serve_unsealed: unknown key; known: `anonymous`, `dangerous_serve_unsealed`, `kept_in`, `freshness`, `immutable`, \
                 `immutable_prefixes`, `refuse_rollback`, `checksums`, `rules`",
            ],
        ),
        (
            "[[buckets.rel.rules]]\nprefix = \"\"\nsignatures = \"required\"\nkeys = [\"ci\"]",
            &["7:9: buckets.rel.rules[0].keys[0]: no such name in [keys] or [identities]; there is none"],
        ),
        (
            &rules("{ prefix = \"\", signatures = \"require\", keys = [\"cl\", \"ci\", \"ci\"] },\n{}"),
            &[
                "7:29: buckets.rel.rules[0].signatures: unknown word; did you mean `required`?",
                "7:48: buckets.rel.rules[0].keys[0]: no such name in [keys] or [identities]; known: `ci`",
                "7:60: buckets.rel.rules[0].keys[2]: the same as in line 7; each may stand here once",
                "8:1: buckets.rel.rules[1]: `prefix` or `key` is missing; add one",
                "8:1: buckets.rel.rules[1].signatures: missing; add `signatures = \"required\"`",
                "8:1: buckets.rel.rules[1].keys: missing; add `keys = [\"release-ci\"]`, or roles in `all_of` or `any_of`",
            ],
        ),
        (
            &rules("{ prefix = \"\", key = \"a\", signatures = \"optional\", keys = [] }"),
            &[
                "7:22: buckets.rel.rules[0].key: stands beside `prefix`; keep one of the two",
                "7:59: buckets.rel.rules[0].keys: must name from 1 to 16 signers",
            ],
        ),
        (
            &rules(
                "{ prefix = \"app\", signatures = \"optional\", keys = [\"ci\"] },\n\
                 { prefix = \"/\", signatures = \"optional\", keys = [\"ci\"] },\n\
                 { key = \"/app\", signatures = \"optional\", keys = [\"ci\"] },\n\
                 { key = \"\", signatures = \"optional\", keys = [\"ci\"] }",
            ),
            &[
                &one("7:12: buckets.rel.rules[0].prefix:", SLASH),
                &one("8:12: buckets.rel.rules[1].prefix:", FRONT),
                &one("9:9: buckets.rel.rules[2].key:", EXACT),
                &one("10:9: buckets.rel.rules[3].key:", EXACT),
            ],
        ),
        (
            &rules(
                "{ prefix = \"a/\", signatures = \"optional\", keys = [\"ci\"] },\n\
                 { key = \"a/\", signatures = \"optional\", keys = [\"ci\"] },\n\
                 { prefix = \"a/\", signatures = \"required\", keys = [\"ci\"] },\n\
                 { key = \"a/\", signatures = \"required\", keys = [\"ci\"] }",
            ),
            &[
                "9:12: buckets.rel.rules[2].prefix: the same as in line 7; each may stand here once",
                "10:9: buckets.rel.rules[3].key: the same as in line 8; each may stand here once",
            ],
        ),
        // A key whose entry is wrong is reported there, not again by every rule that names it.
        (
            "keys.ci = {}\n[[buckets.rel.rules]]\nprefix = \"\"\nsignatures = \"required\"\nkeys = [\"ci\"]",
            &["4:11: keys.ci: `public_key_file` or `public_key` is missing; add one"],
        ),
    ]);
}

#[test]
fn a_rule_names_at_most_16_keys() {
    let text = |count: usize| {
        let keys = (0..count).map(|index| {
            format!("keys.k{index}.public_key = \"-----BEGIN PUBLIC KEY-----AA{index:02}-----END PUBLIC KEY-----\"\n")
        });
        let names: Vec<String> = (0..count).map(|index| format!("k{index}")).collect();
        let rule = format!(
            "buckets.rel.rules = [{{ prefix = \"\", signatures = \"required\", keys = {names:?} }}]\n"
        );
        keys.collect::<String>() + &rule
    };
    check(&[
        (&text(16), &[]),
        (&text(17), &["21:69: buckets.rel.rules[0].keys: must name from 1 to 16 signers"]),
    ]);
}

#[test]
fn everything_at_once_and_in_the_order_of_the_file() {
    check(&[(
        r#"
relm = "r"
[store]
path = 3
[server]
listen = "here"
listn = "there"
[limits]
memory_budget = "1 MiB"
idle_timeout = 30
[[clients]]
name = "ci"
access_key = "abc"
secret = "x"
grants = [{ bucket = "*", permissions = ["reed"] }]
[[clients]]
name = "ci"
[buckets.releases]
rules = [{ prefix = "", signatures = "required", keys = ["release-ci"] }]
[keys.release_ci]
public_key_file = "ci.pub"
# realm
"#,
        &[
            "1:1: realm: missing; add `realm = \"acme-artifacts\"`",
            "1:1: seal.key_file: missing; add `key_file = \"seal.key\"`",
            "2:1: relm: unknown key; did you mean `realm`?",
            "4:8: store.path: must be a text in quotes; this is a whole number",
            "6:10: server.listen: must be an IP address and a port, such as \"127.0.0.1:9000\", or \"0.0.0.0:9000\" \
             for all of this machine's addresses",
            "7:1: server.listn: unknown key; did you mean `listen`?",
            "9:17: limits.memory_budget: must be from 33 MiB to 1 TiB",
            "10:16: limits.idle_timeout: must be a duration in quotes, such as \"30s\"; this is a whole number",
            "14:1: clients[0].secret: a secret does not stand in this file; put it into a file of its own, named by \
             `secret_file`, or into an environment variable, named by `secret_env`",
            "15:42: clients[0].grants[0].permissions[0]: unknown word; did you mean `read`?",
            "16:1: clients[1].access_key: missing; add `access_key = \"ci-access\"`",
            "16:1: clients[1]: `secret_file` or `secret_env` is missing; add one",
            "17:8: clients[1].name: the same as in line 12; each may stand here once",
            "19:58: buckets.releases.rules[0].keys[0]: no such name in [keys] or [identities]; did you mean `release_ci`?",
        ],
    )]);
}

#[test]
fn a_file_that_cannot_be_read() {
    let dir = folder();
    let path = dir.path().join("absent.toml");
    let errors = Config::load(&path).unwrap_err();
    assert_eq!(
        errors.to_string(),
        format!("{}: cannot be read: No such file or directory (os error 2)", path.display())
    );
    assert_eq!(errors.errors().len(), 1);
    assert_eq!(errors.errors()[0].position, None);
}

#[test]
fn a_secret_is_not_shown_by_debug() {
    assert_eq!(format!("{:?}", Secret::new("correct-horse".to_owned())), "[redacted]");
}
