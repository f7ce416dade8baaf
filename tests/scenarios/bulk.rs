//! What `hallmark` does to many objects at once, audits and lists of checksums: against a running proxy and a store that
//! was tampered with.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_proxy::store::Store;
use hallmark_tests::command::{Ran, Sandbox};
use hallmark_tests::data::{MIB, content};
use hallmark_tests::inprocess::InProcess;
use hallmark_tests::memory::MemoryStore;
use hallmark_tests::proxy::program;
use hallmark_tests::s3::Client;
use hallmark_tests::sigv4::sha256_hex;
use hallmark_tests::site::{NOBODY, Options, REALM};
use serde_json::Value;

use crate::command::Liar;

const BUCKET: &str = "releases";

/// Exit codes, as `hallmark --help` documents them.
const FAILED: i32 = 1;
const USAGE: i32 = 2;
const REFUSED: i32 = 3;
const NOT_FOUND: i32 = 4;

/// The seal's own signature is checked by the command, too.
const SEALS: [&str; 4] = ["--seal-key", "seal.pub", "--realm", REALM];

struct Lab {
    proxy: InProcess,
    store: Arc<MemoryStore>,
    client: Client,
    sandbox: Sandbox,
    /// What was uploaded.
    objects: BTreeMap<String, Vec<u8>>,
}

/// A bucket with artifacts of all sizes and of odd names below `app/`, and one that is not.
fn lab() -> Lab {
    let store = Arc::new(MemoryStore::new());
    let proxy = InProcess::start_with(&Options::nothing_kept(), Arc::clone(&store) as Arc<dyn Store>);
    let client = proxy.client();
    client.create_bucket(BUCKET);
    let sandbox = Sandbox::new(proxy.address());
    fs::copy(proxy.site.path().join("seal.pub"), sandbox.path("seal.pub")).unwrap();
    let mut lab = Lab { proxy, store, client, sandbox, objects: BTreeMap::new() };
    let names = [
        ("app/small.tar", 300_000),
        ("app/medium.tar", 3 * MIB + 5),
        ("app/large.tar", 9 * MIB + 5),
        ("app/empty", 0),
        ("app/1.0/two  spaces, a+b & %41?#.txt", 10),
        ("app/1.0/back\\slash", 11),
        ("app/1.0/line\nbreak", 12),
        ("app/1.0/ключ", 13),
        ("other/app.tar", 14),
    ];
    for (seed, (key, length)) in names.into_iter().enumerate() {
        lab.put(key, content(seed as u64, length));
    }
    lab
}

impl Lab {
    fn put(&mut self, key: &str, bytes: Vec<u8>) {
        let response = self.client.put(BUCKET, key, &bytes);
        assert_eq!(response.status, 200, "{key}: {}", response.text());
        self.objects.insert(key.to_owned(), bytes);
    }

    fn hallmark(&self, arguments: &[&str]) -> Ran {
        self.sandbox.run(program("hallmark"), arguments)
    }

