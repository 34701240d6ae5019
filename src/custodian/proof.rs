//! A challenge that only the holder of a custodian can answer, proved before a share goes there.
//!
//! Encrypting to a wrong recipient loses a share without a word; a holder who opened one challenge
//! has shown that the share will open too. The private key need not come to this machine.

use std::sync::Arc;

use crate::backend::{Error, Kind};
use crate::code::Reported;
use crate::custodian::age::identity::IdentityFile;
use crate::custodian::text::same;
use crate::secret::SecretText;

/// A random word that was encrypted to one custodian.
#[derive(Debug)]
pub struct Challenge {
    subject: String,
    armored: Option<String>,
    word: Arc<SecretText>,
}

/// How the holder answers.
#[derive(Debug)]
pub enum Answer<'a> {
    /// The custodian is opened by a machine, with the credentials of this run (ssm).
    Machine,
    /// The holder's identities are here (age).
    Identities(&'a [IdentityFile]),
    /// The holder decrypted the challenge elsewhere and typed the word (age, pgp).
    Word(&'a SecretText),
}

/// Public evidence that a custodian was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What was proved; another recipient, parameter or key is another subject.
    pub subject: String,
    /// What to mention, for example a canary that stayed behind.
    pub warnings: Vec<Reported>,
}

impl Challenge {
    pub(super) fn new(subject: String, armored: Option<String>, word: SecretText) -> Self {
        Self {
            subject,
            armored,
            word: Arc::new(word),
        }
    }

    /// What this challenge proves.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The ciphertext for the holder, to be decrypted with [`Opener::command`](crate::custodian::Opener::command); none for `ssm`.
    pub fn armored(&self) -> Option<&str> {
        self.armored.as_deref()
    }

    /// What the holder is to read in it, for a digest that outlives this run.
    pub fn word(&self) -> &Arc<SecretText> {
        &self.word
    }

    /// Compares an answer in constant time; case and surrounding space do not count.
    pub fn is_answered_by(&self, answer: &SecretText) -> bool {
        same(
            as_written(answer).expose().as_bytes(),
            self.word.expose().as_bytes(),
        )
    }

    pub(super) fn proof(&self, address: &str, answer: &SecretText) -> Result<Proof, Error> {
        if !self.is_answered_by(answer) {
            return Err(Error::new(address, Kind::WrongAnswer));
        }
        Ok(Proof {
            subject: self.subject.clone(),
            warnings: Vec::new(),
        })
    }
}

/// An answer as the word was written: without its spaces, in small letters.
pub fn as_written(answer: &SecretText) -> SecretText {
    let plain = zeroize::Zeroizing::new(answer.expose().trim().to_owned());
    SecretText::new(plain.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custodian::Custodian;
    use crate::custodian::age::identity::generated;
    use crate::custodian::text::random_word;

    fn challenge(word: &str) -> Challenge {
        Challenge::new("age1x".into(), None, SecretText::new(word.into()))
    }

    #[test]
    fn an_answer_counts_whatever_its_case_and_spaces() {
        let challenge = challenge("abcde-fghjk");
        for (answer, right) in [
            ("abcde-fghjk", true),
            (" ABCDE-fghjk\n", true),
            ("abcde-fghjm", false),
            ("abcde", false),
            ("", false),
        ] {
            let answer = SecretText::new(answer.into());
            assert_eq!(challenge.is_answered_by(&answer), right);
        }
    }

    #[test]
    fn a_wrong_answer_proves_nothing_and_is_not_repeated() {
        let error = challenge("abcde")
            .proof("shares/bob.age", &SecretText::new("hunter2".into()))
            .unwrap_err();
        assert!(matches!(error.kind(), Kind::WrongAnswer));
        assert!(!error.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn a_holder_answers_with_the_identity_or_with_the_word_and_a_stranger_cannot() {
        let directory = tempfile::tempdir().unwrap();
        let identity = |name: &str| [generated(&directory.path().join(name))];
        let (holder, stranger) = (identity("holder"), identity("stranger"));
        let custodian = |who: &[IdentityFile]| {
            let file = directory.path().join("share.age");
            Custodian::in_age_file("bob", &who[0].recipients()[0], &file).unwrap()
        };
        let (bob, other) = (custodian(&holder), custodian(&stranger));
        let challenge = bob.challenge().await.unwrap();
        let proof = bob
            .answer(&challenge, Answer::Identities(&holder))
            .await
            .unwrap();
        assert_eq!(proof.subject, holder[0].recipients()[0]);
        assert!(
            bob.answer(&challenge, Answer::Word(challenge.word()))
                .await
                .is_ok()
        );
        for (who, with) in [
            (&bob, Answer::Identities(&stranger)),
            (&bob, Answer::Identities(&[])),
            (&bob, Answer::Machine),
            (&other, Answer::Word(challenge.word())),
        ] {
            assert!(who.answer(&challenge, with).await.is_err());
        }
        assert!(!directory.path().join("share.age").exists());
    }

    #[test]
    fn words_are_long_grouped_and_different() {
        let (one, other) = (random_word("x").unwrap(), random_word("x").unwrap());
        assert_eq!(one.len(), 23);
        assert_eq!(one.expose().split('-').count(), 4);
        assert_ne!(one.expose(), other.expose());
    }
}
