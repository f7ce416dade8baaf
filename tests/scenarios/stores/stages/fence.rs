//! Who sleeps while a stage is dropped wakes up to nothing.

use bytes::Bytes;
use hallmark_proxy::store::{PutError, StageId, Store as _};
use hallmark_tests::fault::{Op, Which};
use hallmark_tests::stores::Kind;

use super::{Lab, over};

pub(in crate::stores) fn copies(kind: Kind) {
    over(kind, async |lab: &Lab| {
        // What is smaller is not copied in the store.
        let bytes = Bytes::from(vec![7; 6 << 20]);
        let pin = lab.source(&bytes).await;
        let points: [(&str, Which); 4] = [
            ("before its upload is written down", Op::PutObject.naming("scratch/promotes/")),
            ("before it looks for its stage", Op::ListParts.into()),
            ("before a part is copied", Op::UploadPartCopy.into()),
            ("before the end", Op::CompleteUpload.into()),
        ];
        for (asleep, which) in points {
            let stage = lab.store.stage_open().await.unwrap();
            let hold = lab.fault.hold_whole(which);
            let drop_it = async {
                hold.reached().await;
                lab.store.stage_drop(&stage).await.expect("it can be dropped");
                hold.release();
            };
            let (copied, ()) = tokio::join!(lab.copy(&pin, Some(stage.clone())), drop_it);
            assert!(matches!(copied, Err(PutError::NoSuchStage)), "asleep {asleep}: {copied:?}");
            assert_eq!(lab.made().await, None, "asleep {asleep}");
            lab.expect_gone(&stage, &[]).await;
        }
    });
}

pub(in crate::stores) fn promotions(kind: Kind) {
    over(kind, async |lab: &Lab| {
        let (stage, parts, _) = lab.closed().await;
        let hold = lab.fault.hold_whole(Op::CopyObject);
        let drop_it = async {
            hold.reached().await;
            lab.store.stage_drop(&stage).await.expect("it can be dropped");
            hold.release();
        };
        let (promoted, ()) = tokio::join!(lab.promote(&stage, &parts), drop_it);
        assert!(matches!(promoted, Err(PutError::NoSuchStage)), "{promoted:?}");
        assert_eq!(lab.made().await, None);
        lab.expect_gone(&stage, &parts).await;
    });
}

/// Nobody can close, read or promote by another's name, nor by one that is none.
pub(in crate::stores) fn names(kind: Kind) {
    over(kind, async |lab: &Lab| {
        let (stage, parts, _) = lab.closed().await;
        let (name, upload) = stage.as_str().split_once('.').unwrap();
        for other in [
            format!("{name}."),
            name.to_owned(),
            format!(".{upload}"),
            format!("{}.{upload}", name.to_uppercase()),
            format!("../records/x.{upload}"),
            format!("{}.{upload}", "0".repeat(32)),
        ] {
            let other = StageId::parse(&other).unwrap();
            // Some are digits alone.
            if other == stage {
                continue;
            }
            let promoted = lab.promote(&other, &parts).await;
            assert!(matches!(promoted, Err(PutError::NoSuchStage)), "{other:?}: {promoted:?}");
            lab.store.stage_drop(&other).await.expect("there is none");
        }
        lab.promote(&stage, &parts).await.expect("it is still there");
        lab.expect_gone(&stage, &parts).await;
    });
}