    /// What it says in JSON, a line each, and how it ends.
    #[track_caller]
    fn json(&self, exit: i32, arguments: &[&str]) -> Vec<Value> {
        let ran = self.hallmark(&[&["--json"], arguments].concat());
        let said = String::from_utf8(ran.stdout.clone()).unwrap();
        assert_eq!(ran.status.code(), Some(exit), "{}\n{said}\n{}", ran.line, ran.stderr);
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What has to be in a list for `app/`.
    fn expected(&self) -> BTreeMap<String, String> {
        let below = |(key, bytes): (&String, &Vec<u8>)| {
            Some((key.strip_prefix("app/")?.to_owned(), sha256_hex(bytes)))
        };
        self.objects.iter().filter_map(below).collect()
    }

    /// The files of `app/`, in a directory.
    fn files(&self) {
        for (key, bytes) in &self.objects {
            let Some(name) = key.strip_prefix("app/") else { continue };
            let path = self.sandbox.path("files").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
}

/// `(key, code, refused_by)` of each problem.
fn problems(lines: &[Value]) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let problem = |line: &Value| {
        let problem = line.get("problem")?;
        Some((text(&problem["key"]), text(&problem["code"]), problem["refused_by"].clone()))
    };
    lines.iter().filter_map(problem).collect()
}

#[track_caller]
fn summary(lines: &[Value]) -> &Value {
    let found = lines.iter().find_map(|line| line.get("summary"));
    found.unwrap_or_else(|| panic!("no summary: {lines:?}"))
}

#[test]
fn an_audit_reads_everything() {
    let lab = lab();
    for options in [&[][..], &SEALS, &["--jobs", "1"], &["--versions"]] {
        let lines = lab.json(0, &[&["audit", "s3://releases"], options].concat());
        let told = summary(&lines);
        assert_eq!((&told["objects"], &told["verified"]), (&9.into(), &9.into()), "{lines:?}");
        let bytes: usize = lab.objects.values().map(Vec::len).sum();
        assert_eq!((&told["verified_bytes"], &told["problems"]), (&bytes.into(), &0.into()));
        assert_eq!(told["seals_verified"], options.contains(&"--seal-key"));
        assert_eq!(lines.len(), 1, "{lines:?}");
    }
    let lines = lab.json(0, &["audit", "s3://releases/app/1.0/"]);
    assert_eq!(summary(&lines)["objects"], 4);
    let told = lab.hallmark(&["audit", "s3://releases/other"]).good();
    assert!(told.contains("verified  1\n"), "{told}");
    assert_eq!(fs::read_dir(lab.sandbox.home()).unwrap().count(), 1, "nothing is written to disk");
}

#[test]
fn p1_an_audit_finds_what_was_tampered_with() {
    let lab = lab();
    let large = lab.objects["app/large.tar"].len();
    lab.store.edit(BUCKET, "app/small.tar", |object| object.flip(0));
    lab.store.edit(BUCKET, "app/large.tar", |object| object.flip(large - 1));
    lab.store.edit(BUCKET, "app/1.0/line\nbreak", |object| object.attributes.hallmark = None);
    lab.store.place(BUCKET, "app/1.0/ключ", lab.store.object(BUCKET, "app/1.0/back\\slash"));
    let lines = lab.json(REFUSED, &["audit", "s3://releases/app/"]);
    let expected = [
        ("app/1.0/line\nbreak", "ArtifactUnsealed"),
        ("app/1.0/ключ", "ArtifactSealInvalid"),
        ("app/large.tar", "ArtifactDigestMismatch"),
        ("app/small.tar", "ArtifactDigestMismatch"),
    ];
    let expected = expected.map(|(key, code)| (key.to_owned(), code.to_owned(), Value::from("server")));
    assert_eq!(problems(&lines), expected, "{lines:?}");
    let told = summary(&lines);
    assert_eq!((&told["objects"], &told["verified"], &told["problems"]), (&8.into(), &4.into(), &4.into()));
    assert_eq!(lines.last().unwrap()["error"]["exit"], REFUSED);

    let ran = lab.hallmark(&["audit", "s3://releases/app/"]);
    assert_eq!(ran.status.code(), Some(REFUSED));
    let said = ran.bad();
    let line = |line: &str| said.lines().any(|said| said.starts_with(line) && said.ends_with(']'));
    assert!(line("s3://releases/app/small.tar: "), "{said}");
    // A stranger's name does not break the line.
    assert!(line("s3://releases/app/1.0/line\\nbreak: "), "{said}");
}

#[test]
fn an_audit_by_another_key_believes_nothing() {
    let lab = lab();
    lab.hallmark(&["keygen", "stranger"]).good();
    for (key, realm) in [("stranger.pub", REALM), ("seal.pub", "elsewhere")] {
        let arguments = ["audit", "--seal-key", key, "--realm", realm, "s3://releases"];
        let lines = lab.json(REFUSED, &arguments);
        assert_eq!(summary(&lines)["verified"], 0);
        let all = problems(&lines);
        let right = |(_, code, by): &(_, String, Value)| code == "ArtifactSealInvalid" && by == "client";
        assert!(all.len() == 9 && all.iter().all(right), "{lines:?}");
    }
    // Nobody signed any of it.
    let lines = lab.json(REFUSED, &["audit", "--signer", "stranger.pub", "s3://releases/app/"]);
    assert!(problems(&lines).iter().all(|(_, code, _)| code == "ArtifactSignerUntrusted"), "{lines:?}");
}

#[test]
fn an_audit_of_versions_reads_old_ones() {
    let mut lab = lab();
    assert_eq!(lab.client.set_versioning(BUCKET, "Enabled").status, 200);
    for seed in 0..2 {
        lab.put("kept/app.tar", content(seed, 1000));
    }
    let versions = lab.store.versions(BUCKET, "kept/app.tar");
    lab.client.put(BUCKET, "kept/gone", b"gone");
    lab.client.delete(BUCKET, "kept/gone");
    let old = versions.last().unwrap();
    lab.store.edit_version(BUCKET, "kept/app.tar", old, |object| object.flip(5));
    let current = lab.json(0, &["audit", "s3://releases/kept/"]);
    assert_eq!(summary(&current)["objects"], 1);
    let all = lab.json(REFUSED, &["audit", "--versions", "s3://releases/kept/"]);
    assert_eq!((&summary(&all)["objects"], &summary(&all)["verified"]), (&3.into(), &2.into()), "{all:?}");
    let problem = all.iter().find_map(|line| line.get("problem")).unwrap();
    assert_eq!(
        (problem["key"].as_str(), problem["code"].as_str()),
        (Some("kept/app.tar"), Some("ArtifactDigestMismatch"))
    );
    assert_eq!(problem["version"], old.as_str());
}

#[test]
fn an_audit_that_can_read_nothing_says_so() {
    let mut lab = lab();
    for place in ["s3://releases/nothing/", "s3://nowhere"] {
        for command in ["audit", "checksums"] {
            let ran = lab.hallmark(&[command, place]);
            assert_eq!(ran.status.code(), Some(NOT_FOUND), "{command} {place}: {}", ran.bad());
        }
    }
    lab.sandbox.set("AWS_ACCESS_KEY_ID", NOBODY.0);
    lab.sandbox.set("AWS_SECRET_ACCESS_KEY", NOBODY.1);
    let ran = lab.hallmark(&["audit", "s3://releases"]);
    assert_eq!(ran.status.code(), Some(FAILED), "{}", ran.bad());
}

/// A list that makes no sense is not taken for a short one.
#[test]
fn an_audit_of_a_nonsensical_list_fails() {
    let mut lab = lab();
    let object = |key: &str| format!("<Contents><Key>{key}</Key></Contents>");
    let (a, b) = (object("app/a"), object("app/b"));
    let more = "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
    for (list, why) in [
        (format!("{b}{a}"), "its keys are not in order"),
        (format!("{a}{a}"), "its keys are not in order"),
        (object("other/a"), "it names what was not asked for"),
        (format!("{a}<IsTruncated>true</IsTruncated>"), "it breaks off"),
        (more.to_owned(), "it goes on where it stands"),
        (format!("{more}{a}"), "it goes on where it stands"),
    ] {
        let text = format!("<ListBucketResult>{list}</ListBucketResult>");
        let liar =
            Liar::answering(&[("Content-Type".to_owned(), "application/xml".to_owned())], text.as_bytes());
        lab.sandbox.set("AWS_ENDPOINT_URL", format!("http://{}", liar.0));
        for command in ["audit", "checksums"] {
            let ran = lab.hallmark(&[command, "s3://releases/app/"]);
            assert_eq!(ran.status.code(), Some(FAILED), "{list}: {}", ran.bad());
            assert!(ran.stderr.contains(why), "{list}: {}", ran.stderr);
        }
    }
}

#[test]
fn an_audit_keeps_to_its_rate() {
    let lab = lab();
    let begun = Instant::now();
    lab.json(0, &["audit", "--max-rate", "4MiB/s", "--jobs", "8", "s3://releases/app/m"]);
    assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
}

#[test]
fn lists_of_more_than_a_page_are_read_to_the_end() {
    let mut lab = lab();
    for number in 0..1005 {
        lab.put(&format!("many/{number}"), vec![b'x'; number % 7]);
    }
    let list = lab.hallmark(&["checksums", "--jobs", "16", "s3://releases/many/"]).good();
    let names: Vec<_> = list.lines().map(|line| &line[66..]).collect();
    assert_eq!(names.len(), 1005);
    assert!(names.is_sorted(), "in the order of the list");
    let lines = lab.json(0, &["audit", "--jobs", "16", "s3://releases/many/"]);
    assert_eq!(summary(&lines)["verified"], 1005);
}

#[test]
fn p8_sha256sum_checks_a_list_of_what_is_sealed() {
    let lab = lab();
    lab.files();
    let list = lab.hallmark(&[&["checksums", "s3://releases/app/"], &SEALS[..]].concat()).good();
    fs::write(lab.sandbox.path("files/SUMS"), &list).unwrap();
    let checked = lab.sandbox.run("sh", &["-c", "cd files && sha256sum -c --strict SUMS"]).good();
    assert_eq!(checked.lines().filter(|line| line.ends_with(": OK")).count(), 8, "{checked}");

    // And what sha256sum writes is the same.
    let mut written: Vec<_> = lab
        .sandbox
        .run("sh", &["-c", "cd files && find . -type f ! -name SUMS -printf '%P\\0' | xargs -0 sha256sum"])
        .good()
        .lines()
        .map(str::to_owned)
        .collect();
    let mut ours: Vec<_> = list.lines().map(str::to_owned).collect();
    written.sort();
    ours.sort();
    assert_eq!(ours, written);

    lab.hallmark(&["verify", "--checksums", "files/SUMS", "--directory", "files"]).good();
    let lines = lab.json(0, &["verify", "--checksums", "files/SUMS", "--directory", "files"]);
    let told = summary(&lines);
    assert_eq!((&told["files"], &told["verified"], &told["key_id"]), (&8.into(), &true.into(), &Value::Null));

    // Another file, and one that is missing.
    fs::write(lab.sandbox.path("files/small.tar"), "other").unwrap();
    fs::remove_file(lab.sandbox.path("files/empty")).unwrap();
    let lines = lab.json(REFUSED, &["verify", "--checksums", "files/SUMS", "--directory", "files"]);
    let wrong: Vec<_> = lines.iter().filter_map(|line| line.get("problem")?["file"].as_str()).collect();
    assert_eq!(wrong, ["empty", "small.tar"], "{lines:?}");
    assert_eq!((&summary(&lines)["verified"], &summary(&lines)["problems"]), (&false.into(), &2.into()));
    // In the wrong place, nothing is found.
    let ran = lab.hallmark(&["verify", "--checksums", "files/SUMS"]);
    assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
}

#[test]
fn a_signed_list_is_believed_only_with_its_signature() {
    let lab = lab();
    lab.files();
    for name in ["team", "stranger"] {
        lab.hallmark(&["keygen", name]).good();
    }
    let make = ["checksums", "s3://releases/app/", "--output", "SUMS", "--sign", "--key", "team.key"];
    let lines = lab.json(0, &[&make[..], &SEALS].concat());
    assert_eq!((&lines[0]["files"], &lines[0]["signature_file"]), (&8.into(), &"SUMS.sig".into()));
    let list = fs::read_to_string(lab.sandbox.path("SUMS")).unwrap();
    assert_eq!(lines[0]["sha256"], sha256_hex(list.as_bytes()));
    for (name, digest) in lab.expected() {
        let plain = !name.contains(['\\', '\n']);
        assert!(!plain || list.lines().any(|line| line == format!("{digest}  {name}")), "{name}");
    }
    let openssl = ["dgst", "-sha256", "-verify", "team.pub", "-signature", "SUMS.sig", "SUMS"];
    assert_eq!(lab.sandbox.run("openssl", &openssl).good(), "Verified OK\n");

    let verify = |signer: &[&str]| {
        let arguments = [&["verify", "--checksums", "SUMS", "--directory", "files"], signer].concat();
        lab.hallmark(&arguments)
    };
    verify(&["--signer", "team.pub"]).good();
    let refused = |why: &str, signer: &[&str]| {
        let ran = verify(signer);
        assert_eq!(ran.status.code(), Some(REFUSED), "{why}: {}", ran.bad());
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    };
    refused("BadSignature", &["--signer", "stranger.pub"]);
    assert!(verify(&[]).stderr.contains("was not looked at"), "an unchecked signature is mentioned");
    // Somebody changes the list and the file.
    let other = list.replace(&sha256_hex(&lab.objects["app/small.tar"]), &sha256_hex(b"other"));
    assert_ne!(other, list);
    fs::write(lab.sandbox.path("files/small.tar"), "other").unwrap();
    fs::write(lab.sandbox.path("SUMS"), other).unwrap();
    verify(&[]).good();
    refused("BadSignature", &["--signer", "team.pub"]);
    // Cut off, or leading elsewhere.
    for text in [list.trim_end(), &list.replace("  empty", "  ../empty"), ""] {
        fs::write(lab.sandbox.path("SUMS"), text).unwrap();
        refused("BadChecksumList", &[]);
    }
    fs::remove_file(lab.sandbox.path("SUMS.sig")).unwrap();
    let ran = verify(&["--signer", "team.pub"]);
    assert_eq!(ran.status.code(), Some(FAILED), "no signature: {}", ran.bad());
}

#[test]
fn p4_no_list_is_made_of_what_cannot_be_believed() {
    let mut lab = lab();
    let sealed = lab.store.object(BUCKET, "app/small.tar");
    let make = ["checksums", "s3://releases/app/", "--output", "SUMS"];
    lab.store.edit(BUCKET, "app/small.tar", |object| object.attributes.hallmark = None);
    let ran = lab.hallmark(&make);
    assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
    assert!(ran.stderr.contains("problem: s3://releases/app/small.tar: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("the object bears no seal"), "with the endpoint's reason: {}", ran.stderr);
    // Nor for whoever reads standard output: a part of the list looks like all of it.
    let ran = lab.hallmark(&make[..2]);
    assert_eq!((ran.status.code(), ran.stdout.as_slice()), (Some(REFUSED), &b""[..]), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("problem: s3://releases/app/small.tar: Refused: the object bears no seal"),
        "{}",
        ran.stderr
    );
    let ran = lab.hallmark(&[&make[..2], &["--skip-refused"]].concat());
    let listed = String::from_utf8_lossy(&ran.stdout).lines().count();
    assert_eq!((ran.status.code(), listed), (Some(REFUSED), 7), "{}", ran.stderr);
    let lines = lab.json(REFUSED, &make);
    let all = problems(&lines);
    assert_eq!(all.len(), 1, "{lines:?}");
    assert_eq!((all[0].0.as_str(), all[0].1.as_str()), ("app/small.tar", "ArtifactUnsealed"));
    lab.store.place(BUCKET, "app/small.tar", sealed);

    lab.hallmark(&["keygen", "stranger"]).good();
    let strangers = ["--seal-key", "stranger.pub", "--realm", REALM];
    let ran = lab.hallmark(&[&make[..], &strangers].concat());
    assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
    assert!(!lab.sandbox.path("SUMS").exists(), "no list is left");

    let ran = lab.hallmark(&["--json", "checksums", "s3://releases/app/"]);
    assert_eq!(ran.status.code(), Some(USAGE), "{}", ran.bad());
    // A folder has no bytes, and is no file; but what cannot be a file's name is not left out.
    lab.put("app/folder/", Vec::new());
    let ran = lab.hallmark(&make);
    ran.good();
    assert!(ran.stderr.contains("app/folder/ is a folder"), "{}", ran.stderr);
    lab.put("app/double//slash", b"x".to_vec());
    let ran = lab.hallmark(&make);
    assert_eq!(ran.status.code(), Some(REFUSED), "{}", ran.bad());
    assert!(ran.stderr.contains("NotAFileName"), "{}", ran.stderr);
    let _ = &lab.proxy;
}
