//! What Hallmark keeps of its own in the store, damaged or hidden: once, it is read again and nobody notices; for good,
//! clients are refused.

use hallmark_tests::fault::{Answer, Edit, Fault, Op};
use hallmark_tests::stores::STATE_BUCKET;

use super::action::{Action, Outcome};
use super::lab::Lab;

/// Makes a fault.
type Make = fn() -> Fault;

const DAMAGED: Make = || Fault::edit(Edit::Garble(40));
const HIDDEN: Make = || Fault::Answers(Answer::error(404, "NoSuchKey"));

pub(super) fn once_and_for_good(mut lab: Lab) {
    for (action, kept, status, code) in [
        (Action::GetLarge, "records/", 403, "ArtifactSealInvalid"),
        (Action::GetRange, "records/", 403, "ArtifactSealInvalid"),
        (Action::Part, "scratch/uploads/", 404, "NoSuchUpload"),
    ] {
        let which = || Op::GetObject.naming(format!("{STATE_BUCKET}/{kept}"));
        for (name, make) in [("damaged", DAMAGED), ("hidden", HIDDEN)] {
            let what = format!("{action:?}, {name}");
            let scene = lab.scene(action);
            lab.fault.once(which(), make());
            scene.assert_done(&scene.act(&lab.client), &what);
            assert_eq!(lab.fault.forget(), 0, "{what}: it did not happen");
            scene.clear(&lab.client);

            let scene = lab.scene(action);
            lab.fault.always(which(), make());
            assert_eq!(scene.act(&lab.client), Outcome::Refused(status, code.to_owned()), "{what}");
            lab.fault.forget();
            scene.assert_done(&scene.act(&lab.client), &what);
            scene.clear(&lab.client);
        }
    }
    a_page_of_leaves(&mut lab);
}

/// The digests of the leaves stand at the end of a record, behind what its seal is checked with.
fn a_page_of_leaves(lab: &mut Lab) {
    let scene = lab.scene(Action::GetLarge);
    let store = lab.account.client();
    let records = store.keys(STATE_BUCKET, "records/");
    let lengths = records.iter().map(|key| store.get(STATE_BUCKET, key).body.len() as u64);
    let shortest = lengths.min().unwrap();
    let (which, edit) = (Op::GetObject.naming("records/"), Edit::Garble(shortest - 1));
    lab.fault.once(which, Fault::edit(edit));
    scene.assert_done(&scene.act(&lab.client), "a page is damaged");
    assert_eq!(lab.fault.forget(), 0, "it did not happen");
}
