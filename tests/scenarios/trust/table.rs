//! Rules, signatures and times: the verdict on an upload, and on the download of what is there.

use hallmark_tests::data::content;

use super::judging::{
    A_REVOKED, GOOD, Keys, Lab, MISSING, REVOKED, REVOKED_AT, Told, UNTRUSTED, VALID, Verdict, Why, agree,
    put, read, run,
};

/// The rule of most rows: two of three.
const TWO: &str = "signatures = \"required\", all_of = [\"two\"]";
const ONE: &str = "signatures = \"required\", keys = [\"a\"]";
const OPTIONAL: &str = "signatures = \"optional\", keys = [\"a\"]";
/// The same as [`TWO`], judged at downloads.
const LATER: &str = "signatures = \"required\", all_of = [\"two\"], enforce = \"download\"";

const ONE_OF_TWO: Why = ("role_unmet", "signatures are missing: 2 of `two` (1 there)");

/// One row: uploaded on that day of January under these keys and this rule; and, uploaded where nothing is asked for, read
/// under them.
struct Row {
    keys: Keys,
    rule: &'static str,
    signed_by: &'static [&'static str],
    day: u64,
    upload: Verdict,
    download: Verdict,
}

/// Upload and download agree.
fn row(
    keys: Keys,
    rule: &'static str,
    signed_by: &'static [&'static str],
    day: u64,
    verdict: Verdict,
) -> Row {
    Row { keys, rule, signed_by, day, upload: verdict, download: verdict }
}

/// It is taken, and judged when it is read.
fn later(keys: Keys, signed_by: &'static [&'static str], day: u64, download: Verdict) -> Row {
    Row { keys, rule: LATER, signed_by, day, upload: Ok(""), download }
}

