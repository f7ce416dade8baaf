//! The policy's table, second part: signatures that come later than their artifact, or before it. Each is of the time of its
//! own seal, whoever made it and whatever is signed; what is signed must be what the rule asks for.

use hallmark_proxy::gate::{Gate, Recency, Wanted};
use hallmark_proxy::proof::Reader;
use hallmark_signer::evidence::NewStatement;
use hallmark_signer::{PrivateKey, Sha256Digest};
use hallmark_tests::data::content;
use hallmark_tests::vectors;
use serde_json::json;

use super::judging::{
    BUCKET, GOOD, Lab, MISSING, REVOKED, REVOKED_AT, Told, UNTRUSTED, VALID, Verdict, agree, name, put, read,
    run,
};

const TESTED: &str = "https://example.com/tested/v1";

/// Who signs, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// `a`, the artifact's bytes.
    Key,
    /// `d`, a statement.
    StatementKey,
    /// `build`, the artifact's bytes, with a certificate.
    Identity,
}

impl By {
    const ALL: [Self; 3] = [Self::Key, Self::StatementKey, Self::Identity];

    fn signer(self) -> &'static str {
        match self {
            Self::Key => "a",
            Self::StatementKey => "d",
            Self::Identity => "build",
        }
    }

    /// What follows the key of an artifact.
    fn suffix(self) -> &'static str {
        match self {
            Self::Key => ".a.sig",
            Self::StatementKey => ".intoto.jsonl",
            Self::Identity => ".jws.sig",
        }
    }

    /// A rule that asks for that, and for `more`.
    fn rule(self, more: &str) -> String {
        let asked = match self {
            Self::Key => "keys = [\"a\"], siblings = [\"sig\"]",
            Self::StatementKey => "keys = [\"d\"], siblings = [\"intoto\"], attestation = \"tested\"",
            Self::Identity => "keys = [\"build\"], siblings = [\"notation\"]",
        };
        format!("signatures = \"required\", {asked}{more}")
    }

    /// A gate by a rule, with `more` in the table of who signs.
    fn gate(self, lab: &Lab, more: &'static str, rule: &str, tables: &str) -> Gate {
        let of = |by| if by == self { more } else { "" };
        let tables = format!(
            "keys.d = {{ public_key_file = \"d.pub\", use = \"dsse\"{} }}\n\
             attestations.tested.predicate_type = \"{TESTED}\"\n\
             identities.build = {{ notation = {{ trust_anchors_file = \"notation-roots.pem\", \
             identity = 'x509.subject: C=US, ST=WA, O=Acme\\, Inc., CN=build' }}{} }}\n{tables}",
            of(Self::StatementKey),
            of(Self::Identity),
        );
        lab.gate([of(Self::Key), "", ""], Some(rule), &tables)
    }

    /// An artifact, and what it signs of it.
    fn sign(self, lab: &Lab, key: &str) -> (Vec<u8>, Vec<u8>) {
        let body = content(key.len() as u64, 500);
        match self {
            Self::Key => {
                let signature = lab.site.signature("a", &body);
                (body, signature.into_bytes())
            }
            Self::StatementKey => {
                let said = said(lab, &format!("{BUCKET}/{key}"), &body, TESTED);
                (body, said)
            }
            Self::Identity => vectors::read("notation/es256"),
        }
    }
}

/// A statement by `d`.
fn said(lab: &Lab, name: &str, body: &[u8], predicate_type: &str) -> Vec<u8> {
    let pem = std::fs::read_to_string(lab.site.path().join("d.key")).unwrap();
    let key = PrivateKey::from_pem(&pem).unwrap().into_dsse_key();
    let subject = [(name, Sha256Digest::of(body))];
    let statement = NewStatement::new(subject, predicate_type, &json!({"passed": true})).unwrap();
    key.sign(&statement).to_json().into_bytes()
}

fn lab() -> Lab {
    let lab = Lab::new();
    lab.site.make_key("d");
    let roots = vectors::folder().join("notation-roots.pem");
    std::fs::copy(roots, lab.site.path().join("notation-roots.pem")).unwrap();
    lab
}

/// An artifact that is sealed on one day and what speaks for it that is sealed on another, under a rule.
struct Row<'r> {
    by: By,
    /// What the table of the signer says beside who it is.
    signer: &'static str,
    /// What the rule says beside whom it asks for.
    rule: &'static str,
    artifact: u64,
    sibling: u64,
    expected: Result<&'r str, (&'r str, &'r str)>,
}

