//! S3, and what is compatible with it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ClientOptions, RetryConfig};
use streams_core::archiver::{ArchiverError, FailureKind};

use crate::{ObjectStoreArchiver, told};

/// How long one request may take.
const REQUEST: Duration = Duration::from_secs(120);

/// A bucket. What is not said here is taken from the environment, as other programs take it: `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`, or the role of the machine.
///
/// ```
/// # use streams_object_store::S3;
/// let archiver = S3::at("s3://bucket/archives")?.open()?;
/// # Ok::<(), streams_core::archiver::ArchiverError>(())
/// ```
#[derive(Clone)]
pub struct S3 {
    bucket: String,
    prefix: String,
    endpoint: Option<String>,
    region: Option<String>,
    credentials: Option<[String; 2]>,
}

/// Without the credentials.
impl fmt::Debug for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3").field("bucket", &self.bucket).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl S3 {
    /// The bucket of an address, `s3://bucket` or `s3://bucket/prefix`.
    pub fn at(address: &str) -> Result<Self, ArchiverError> {
        let rest = address.strip_prefix("s3://").unwrap_or_default().trim_end_matches('/');
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() || rest.contains(['?', '#', '@']) {
            let text = format!("{address} is no address of a bucket, as s3://bucket/prefix is one");
            return Err(ArchiverError::new(FailureKind::Rejected, text));
        }
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        Ok(Self { bucket, prefix, endpoint: None, region: None, credentials: None })
    }

    /// With the address of a compatible service. One of `http://` is taken where it is this machine's.
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..self }
    }

    /// With a region.
    pub fn region(self, region: impl Into<String>) -> Self {
        Self { region: Some(region.into()), ..self }
    }

    /// With the id of a key and its secret, in the place of those of the environment.
    pub fn credentials(self, id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { credentials: Some([id.into(), secret.into()]), ..self }
    }

    /// Opens it. Nothing is asked yet.
    pub fn open(self) -> Result<ObjectStoreArchiver, ArchiverError> {
        // One library for TLS in the whole program; where somebody chose another before, that one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let endpoint = self.endpoint.or_else(|| {
            let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"];
            names.iter().find_map(|name| std::env::var(name).ok()).filter(|endpoint| !endpoint.is_empty())
        });
        let here = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
        let in_the_clear = endpoint.as_ref().is_some_and(|endpoint| here.iter().any(|here| is_at(endpoint, here)));
        let retry = RetryConfig { max_retries: 2, retry_timeout: REQUEST, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(&self.bucket).with_retry(retry);
        builder = builder.with_client_options(ClientOptions::new().with_timeout(REQUEST).with_allow_http(in_the_clear));
        if let Some(endpoint) = endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(region) = self.region {
            builder = builder.with_region(region);
        }
        if let Some([id, secret]) = self.credentials {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
        }
        let store = builder.build().map_err(told)?;
        let prefix = Path::parse(&self.prefix).map_err(|error| told(error.into()))?;
        let id = if self.prefix.is_empty() {
            format!("s3://{}", self.bucket)
        } else {
            format!("s3://{}/{}", self.bucket, self.prefix)
        };
        Ok(ObjectStoreArchiver::new(id, Arc::new(store), prefix))
    }
}

/// Whether an address is that of a machine, whatever its port.
fn is_at(address: &str, machine: &str) -> bool {
    let rest = address.strip_prefix(machine);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_a_bucket_and_a_prefix() {
        let parts = |address| S3::at(address).map(|s3| (s3.bucket, s3.prefix)).ok();
        assert_eq!(parts("s3://bucket"), Some(("bucket".into(), "".into())));
        assert_eq!(parts("s3://bucket/a/b/"), Some(("bucket".into(), "a/b".into())));
        for wrong in ["", "s3://", "s3:///a", "http://bucket", "s3://key:secret@bucket/a", "s3://bucket/a?b"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_clear() {
        assert!(is_at("http://127.0.0.1:5000", "http://127.0.0.1"));
        assert!(!is_at("http://127.0.0.1.example.org", "http://127.0.0.1"));
    }
}
