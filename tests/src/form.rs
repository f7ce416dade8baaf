//! Uploads by an HTML form (`POST /bucket` with `multipart/form-data`), with the policy that lets them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::raw::{Asked, Connection, Response};
use crate::s3::Client;

/// Where fields end. No content has it in it.
pub const BOUNDARY: &str = "----boundary-of-the-form";

/// A form in the making. Fields are sent in their order, the file last.
#[derive(Debug, Clone)]
pub struct Form {
    client: Client,
    bucket: String,
    /// Names and values.
    pub fields: Vec<(String, String)>,
    /// The policy's conditions, as JSON.
    pub conditions: Vec<String>,
    /// Until when it is good.
    pub expiration: String,
}

impl Form {
    /// A form for one key, with a policy that lets just that.
    pub fn new(client: &Client, bucket: &str, key: &str) -> Self {
        Self {
            client: client.clone(),
            bucket: bucket.to_owned(),
            fields: vec![("key".to_owned(), key.to_owned())],
            conditions: vec![
                format!("{{\"bucket\": \"{bucket}\"}}"),
                format!("[\"eq\", \"$key\", \"{key}\"]"),
            ],
            expiration: "2100-01-01T00:00:00Z".to_owned(),
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a condition, as JSON.
    #[must_use]
    pub fn condition(mut self, json: &str) -> Self {
        self.conditions.push(json.to_owned());
        self
    }

    /// Signs the policy: adds the fields for that.
    #[must_use]
    pub fn signed(mut self) -> Self {
        let signer = self.client.signer();
        let (date, scope) = (signer.date(), signer.scope());
        let credential = format!("{}/{scope}", self.client.access_key);
        let signing = [
            ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
            ("x-amz-credential", credential.as_str()),
            ("x-amz-date", date.as_str()),
        ];
        for (name, value) in signing {
            self.conditions.push(format!("{{\"{name}\": \"{value}\"}}"));
        }
        let policy = format!(
            "{{\"expiration\": \"{}\", \"conditions\": [{}]}}",
            self.expiration,
            self.conditions.join(", ")
        );
        let policy = BASE64.encode(policy);
        let signature = signer.sign_policy(&policy);
        for (name, value) in
            signing.iter().copied().chain([("policy", policy.as_str()), ("x-amz-signature", &signature)])
        {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Signs and sends it with this file.
    pub fn send(self, file: &[u8]) -> Response {
        self.signed().send_as_is(file)
    }

    /// Sends it as it is.
    pub fn send_as_is(&self, file: &[u8]) -> Response {
        self.post(&self.body(file), &[])
    }

    /// The fields and the file, framed.
    pub fn body(&self, file: &[u8]) -> Vec<u8> {
        let mut body = Vec::new();
        for (name, value) in &self.fields {
            body.extend_from_slice(&part(&format!("name=\"{name}\""), value.as_bytes()));
        }
        body.extend_from_slice(&part("name=\"file\"; filename=\"app.tar\"", file));
        body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        body
    }

    /// Sends any body as a form, with further headers.
    pub fn post(&self, body: &[u8], headers: &[(&str, &str)]) -> Response {
        let mut request = self
            .client
            .request("POST", &format!("/{}", self.bucket))
            .header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))
            .header("Content-Length", body.len().to_string());
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        Connection::open(self.client.address).exchange(&[&request.head(), body], Asked::Other)
    }
}

/// A part of a form.
pub fn part(disposition: &str, value: &[u8]) -> Vec<u8> {
    let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
    [head.as_bytes(), value, b"\r\n"].concat()
}
