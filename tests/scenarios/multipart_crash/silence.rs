//! A store that does not answer: nobody waits for it for ever, and nothing is taken for done or for not done.

use std::sync::Arc;

use hallmark_config::Config;
use hallmark_proxy::gate::multipart::Completion;
use hallmark_proxy::gate::{Gate, GateError};
use hallmark_proxy::name::{BucketName, ObjectKey, ObjectName};
use hallmark_proxy::s3::documents::CompletePart;
use hallmark_proxy::s3::error::S3Error;
use hallmark_proxy::s3::operation::CompleteUpload;
use hallmark_proxy::store::{PartNumber, Patience, Store};
use hallmark_tests::memory::{Mishap, Which};

use super::scene::{BUCKET, KINDS, Kind, Lab, Scene};
use super::{assert_repeated, writes};

/// The client of the harness, by the name that the configuration gives it.
const CLIENT: &str = "ci";

/// An instance without a server. Its clock is the test's: it stands, but where nothing is left to do than to wait.
fn complete(lab: &Lab, scene: &Scene) -> Result<String, GateError> {
    let clock =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let config = Config::load(&lab.instances.site().config_file()).unwrap();
    let store: Arc<dyn Store> = Arc::new(Patience::new(Arc::clone(&lab.store) as _));
    clock.block_on(async {
        let gate: Gate = hallmark_proxy::gate_before(&config, store).unwrap();
        let object = ObjectName {
            bucket: BucketName::parse(BUCKET).unwrap(),
            key: ObjectKey::parse(&scene.key).unwrap(),
        };
        let part = |part: &hallmark_tests::s3::Completed| CompletePart {
            number: PartNumber::new(part.number).unwrap(),
            etag: part.etag.trim_matches('"').into(),
            checksums: Vec::new(),
        };
        let parts = scene.parts.iter().map(part).collect();
        let completion = Completion { parts, whole: CompleteUpload::default() };
        let held = gate.reserve(CLIENT, 0).await?;
        let done = gate.complete_upload(&object, &scene.upload.id, CLIENT, &completion, held).await?;
        Ok(done.etag.to_string())
    })
}

#[test]
fn p6_any_call_of_a_complete_can_stay_unanswered() {
    let mut lab = Lab::new();
    for kind in KINDS {
        for (call, which) in lab.calls(kind) {
            for mishap in [Mishap::NeverAnswers, Mishap::PersistsAndNeverAnswers] {
                if mishap == Mishap::NeverAnswers || writes(call) {
                    unanswered(&mut lab, kind, &which, mishap);
                }
            }
        }
    }
}

fn unanswered(lab: &mut Lab, kind: Kind, which: &Which, mishap: Mishap) {
    let what = format!("{kind:?}, {mishap:?} at {which:?}");
    let scene = lab.scene(kind);
    lab.store.go_wrong(which.clone(), mishap);
    let first = complete(lab, &scene);
    lab.store.forget_mishaps();
    let made = scene.is_made(lab, &what);
    match first {
        Ok(_) => assert!(made, "{what}"),
        Err(error) => assert_eq!(S3Error::from(error).code.as_str(), "GatewayTimeout", "{what}"),
    }
    assert_repeated(lab, &scene, &what);
}
