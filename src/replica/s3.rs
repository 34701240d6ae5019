//! Objects below a prefix, as a place for values. Deleting one deletes every version of it; a bucket that
//! would keep one all the same is refused.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::aws::{Aws, Call, Session};
use crate::backend::{Error, Kind};
use crate::replica::signed::{Answer, Request, Signed};
use crate::shell::ShellCommand;

/// A piece; the checkpoint of any ceremony is smaller.
pub(super) const LONGEST: usize = 4 * 1024 * 1024;
/// Pages of a listing.
const PAGES: usize = 50;
/// Versions on one (AWS S3: ListObjectVersions, max-keys).
const ON_A_PAGE: usize = 1000;
/// Rounds of deleting what a listing shows.
const ROUNDS: usize = 3;

pub(super) struct Objects {
    address: String,
    bucket: String,
    prefix: String,
    key: Option<String>,
    region: String,
    signed: Signed,
}

/// One version of an object, or a mark that it was deleted.
struct Version {
    key: String,
    id: String,
}

impl Objects {
    pub(super) async fn open(
        bucket: &str,
        prefix: &str,
        key: Option<&str>,
        aws: &Aws,
    ) -> Result<Self, Error> {
        let prefix = prefix.trim_matches('/');
        let address = format!("s3://{bucket}/{prefix}");
        let wrong = |text: &str| Err(Error::new(&address, Kind::Misconfigured(text.to_owned())));
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return wrong("a bucket's name has letters, digits and . _ - only");
        }
        let hidden_or_empty = |part: &str| part.is_empty() || part.starts_with('.');
        if (prefix.split('/')).any(|part| hidden_or_empty(part) || !part.chars().all(plain)) {
            return wrong("a prefix has letters, digits and . _ - / only, and no empty part");
        }
        let session = Session::of(aws, &address).await?;
        let objects = Self {
            signed: Signed::open(&session, bucket, &address)?,
            region: session.region.clone(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            key: key.map(str::to_owned),
            address,
        };
        objects.examine().await?;
        Ok(objects)
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Refuses a bucket that keeps what is deleted, or copies it elsewhere. Where the lock may not be asked
    /// for, the trial finds it out, which deletes a version and looks for it; no trial shows a copy elsewhere.
    async fn examine(&self) -> Result<(), Error> {
        let lock = self
            .ask("object-lock", "s3:GetBucketObjectLockConfiguration")
            .await;
        let lock = match lock {
            Err(error) if matches!(error.kind(), Kind::Denied { .. }) => None,
            lock => lock?,
        };
        if lock.is_some_and(|text| first(&text, "ObjectLockEnabled") == Some("Enabled")) {
            return Err(self.keeps("object lock is on in this bucket"));
        }
        let copies = self
            .ask("replication", "s3:GetReplicationConfiguration")
            .await?;
        if copies.is_some_and(|text| all(&text, "Status").contains(&"Enabled")) {
            return Err(self.keeps("this bucket is replicated to another one"));
        }
        Ok(())
    }

    /// A part of the bucket's configuration; `None` where there is none of it.
    async fn ask(&self, query: &str, action: &'static str) -> Result<Option<String>, Error> {
        let answer = self.signed.send(&Request::get("", query)).await?;
        let text = answer.text();
        match first(&text, "Code") {
            None if answer.is_good() => Ok(Some(text)),
            Some(
                "NotImplemented"
                | "ObjectLockConfigurationNotFoundError"
                | "ReplicationConfigurationNotFoundError",
            ) => Ok(None),
            _ => Err(self.refused(&answer, action)),
        }
    }

    fn keeps(&self, why: &str) -> Error {
        Error::new(&self.address, Kind::KeepsDeleted(why.to_owned()))
    }

    pub(super) async fn put(&self, name: &str, value: &[u8], replace: bool) -> Result<(), Error> {
        let key = self.full(name);
        let mut headers = vec![("content-type", "application/octet-stream".to_owned())];
        if !replace {
            headers.push(("if-none-match", "*".to_owned()));
        }
        if let Some(key) = &self.key {
            headers.push(("x-amz-server-side-encryption", "aws:kms".to_owned()));
            headers.push(("x-amz-server-side-encryption-aws-kms-key-id", key.clone()));
        }
        let request = Request {
            method: Method::PUT,
            headers,
            body: value,
            ..Request::get(&key, "")
        };
        let answer = self.signed.send(&request).await?;
        match answer.status {
            _ if answer.is_good() => Ok(()),
            // Another one made it, or is about to.
            409 | 412 => Err(Error::new(&self.address, Kind::Taken)),
            _ => Err(self.refused(&answer, "s3:PutObject")),
        }
    }

    pub(super) async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let key = self.full(name);
        let request = Request::get(&key, "");
        let answer = self.signed.send(&request).await?;
        match answer.status {
            _ if answer.is_good() => Ok(Some(answer.body)),
            404 if first(&answer.text(), "Code") != Some("NoSuchBucket") => Ok(None),
            _ => Err(self.refused(&answer, "s3:GetObject")),
        }
    }

