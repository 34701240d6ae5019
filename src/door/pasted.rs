//! The address that a browser ended at, pasted by a person where the browser runs on a machine that the listener cannot be
//! reached from. It counts as the visit itself does, and is never shown.

use crate::door::callback::{self, Outcome, Visit};
use crate::door::model::Paste;
use crate::door::page::Page;

/// Asks until an address belongs to the sign-in with this state. Never ends where nobody can be asked. The caller bounds the
/// time.
pub(super) async fn wait(
    paste: Paste,
    (uri, state): (&str, &str),
    refused: impl Fn(&str),
) -> Outcome {
    while let Some(address) = paste().await {
        if address.is_empty() {
            continue;
        }
        match judge(&address, uri, state) {
            Ok(outcome) => return outcome,
            Err(why) => refused(&why),
        }
    }
    futures::future::pending().await
}

/// What an address says, if it is the one at `uri` of this sign-in; else what is wrong, without a word of it.
fn judge(address: &str, uri: &str, state: &str) -> Result<Outcome, String> {
    let (place, query) = address.split_once('?').unwrap_or((address, ""));
    // Some browsers hide the scheme, and some providers end the address with a mark.
    let query = query.split('#').next().unwrap_or_default();
    if place != uri && uri.strip_prefix("http://") != Some(place) {
        return Err(format!(
            "what was pasted does not begin with {uri}?, as the address that the browser ended at does"
        ));
    }
    match callback::outcome(query, state) {
        Visit::Ours(outcome) => Ok(outcome),
        Visit::Other(Page::WrongState) => Err(
            "what was pasted belongs to another sign-in; sign in at the newest address".to_owned(),
        ),
        Visit::Other(_) => {
            Err("what was pasted holds no code; paste the address to its end".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::FutureExt;
    use zeroize::Zeroizing;

    use super::*;

    const URI: &str = "http://localhost:8250/oidc/callback";

    fn said(address: &str) -> String {
        match judge(address, URI, "new") {
            Ok(Outcome::Code(code)) => format!("a code of {} letters", code.len()),
            Ok(Outcome::Refused { code, .. }) => code,
            Err(why) => why,
        }
    }

    #[test]
    fn an_address_counts_as_the_visit_would_have() {
        for address in [
            "http://localhost:8250/oidc/callback?state=new&code=abcd",
            "localhost:8250/oidc/callback?code=abcd&state=new#_=_",
        ] {
            assert_eq!(said(address), "a code of 4 letters", "{address}");
        }
        let refused = "http://localhost:8250/oidc/callback?state=new&error=access_denied";
        assert_eq!(said(refused), "access_denied");
    }

    #[test]
    fn any_other_address_is_refused_without_a_word_of_it() {
        for (address, why) in [
            (
                "http://localhost:8250/oidc/callback?state=old&code=secret1",
                "another sign-in",
            ),
            (
                "http://localhost:8250/oidc/callback?code=secret1",
                "another sign-in",
            ),
            (
                "http://localhost:8250/oidc/callback?state=new&state=new&code=secret1",
                "another sign-in",
            ),
            (
                "http://localhost:8250/oidc/callback?state=new",
                "holds no code",
            ),
            (
                "http://localhost:8250/other?state=new&code=secret1",
                "does not begin with",
            ),
            (
                "http://localhost:8251/oidc/callback?state=new&code=secret1",
                "does not begin with",
            ),
            (
                "https://localhost:8250/oidc/callback?state=new&code=secret1",
                "does not begin with",
            ),
            ("secret1", "does not begin with"),
        ] {
            let said = said(address);
            assert!(said.contains(why), "{address}: {said}");
            assert!(!said.contains("secret1"), "{said}");
        }
    }

    thread_local! {
        static PASTED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    #[tokio::test]
    async fn a_person_may_paste_again_and_whoever_cannot_be_asked_is_waited_for() {
        PASTED.set(vec![
            "http://localhost:8250/oidc/callback?state=new&code=abcd",
            "",
            "http://localhost:8250/oidc/callback?state=old&code=secret1",
        ]);
        let paste: Paste = || {
            let next = PASTED.with_borrow_mut(Vec::pop);
            async move { next.map(|text| Zeroizing::new(text.to_owned())) }.boxed_local()
        };
        let told = RefCell::new(Vec::new());
        let refused = |why: &str| told.borrow_mut().push(why.to_owned());
        let outcome = wait(paste, (URI, "new"), refused).await;
        assert!(matches!(outcome, Outcome::Code(_)));
        assert_eq!(told.borrow().len(), 1);
        assert!(wait(paste, (URI, "new"), |_| ()).now_or_never().is_none());
    }
}
