//! A login by a TLS client certificate: what can be seen without the server, and what is shown to it.

use crate::code::Code;
use crate::door::model::{Door, Shown};
use crate::door::reason;
use crate::failure::Problem;
use crate::vault::{
    self, AuthResponse, Body, Client, ClientCertificate, Unusable, Validity, authorities_in_words,
};

/// The certificate with its key, where nothing shows that it lets nobody in. `places` are where the file has both from.
///
/// # Errors
/// It has ended, or not begun; the key is another one's; or another authority has signed it than the role asks for.
pub(super) fn is_good(shown: &Shown, places: &[String]) -> Result<ClientCertificate, Problem> {
    let place = |index: usize| places.get(index).map_or("", String::as_str);
    let (certificate, key) = (place(0), place(1));
    let found = ClientCertificate::new(&shown.certificate, &shown.key).map_err(|why| {
        let (of, advice) = match why {
            Unusable::Key => (key.to_owned(), "put the key there as PEM, without a passphrase: this program asks for none"),
            Unusable::Mismatch => (format!("{certificate} and {key}"), "put both of one certificate there, as they were issued together"),
            Unusable::Certificate | Unusable::Other(_) => (certificate.to_owned(), "put the certificate there as PEM, and behind it those between it and its authority"),
        };
        Problem::new(Code::SecretUnreadable, format!("{of}: {why}")).advise(advice)
    })?;
    let words = found.in_words();
    let untimely = |when: String| {
        Problem::new(
            Code::SignInExpired,
            format!("the certificate {certificate}, {words}, {when}"),
        )
        .advise("put a new certificate there, with its key; if this one is good, set the clock of this machine")
    };
    match found.validity() {
        Validity::Now => {}
        Validity::Ended(at) => return Err(untimely(format!("ended at {at}"))),
        Validity::Begins(at) => return Err(untimely(format!("begins at {at}"))),
        Validity::Never => return Err(untimely("ends before it begins".to_owned())),
    }
    if !found.can_be_of(&shown.authorities) {
        let authorities = authorities_in_words(&shown.authorities);
        return Err(Problem::new(
            Code::LoginMisconfigured,
            format!("the certificate {certificate}, {words}, is not of the authority that its role takes: {authorities}"),
        )
        .advise("compare certificate of the login with certificate of the role; those between both belong behind the first"));
    }
    Ok(found)
}

/// Logs in over connections of its own, which nothing else uses.
pub(super) async fn show(
    client: &Client,
    door: &Door,
    shown: &Shown,
) -> Result<AuthResponse, Problem> {
    let certificate = is_good(shown, &door.places)?;
    let showing = client.presenting(&certificate).map_err(reason::unknown)?;
    let body = match &shown.role {
        Some(role) => Body::map([("name", role.as_str())]),
        None => Body::map::<&str, &str>([]),
    };
    let path = format!("auth/{}/login", door.mount);
    let answer = vault::login(&showing, &path, &body).await;
    answer.map_err(|error| {
        let problem = reason::of(&door.kind, error);
        if ![Code::LoginDenied, Code::LoginMisconfigured].contains(&problem.code) {
            return problem;
        }
        let place = door.places.first().map_or("", String::as_str);
        let mut what = format!(
            "{}; the certificate {place} is {}",
            problem.what,
            certificate.in_words()
        );
        let authorities = authorities_in_words(&shown.authorities);
        if !authorities.is_empty() {
            what.push_str(&format!("; the role takes those of {authorities}"));
        }
        Problem { what, ..problem }
    })
}
