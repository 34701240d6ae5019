//! Digests of words that are asked for again, such as the answer to a challenge.
//!
//! Argon2id with a random salt: a digest that is found helps little to guess a password. Of the costs that
//! OWASP calls equally strong it is the one with the least memory: 7 MiB, five passes. It takes as long as
//! 19 MiB with two (10 ms), and leaves the process small.
//!
//! Digests are made beside the event loop: requests go on meanwhile.

use std::sync::Arc;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use crate::secret::{SecretText, wiped};

/// Memory in KiB.
const MEMORY: u32 = 7 * 1024;
const PASSES: u32 = 5;
const LANES: u32 = 1;
/// Digests at one time, each with its own memory.
const AT_ONCE: usize = 2;
/// Bytes of salt.
const SALT: usize = 16;

/// A digest of `secret` in the PHC format, salted anew each time.
pub async fn secret_digest(secret: &Arc<SecretText>) -> Result<String, Error> {
    let secret = Arc::clone(secret);
    aside(move || digest(&secret)).await?
}

/// True when `phc` is a digest of `secret`. Anything that is not a digest of ours is false: a changed
/// one must not be able to ask for more memory.
pub async fn matches(secret: &Arc<SecretText>, phc: String) -> Result<bool, Error> {
    let secret = Arc::clone(secret);
    aside(move || is_digest_of(&secret, &phc)).await
}

/// On a thread of its own, a few at a time. One that is not waited for any more ends by itself.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    static PLACES: Semaphore = Semaphore::const_new(AT_ONCE);
    let place = PLACES.acquire().await.map_err(|_| Error)?;
    let work = move || {
        let _place = place;
        wiped(work)
    };
    tokio::task::spawn_blocking(work).await.map_err(|_| Error)
}

fn digest(secret: &SecretText) -> Result<String, Error> {
    let mut salt = [0u8; SALT];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| Error)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| Error)?;
    let digest = argon2()?.hash_password(secret.expose().as_bytes(), &salt);
    Ok(digest.map_err(|_| Error)?.to_string())
}

fn is_digest_of(secret: &SecretText, phc: &str) -> bool {
    let (Ok(argon2), Ok(parsed)) = (argon2(), PasswordHash::new(phc)) else {
        return false;
    };
    let ours = parsed.algorithm == Algorithm::Argon2id.ident()
        && Params::try_from(&parsed).is_ok_and(|params| {
            (params.m_cost(), params.t_cost(), params.p_cost()) == (MEMORY, PASSES, LANES)
        });
    ours && argon2
        .verify_password(secret.expose().as_bytes(), &parsed)
        .is_ok()
}

/// The machine has no random bytes or no memory for a digest.
#[derive(Debug, thiserror::Error)]
#[error("cannot make an Argon2id digest: no random bytes or not enough memory")]
pub struct Error;

fn argon2() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| Error)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretText {
        SecretText::new(text.into())
    }

    #[test]
    fn a_digest_knows_its_secret_and_no_other() {
        let phc = digest(&secret("hunter2")).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=7168,t=5,p=1$"));
        assert!(!phc.contains("hunter2"));
        assert!(is_digest_of(&secret("hunter2"), &phc));
        assert!(!is_digest_of(&secret("hunter3"), &phc));
    }

    #[test]
    fn two_digests_of_one_secret_differ() {
        let digests = [0, 1].map(|_| digest(&secret("hunter2")).unwrap());
        assert_ne!(digests[0], digests[1]);
    }

    #[test]
    fn a_digest_that_asks_for_more_memory_or_is_none_does_not_match() {
        let phc = digest(&secret("x")).unwrap();
        let greedy = phc.replace("m=7168", "m=4194304");
        for wrong in ["", "x", &greedy, &phc.replace("argon2id", "argon2i")] {
            assert!(!is_digest_of(&secret("x"), wrong));
        }
    }
}
