//! A share in a Secret of Kubernetes, encrypted to one person with an age identity.
//!
//! The API server keeps what an age file would hold, armoured; whoever may read Secrets there sees no share. A Secret is
//! created and never changed; deleted are shares that open nothing.

use crate::backend::{Error, Kind, clean};
use crate::code::Reported;
use crate::custodian::age::AgeKey;
use crate::custodian::age::identity::IdentityFile;
use crate::custodian::text::{share_from, text_from};
use crate::custodian::{Prepared, Stored};
use crate::hex;
use crate::kubernetes::{Access, Marks, Refusal, Secret, SecretName};
use crate::secret::{SecretText, Share};
use crate::shell::ShellCommand;

/// What stands in a trial value, encrypted.
const TRIAL_TEXT: &str = "canary";
/// Beginning of the names of our annotations.
const OURS: &str = "vault-bootstrap";

pub(super) struct KubernetesSecret {
    pub(super) key: AgeKey,
    secret: Secret,
    marks: Marks,
}

impl KubernetesSecret {
    /// `marks` are what is said of the share there, by name: of which cluster and custodian it is.
    pub(super) fn open(
        name: &str,
        recipient: &str,
        access: Access,
        marks: &[(&str, String)],
    ) -> Result<Self, Error> {
        let Some(at) = SecretName::parse(name) else {
            let text = "expected NAMESPACE/NAME, as Kubernetes has them".to_owned();
            return Err(Error::new(
                format!("secret {name}"),
                Kind::Misconfigured(text),
            ));
        };
        let key = AgeKey::open(recipient, &at.to_string())?;
        let marks = marks.iter();
        Ok(Self {
            key,
            marks: marks
                .map(|(name, value)| (format!("{OURS}/{name}"), value.clone()))
                .collect(),
            secret: Secret::new(at, access),
        })
    }

    pub(super) fn address(&self) -> String {
        self.secret.name().to_string()
    }

    /// Two API servers have each a Secret of this name.
    pub(super) fn place(&self) -> String {
        let server = self.secret.api_server();
        let server = server.map(|server| server.origin().ascii_serialization());
        format!("{} {}", server.unwrap_or_default(), self.address())
    }

    /// How its holder reads it without this program.
    pub(super) fn read_command(&self, opener: &ShellCommand) -> ShellCommand {
        self.secret.name().read_command().and("|").join(opener)
    }

    pub(super) fn encrypt(&self, line: &str) -> Result<String, Error> {
        let plain = zeroize::Zeroizing::new(format!("{line}\n"));
        self.key.encrypt(&self.address(), plain.as_bytes())
    }

    pub(super) fn decrypt(
        &self,
        ciphertext: &[u8],
        identities: &[IdentityFile],
    ) -> Result<SecretText, Error> {
        let plain = self.key.decrypt(&self.address(), ciphertext, identities)?;
        let damaged = || self.error(Kind::Damaged("does not hold a line of text"));
        text_from(&plain).ok_or_else(damaged)
    }

    /// Whoever has no key of it is not told that the API server is away: its holder may have read it elsewhere.
    pub(super) async fn fetch(&self, identities: &[IdentityFile]) -> Result<Share, Error> {
        self.key.is_opened_by(&self.address(), identities)?;
        let found = self.get().await?;
        let ciphertext = found.ok_or_else(|| self.error(Kind::NotFound))?;
        let text = self.decrypt(&ciphertext, identities)?;
        Ok(share_from(text.expose()))
    }

    pub(super) fn prepare(&self, share: &Share) -> Result<Prepared, Error> {
        let ciphertext = self.encrypt(share.expose())?;
        Ok(Prepared::of(ciphertext.into_bytes()))
    }

    /// Creates it, and decides by a second look what came of it.
    pub(super) async fn store(&self, prepared: &Prepared) -> Result<Stored, Error> {
        let created = self.secret.create(&prepared.ciphertext, &self.marks).await;
        let failed = match created.map_err(|refusal| self.refused(refusal)) {
            Ok(()) => None,
            Err(error) if error.may_have_written() => Some(error),
            Err(error) => return Err(error),
        };
        match (self.get().await, failed) {
            (Ok(Some(found)), None) if found != prepared.ciphertext => {
                Err(self.error(Kind::Different))
            }
            (Ok(Some(found)), None) => Ok(self.stored(&found)),
            // Also one that seemed to fail and is there after all, or of an earlier run.
            (Ok(Some(found)), Some(_)) => {
                let stored = self.stored(&found);
                if prepared.is_in(&stored) {
                    return Ok(stored);
                }
                Err(self.error(Kind::Taken))
            }
            (Ok(None), None) => Err(self.error(Kind::NotFound)),
            (Err(cause), None) => Err(self.error(Kind::Unreadable(Box::new(cause)))),
            (_, Some(failed)) => Err(failed),
        }
    }

    pub(super) async fn facts(&self) -> Result<Option<Stored>, Error> {
        Ok(self.get().await?.map(|found| self.stored(&found)))
    }