impl Row<'_> {
    /// What is wrong with its verdicts.
    async fn check(&self, lab: &Lab, key: &str) -> Vec<String> {
        let Self { by, signer, rule, artifact, sibling, expected } = self;
        let (body, evidence) = by.sign(lab, key);
        let free = lab.gate(GOOD, None, "");
        let beside = format!("{key}{}", by.suffix());
        for (day, key, bytes) in [(sibling, &*beside, &evidence), (artifact, key, &body)] {
            lab.day(*day);
            lab.put(&free, key, bytes, &[]).await.unwrap();
        }
        let mut wrong = Vec::new();
        let mut judge = |when: &str, told: Told| {
            if !agree(&told, *expected) {
                wrong.push(format!(
                    "{when}: {by:?} {signer:?} {rule:?}, sealed on {artifact} and {sibling}: {told:?}"
                ));
            }
        };
        let waits = by.gate(lab, signer, &by.rule(&format!("{rule}, enforce = \"download\"")), "");
        for now in [*artifact.max(sibling), 900] {
            lab.day(now);
            judge("download", read(&waits, key).await);
        }
        // What came before it is there when it is uploaded.
        if sibling <= artifact {
            lab.day(*artifact);
            lab.remove(key);
            let gate = by.gate(lab, signer, &by.rule(rule), "");
            let uploaded = put(lab, &gate, key, &body, &[]).await;
            judge("upload", uploaded.map(|_| expected.unwrap_or_default().to_owned()));
        }
        wrong
    }
}

