//! The one page that a person's browser sees from us: self-contained, nothing loaded, nothing run.

/// Longest foreign text on the page.
const LONGEST: usize = 600;

/// What the browser is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Page {
    /// The login is finished.
    SignedIn,
    /// The login failed; the words are foreign.
    Failed(String),
    /// Not the visit that is waited for.
    NotFound,
    /// A visit with a wrong or no state.
    WrongState,
    /// Not a request that can be read.
    BadRequest,
}

impl Page {
    /// The whole answer: status, headers, HTML.
    pub(super) fn answer(&self) -> Vec<u8> {
        let (status, title, text) = match self {
            Self::SignedIn => ("200 OK", "Signed in", "You can close this window and go back to the terminal.".to_owned()),
            Self::Failed(words) => ("200 OK", "Not signed in", words.chars().take(LONGEST).collect()),
            Self::NotFound => ("404 Not Found", "Nothing here", String::new()),
            Self::WrongState => (
                "400 Bad Request",
                "Not this sign-in",
                "This answer belongs to another sign-in. Use the newest address that the terminal shows.".to_owned(),
            ),
            Self::BadRequest => ("400 Bad Request", "Bad request", String::new()),
        };
        let body = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <style>body{{font-family:system-ui,sans-serif;max-width:34rem;margin:20vh auto;padding:0 1rem;line-height:1.5}}</style>\
             </head><body><h1>{title}</h1><p>{}</p></body></html>\n",
            escape(&text)
        );
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {}\r\n\
             content-security-policy: default-src 'none'; style-src 'unsafe-inline'\r\n\
             cache-control: no-store\r\nreferrer-policy: no-referrer\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

fn escape(text: &str) -> String {
    // The ampersand first, so that those of the entities stay.
    text.replace(char::is_control, " ")
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_stay_words() {
        let words = "<script>alert('x')</script> & \"more\"\r\nSet-Cookie: a".to_owned();
        let answer = String::from_utf8(Page::Failed(words).answer()).unwrap();
        assert!(answer.contains(
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;  Set-Cookie: a"
        ));
        assert!(!answer.contains("<script>"));
        let long = String::from_utf8(Page::Failed("é".repeat(5000)).answer()).unwrap();
        assert_eq!(long.matches('é').count(), LONGEST);
    }

    #[test]
    fn the_length_is_that_of_the_body() {
        let answer = String::from_utf8(Page::SignedIn.answer()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
