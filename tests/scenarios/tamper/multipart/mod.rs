//! Uploads in parts: what lies in the store before there is an artifact, and how one comes of it.

mod fences;
mod ids;
mod parts;
mod state;
mod verdicts;

use hallmark_tests::data::{MIB, content};
use hallmark_tests::raw::Response;
use hallmark_tests::s3::{Completed, Upload, completed};

use super::Lab;

/// Seal and part table stand on the object, and the last part is shorter than a leaf.
const SMALL: [u64; 2] = [5 * MIB, 70_005];
/// Seal and part table stand in a record, and parts do not end where leaves do.
const LARGE: [u64; 3] = [5 * MIB + 7, 5 * MIB + 7, 100_000];

/// An upload whose parts were sent.
struct Begun {
    upload: Upload,
    list: Vec<Completed>,
    content: Vec<u8>,
    /// What the store calls the place where its parts lie.
    stage: String,
}

impl Lab {
    /// Begins an upload and sends its parts, each of other content, through this instance.
    #[track_caller]
    fn begin(&self, bucket: &str, key: &str, lengths: &[u64], headers: &[(&str, &str)]) -> Begun {
        let parts: Vec<_> = (10..).zip(lengths).map(|(seed, length)| content(seed, *length)).collect();
        self.begin_with(bucket, key, &parts, headers)
    }

    /// The same with parts of the test's choice.
    #[track_caller]
    fn begin_with(&self, bucket: &str, key: &str, parts: &[Vec<u8>], headers: &[(&str, &str)]) -> Begun {
        let upload = self.client.create_upload(bucket, key, headers);
        let stage = self.store.stage_names().pop().unwrap();
        let list = (1..).zip(parts).map(|(number, part)| upload.send_part(number, part)).collect();
        Begun { upload, list, content: parts.concat(), stage }
    }
}

impl Begun {
    /// Completes it through any instance.
    fn complete(&self, through: &Lab) -> Response {
        self.upload.through(&through.client).complete(&self.list)
    }

    /// The same, and it succeeds.
    #[track_caller]
    fn succeed(&self, through: &Lab) {
        let response = self.complete(through);
        assert_eq!(response.status, 200, "{}", response.text());
        completed(&response).unwrap();
    }

    /// The same, and it is refused: with this code, and the upload stays open.
    #[track_caller]
    fn refused(&self, through: &Lab, what: &str, status: u16, code: &str) {
        let response = self.complete(through);
        assert_eq!(
            (response.status, response.code().as_str()),
            (status, code),
            "{what}: {}",
            response.text()
        );
        let parts = self.upload.through(&through.client).parts("");
        assert_eq!((parts.status, parts.elements("PartNumber").len()), (200, self.list.len()), "{what}");
    }
}
