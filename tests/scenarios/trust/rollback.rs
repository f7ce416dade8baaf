//! `refuse_rollback`: a store that puts an older version back is found out, as long as somebody remembers.

use std::sync::Arc;

use hallmark_tests::data::{MIB, content};
use hallmark_tests::memory::Call;

use super::{BUCKET, KEY, Lab};

const ROLLED_BACK: &str = "ArtifactRolledBack";

#[test]
fn what_was_put_back_is_refused() {
    for freshness in ["0s", "5m"] {
        for length in [1000, 9 * MIB] {
            let lab =
                Lab::new("keys = [\"ci\"]", &format!("refuse_rollback = true\nfreshness = \"{freshness}\""));
            let (old, new) = (content(1, length), content(2, length));
            assert_eq!(lab.put(&old, &["ci"]).status, 200);
            assert_eq!(lab.read(), Ok(old.clone()));
            let stored = lab.store.object(BUCKET, KEY);
            assert_eq!(lab.put(&new, &["ci"]).status, 200);
            let newest = lab.store.object(BUCKET, KEY);
            assert_eq!(lab.read(), Ok(new.clone()));

            lab.store.place(BUCKET, KEY, stored.clone());
            // Within the freshness the store is not asked, and what comes is the new one.
            let expected = if freshness == "0s" { Err(ROLLED_BACK.to_owned()) } else { Ok(new.clone()) };
            assert_eq!(lab.read(), expected, "{freshness} {length}");
            if freshness == "0s" {
                assert_eq!(lab.reader.get_range(BUCKET, KEY, "bytes=0-9").code(), ROLLED_BACK);
                let copy = lab.client.copy((BUCKET, KEY, None), super::FREE, "out", &[]);
                assert_eq!((copy.status, copy.code().as_str()), (403, ROLLED_BACK));
                // Whoever inspects sees it, and does not make it good for others.
                assert_eq!(lab.inspect().0, old);
                assert_eq!(lab.read(), Err(ROLLED_BACK.to_owned()));
            }
            // Nothing but the order was wrong: the newest is served again, and what is uploaded over it.
            lab.store.place(BUCKET, KEY, newest);
            assert_eq!(lab.read(), Ok(new.clone()));
            lab.store.place(BUCKET, KEY, stored);
            assert_eq!(lab.put(&new, &["ci"]).status, 200);
            assert_eq!(lab.read(), Ok(new));
        }
    }
}

#[test]
fn what_is_older_for_a_reason_is_served() {
    let lab = Lab::new("keys = [\"ci\"]", "refuse_rollback = true");
    let (old, new) = (content(1, 1000), content(2, 1000));
    assert_eq!(lab.client.set_versioning(BUCKET, "Enabled").status, 200);
    assert_eq!(lab.put(&old, &["ci"]).status, 200);
    assert_eq!(lab.put(&new, &["ci"]).status, 200);
    assert_eq!(lab.read(), Ok(new));
    let versions = lab.store.versions(BUCKET, KEY);
    // A version that is named may be any; and it is no news of the current one.
    let named = lab.reader.get_version(BUCKET, KEY, versions[1].as_str());
    assert_eq!((named.status, named.body == old), (200, true));
    // Who deletes the newer one means the older one.
    assert_eq!(lab.client.delete_version(BUCKET, KEY, versions[0].as_str()).status, 204);
    assert_eq!(lab.read(), Ok(old.clone()));
    // So does who does it with many.
    assert_eq!(lab.put(&content(3, 1000), &["ci"]).status, 200);
    assert!(lab.read().is_ok());
    let newest = lab.store.versions(BUCKET, KEY)[0].clone();
    assert_eq!(lab.client.delete_many(BUCKET, &[(KEY, Some(newest.as_str()))]).status, 200);
    assert_eq!(lab.read(), Ok(old));
}

/// An answer that was under way when a newer one came is old, but rightly so.
#[test]
fn a_slow_answer_is_no_rollback() {
    let lab = Lab::new("keys = [\"ci\"]", "refuse_rollback = true");
    let (old, new) = (content(1, 1000), content(2, 1000));
    assert_eq!(lab.put(&old, &["ci"]).status, 200);
    let gate = lab.store.hold_answer(Call::Get.naming(KEY));
    let slow = {
        let reader = lab.reader.clone();
        std::thread::spawn(move || reader.get(BUCKET, KEY))
    };
    gate.wait();
    assert_eq!(lab.put(&new, &["ci"]).status, 200);
    assert_eq!(lab.read(), Ok(new));
    gate.release();
    let slow = slow.join().unwrap();
    assert_eq!((slow.status, slow.body == old), (200, true), "{}", slow.code());
}

/// Only who was told to remembers, and nobody for another instance.
#[test]
fn it_is_off_unless_it_is_on_and_forgotten_with_the_process() {
    let (old, new) = (content(1, 1000), content(2, 1000));
    for (lines, noticed) in [("", false), ("refuse_rollback = true", true)] {
        let lab = Lab::new("keys = [\"ci\"]", lines);
        assert_eq!(lab.put(&old, &["ci"]).status, 200);
        let stored = lab.store.object(BUCKET, KEY);
        assert_eq!(lab.put(&new, &["ci"]).status, 200);
        assert_eq!(lab.read(), Ok(new.clone()));
        lab.store.place(BUCKET, KEY, stored);
        assert_eq!(lab.read().is_err(), noticed);
        let another = Lab::over(Arc::clone(&lab.proxy.site), &lab.store);
        assert_eq!(another.read(), Ok(old.clone()));
    }
}