#[test]
fn p5_what_stands_beside_an_artifact_is_of_the_time_of_its_own_seal() {
    let lab = lab();
    run(async {
        lab.make_bucket().await;
        let mut wrong = Vec::new();
        for (index, by) in By::ALL.into_iter().enumerate() {
            let who = by.signer();
            let good = format!("seal,{who}");
            let good = Ok(good.as_str());
            let revoked = format!("the only good signature is by `{who}`, and revoked: lost");
            let revoked = Err(("key_revoked", revoked.as_str()));
            let of = |day: &str| {
                format!("by `{who}`, is of 2026-01-{day}T00:00:00Z: that is outside the key's validity")
            };
            let (early, last, late) = (of("06"), of("20"), of("26"));
            let not_valid = |of| Err(("key_not_valid", of));
            let rows = [
                // Valid from day 9 on and before day 19; the artifact's own time decides nothing.
                (VALID, 5, 12, good),
                (VALID, 25, 12, good),
                (VALID, 12, 9, good),
                (VALID, 12, 5, not_valid(early.as_str())),
                (VALID, 12, 19, not_valid(last.as_str())),
                (VALID, 12, 25, not_valid(late.as_str())),
                // Revoked from day 14 on, or for ever.
                (REVOKED_AT, 5, 13, good),
                (REVOKED_AT, 300, 13, good),
                (REVOKED_AT, 5, 14, revoked),
                (REVOKED_AT, 13, 300, revoked),
                (REVOKED, 5, 5, revoked),
            ];
            for (row, (signer, artifact, sibling, expected)) in rows.into_iter().enumerate() {
                let row_of = Row { by, signer, rule: "", artifact, sibling, expected };
                wrong.extend(row_of.check(&lab, &format!("row-{index}-{row}")).await);
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

#[test]
fn p5_what_stands_beside_an_artifact_is_not_sealed_too_early_either() {
    const FROM_15: &str = ", not_sealed_before = 2026-01-15T00:00:00Z";
    let lab = lab();
    run(async {
        lab.make_bucket().await;
        let mut wrong = Vec::new();
        let no_seal_before = "it was sealed at 2026-01-14T00:00:00Z, and the rule for this key accepts no seal before \
            2026-01-15T00:00:00Z";
        for (row, (artifact, sibling, expected)) in [
            (20, 14, Ok("seal,a")),
            (14, 14, Ok("seal,a")),
            (20, 13, Err(("sibling_unusable", no_seal_before))),
            (13, 20, Err(("sealed_too_early", no_seal_before))),
        ]
        .into_iter()
        .enumerate()
        {
            let row_of = Row { by: By::Key, signer: "", rule: FROM_15, artifact, sibling, expected };
            wrong.extend(row_of.check(&lab, &format!("row-{row}")).await);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// What one and the same signer signed in the header and beside, and what two did, each at their time.
#[test]
fn p5_header_and_siblings_count_each_by_its_own_time() {
    const TWO: &str =
        "signatures = \"required\", all_of = [\"two\"], siblings = [\"sig\"], enforce = \"download\"";
    let lab = lab();
    run(async {
        lab.make_bucket().await;
        let mut wrong = Vec::new();
        let waits = By::Key.rule(", enforce = \"download\"");
        for (index, (keys, rule, header, (beside, day), expected)) in [
            ([VALID, "", ""], &*waits, "a", ("a", 12), Ok("seal,a")),
            ([REVOKED_AT, "", ""], &waits, "a", ("a", 300), Ok("seal,a")),
            (["", REVOKED_AT, ""], TWO, "a", ("b", 13), Ok("seal,a,b")),
            (
                ["", REVOKED_AT, ""],
                TWO,
                "a",
                ("b", 14),
                Err(("role_unmet", "2 of `two` (1 there); …`b`…revoked: lost")),
            ),
            (
                ["", VALID, ""],
                TWO,
                "a",
                ("b", 25),
                Err((
                    "role_unmet",
                    "what `b` signed is of 2026-01-26T00:00:00Z, which is outside the key's validity",
                )),
            ),
        ]
        .into_iter()
        .enumerate()
        {
            let (key, body) = (format!("row-{index}"), content(index as u64, 500));
            let free = lab.gate(GOOD, None, "");
            lab.day(5);
            lab.put(&free, &key, &body, &[header]).await.unwrap();
            lab.day(day);
            let signature = lab.site.signature(beside, &body);
            lab.put(&free, &format!("{key}.{beside}.sig"), signature.as_bytes(), &[]).await.unwrap();
            let told = read(&lab.gate(keys, Some(rule), ""), &key).await;
            if !agree(&told, expected) {
                wrong.push(format!("row {index}: {told:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// Who signs statements must have signed the one that the rule asks for.
#[test]
fn p5_a_statement_is_the_one_that_the_rule_asks_for() {
    const UNMET: Verdict = Err((
        "attestation_unmet",
        "what `d` signed is not the statement about this artifact that the rule for this key asks for",
    ));
    const NAMED: &str = ", bind = \"name\", enforce = \"download\"";
    const WAITS: &str = ", enforce = \"download\"";
    let lab = lab();
    run(async {
        lab.make_bucket().await;
        lab.day(5);
        let (here, body) = (format!("{BUCKET}/app"), content(1, 500));
        let free = lab.gate(GOOD, None, "");
        let mut wrong = Vec::new();
        for (more, says, expected) in [
            (WAITS, said(&lab, &here, &body, TESTED), Ok("seal,d")),
            (NAMED, said(&lab, &here, &body, TESTED), Ok("seal,d")),
            // The name counts only where it is asked for.
            (WAITS, said(&lab, "table/other", &body, TESTED), Ok("seal,d")),
            (NAMED, said(&lab, "table/other", &body, TESTED), UNMET),
            (NAMED, said(&lab, "app", &body, TESTED), UNMET),
            (WAITS, said(&lab, &here, b"other", TESTED), UNMET),
            (WAITS, said(&lab, &here, &body, "https://example.com/tested/v2"), UNMET),
        ] {
            lab.put(&free, "app", &body, &[]).await.unwrap();
            lab.put(&free, "app.intoto.jsonl", &says, &[]).await.unwrap();
            let told = read(&By::StatementKey.gate(&lab, "", &By::StatementKey.rule(more), ""), "app").await;
            if !agree(&told, expected) {
                wrong.push(format!("{more:?} {}: {told:?}", String::from_utf8_lossy(&says)));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));

        // The same key may not sign bytes, nor in the header.
        lab.remove("app.intoto.jsonl");
        for (signed_by, expected) in [(&[][..], MISSING), (&["d"], UNTRUSTED)] {
            lab.put(&free, "app", &body, signed_by).await.unwrap();
            let gate = By::StatementKey.gate(&lab, "", &By::StatementKey.rule(WAITS), "");
            let told = read(&gate, "app").await;
            assert!(agree(&told, Err(expected)), "{told:?}");
        }
    });
}

/// By digest: whatever its seal. By seal: that one, and what speaks for others by it.
#[test]
fn p5_what_is_denied_is_refused_whoever_signed() {
    const DENIED: &str = "it is denied by the configuration: bad";
    let lab = lab();
    run(async {
        lab.make_bucket().await;
        lab.day(5);
        let by = By::Key;
        let (body, signature) = by.sign(&lab, "app");
        let free = lab.gate(GOOD, None, "");
        lab.put(&free, "app", &body, &[]).await.unwrap();
        lab.put(&free, "app.a.sig", &signature, &[]).await.unwrap();
        let sha256 = |bytes: &[u8]| format!("sha256 = \"{}\"", Sha256Digest::of(bytes).to_hex());
        let (seal, of_sibling) = (seal_of(&free, "app").await, seal_of(&free, "app.a.sig").await);
        let seal_is = |id: &str| format!("seal = \"{id}\"");
        for (denied, download, upload) in [
            (sha256(b"other"), Ok("seal,a"), Ok("")),
            (sha256(&body), Err(("denied", DENIED)), Err(("denied", DENIED))),
            // It gets another one.
            (seal_is(&seal), Err(("denied", DENIED)), Ok("")),
            (sha256(&signature), Err(("sibling_unusable", DENIED)), Err(("sibling_unusable", DENIED))),
            (seal_is(&of_sibling), Err(("sibling_unusable", DENIED)), Err(("sibling_unusable", DENIED))),
        ] {
            let deny = format!("[[deny]]\n{denied}\nreason = \"bad\"");
            let waits = by.gate(&lab, "", &by.rule(", enforce = \"download\""), &deny);
            let told = read(&waits, "app").await;
            assert!(agree(&told, download), "download, {denied}: {told:?}");
            let at_once = by.gate(&lab, "", &by.rule(""), &deny);
            let kept = lab.object("app");
            lab.remove("app");
            let uploaded = put(&lab, &at_once, "app", &body, &[]).await;
            assert!(agree(&uploaded, upload), "upload, {denied}: {uploaded:?}");
            lab.place("app", kept);
        }
    });
}

/// The id of an object's seal.
async fn seal_of(gate: &Gate, key: &str) -> String {
    let (name, client) = (name(key), "ci");
    let wanted =
        Wanted { name: &name, version: None, reader: Reader::Trusting, recency: Recency::Now, client };
    gate.look(wanted).await.unwrap().seal().unwrap().id().to_string()
}