#[test]
fn p5_rules_signatures_and_times() {
    let (soon, gone, gone_at) = ([VALID, "", ""], [REVOKED, "", ""], [REVOKED_AT, "", ""]);
    let op = |ops| match ops {
        "put" => "signatures = \"required\", keys = [\"a\"], refuse_ops = [\"put\", \"mpu\"]",
        _ => "signatures = \"required\", keys = [\"a\"], refuse_ops = [\"adopt\", \"copy\"]",
    };
    let from_15 = "signatures = \"required\", keys = [\"a\"], not_sealed_before = 2026-01-15T00:00:00Z";
    let rows = [
        row(GOOD, ONE, &["a"], 5, Ok("seal,a")),
        row(GOOD, ONE, &[], 5, Err(MISSING)),
        row(GOOD, ONE, &["b"], 5, Err(UNTRUSTED)),
        row(GOOD, ONE, &["b", "a"], 5, Ok("seal,a")),
        row(GOOD, OPTIONAL, &[], 5, Ok("seal")),
        row(GOOD, OPTIONAL, &["a"], 5, Ok("seal,a")),
        row(GOOD, OPTIONAL, &["b"], 5, Err(UNTRUSTED)),
        row(gone, OPTIONAL, &["a"], 5, Err(A_REVOKED)),
        // Validity: from its beginning on, and before its end. Days count from 0.
        row(
            soon,
            ONE,
            &["a"],
            0,
            Err(("key_not_valid", "by `a`, is of 2026-01-01T00:00:00Z: that is outside the key's validity")),
        ),
        row(soon, ONE, &["a"], 9, Ok("seal,a")),
        row(soon, ONE, &["a"], 18, Ok("seal,a")),
        row(
            soon,
            ONE,
            &["a"],
            19,
            Err(("key_not_valid", "by `a`, is of 2026-01-20T00:00:00Z: that is outside the key's validity")),
        ),
        row(
            soon,
            ONE,
            &["a"],
            300,
            Err(("key_not_valid", "by `a`, is of 2026-10-28T00:00:00Z: that is outside the key's validity")),
        ),
        row(
            soon,
            OPTIONAL,
            &["a"],
            300,
            Err(("key_not_valid", "by `a`, is of 2026-10-28T00:00:00Z: that is outside the key's validity")),
        ),
        // Revocation: for ever, or from a time on.
        row(gone, ONE, &["a"], 5, Err(A_REVOKED)),
        row(gone_at, ONE, &["a"], 13, Ok("seal,a")),
        row(gone_at, ONE, &["a"], 14, Err(A_REVOKED)),
        row(gone_at, ONE, &["a"], 300, Err(A_REVOKED)),
        // Two of three.
        row(GOOD, TWO, &[], 5, Err(MISSING)),
        row(GOOD, TWO, &["a"], 5, Err(ONE_OF_TWO)),
        row(GOOD, TWO, &["a", "a"], 5, Err(ONE_OF_TWO)),
        row(GOOD, TWO, &["a", "other"], 5, Err(ONE_OF_TWO)),
        row(GOOD, TWO, &["other", "ci"], 5, Err(UNTRUSTED)),
        row(GOOD, TWO, &["c", "a"], 5, Ok("seal,a,c")),
        row(GOOD, TWO, &["c", "b", "a"], 5, Ok("seal,a,b,c")),
        row(gone, TWO, &["a", "b"], 5, Err(("role_unmet", "2 of `two` (1 there); …`a`…revoked: lost"))),
        row(gone, TWO, &["a", "b", "c"], 5, Ok("seal,b,c")),
        row(gone_at, TWO, &["a", "b"], 13, Ok("seal,a,b")),
        row(gone_at, TWO, &["a", "b"], 14, Err(("role_unmet", "2 of `two` (1 there); …`a`…revoked: lost"))),
        row(
            soon,
            TWO,
            &["a", "b"],
            300,
            Err((
                "role_unmet",
                "2 of `two` (1 there); what `a` signed is of 2026-10-28T00:00:00Z, which is outside the key's validity",
            )),
        ),
        row(
            [REVOKED, REVOKED, VALID],
            TWO,
            &["a", "b", "c"],
            300,
            Err(("key_revoked", "by `b`, and revoked: lost")),
        ),
        // All of these, and one of those.
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\", \"b\"]",
            &["a"],
            5,
            Err(("role_unmet", "signatures are missing: 1 of `b` (0 there)")),
        ),
        row(GOOD, "signatures = \"required\", all_of = [\"a\", \"b\"]", &["a", "b"], 5, Ok("seal,a,b")),
        row(GOOD, "signatures = \"required\", any_of = [\"a\", \"b\"]", &["b"], 5, Ok("seal,b")),
        row(GOOD, "signatures = \"required\", any_of = [\"a\", \"b\"]", &["c"], 5, Err(UNTRUSTED)),
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\"], any_of = [\"b\", \"c\"]",
            &["b", "c"],
            5,
            Err(("role_unmet", "signatures are missing: 1 of `a` (0 there)")),
        ),
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\"], any_of = [\"b\", \"c\"]",
            &["a"],
            5,
            Err(("role_unmet", "signatures are missing: 1 of `b` (0 there) or 1 of `c` (0 there)")),
        ),
        row(
            GOOD,
            "signatures = \"required\", all_of = [\"a\"], any_of = [\"b\", \"c\"]",
            &["a", "c"],
            5,
            Ok("seal,a,c"),
        ),
        // One person in two roles counts for both.
        row(GOOD, "signatures = \"required\", all_of = [\"a\", \"two\"]", &["a", "b"], 5, Ok("seal,a,b")),
        // What made the seal, and when.
        row(
            GOOD,
            op("put"),
            &["a"],
            5,
            Err(("op_refused", "the rule for this key does not accept seals of the kind \"put\"")),
        ),
        row(GOOD, op("copy"), &["a"], 5, Ok("seal,a")),
        row(
            GOOD,
            from_15,
            &["a"],
            13,
            Err((
                "sealed_too_early",
                "it was sealed at 2026-01-14T00:00:00Z, and the rule for this key accepts no seal before 2026-01-15T00:00:00Z",
            )),
        ),
        row(GOOD, from_15, &["a"], 14, Ok("seal,a")),
        // What waits: but not with signatures by the revoked.
        later(GOOD, &[], 5, Err(MISSING)),
        later(GOOD, &["a"], 5, Err(ONE_OF_TWO)),
        later(GOOD, &["other"], 5, Err(UNTRUSTED)),
        later(GOOD, &["a", "b"], 5, Ok("seal,a,b")),
        later(
            [VALID; 3],
            &["a", "b"],
            300,
            Err(("key_not_valid", "by `b`, is of 2026-10-28T00:00:00Z: that is outside the key's validity")),
        ),
        Row {
            upload: Err(A_REVOKED),
            ..later(gone, &["a", "b"], 5, Err(("role_unmet", "2 of `two` (1 there); …`a`…revoked: lost")))
        },
        Row { upload: Err(A_REVOKED), ..later(gone, &["a"], 5, Err(A_REVOKED)) },
        later(gone, &["a", "b", "c"], 5, Ok("seal,b,c")),
        later(gone_at, &["a", "b"], 13, Ok("seal,a,b")),
    ];
    let lab = Lab::new();
    run(async {
        lab.make_bucket().await;
        let mut wrong = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let Row { keys, rule, signed_by, day, upload, download } = row;
            let what = format!("row {index}: {keys:?} {rule} {signed_by:?} on day {day}");
            let body = content(index as u64, 500);
            let mut judge = |when: &str, told: Told, expected: Verdict| {
                if !agree(&told, expected) {
                    wrong.push(format!("{when}, {what}: {told:?}"));
                }
            };
            lab.day(*day);
            let gate = lab.gate(*keys, Some(rule), "");
            let put = put(&lab, &gate, "judged", &body, signed_by).await;
            judge("upload", put, upload.map(|_| ""));
            lab.remove("judged");

            let free = lab.gate(GOOD, None, "");
            let key = format!("row-{index}");
            lab.put(&free, &key, &body, signed_by).await.unwrap();
            assert_eq!(read(&free, &key).await, Ok("seal".to_owned()), "{what}");
            // The times are those of the seal, whenever it is read.
            for now in [*day, 1000] {
                lab.day(now);
                judge("download", read(&gate, &key).await, *download);
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}

/// One artifact, one set of caches, and a policy that changes: each reading is judged by the policy of its gate.
#[test]
fn p5_no_cache_answers_with_yesterdays_policy() {
    let lab = Lab::new();
    run(async {
        lab.make_bucket().await;
        let body = content(1, 500);
        lab.day(5);
        let two = lab.gate(GOOD, Some(TWO), "");
        lab.put(&two, "artifact", &body, &["a", "b"]).await.unwrap();
        let sha256 = hallmark_signer::Sha256Digest::of(&body).to_hex();
        let deny = format!("[[deny]]\nsha256 = \"{sha256}\"\nreason = \"bad\"");
        let three = TWO.replace("all_of = [\"two\"]", "all_of = [\"a\", \"b\", \"c\"]");
        for (keys, rule, tables, expected) in [
            (GOOD, TWO, "", Ok("seal,a,b")),
            ([REVOKED, "", ""], TWO, "", Err(("role_unmet", "2 of `two` (1 there); …`a`…revoked: lost"))),
            (GOOD, three.as_str(), "", Err(("role_unmet", "signatures are missing: 1 of `c` (0 there)"))),
            (GOOD, TWO, &deny, Err(("denied", "it is denied by the configuration: bad"))),
            (
                [VALID, VALID, ""],
                TWO,
                "",
                Err((
                    "key_not_valid",
                    "by `b`, is of 2026-01-06T00:00:00Z: that is outside the key's validity",
                )),
            ),
            (GOOD, "signatures = \"required\", keys = [\"c\"]", "", Err(UNTRUSTED)),
            (
                GOOD,
                "signatures = \"required\", keys = [\"a\"], not_sealed_before = 2027-01-01T00:00:00Z",
                "",
                Err((
                    "sealed_too_early",
                    "it was sealed at 2026-01-06T00:00:00Z, and the rule for this key accepts no seal before 2027-01-01T00:00:00Z",
                )),
            ),
            (
                GOOD,
                "signatures = \"required\", keys = [\"a\"], refuse_ops = [\"put\"]",
                "",
                Err(("op_refused", "the rule for this key does not accept seals of the kind \"put\"")),
            ),
        ] {
            let gate = lab.gate(keys, Some(rule), tables);
            let told = read(&gate, "artifact").await;
            assert!(agree(&told, expected), "{rule} {tables}: {told:?}");
            assert_eq!(read(&two, "artifact").await, Ok("seal,a,b".to_owned()), "nothing of that was kept");
        }
    });
}
