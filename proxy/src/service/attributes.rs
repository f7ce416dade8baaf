//! What is asked about an artifact without its bytes: GetObjectAttributes.

use hallmark_signer::{CHECKSUM_HEADER, PartTable};
use http::StatusCode;

use super::{Answer, Context, S3Service, documented};
use crate::name::ObjectName;
use crate::s3::documents::{self, KnownAttributes, KnownPart, KnownParts};
use crate::s3::operation::{AttributesRequest, WholeChecksum};
use crate::s3::payload::{ChecksumAlgorithm, DeclaredChecksum};
use crate::s3::response;
use crate::store::{PartNumber, VersionId};

impl S3Service {
    /// `GET /bucket/key?attributes`
    pub(super) async fn object_attributes(
        &self,
        context: &Context,
        object: &ObjectName,
        version: Option<&VersionId>,
        wanted: &AttributesRequest,
    ) -> Answer {
        let admitted = self.admitted(context, object, version).await?;
        let checksum = admitted.headers().get(CHECKSUM_HEADER).and_then(DeclaredChecksum::from_metadata);
        let parts = admitted.part_table()?;
        let checksum = checksum.as_ref().map(DeclaredChecksum::to_whole);
        let known = KnownAttributes {
            etag: &admitted.etag(),
            size: admitted.length(),
            checksum: checksum.as_ref().map(|(sum, kind)| (sum, *kind)),
            parts: parts.map(|table| page(&table, wanted)),
        };
        let document = documents::object_attributes(wanted, &known);
        let mut response = response::document(StatusCode::OK, document, &context.id);
        let headers = response.headers_mut();
        admitted.standing().version.iter().try_for_each(|version| response::version(headers, version))?;
        admitted.modified().iter().try_for_each(|at| response::modified(headers, *at))?;
        documented(response)
    }
}

/// Those of the parts that are asked for.
fn page(table: &PartTable, wanted: &AttributesRequest) -> KnownParts {
    let after = wanted.parts_after.map_or(0, PartNumber::number);
    let checksum = |number| {
        let sums = table.checksums()?;
        let algorithm = ChecksumAlgorithm::of_name(sums.algorithm())?;
        Some(WholeChecksum { algorithm, value: sums.value(number)?.into() })
    };
    let mut rest = table.parts().iter().filter(|(number, _)| *number > after).peekable();
    let page = rest.by_ref().take(wanted.max_parts).filter_map(|(number, range)| {
        let size = range.end - range.start;
        Some(KnownPart { number: PartNumber::new(number.into())?, size, checksum: checksum(number) })
    });
    let page = page.collect();
    KnownParts { total: table.parts().count().into(), page, more: rest.peek().is_some() }
}
