//! Answers that are lost, and answers that lie.

use hallmark_proxy::proof::dissect;
use hallmark_proxy::store::{PutError, Span, Store as _};
use hallmark_tests::fault::{Answer, Ending, Fault, Op};
use hallmark_tests::stores::Kind;

use super::{Lab, over};

const LOST: fn() -> Fault = || Fault::LosesAnswer(Ending::Reset);

/// A success that turns out to be none, as S3 gives it where something takes long.
/// Makes what goes wrong.
type Make = fn() -> Fault;

fn false_success() -> Answer {
    let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>We \
                 encountered an internal error. Please try again.</Message></Error>";
    Answer::new(200, error).with("content-type", "application/xml")
}

fn failed() -> Answer {
    Answer::error(500, "InternalError")
}

pub(in crate::stores) fn closing(kind: Kind) {
    over(kind, async |lab: &Lab| {
        let faults: [(&str, Make); 6] = [
            ("the answer is lost", LOST),
            ("the request is lost", || Fault::Resets),
            ("done, and said to have failed", || Fault::AnswersInstead(failed())),
            ("done, and said to be none", || Fault::AnswersInstead(Answer::error(404, "NoSuchUpload"))),
            ("a success that is none", || Fault::Answers(false_success())),
            ("a success without an ETag", || {
                Fault::AnswersInstead(Answer::new(
                    200,
                    "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>",
                ))
            }),
        ];
        for (what, fault) in faults {
            let (stage, parts, bytes) = lab.staged().await;
            lab.fault.once(Op::CompleteUpload, fault());
            for _ in 0..2 {
                lab.store.stage_close(&stage, &parts).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
            }
            let read = lab.store.stage_read(&stage, &parts, Span::All).await.expect("it can be read");
            assert!(dissect::bytes(read).await.unwrap() == bytes, "{what}");
            lab.store.stage_drop(&stage).await.unwrap();
            lab.expect_gone(&stage, &parts).await;
        }
    });
}

pub(in crate::stores) fn promoting(kind: Kind) {
    over(kind, async |lab: &Lab| {
        let done = true;
        let faults: [(&str, Make, bool); 5] = [
            ("the answer is lost", LOST, done),
            ("the request is lost", || Fault::Resets, !done),
            ("done, and a success that is none", || Fault::AnswersInstead(false_success()), done),
            ("a success that is none", || Fault::Answers(false_success()), !done),
            ("busy", || Fault::Answers(Answer::error(503, "SlowDown")), !done),
        ];
        for (what, fault, done) in faults {
            let (stage, parts, bytes) = lab.closed().await;
            lab.fault.once(Op::CopyObject, fault());
            let unknown = lab.promote(&stage, &parts).await;
            assert!(
                matches!(unknown, Err(PutError::Unknown(_) | PutError::NotStored(_))),
                "{what}: {unknown:?}"
            );
            if done {
                assert!(matches!(unknown, Err(PutError::Unknown(_))), "{what}: {unknown:?}");
            }
            assert_eq!(lab.made().await.is_some(), done, "{what}");
            // The stage is there until somebody knows.
            lab.promote(&stage, &parts).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
            lab.expect_made("promoted", &bytes).await;
            lab.expect_gone(&stage, &parts).await;
            lab.store.delete(&super::object("made"), Default::default()).await.unwrap();
        }
        // What was done although the store says that it failed, or refused it, is found.
        for answer in [failed(), Answer::error(412, "PreconditionFailed"), Answer::error(404, "NoSuchKey")] {
            let (stage, parts, bytes) = lab.closed().await;
            lab.fault.once(Op::CopyObject, Fault::AnswersInstead(answer));
            lab.promote(&stage, &parts).await.expect("it was done");
            lab.expect_made("promoted", &bytes).await;
            lab.expect_gone(&stage, &parts).await;
            lab.store.delete(&super::object("made"), Default::default()).await.unwrap();
        }
        // A stage that cannot be deleted when its object is there is for whoever drops it.
        let (stage, parts, bytes) = lab.closed().await;
        lab.fault.always(Op::DeleteObject.naming("stages/"), Fault::Answers(failed()));
        lab.promote(&stage, &parts).await.expect("the object is there");
        lab.expect_made("promoted", &bytes).await;
        lab.store.stage_drop(&stage).await.expect_err("it is still there");
        lab.fault.forget();
        lab.store.stage_drop(&stage).await.expect("it can be dropped");
        lab.expect_gone(&stage, &parts).await;
    });
}

