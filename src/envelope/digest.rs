//! Digests of secrets that cannot be read back, to notice that one has changed.
//!
//! Argon2id with a random salt: a digest that is found helps little to guess a password. The cost is
//! the first recommendation of OWASP for this memory: 19 MiB, two passes.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::secret::SecretText;

/// Memory in KiB.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Bytes of salt.
const SALT: usize = 16;

/// A digest of `secret` in the PHC format, salted anew each time.
///
/// # Errors
/// For want of random bytes or memory.
pub fn secret_digest(secret: &SecretText) -> Result<String, Error> {
    let mut salt = [0u8; SALT];
    aws_lc_rs::rand::fill(&mut salt).map_err(|_| Error)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| Error)?;
    let digest = argon2()?.hash_password(secret.expose().as_bytes(), &salt);
    Ok(digest.map_err(|_| Error)?.to_string())
}

/// True when `phc` is a digest of `secret`. Anything that is not a digest of ours is false: a changed
/// one must not be able to ask for more memory.
#[must_use]
pub fn matches(secret: &SecretText, phc: &str) -> bool {
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
        let phc = secret_digest(&secret("hunter2")).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(!phc.contains("hunter2"));
        assert!(matches(&secret("hunter2"), &phc));
        assert!(!matches(&secret("hunter3"), &phc));
    }

    #[test]
    fn two_digests_of_one_secret_differ() {
        let digests = [0, 1].map(|_| secret_digest(&secret("hunter2")).unwrap());
        assert_ne!(digests[0], digests[1]);
    }

    #[test]
    fn a_digest_that_asks_for_more_memory_or_is_none_does_not_match() {
        let phc = secret_digest(&secret("x")).unwrap();
        let greedy = phc.replace("m=19456", "m=4194304");
        for wrong in ["", "x", &greedy, &phc.replace("argon2id", "argon2i")] {
            assert!(!matches(&secret("x"), wrong));
        }
    }
}
