//! Uploads and deletions.

use hallmark_config::Permission;
use hallmark_signer::{By, SealedHeaders};
use http::header::ETAG;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::{Answer, Context, S3Service, finish};
use crate::gate::Upload;
use crate::name::{BucketName, ObjectName};
use crate::proof::{Outgoing, Reader};
use crate::s3::auth::PayloadClaim;
use crate::s3::condition::{DeleteCondition, PutCondition};
use crate::s3::documents::DeleteRequest;
use crate::s3::error::{Code, S3Error};
use crate::s3::payload::Payload;
use crate::store::Guard;