    /// Nothing is kept of it, so nothing need be deleted: the right to create is tried here, that to read by the look for
    /// the final name.
    pub(super) async fn canary(&self) -> Result<Vec<Reported>, Error> {
        let content = self.encrypt(TRIAL_TEXT)?;
        let tried = self
            .secret
            .try_create(content.as_bytes(), &self.marks)
            .await;
        tried.map_err(|refusal| self.refused(refusal))?;
        Ok(Vec::new())
    }

    pub(super) async fn remove(&self) -> Result<(), Error> {
        let deleted = self.secret.delete().await;
        deleted.map_err(|refusal| {
            let error = self.refused(refusal);
            match error.kind() {
                Kind::Denied { .. } => {
                    let command = self.secret.name().delete_command();
                    let given = error.advice().unwrap_or_default();
                    error.advise(format!(
                        "let somebody who may delete it: {command}; or give the right: {given}"
                    ))
                }
                _ => error,
            }
        })
    }

    async fn get(&self) -> Result<Option<Vec<u8>>, Error> {
        let found = self.secret.get().await;
        found.map_err(|refusal| self.refused(refusal))
    }

    fn stored(&self, ciphertext: &[u8]) -> Stored {
        Stored {
            address: self.address(),
            digest: Some(hex::digest(ciphertext)),
            ..Stored::default()
        }
    }

    fn error(&self, kind: Kind) -> Error {
        Error::new(self.address(), kind)
    }

    fn refused(&self, refusal: Refusal) -> Error {
        let (kind, advice) = match refusal {
            Refusal::Denied { what, why, advice } => {
                let kind = Kind::Denied {
                    action: what,
                    message: clean(&why),
                };
                (kind, Some(advice))
            }
            Refusal::Taken => (Kind::Taken, None),
            Refusal::Away(problem) => (Kind::Unreachable(clean(&problem.what)), problem.advice),
            Refusal::Misconfigured(problem) => {
                (Kind::Misconfigured(clean(&problem.what)), problem.advice)
            }
            Refusal::Refused(problem) => (Kind::Kubernetes(clean(&problem.what)), problem.advice),
        };
        let error = self.error(kind);
        match advice {
            Some(advice) => error.advise(advice),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;
    use crate::custodian::age::identity::generated;
    use crate::custodian::{Answer, Custodian, Observation};

    /// A share at an API server that nobody answers for, with its holder's identity and a stranger's.
    struct Away {
        directory: tempfile::TempDir,
        holder: [IdentityFile; 1],
        stranger: [IdentityFile; 1],
    }

    impl Away {
        fn new() -> Self {
            let directory = tempfile::tempdir().unwrap();
            let identity = |name: &str| [generated(&directory.path().join(name))];
            Self {
                holder: identity("holder"),
                stranger: identity("stranger"),
                directory,
            }
        }

        fn custodian(&self, port: u16) -> Custodian {
            let token = self.directory.path().join("token");
            std::fs::write(&token, "a.b.c").unwrap();
            let access = Access {
                api_server: Some(Url::parse(&format!("http://127.0.0.1:{port}")).unwrap()),
                ca_cert: None,
                token_file: Some(token),
            };
            let recipient = &self.holder[0].recipients()[0];
            let named = ("vault/alice", recipient.as_str());
            Custodian::in_secret("alice", named, access, &[]).unwrap()
        }
    }

    #[tokio::test]
    async fn whoever_has_no_key_of_it_is_not_told_that_the_api_server_is_away() {
        let away = Away::new();
        let alice = away.custodian(1);
        let kind = async |identities: &[IdentityFile]| alice.fetch(identities).await.unwrap_err();
        assert!(matches!(kind(&[]).await.kind(), Kind::NeedsHolder));
        let stranger = kind(&away.stranger).await;
        assert!(matches!(stranger.kind(), Kind::WrongIdentity));
        let holder = kind(&away.holder).await;
        assert!(matches!(holder.kind(), Kind::Unreachable(_)), "{holder}");
        assert!(
            holder
                .to_string()
                .starts_with("secret vault/alice: unreachable: http://127.0.0.1:1/")
        );
        let stored = Stored {
            address: alice.address(),
            ..Stored::default()
        };
        // What was not seen is not said to be gone.
        let looked = alice.observe(&stored).await;
        assert!(!matches!(
            looked,
            Ok(Observation::Missing | Observation::Same)
        ));
    }

    #[tokio::test]
    async fn its_holder_proves_the_key_without_the_api_server() {
        let away = Away::new();
        let alice = away.custodian(1);
        let challenge = alice.challenge().await.unwrap();
        let answer = async |with| alice.answer(&challenge, with).await;
        let proof = answer(Answer::Identities(&away.holder)).await.unwrap();
        assert_eq!(proof.subject, away.holder[0].recipients()[0]);
        assert!(answer(Answer::Identities(&away.stranger)).await.is_err());
        assert!(answer(Answer::Machine).await.is_err());
    }

    #[test]
    fn one_name_at_two_api_servers_is_two_places_and_a_person_reads_it_with_kubectl() {
        let away = Away::new();
        let (one, other) = (away.custodian(1), away.custodian(2));
        assert_eq!(one.address(), "secret vault/alice");
        assert_ne!(one.place(), other.place());
        assert_eq!(
            one.read_command().as_str(),
            "kubectl get secret alice -n vault -o jsonpath='{.data.share}' | base64 -d | age -d -i KEYFILE"
        );
    }
}
