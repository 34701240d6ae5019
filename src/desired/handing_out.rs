//! Asking for a secret that is handed out, and handing it out.

use crate::code::Code;
use crate::config::{HandOut, Write};
use crate::custodian::Receiver;
use crate::desired::answers;
use crate::desired::document::{Document, Pending};
use crate::desired::hand_out::{entry, make_another, note, place};
use crate::desired::rejected::rejected;
use crate::desired::writing::{Target, Unwritten};
use crate::edge::receivers;
use crate::failure::Failure;
use crate::printable;
use crate::session::Session;
use crate::vault::{self, Kind, Made};

/// Fields of an answer by which a secret is known at the server, and that are none.
const NAMES: [&str; 3] = ["secret_id_accessor", "serial_number", "key_id"];
/// Letters of such a name that are shown.
const LONGEST_NAME: usize = 200;

/// Asks for the secret and hands it out.
pub(super) async fn give(target: &Target<'_>, pending: &Pending) -> Result<(), Unwritten> {
    let document = &pending.document;
    let not_sent = |failure| Unwritten {
        failure,
        refused: true,
    };
    let (write, to) = entry(target, document).map_err(not_sent)?;
    let token = target.token()?;
    let body = pending.send.as_ref().unwrap_or(&document.body);
    if body.holds_unknown() {
        let text = format!("a secret of {} was not read", document.path);
        return Err(not_sent(Failure::failed(Code::SecretUnreadable, text)));
    }
    let tried = receivers::tried(target.config, write, to).await;
    let (receiver, warnings) = tried.map_err(not_sent)?;
    for said in warnings {
        target.warn(said.code, said.text);
    }
    note(target.memory, std::slice::from_ref(pending))?;
    // The answer exists once: a stop that is asked for waits until it is in its place.
    let _deferred = target.caller.interrupt.defer_signals();
    let request = (document.path.as_str(), body);
    let client = target.client();
    let made = client.write_for_secret(Some(token), request, to.wrap).await;
    let made = match made {
        Ok(made) => made,
        Err(error) if was_not_taken(&error) => return Err(not_sent(rejected(document, error))),
        Err(error) => return Err(unanswered(target, &document.path, &error).into()),
    };
    for warning in made.warnings() {
        target.warn(Code::ServerWarned, format!("{}: {warning}", document.path));
    }
    Ok(hand_over(target, (document, write, to), (&receiver, &made)).await?)
}

/// Whether the server has made nothing for certain.
fn was_not_taken(error: &vault::Error) -> bool {
    let said_no = matches!(
        error.kind(),
        Kind::Status {
            code: 400..=499,
            ..
        }
    );
    let never_sent = matches!(
        error.kind(),
        Kind::InvalidPath(_)
            | Kind::InvalidToken
            | Kind::InvalidAddress(_)
            | Kind::PlainHttp
            | Kind::PlainHttpRefused(_)
    );
    // It is answered before the request is handled.
    let later = matches!(error.kind(), Kind::Status { code: 429, .. });
    (said_no && (later || !error.is_retryable())) || never_sent || error.is_refused_here()
}

fn unanswered(session: &Session<'_>, path: &str, error: &vault::Error) -> Failure {
    let text = format!(
        "a secret of {path} was asked for, and there is no answer with it, so the server may have made one that nobody \
         has: {error}"
    );
    Failure::failed(Code::HandOutLost, text)
        .advise(make_another(session, path, (None, None)))
        .answered(error.status())
}

/// From the answer to its place.
async fn hand_over(
    target: &Target<'_>,
    (document, write, to): (&Document, &Write, &HandOut),
    (receiver, made): (&Receiver, &Made),
) -> Result<(), Failure> {
    let path = &document.path;
    let names = made.known(&NAMES.map(str::to_owned));
    let called = names.as_object().and_then(|names| {
        let (name, value) = names.iter().next()?;
        Some(format!(
            "{name} {}",
            printable::line(value.as_str()?, LONGEST_NAME)
        ))
    });
    let lost = |why: String, away: Option<&HandOut>| {
        let text = format!(
            "the server has made a secret of {path}, and it is not handed out to {to}: {why}"
        );
        let advice = make_another(target, path, (called.as_deref(), away));
        Failure::failed(Code::HandOutLost, text).advise(advice)
    };
    let text = made.text(&write.handed_out_fields(), to.wrap.is_some());
    let text = text.map_err(|lacks| lost(lacks.to_string(), None))?;
    let given = receiver.prepare(&text);
    let given = given.map_err(|error| lost(error.kind().to_string(), None))?;
    let kept = answers::picked(&document.keeps, &made.known(&document.keeps));
    let to_be = (&*place(target.config, to), given.text());
    let noted = target.memory.hand_out(path, to_be, kept);
    noted.map_err(|error| lost(error.to_string(), None))?;
    let done = receiver.give(&given).await;
    done.map_err(|error| lost(error.kind().to_string(), Some(to)))?;
    let what = write
        .handed_out()
        .map_or_else(String::new, |(what, _)| what);
    let called = called.map(|called| format!(" ({called})"));
    target.note(format!(
        "{path}: handed out {what} to {}{}",
        receiver.address(),
        called.unwrap_or_default()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_certainly_not_made_only_where_the_server_took_no_request() {
        let taken = |kind| !was_not_taken(&vault::Error::new("POST", "http://vault:8200", kind));
        let status = |code, text: &str| Kind::Status {
            code,
            messages: vec![text.to_owned()],
        };
        for code in [400, 403, 404, 429] {
            assert!(!taken(status(code, "no")), "{code}");
        }
        for code in [500, 502, 503] {
            assert!(taken(status(code, "no")), "{code}");
        }
        // A node that is sealed in the middle says so, too.
        assert!(taken(status(400, "context canceled")));
        assert!(taken(Kind::Unreachable("reset".into())));
        assert!(!taken(Kind::InvalidToken));
    }
}
