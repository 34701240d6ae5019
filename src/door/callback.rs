//! Waits for the one visit of the browser that finishes a sign-in.
//!
//! A visit counts when it is a GET of exactly the redirect path with the state of this sign-in.
//! Everything else (icons, preconnects, scanners, an older tab) gets an answer and the wait goes on.
//! The page is sent only after the server has judged the code, so that it says what is true.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::door::page::Page;
use crate::door::redirect::Bound;
use crate::secret::SecretText;

/// A request line with headers; providers' codes are below 2 KiB.
const LARGEST_REQUEST: usize = 8 * 1024;
/// Time for one visitor to say what it wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Visitors served at the same time. Of those who have said nothing yet the one who came first gives way to the next one,
/// so that nobody who holds connections open keeps the browser out.
const AT_ONCE: usize = 64;
/// Longest word of the provider that is repeated.
const LONGEST_WORDS: usize = 300;

/// What the provider sent the browser back with.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The code to redeem.
    Code(SecretText),
    /// RFC 6749 4.1.2.1.
    Refused {
        /// `access_denied` and the like.
        code: String,
        /// For a person.
        description: Option<String>,
    },
}

/// The visit that counts, its answer still owed.
#[derive(Debug)]
pub(super) struct Visitor {
    pub(super) outcome: Outcome,
    /// Nobody to answer where a person pasted what the browser could not deliver.
    pub(super) stream: Option<TcpStream>,
}

impl Visitor {
    /// Shows the page; a browser that is gone by now does not matter.
    pub(super) async fn show(self, page: &Page) {
        if let Some(stream) = self.stream {
            respond(stream, page).await;
        }
    }
}

/// What one request is.
#[derive(Debug)]
pub(super) enum Visit {
    Ours(Outcome),
    Other(Page),
}

