//! Errors as clients see them: S3's own codes, and ours for artifacts that cannot be trusted.

use std::borrow::Cow;

use http::StatusCode;

/// Whose fault an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The client's: the request is wrong or not permitted.
    Client,
    /// The artifact's: what is stored must not be served.
    Artifact,
    /// The store's.
    Store,
    /// Ours.
    Proxy,
}

impl Fault {
    /// For metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Artifact => "artifact",
            Self::Store => "store",
            Self::Proxy => "proxy",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident $fault:ident $status:ident,)*) => {
        /// The `Code` of an S3 error document.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* #[doc = concat!("`", stringify!($code), "`.")] $code,)*
        }

        impl Code {
            /// All of them, in the order of their numbers (`as usize`).
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// As it stands in the document.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$code => stringify!($code),)* }
            }

            /// Whose fault it is.
            pub fn fault(self) -> Fault {
                match self { $(Self::$code => Fault::$fault,)* }
            }

            /// The HTTP status that goes with it.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$code => StatusCode::$status,)* }
            }
        }
    };
}

codes! {
    AccessDenied Client FORBIDDEN,
    AccessForbidden Client FORBIDDEN,
    AuthorizationHeaderMalformed Client BAD_REQUEST,
    AuthorizationQueryParametersError Client BAD_REQUEST,
    BadDigest Client BAD_REQUEST,
    BadRequest Client BAD_REQUEST,
    BucketAlreadyExists Client CONFLICT,
    BucketAlreadyOwnedByYou Client CONFLICT,
    BucketNotEmpty Client CONFLICT,
    ConditionalRequestConflict Client CONFLICT,
    EntityTooLarge Client BAD_REQUEST,
    EntityTooSmall Client BAD_REQUEST,
    IllegalLocationConstraintException Client BAD_REQUEST,
    IncompleteBody Client BAD_REQUEST,
    IncorrectNumberOfFilesInPostRequest Client BAD_REQUEST,
    InvalidAccessKeyId Client FORBIDDEN,
    InvalidArgument Client BAD_REQUEST,
    InvalidBucketName Client BAD_REQUEST,
    InvalidBucketState Client CONFLICT,
    InvalidChunkSizeError Client BAD_REQUEST,
    InvalidDigest Client BAD_REQUEST,
    InvalidPart Client BAD_REQUEST,
    InvalidPartNumber Client RANGE_NOT_SATISFIABLE,
    InvalidPartOrder Client BAD_REQUEST,
    InvalidPolicyDocument Client BAD_REQUEST,
    InvalidRange Client RANGE_NOT_SATISFIABLE,
    InvalidRequest Client BAD_REQUEST,
    InvalidRetentionPeriod Client BAD_REQUEST,
    InvalidTag Client BAD_REQUEST,
    InvalidToken Client BAD_REQUEST,
    InvalidURI Client BAD_REQUEST,
    KeyTooLongError Client BAD_REQUEST,
    MalformedPOSTRequest Client BAD_REQUEST,
    MalformedTrailerError Client BAD_REQUEST,
    MalformedXML Client BAD_REQUEST,
    MaxMessageLengthExceeded Client BAD_REQUEST,
    MaxPostPreDataLengthExceededError Client BAD_REQUEST,
    MetadataTooLarge Client BAD_REQUEST,
    MethodNotAllowed Client METHOD_NOT_ALLOWED,
    MissingContentLength Client LENGTH_REQUIRED,
    MissingRequestBodyError Client BAD_REQUEST,
    NoSuchBucket Client NOT_FOUND,
    NoSuchBucketPolicy Client NOT_FOUND,
    NoSuchCORSConfiguration Client NOT_FOUND,
    NoSuchKey Client NOT_FOUND,
    NoSuchLifecycleConfiguration Client NOT_FOUND,
    NoSuchObjectLockConfiguration Client NOT_FOUND,
    NoSuchPublicAccessBlockConfiguration Client NOT_FOUND,
    NoSuchTagSet Client NOT_FOUND,
    NoSuchUpload Client NOT_FOUND,
    NoSuchVersion Client NOT_FOUND,
    NoSuchWebsiteConfiguration Client NOT_FOUND,
    NotImplemented Client NOT_IMPLEMENTED,
    ObjectLockConfigurationNotFoundError Client NOT_FOUND,
    OwnershipControlsNotFoundError Client NOT_FOUND,
    PreconditionFailed Client PRECONDITION_FAILED,
    ReplicationConfigurationNotFoundError Client NOT_FOUND,
    RequestHeaderSectionTooLarge Client BAD_REQUEST,
    RequestTimeout Client BAD_REQUEST,
    RequestTimeTooSkewed Client FORBIDDEN,
    ServerSideEncryptionConfigurationNotFoundError Client NOT_FOUND,
    SignatureDoesNotMatch Client FORBIDDEN,
    XAmzContentSHA256Mismatch Client BAD_REQUEST,
    /// No seal, and none is dispensed with.
    ArtifactUnsealed Artifact FORBIDDEN,
    /// A seal that is not well formed, of another version, or about something else.
    ArtifactSealInvalid Artifact FORBIDDEN,
    /// Bytes other than the sealed ones.
    ArtifactDigestMismatch Artifact FORBIDDEN,
    /// A rule asks for a publisher's signature and there is none.
    ArtifactSignatureMissing Artifact FORBIDDEN,
    /// No signature by a key that the rule names verifies.
    ArtifactSignerUntrusted Artifact FORBIDDEN,
    /// Signed by a key that has been revoked since.
    ArtifactKeyRevoked Artifact FORBIDDEN,
    /// Signed by a key outside its validity.
    ArtifactKeyNotValid Artifact FORBIDDEN,
    /// Some of the signers whom the rule asks for have signed, but not all.
    ArtifactRoleUnmet Artifact FORBIDDEN,
    /// No statement that the rule asks for, or not about this.
    ArtifactAttestationUnmet Artifact FORBIDDEN,
    /// A signature that says nothing about the artifact beside which it is put.
    ArtifactSignatureRefused Artifact FORBIDDEN,
    /// Denied by digest or seal.
    ArtifactDenied Artifact FORBIDDEN,
    /// Sealed before the rule's time.
    ArtifactSealTooOld Artifact FORBIDDEN,
    /// Sealed by a kind of operation that the rule refuses.
    ArtifactSealKindRefused Artifact FORBIDDEN,
    /// Older than what was served under this name.
    ArtifactRolledBack Artifact FORBIDDEN,
    /// Too much is asked for at the moment, of us or of the store.
    SlowDown Store SERVICE_UNAVAILABLE,
    /// The store is not there.
    ServiceUnavailable Store SERVICE_UNAVAILABLE,
    /// The store answered nonsense, or its own data is damaged.
    BadGateway Store BAD_GATEWAY,
    /// The store did not answer in time.
    GatewayTimeout Store GATEWAY_TIMEOUT,
    InternalError Proxy INTERNAL_SERVER_ERROR,
}

/// An error on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct S3Error {
    /// What went wrong, for programs.
    pub code: Code,
    /// What went wrong, for people: what, where, what to do. Shown to the client; holds no secret and nothing that a
    /// store said.
    pub message: Cow<'static, str>,
    /// Elements of the document beside `Code`, `Message`, `Resource` and `RequestId`.
    pub details: Vec<(&'static str, String)>,
    /// Headers of the answer that say it to clients which read no document.
    pub headers: Vec<(&'static str, String)>,
}

impl S3Error {
    /// An error without details.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), details: Vec::new(), headers: Vec::new() }
    }

    /// Something that cannot happen happened, or the process is about to end. What it was stands in the log.
    pub fn internal() -> Self {
        Self::new(Code::InternalError, "We encountered an internal error. Please try again.")
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Adds an element to the document.
    #[must_use]
    pub fn with(mut self, element: &'static str, text: impl Into<String>) -> Self {
        self.details.push((element, text.into()));
        self
    }
}