/// A copy that belongs to a stage: it is assembled, where the store copies parts at all.
pub(in crate::stores) fn assembling(kind: Kind) {
    over(kind, async |lab: &Lab| {
        // What is smaller is not copied in the store.
        let bytes = bytes::Bytes::from(vec![7; 6 << 20]);
        let pin = lab.source(&bytes).await;
        let done = true;
        let faults: [(&str, Op, Make, bool); 6] = [
            (
                "the target's upload cannot be begun",
                Op::CreateUpload,
                || Fault::Answers(Answer::error(403, "AccessDenied")),
                !done,
            ),
            (
                "it cannot be written down",
                Op::PutObject,
                || Fault::Answers(Answer::error(403, "AccessDenied")),
                !done,
            ),
            (
                "the part is not copied",
                Op::UploadPartCopy,
                || Fault::Answers(Answer::error(403, "AccessDenied")),
                !done,
            ),
            ("the end is lost", Op::CompleteUpload, || Fault::Resets, !done),
            ("its answer is lost", Op::CompleteUpload, LOST, done),
            ("a success that is none", Op::CompleteUpload, || Fault::Answers(false_success()), !done),
        ];
        for (what, op, fault, done) in faults {
            let stage = lab.store.stage_open().await.unwrap();
            lab.fault.once(op, fault());
            let failed = lab.copy(&pin, Some(stage.clone())).await;
            let known = matches!(failed, Err(PutError::NotStored(_))) && !done && op != Op::CompleteUpload;
            assert!(known || matches!(failed, Err(PutError::Unknown(_))), "{what}: {failed:?}");
            assert_eq!(lab.fault.forget(), 0, "{what}: it did not happen");
            assert_eq!(lab.made().await.is_some(), done, "{what}");
            lab.copy(&pin, Some(stage.clone())).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
            lab.expect_made("copied", &bytes).await;
            lab.store.stage_drop(&stage).await.unwrap();
            lab.expect_gone(&stage, &[]).await;
            lab.store.delete(&super::object("made"), Default::default()).await.unwrap();
        }
        // Other parts may still be copied when one was not: the upload is ended once more when its stage is dropped.
        let stage = lab.store.stage_open().await.unwrap();
        lab.fault.once(Op::UploadPartCopy, Fault::Answers(Answer::error(403, "AccessDenied")));
        lab.copy(&pin, Some(stage.clone())).await.expect_err("it is not copied");
        assert!(lab.state().await.iter().any(|key| key.starts_with("scratch/promotes/")));
        lab.store.stage_drop(&stage).await.unwrap();
        lab.expect_gone(&stage, &[]).await;
        // What came of a Complete that something on the way sent twice: the second finds no upload.
        for answer in [Answer::error(404, "NoSuchUpload"), Answer::error(412, "PreconditionFailed")] {
            let stage = lab.store.stage_open().await.unwrap();
            lab.fault.once(Op::CompleteUpload, Fault::AnswersInstead(answer));
            lab.copy(&pin, Some(stage.clone())).await.expect("it was done");
            lab.expect_made("copied", &bytes).await;
            lab.store.stage_drop(&stage).await.unwrap();
            lab.expect_gone(&stage, &[]).await;
            lab.store.delete(&super::object("made"), Default::default()).await.unwrap();
        }
    });
}
