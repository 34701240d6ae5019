//! Requests to one bucket: signed by AWS's own crate, sent by the client that is here anyway. The seven that
//! the replica needs are not worth the SDK of S3 with its thirty crates.

use std::time::{Duration, SystemTime};

use aws_sdk_ssm::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use reqwest::Method;

use crate::aws::Session;
use crate::backend::{Error, Kind, causes, retry};

/// Everything one request may take.
const REQUEST: Duration = Duration::from_secs(10);
/// Connecting.
const CONNECT: Duration = Duration::from_secs(5);
/// Attempts of one request, the first included.
const ATTEMPTS: u32 = 3;
/// The largest answer that is taken in: a whole piece. A page of a listing is less.
const MOST: usize = crate::replica::s3::LONGEST;
/// Pause after the first; doubles each time.
const PAUSE: Duration = Duration::from_millis(300);

/// A bucket as it is reached.
pub(super) struct Signed {
    /// For the text of failures.
    address: String,
    /// The address of the bucket, without a slash at the end.
    place: String,
    region: String,
    credentials: SharedCredentialsProvider,
    http: reqwest::Client,
}

/// One request.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The whole key; empty for the bucket itself.
    pub(super) key: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a [u8],
}

impl<'a> Request<'a> {
    pub(super) fn get(key: &'a str, query: &'a str) -> Self {
        Self {
            method: Method::GET,
            key,
            query,
            headers: Vec::new(),
            body: &[],
        }
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(super) fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Signed {
    pub(super) fn open(session: &Session, bucket: &str, address: &str) -> Result<Self, Error> {
        let Some(credentials) = session.credentials.clone() else {
            let why = "none were found".to_owned();
            return Err(Error::new(address, Kind::Credentials(why)));
        };
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(REQUEST)
            .redirect(reqwest::redirect::Policy::none());
        let http = builder
            .build()
            .map_err(|_| Error::new(address, Kind::Unreachable("TLS cannot be set up".into())))?;
        Ok(Self {
            address: address.to_owned(),
            place: format!("{}/{bucket}", session.s3_endpoint()),
            region: session.region.clone(),
            credentials,
            http,
        })
    }

    /// Sends a request, and once more where the answer says nothing about it.
    pub(super) async fn send(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let again = |sent: &Result<Answer, Error>| match sent {
            Ok(answer) => answer.status >= 500 || answer.status == 429,
            Err(error) => !is_final(error),
        };
        retry((ATTEMPTS, PAUSE), again, async || {
            self.send_once(request).await
        })
        .await
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let lost = |error: reqwest::Error| {
            let kind = if error.is_timeout() {
                Kind::TimedOut(REQUEST)
            } else {
                Kind::Unreachable(innermost(&error))
            };
            Error::new(&self.address, kind)
        };
        let url = self.url(request);
        let mut sending = self
            .http
            .request(request.method.clone(), &url)
            .body(request.body.to_vec());
        for (name, value) in &request.headers {
            sending = sending.header(*name, value);
        }
        for (name, value) in self.signature(request, &url).await? {
            sending = sending.header(name, value);
        }
        let mut answer = sending.send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > MOST {
                return Err(Error::new(&self.address, Kind::TooLarge(MOST)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    fn url(&self, request: &Request<'_>) -> String {
        let url = format!("{}/{}", self.place, request.key);
        match request.query {
            "" => url.trim_end_matches('/').to_owned(),
            query => format!("{url}?{query}"),
        }
    }

    async fn signature(
        &self,
        request: &Request<'_>,
        url: &str,
    ) -> Result<Vec<(String, String)>, Error> {
        let failed = |why: &str| Error::new(&self.address, Kind::Credentials(why.to_owned()));
        let credentials = self.credentials.provide_credentials().await;
        let credentials = credentials.map_err(|error| failed(&innermost(&error)))?;
        let mut settings = SigningSettings::default();
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|_| failed("the request cannot be signed"))?
            .into();
        let headers = request
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let body = SignableBody::Bytes(request.body);
        let signable = SignableRequest::new(request.method.as_str(), url, headers, body);
        let signed = signable.and_then(|signable| sign(signable, &parameters));
        let (instructions, _) = signed
            .map_err(|_| failed("the request cannot be signed"))?
            .into_parts();
        let headers = instructions.headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }
}

/// What happened, without where in a library.
fn innermost(error: &dyn std::error::Error) -> String {
    let cause = causes(error).pop();
    cause.unwrap_or_else(|| "the request failed".to_owned())
}

/// Whether the same would come of another attempt.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), Kind::Credentials(_) | Kind::TooLarge(_))
}