/// Waits for the visit. The caller bounds the time.
pub(super) async fn wait(bound: &Bound, state: &str) -> Visitor {
    let mut visitors = FuturesUnordered::new();
    let mut places: VecDeque<Place> = VecDeque::new();
    loop {
        tokio::select! {
            biased;
            // Whoever has said what it wants is heard before it could give way.
            Some(visitor) = visitors.next(), if !visitors.is_empty() => {
                if let Ok(Some(visitor)) = visitor {
                    return visitor;
                }
            }
            accepted = accept(bound) => {
                if let Ok(stream) = accepted {
                    make_room(&mut places);
                    let spoke = Rc::new(Cell::new(false));
                    let receiving = receive(stream, (&bound.path, state), spoke.clone());
                    let (visitor, handle) = abortable(receiving);
                    places.push_back(Place { handle, spoke });
                    visitors.push(visitor);
                } else {
                    // Out of descriptors, or a visitor that left at once: neither is worth a spin.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}

/// One who is being heard, in the order in which they came.
struct Place {
    handle: AbortHandle,
    /// Whether anything was said. The visitor has the other end, until it leaves.
    spoke: Rc<Cell<bool>>,
}

fn make_room(places: &mut VecDeque<Place>) {
    places.retain(|place| Rc::strong_count(&place.spoke) > 1);
    if places.len() < AT_ONCE {
        return;
    }
    let silent = places.iter().position(|place| !place.spoke.get());
    if let Some(place) = places.remove(silent.unwrap_or(0)) {
        place.handle.abort();
    }
}

async fn accept(bound: &Bound) -> std::io::Result<TcpStream> {
    let accepting = bound.sockets.iter().map(|socket| Box::pin(socket.accept()));
    let (accepted, _, _) = futures::future::select_all(accepting).await;
    accepted.map(|(stream, _)| stream)
}

async fn receive(
    mut stream: TcpStream,
    (path, state): (&str, &str),
    spoke: Rc<Cell<bool>>,
) -> Option<Visitor> {
    let request = tokio::time::timeout(PATIENCE, read(&mut stream, &spoke))
        .await
        .ok()??;
    match judge(&request, path, state) {
        Visit::Ours(outcome) => Some(Visitor {
            outcome,
            stream: Some(stream),
        }),
        Visit::Other(page) => {
            respond(stream, &page).await;
            None
        }
    }
}

/// The head of a request; what is too long comes back cut, and is then no request.
async fn read(stream: &mut TcpStream, spoke: &Cell<bool>) -> Option<Zeroizing<Vec<u8>>> {
    let mut request = Zeroizing::new(Vec::with_capacity(LARGEST_REQUEST));
    let mut limited = stream.take(LARGEST_REQUEST as u64);
    loop {
        let got = limited.read_buf(&mut *request).await.ok()?;
        spoke.set(spoke.get() || got > 0);
        if request.windows(4).any(|end| end == b"\r\n\r\n") || (got == 0 && !request.is_empty()) {
            return Some(request);
        }
        if got == 0 {
            return None;
        }
    }
}

async fn respond(mut stream: TcpStream, page: &Page) {
    let answer = page.answer();
    let sending = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        // Closing with unread input resets the connection, and the browser would lose the page.
        let mut rest = [0_u8; 1024];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    let _ = tokio::time::timeout(PATIENCE, sending).await;
}

fn judge(request: &[u8], path: &str, state: &str) -> Visit {
    let bad = Visit::Other(Page::BadRequest);
    let Some(head) = request.windows(4).position(|end| end == b"\r\n\r\n") else {
        return bad;
    };
    let Ok(head) = std::str::from_utf8(&request[..head]) else {
        return bad;
    };
    let mut line = head.lines().next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (line.next(), line.next(), line.next(), line.next())
    else {
        return bad;
    };
    if !version.starts_with("HTTP/1.") {
        return bad;
    }
    let (asked, query) = target.split_once('?').unwrap_or((target, ""));
    if method != "GET" || asked != path {
        return Visit::Other(Page::NotFound);
    }
    outcome(query, state)
}

/// What the provider says in a query, if it belongs to the sign-in with this state.
pub(super) fn outcome(query: &str, state: &str) -> Visit {
    let only = |name: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        let first = values.next().map(|(_, value)| value.into_owned());
        // Twice the same name is nobody's answer.
        if values.next().is_some() {
            None
        } else {
            first.filter(|value| !value.is_empty())
        }
    };
    if only("state").as_deref() != Some(state) {
        return Visit::Other(Page::WrongState);
    }
    if let Some(code) = only("error") {
        let description = only("error_description").map(|text| bounded(&text, LONGEST_WORDS));
        return Visit::Ours(Outcome::Refused {
            code: bounded(&code, LONGEST_WORDS),
            description,
        });
    }
    match only("code") {
        Some(code) => Visit::Ours(Outcome::Code(SecretText::new(code))),
        None => Visit::Other(Page::BadRequest),
    }
}

/// Foreign words that may be shown on a terminal.
pub(super) fn bounded(text: &str, most: usize) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(most)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::redirect;

    fn visit(line: &str) -> Visit {
        judge(
            format!("{line}\r\nHost: localhost\r\n\r\n").as_bytes(),
            "/oidc/callback",
            "st/1",
        )
    }

    fn page(line: &str) -> Page {
        match visit(line) {
            Visit::Other(page) => page,
            Visit::Ours(outcome) => panic!("{line} counted: {outcome:?}"),
        }
    }

    #[test]
    fn the_one_valid_visit_gives_its_code() {
        let Visit::Ours(Outcome::Code(code)) =
            visit("GET /oidc/callback?code=a%2Fb&state=st%2F1&iss=x HTTP/1.1")
        else {
            panic!("not taken");
        };
        assert_eq!(code.len(), 3);
    }

    #[test]
    fn everything_else_is_answered_and_does_not_count() {
        for (line, expected) in [
            ("GET /favicon.ico HTTP/1.1", Page::NotFound),
            ("GET /oidc/callback/ HTTP/1.1", Page::NotFound),
            (
                "POST /oidc/callback?code=a&state=st%2F1 HTTP/1.1",
                Page::NotFound,
            ),
            (
                "GET /oidc/callback?code=a&state=other HTTP/1.1",
                Page::WrongState,
            ),
            ("GET /oidc/callback?code=a HTTP/1.1", Page::WrongState),
            (
                "GET /oidc/callback?code=a&state=st%2F1&state=st%2F1 HTTP/1.1",
                Page::WrongState,
            ),
            (
                "GET /oidc/callback?error=access_denied&state=other HTTP/1.1",
                Page::WrongState,
            ),
            ("GET /oidc/callback?state=st%2F1 HTTP/1.1", Page::BadRequest),
            (
                "GET /oidc/callback?code=a&code=b&state=st%2F1 HTTP/1.1",
                Page::BadRequest,
            ),
            ("GET /oidc/callback?code=a&state=st%2F1", Page::BadRequest),
            ("SSH-2.0-x", Page::BadRequest),
        ] {
            assert_eq!(page(line), expected, "{line}");
        }
    }

    #[test]
    fn the_providers_refusal_is_bounded_and_printable() {
        let long = "x".repeat(2000);
        let line = format!(
            "GET /oidc/callback?error=access_denied&error_description=no%0Away%1b%5B2J{long}&state=st%2F1 HTTP/1.1"
        );
        let Visit::Ours(Outcome::Refused { code, description }) = visit(&line) else {
            panic!("not taken")
        };
        let description = description.unwrap();
        assert_eq!(
            (code.as_str(), description.chars().count()),
            ("access_denied", LONGEST_WORDS)
        );
        assert!(description.starts_with("no way [2Jx"));
    }

    #[tokio::test]
    async fn a_silent_visitor_and_a_wrong_one_do_not_stop_the_right_one() {
        let bound = redirect::listen(&["http://127.0.0.1:0/oidc/callback".to_owned()])
            .await
            .unwrap();
        let address = bound.sockets[0].local_addr().unwrap();
        let browser = async {
            let _silent = TcpStream::connect(address).await.unwrap();
            let mut answers = Vec::new();
            for target in [
                "/favicon.ico",
                "/oidc/callback?state=old&code=1",
                "/oidc/callback?state=new&code=2",
            ] {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream
                    .write_all(format!("GET {target} HTTP/1.1\r\n\r\n").as_bytes())
                    .await
                    .unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await.unwrap();
                answers.push(answer[9..12].to_owned());
            }
            answers
        };
        let waiting = async {
            let visitor = wait(&bound, "new").await;
            assert!(matches!(&visitor.outcome, Outcome::Code(code) if code.len() == 1));
            visitor.show(&Page::SignedIn).await;
        };
        let (answers, ()) = tokio::join!(browser, waiting);
        assert_eq!(answers, ["404", "400", "200"]);
    }

    #[tokio::test]
    async fn whoever_floods_the_port_with_silent_connections_does_not_end_the_sign_in() {
        let bound = redirect::listen(&["http://127.0.0.1:0/oidc/callback".to_owned()])
            .await
            .unwrap();
        let address = bound.sockets[0].local_addr().unwrap();
        let browser = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET /oidc/call").await.unwrap();
            // Who comes later and is answered comes after that was read.
            let mut other = TcpStream::connect(address).await.unwrap();
            other.write_all(b"GET /x HTTP/1.1\r\n\r\n").await.unwrap();
            other.read_to_end(&mut Vec::new()).await.unwrap();
            let mut silent = VecDeque::new();
            for _ in 0..8 * AT_ONCE {
                silent.push_back(TcpStream::connect(address).await.unwrap());
                if silent.len() > 2 * AT_ONCE {
                    silent.pop_front();
                }
            }
            // It had begun before all of them, and goes on.
            let request = b"back?state=new&code=2 HTTP/1.1\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer[9..12].to_owned()
        };
        let waiting = async {
            let visitor = wait(&bound, "new").await;
            visitor.show(&Page::SignedIn).await;
        };
        let (answer, ()) = tokio::join!(browser, waiting);
        assert_eq!(answer, "200");
    }
}
