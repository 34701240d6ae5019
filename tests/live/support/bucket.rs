//! A bucket of the local S3, asked beside the tool.

use super::http::{Answer, HttpClient};
use super::localstack::LocalStack;

/// S3 does not check who asks here, but for whom: the service's name stands in this header.
const WHO: &str = "AWS4-HMAC-SHA256 Credential=AKIATEST/20260101/us-east-1/s3/aws4_request, \
                   SignedHeaders=host, Signature=00";

/// One bucket.
pub struct Bucket {
    name: String,
    client: HttpClient,
}

impl Bucket {
    /// Makes it, as it comes.
    pub fn plain(name: &str) -> Self {
        Self::made(name, &[])
    }

    /// Makes it, and lets it keep every version.
    pub fn versioned(name: &str) -> Self {
        let bucket = Self::plain(name);
        let body = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
                    <Status>Enabled</Status></VersioningConfiguration>";
        bucket.ask("PUT", "?versioning", &[], body);
        bucket
    }

    /// Makes it so that versions can be locked against deletion.
    pub fn locked(name: &str) -> Self {
        Self::made(name, &[("x-amz-bucket-object-lock-enabled", "true")])
    }

    fn made(name: &str, headers: &[(&str, &str)]) -> Self {
        let bucket = Self {
            name: name.to_owned(),
            client: HttpClient::default(),
        };
        bucket.ask("PUT", "", headers, "");
        bucket
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The keys of all versions and of all marks of deletions, sorted.
    pub fn keys_of_versions(&self) -> Vec<String> {
        let text = self.ask("GET", "?versions", &[], "").text;
        let parts = text.split("<Key>").skip(1);
        let mut keys: Vec<_> = parts
            .map(|part| part.split("</Key>").next().unwrap_or_default().to_owned())
            .collect();
        keys.sort();
        keys
    }

    /// Every object that can be read, as one text.
    pub fn contents(&self) -> String {
        let mut keys = self.keys_of_versions();
        keys.dedup();
        let read = |key: String| self.ask("GET", &format!("/{key}"), &[], "").text;
        keys.into_iter().map(read).collect()
    }

    #[track_caller]
    fn ask(&self, method: &str, rest: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let url = format!("{}/{}{rest}", LocalStack::shared().endpoint(), self.name);
        let headers = [headers, &[("authorization", WHO)]].concat();
        let answer = self
            .client
            .call(method, &url, &headers, Some(body.to_owned()));
        let answer = answer.expect("S3 answers");
        assert!(answer.status < 300, "{method} {url}: {}", answer.text);
        answer
    }
}
