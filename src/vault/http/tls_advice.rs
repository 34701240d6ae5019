//! What to do about a connection that is not trusted.

use crate::shell::ShellCommand;

pub(super) fn advice_on_tls(text: &str, url: &str) -> String {
    let lower = text.to_lowercase();
    let about_time = ["expired", "notvalidyet", "not valid yet"];
    if about_time.iter().any(|words| lower.contains(words)) {
        return format!(
            "by the clock of this machine it is now {}: set that clock if this is wrong, else renew the \
             server's certificate",
            jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ")
        );
    }
    let advice = if one_label_behind_a_star(text) {
        "a name such as *.vault-internal, with one part behind the star, is no name here, though the servers' own programs \
         take it: set cluster.tls.server_name to another name of the certificate, or issue it with each node's name"
    } else if text.contains("NotValidForName") || text.contains("not valid for name") {
        "set cluster.tls.server_name to the name in the certificate, or use that name in the address"
    } else if text.contains("InvalidContentType") || text.contains("InvalidMessage") {
        "the server seems to speak plain http on this port; check the scheme and the port"
    } else if text.contains("CertificateRequired") || text.contains("client_") {
        "set cluster.tls.client_cert and cluster.tls.client_key"
    } else {
        return not_trusted(url);
    };
    advice.to_owned()
}

/// Whether it is there and wrong or not there at all is not known here.
fn not_trusted(url: &str) -> String {
    let text = "cluster.tls.ca_cert must be the authority that signed the server's certificate (without it: one of this system)";
    let asked = url::Url::parse(url).ok();
    let place =
        asked.and_then(|url| Some((url.host_str()?.to_owned(), url.port_or_known_default()?)));
    match place {
        Some((host, port)) => {
            let look = ShellCommand::new("openssl s_client -showcerts -connect");
            format!(
                "{text}; see which one that is: {}",
                look.with(format!("{host}:{port}")).and("</dev/null")
            )
        }
        None => text.to_owned(),
    }
}

/// `DnsName("*.vault-internal")`, as rustls names what the certificate is for.
fn one_label_behind_a_star(text: &str) -> bool {
    let mut stars = text.split("\"*.").skip(1);
    stars.any(|rest| {
        rest.split('"')
            .next()
            .is_some_and(|name| !name.contains('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_shows_the_certificate_ends_by_itself() {
        let advice = advice_on_tls("UnknownIssuer", "https://a.test:8200/v1");
        let command = "openssl s_client -showcerts -connect a.test:8200 </dev/null";
        assert!(advice.ends_with(command), "{advice}");
    }
}
