//! One KMS key: described before it is trusted, then encrypt and decrypt.
//!
//! A key is resolved to its ARN once, so that an alias turned to another key later cannot change
//! what was proved. It never creates, enables or deletes a key.

use aws_sdk_kms::primitives::Blob;
use zeroize::Zeroizing;

use crate::aws::{Aws, Call, Session, account_of, region_of};
use crate::backend::{Error, Kind};

/// What KMS encrypts at most in one call (AWS KMS: Encrypt, symmetric keys), in bytes.
pub const LONGEST_PLAINTEXT: usize = 4096;

/// A symmetric KMS key that was described once.
#[derive(Clone)]
pub struct KmsKey {
    reference: String,
    facts: KeyFacts,
    session: Session,
}

/// What KMS tells about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// The key's ARN, whatever reference was given.
    pub arn: String,
    /// The account that owns the key.
    pub account: Option<String>,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …
    pub state: String,
}

impl KmsKey {
    /// Finds the key: an id, `alias/…` or an ARN, whose region is used when `aws` names none.
    /// A disabled key opens too, so that it can be described; [`KmsKey::usable`] refuses it.
    pub async fn open(key: &str, aws: &Aws) -> Result<Self, Error> {
        let mut aws = aws.clone();
        aws.region = aws.region.or_else(|| region_of(key));
        let session = Session::of(&aws, &format!("aws-kms://{key}")).await?;
        Self::in_session(key, session).await
    }

    pub(crate) async fn in_session(key: &str, session: Session) -> Result<Self, Error> {
        let facts = describe(key, &session).await?;
        Ok(Self {
            reference: key.to_owned(),
            facts,
            session,
        })
    }

    /// The ARN of the key.
    pub fn arn(&self) -> &str {
        &self.facts.arn
    }

    /// What was known when the key was opened.
    pub fn facts(&self) -> &KeyFacts {
        &self.facts
    }

    /// `aws-kms://REGION/KEY`, with the reference of the configuration.
    pub fn address(&self) -> String {
        address(&self.reference, &self.session.region)
    }

    /// Asks KMS again and refuses a key that is not enabled. Needed besides any trial, because the
    /// emulators of SSM (LocalStack 4.9.2 and moto 5.2.5, measured) take a disabled key.
    ///
    /// # Errors
    /// [`Kind::KeyDisabled`] with the command that enables it; otherwise as [`KmsKey::open`].
    pub async fn usable(&self) -> Result<(), Error> {
        let facts = describe(self.arn(), &self.session).await?;
        if facts.state == "Enabled" {
            return Ok(());
        }
        let address = self.address();
        Err(self
            .call(&address, "kms:DescribeKey")
            .key_unusable(&facts.state))
    }

    /// Encrypts at most [`LONGEST_PLAINTEXT`] bytes; `context` is needed again to decrypt.
    ///
    /// # Errors
    /// Denied, disabled, unreachable; [`Kind::Misconfigured`] when the text is too long.
    pub async fn encrypt(&self, plain: &[u8], context: (&str, &str)) -> Result<Vec<u8>, Error> {
        let address = self.address();
        let call = self.call(&address, "kms:Encrypt");
        if plain.len() > LONGEST_PLAINTEXT {
            let text = format!("KMS encrypts at most {LONGEST_PLAINTEXT} bytes at once");
            return Err(call.error(Kind::Misconfigured(text)));
        }
        let request = self.session.kms.encrypt().key_id(self.arn());
        let request = request.encryption_context(context.0, context.1);
        let answer = request.plaintext(Blob::new(plain)).send().await;
        let blob = answer.map_err(|error| call.failed(&error))?.ciphertext_blob;
        blob.map(Blob::into_inner)
            .ok_or_else(|| call.error(Kind::Damaged("KMS answered without a ciphertext")))
    }

    /// Decrypts what [`KmsKey::encrypt`] made with the same context.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for another key, another context or changed bytes; denied, disabled, unreachable.
    pub async fn decrypt(
        &self,
        ciphertext: &[u8],
        context: (&str, &str),
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let address = self.address();
        let call = self.call(&address, "kms:Decrypt");
        let request = self.session.kms.decrypt().key_id(self.arn());
        let request = request.encryption_context(context.0, context.1);
        let answer = request.ciphertext_blob(Blob::new(ciphertext)).send().await;
        let blob = answer.map_err(|error| call.failed(&error))?.plaintext;
        blob.map(|blob| Zeroizing::new(blob.into_inner()))
            .ok_or_else(|| call.error(Kind::Damaged("KMS answered without a plain text")))
    }

    fn call<'a>(&'a self, address: &'a str, action: &'static str) -> Call<'a> {
        Call {
            address,
            action,
            resource: self.arn(),
            key: self.arn(),
            region: &self.session.region,
        }
    }
}

fn address(key: &str, region: &str) -> String {
    format!("aws-kms://{region}/{key}")
}

async fn describe(key: &str, session: &Session) -> Result<KeyFacts, Error> {
    let address = address(key, &session.region);
    let call = Call {
        address: &address,
        action: "kms:DescribeKey",
        resource: key,
        key,
        region: &session.region,
    };
    let answer = session.kms.describe_key().key_id(key).send().await;
    let answer = answer.map_err(|error| call.failed(&error))?;
    let data = answer.key_metadata.as_ref();
    let arn = data.and_then(|data| data.arn.clone());
    let state = data.and_then(|data| data.key_state.as_ref());
    let (Some(arn), Some(state)) = (arn, state) else {
        return Err(call.error(Kind::Damaged("KMS describes the key without ARN or state")));
    };
    Ok(KeyFacts {
        account: account_of(&arn),
        state: state.as_str().to_owned(),
        arn,
    })
}
