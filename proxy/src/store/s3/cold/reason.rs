//! Why an S3 store refused: status and code, put into one of a few words.

/// What stores say of the name of a version that is not of the form of theirs.
pub(in crate::store::s3) const ILL_FORMED: &str = "InvalidArgument";

/// What a refusal means. Statuses speak where there is no code: the answer to a HEAD has no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store::s3) enum Reason {
    /// There is no such bucket.
    NoSuchBucket,
    /// There is no such key.
    NoSuchKey,
    /// There is no such version.
    NoSuchVersion,
    /// There is no such multipart upload, or it is over.
    NoSuchUpload,
    /// Something is not there, and nobody says what.
    Missing,
    /// A part is not there, is another one, or the list of parts is out of order.
    InvalidPart,
    /// A part other than the last is too short.
    PartTooSmall,
    /// The condition does not hold.
    GuardFailed,
    /// Another write of the same is under way.
    Conflict,
    /// The range begins past the end.
    OutOfRange,
    /// A bucket of that name is there, and ours.
    BucketOwned,
    /// A bucket of that name is there, and perhaps another's.
    BucketTaken,
    /// The bucket holds something.
    NotEmpty,
    /// A retention or legal hold is in the way.
    Locked,
    /// The bucket has no object lock, or the object no retention.
    NoLock,
    /// The state of the bucket forbids it: its lock wants versions, or it lacks them.
    BucketState,
    /// The bucket has no tags.
    NoTags,
    /// The store has no such call.
    NotImplemented,
    /// Not on what is named: a delete marker, or a store without such a call.
    MethodNotAllowed,
    /// Our credentials do not permit it, or a lock is in the way and is not named.
    Denied,
    /// Too much is going on; nothing was done.
    Busy,
    /// The store failed; what it did is not known.
    Failed,
    /// The store sends us elsewhere: wrong region or endpoint. Never followed.
    Redirected,
    /// There is no room.
    Full,
    /// Anything else that is held to be our fault.
    Refused,
}

impl Reason {
    /// What an answer of `status`, not a success, means; `code` is the one in its body, `message` the text beside it.
    pub(in crate::store::s3) fn of(status: u16, code: Option<&str>, message: Option<&str>) -> Self {
        code.and_then(|code| Self::of_code(status, code, message.unwrap_or_default())).unwrap_or(match status
        {
            300..=399 => Self::Redirected,
            401 | 403 => Self::Denied,
            404 => Self::Missing,
            405 => Self::MethodNotAllowed,
            412 => Self::GuardFailed,
            416 => Self::OutOfRange,
            429 => Self::Busy,
            501 => Self::NotImplemented,
            507 => Self::Full,
            500..=599 => Self::Failed,
            _ => Self::Refused,
        })
    }

    /// Codes are judged by name where several statuses go with them, and only where the status fits: what comes with a
    /// 5xx was perhaps done, whatever the code says, but for the codes that say that it was not.
    fn of_code(status: u16, code: &str, message: &str) -> Option<Self> {
        let client = (400..=499).contains(&status);
        Some(match code {
            "NotImplemented" => Self::NotImplemented,
            "SlowDown" | "TooManyRequests" | "RequestLimitExceeded" | "Throttling" => Self::Busy,
            _ if !client => return None,
            "NoSuchBucket" => Self::NoSuchBucket,
            "NoSuchKey" => Self::NoSuchKey,
            "NoSuchVersion" => Self::NoSuchVersion,
            "NoSuchUpload" => Self::NoSuchUpload,
            "InvalidPart" | "InvalidPartOrder" => Self::InvalidPart,
            "EntityTooSmall" => Self::PartTooSmall,
            "PreconditionFailed" => Self::GuardFailed,
            "ConditionalRequestConflict" => Self::Conflict,
            "InvalidRange" => Self::OutOfRange,
            "BucketAlreadyOwnedByYou" => Self::BucketOwned,
            "BucketAlreadyExists" => Self::BucketTaken,
            "BucketNotEmpty" => Self::NotEmpty,
            "ObjectLockConfigurationNotFoundError"
            | "NoSuchObjectLockConfiguration"
            | "ObjectLockConfigurationNotFound" => Self::NoLock,
            "ObjectLocked" => Self::Locked,
            "InvalidBucketState" => Self::BucketState,
            "NoSuchTagSet" | "NoSuchTagSetError" => Self::NoTags,
            "MethodNotAllowed" => Self::MethodNotAllowed,
            "QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage" => Self::Full,
            "OperationAborted" | "RequestTimeout" => Self::Busy,
            // These two come with many codes; what they are about is only in the text.
            "AccessDenied" if mentions(message, "object lock") => Self::Locked,
            "InvalidRequest" if mentions(message, "WORM protected") => Self::Locked,
            "InvalidRequest" if mentions(message, "missing object lock") => Self::NoLock,
            "InvalidRequest" if mentions(message, "object lock not") => Self::NoLock,
            _ => return None,
        })
    }
}

fn mentions(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(&words.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_speak_before_statuses() {
        for (status, code, reason) in [
            (404, Some("NoSuchBucket"), Reason::NoSuchBucket),
            (404, Some("NoSuchUpload"), Reason::NoSuchUpload),
            (404, Some("SomethingNew"), Reason::Missing),
            (404, None, Reason::Missing),
            (409, Some("ConditionalRequestConflict"), Reason::Conflict),
            (412, None, Reason::GuardFailed),
            (400, Some("MalformedXML"), Reason::Refused),
            (501, Some("NotImplemented"), Reason::NotImplemented),
            (400, Some("NotImplemented"), Reason::NotImplemented),
            (301, Some("PermanentRedirect"), Reason::Redirected),
            (403, Some("SignatureDoesNotMatch"), Reason::Denied),
            (403, Some("QuotaExceeded"), Reason::Full),
            (503, Some("SlowDown"), Reason::Busy),
            (503, Some("ServiceUnavailable"), Reason::Failed),
            (500, None, Reason::Failed),
        ] {
            assert_eq!(Reason::of(status, code, None), reason, "{status} {code:?}");
        }
    }

    #[test]
    fn a_server_that_failed_did_not_refuse() {
        for code in ["NoSuchKey", "NoSuchBucket", "PreconditionFailed", "BucketNotEmpty"] {
            assert_eq!(Reason::of(500, Some(code), None), Reason::Failed, "{code}");
        }
    }

    #[test]
    fn locks_are_told_by_their_text_where_the_code_is_anothers() {
        let locked = Some("Access Denied because object protected by object lock.");
        assert_eq!(Reason::of(403, Some("AccessDenied"), locked), Reason::Locked);
        assert_eq!(Reason::of(403, Some("AccessDenied"), Some("Access Denied")), Reason::Denied);
        let worm = Some("Object is WORM protected and cannot be overwritten");
        assert_eq!(Reason::of(400, Some("InvalidRequest"), worm), Reason::Locked);
        for none in [
            "Bucket is missing Object Lock Configuration",
            // Ceph's gateway.
            "object retention can't be set if bucket object lock not configured",
            "object legal hold can't be set if bucket object lock not enabled",
        ] {
            assert_eq!(Reason::of(400, Some("InvalidRequest"), Some(none)), Reason::NoLock);
        }
    }
}