    pub(super) async fn names(&self) -> Result<Vec<String>, Error> {
        let below = format!("{}/", self.prefix);
        let versions = self.versions(&below).await?;
        let keys = versions.iter().map(|version| version.key.as_str());
        let names: BTreeSet<_> = keys.filter_map(|key| key.strip_prefix(&below)).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Deletes every version, and every mark of a deletion, until a listing shows none.
    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let key = self.full(name);
        for _ in 0..ROUNDS {
            let mut versions = self.versions(&key).await?;
            versions.retain(|version| version.key == key);
            if versions.is_empty() {
                return Ok(());
            }
            for version in versions {
                self.delete_version(&version).await?;
            }
        }
        Err(self.keeps("versions of a deleted object are still listed"))
    }

    async fn delete_version(&self, version: &Version) -> Result<(), Error> {
        let action = "s3:DeleteObjectVersion";
        let query = format!("versionId={}", encoded(&version.id));
        let request = Request {
            method: Method::DELETE,
            ..Request::get(&version.key, &query)
        };
        let answer = self.signed.send(&request).await?;
        match answer.status {
            _ if answer.is_good() || answer.status == 404 => Ok(()),
            403 => Err(self.keeps(&format!("{action} is denied for {}", version.key))),
            _ => Err(self.refused(&answer, action)),
        }
    }

    /// Every version of every object whose key begins so.
    async fn versions(&self, prefix: &str) -> Result<Vec<Version>, Error> {
        let action = "s3:ListBucketVersions";
        let (mut found, mut after) = (Vec::new(), String::new());
        for page in 1..=PAGES {
            let query = format!("{after}prefix={}&versions=", encoded(prefix));
            let answer = self.signed.send(&Request::get("", &query)).await?;
            if !answer.is_good() {
                return Err(self.refused(&answer, action));
            }
            let text = answer.text();
            for kind in ["Version", "DeleteMarker"] {
                found.extend(all(&text, kind).into_iter().filter_map(|entry| {
                    let key = first(entry, "Key")?.to_owned();
                    let id = first(entry, "VersionId").unwrap_or("null").to_owned();
                    Some(Version { key, id })
                }));
            }
            if found.len() > page * ON_A_PAGE {
                break;
            }
            if first(&text, "IsTruncated") != Some("true") {
                return Ok(found);
            }
            let marker = |tag| encoded(first(&text, tag).unwrap_or_default());
            let (key, id) = (marker("NextKeyMarker"), marker("NextVersionIdMarker"));
            after = format!("key-marker={key}&version-id-marker={id}&");
        }
        Err(self.keeps("there are too many versions to look through"))
    }

    fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// The failure of an answer that is a refusal.
    fn refused(&self, answer: &Answer, action: &'static str) -> Error {
        let text = answer.text();
        let code = first(&text, "Code").map_or_else(|| answer.status.to_string(), str::to_owned);
        let resource = resource(action, &self.bucket, &self.prefix);
        let call = Call {
            address: &self.address,
            action,
            resource: &resource,
            key: self.key.as_deref().unwrap_or_default(),
            region: &self.region,
        };
        if code == "NoSuchBucket" {
            let make = make_bucket(&self.bucket, &self.region);
            return call
                .error(Kind::NotFound)
                .advise(format!("correct the name, or make it: {make}"));
        }
        call.answered(&code, first(&text, "Message").unwrap_or_default())
    }
}

/// What a policy has to name, with whatever else the request takes: some actions are on the bucket itself, and what is
/// missing looks denied to whoever may not list.
fn resource(action: &str, bucket: &str, prefix: &str) -> String {
    let of_bucket = format!("arn:aws:s3:::{bucket}");
    match action {
        "s3:PutObject" | "s3:DeleteObjectVersion" => format!("{of_bucket}/{prefix}/*"),
        "s3:GetObject" => format!("{of_bucket}/{prefix}/*, and s3:ListBucket on {of_bucket},"),
        _ => of_bucket,
    }
}

/// The region that a bucket is in without a word is the first one, and that one must not be named.
fn make_bucket(bucket: &str, region: &str) -> ShellCommand {
    let make = ShellCommand::new("aws s3api create-bucket --bucket").with(bucket);
    let make = make.and("--region").with(region);
    if region == "us-east-1" {
        return make;
    }
    make.and("--create-bucket-configuration")
        .set("LocationConstraint=", region)
}

/// As it stands in a query: everything but letters, digits and `-._~` by its number.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(byte).collect()
}

/// As much of XML as the answers of S3 need, of elements that hold no other of their name: the insides of every
/// `<tag>…</tag>`, in order. An answer that is cut off has fewer.
fn all<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find(&open) {
        rest = &rest[begin + open.len()..];
        let Some(end) = rest.find(&close) else { break };
        found.push(&rest[..end]);
        rest = &rest[end + close.len()..];
    }
    found
}

/// The inside of the first one.
fn first<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    all(text, tag).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_made_where_it_is_looked_for() {
        assert_eq!(
            make_bucket("a", "eu-central-1").as_str(),
            "aws s3api create-bucket --bucket a --region eu-central-1 \
             --create-bucket-configuration LocationConstraint=eu-central-1"
        );
        let first = make_bucket("a", "us-east-1");
        assert!(!first.as_str().contains("LocationConstraint"), "{first}");
    }

    #[test]
    fn a_right_on_the_bucket_is_not_asked_for_on_its_objects() {
        for (action, on) in [
            ("s3:PutObject", "arn:aws:s3:::a/p/*"),
            (
                "s3:GetObject",
                "arn:aws:s3:::a/p/*, and s3:ListBucket on arn:aws:s3:::a,",
            ),
            ("s3:ListBucketVersions", "arn:aws:s3:::a"),
            ("s3:GetBucketObjectLockConfiguration", "arn:aws:s3:::a"),
            ("s3:GetReplicationConfiguration", "arn:aws:s3:::a"),
        ] {
            assert_eq!(resource(action, "a", "p"), on, "{action}");
        }
    }

    #[test]
    fn what_stands_in_a_query_is_encoded() {
        assert_eq!(encoded("vault/a b+c"), "vault%2Fa%20b%2Bc");
        assert_eq!(encoded("x-1_y.z~"), "x-1_y.z~");
    }

    #[test]
    fn versions_are_read_with_their_keys_and_what_is_cut_off_is_none() {
        let text = "<R><Version><Key>a</Key><VersionId>1</VersionId></Version><DeleteMarker><Key>b</Key>\
                    </DeleteMarker><Version><Key>c";
        let versions = all(text, "Version");
        assert_eq!(versions, ["<Key>a</Key><VersionId>1</VersionId>"]);
        assert_eq!(first(versions[0], "Key"), Some("a"));
        assert_eq!(first(all(text, "DeleteMarker")[0], "Key"), Some("b"));
        assert_eq!(first(text, "IsTruncated"), None);
    }
}
