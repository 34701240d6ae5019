//! Which of a role's redirect addresses leads to this machine, and where to listen for it.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;
use url::{Host, Url};

use crate::code::Code;
use crate::failure::Problem;

/// Free ports that are tried until one is free on both loopback addresses.
const ATTEMPTS: usize = 8;
/// For a role that leads nowhere where this program can listen.
const ADD_ONE: &str = "add http://localhost:8250/oidc/callback to allowed_redirect_uris of the role and to the \
     client at the identity provider";

/// A listener for a redirect address, on IPv4 and IPv6 where the address says `localhost`.
#[derive(Debug)]
pub(super) struct Bound {
    /// The address to give to the server, with the port that is really listened on.
    pub(super) uri: String,
    /// Path of it: only this one is answered.
    pub(super) path: String,
    /// One or two sockets.
    pub(super) sockets: Vec<TcpListener>,
    /// The declared address, where its port was taken.
    pub(super) instead_of: Option<String>,
}

impl Bound {
    /// The port that is listened on.
    pub(super) fn port(&self) -> Option<u16> {
        let address = self.sockets.first()?.local_addr().ok()?;
        Some(address.port())
    }

    /// What may have kept the browser away. The provider tells only the person why.
    pub(super) fn unfinished(&self) -> String {
        let again = "run the command again; if the browser is on another machine, first type there the command shown below \
                     the address, or paste here the address that the browser ended at; if the identity provider showed an \
                     error of its own instead of a sign-in, read it: invalid_client means oidc_client_id of the auth method, \
                     a redirect error means";
        match &self.instead_of {
            // The port in its stead is another one each time.
            Some(taken) => format!(
                "{again}: end the program that has the port of {taken}, which is the address to register for the client there"
            ),
            None => format!(
                "{again}: register {} as redirect address of the client there",
                self.uri
            ),
        }
    }
}

/// The addresses that lead to this machine over plain http, in the order of the role.
pub(super) fn loopback(uris: &[String]) -> Vec<Url> {
    uris.iter()
        .filter_map(|uri| Url::parse(uri).ok())
        .filter(|url| url.scheme() == "http" && !hosts(url).is_empty() && url.fragment().is_none())
        .filter(|url| !is_the_servers(url))
        .collect()
}

/// The server's own page or path: it answers there, even where it runs on this machine.
fn is_the_servers(url: &Url) -> bool {
    ["/ui/", "/v1/"]
        .iter()
        .any(|start| url.path().starts_with(start))
}

/// The addresses a browser may try for this host.
fn hosts(url: &Url) -> Vec<IpAddr> {
    match url.host() {
        Some(Host::Domain("localhost")) => {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        }
        Some(Host::Ipv4(address)) if address == Ipv4Addr::LOCALHOST => vec![address.into()],
        Some(Host::Ipv6(address)) if address == Ipv6Addr::LOCALHOST => vec![address.into()],
        _ => vec![],
    }
}

/// Listens on the first declared address whose port is free; when all are taken, on a free port,
/// which the server accepts for loopback hosts (jwt auth: path_oidc.go) and the provider may not.
pub(super) async fn listen(uris: &[String]) -> Result<Bound, Problem> {
    let candidates = loopback(uris);
    let Some(first) = candidates.first() else {
        let listed = if uris.is_empty() {
            "there are none"
        } else {
            &uris.join(", ")
        };
        let what = "none of the role's allowed_redirect_uris leads to this machine";
        return Err(
            Problem::new(Code::LoginMisconfigured, format!("{what}: {listed}")).advise(ADD_ONE),
        );
    };
    for url in &candidates {
        let port = url.port_or_known_default().unwrap_or(80);
        if let Ok(sockets) = bind(&hosts(url), port).await {
            return Ok(bound(url, sockets, false));
        }
    }
    let mut last = std::io::Error::from(ErrorKind::AddrInUse);
    for _ in 0..ATTEMPTS {
        match bind(&hosts(first), 0).await {
            Ok(sockets) => return Ok(bound(first, sockets, true)),
            Err(error) => last = error,
        }
    }
    Err(Problem::new(
        Code::LoginMisconfigured,
        format!("cannot listen for {first}: {last}"),
    )
    .advise(ADD_ONE))
}

/// All of `hosts` on one port, or an error; an address family that this machine lacks is left out.
async fn bind(hosts: &[IpAddr], port: u16) -> std::io::Result<Vec<TcpListener>> {
    let mut sockets: Vec<TcpListener> = Vec::new();
    let mut port = port;
    for (index, host) in hosts.iter().enumerate() {
        match TcpListener::bind(SocketAddr::new(*host, port)).await {
            Ok(socket) => {
                port = socket.local_addr()?.port();
                sockets.push(socket);
            }
            // Somebody else on the other address would get the browser's visit.
            Err(error) if error.kind() == ErrorKind::AddrInUse || index == 0 => return Err(error),
            Err(_) => {}
        }
    }
    Ok(sockets)
}

fn bound(url: &Url, sockets: Vec<TcpListener>, moved: bool) -> Bound {
    let declared = url.to_string();
    let mut url = url.clone();
    if moved && let Some(address) = sockets.first().and_then(|socket| socket.local_addr().ok()) {
        // Only an address without a host refuses a port.
        let _ = url.set_port(Some(address.port()));
    }
    Bound {
        path: url.path().to_owned(),
        uri: url.to_string(),
        sockets,
        instead_of: moved.then_some(declared),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(uris: &[&str]) -> Vec<String> {
        uris.iter().map(|uri| (*uri).to_owned()).collect()
    }

    #[test]
    fn only_addresses_of_this_machine_are_chosen() {
        let uris = owned(&[
            "https://vault.internal:8200/ui/vault/auth/oidc/oidc/callback",
            "https://localhost:8250/oidc/callback",
            "http://localhost.evil.example:8250/oidc/callback",
            "http://127.0.0.2:8250/oidc/callback",
            "http://127.0.0.1:8250/oidc/callback",
            "http://[::1]:8250/oidc/callback",
            "http://localhost:8250/oidc/callback",
            "http://127.0.0.1:8200/ui/vault/auth/oidc/oidc/callback",
            "http://localhost:8200/v1/auth/oidc/oidc/callback",
            "nonsense",
        ]);
        let chosen: Vec<String> = loopback(&uris).iter().map(Url::to_string).collect();
        assert_eq!(
            chosen,
            [
                "http://127.0.0.1:8250/oidc/callback",
                "http://[::1]:8250/oidc/callback",
                "http://localhost:8250/oidc/callback"
            ]
        );
    }

    #[tokio::test]
    async fn a_taken_port_moves_to_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let declared = format!("http://localhost:{port}/oidc/callback");
        let bound = listen(std::slice::from_ref(&declared)).await.unwrap();
        assert_eq!(bound.instead_of.as_deref(), Some(&*declared));
        assert_ne!(bound.uri, declared);
        assert_eq!(bound.path, "/oidc/callback");
        drop((bound, taken));
        let again = listen(std::slice::from_ref(&declared)).await.unwrap();
        assert_eq!(again.instead_of, None);
        assert_eq!(again.uri, declared);
    }

    #[test]
    fn who_saw_an_error_page_is_told_what_each_error_means_and_never_to_register_a_passing_port() {
        let bound = |instead_of: Option<&str>| Bound {
            uri: "http://localhost:41234/oidc/callback".into(),
            path: "/oidc/callback".into(),
            sockets: Vec::new(),
            instead_of: instead_of.map(str::to_owned),
        };
        let own = bound(None).unfinished();
        assert!(own.contains("invalid_client means oidc_client_id"), "{own}");
        assert!(
            own.contains("register http://localhost:41234/oidc/callback"),
            "{own}"
        );
        let taken = bound(Some("http://localhost:8250/oidc/callback")).unfinished();
        assert!(
            taken.contains("end the program that has the port of http://localhost:8250/"),
            "{taken}"
        );
        assert!(!taken.contains("41234"), "{taken}");
    }

    #[tokio::test]
    async fn a_role_without_a_local_address_is_refused_with_its_list() {
        let shown = listen(&owned(&["https://vault/ui"]))
            .await
            .unwrap_err()
            .to_string();
        assert_eq!(
            shown,
            "none of the role's allowed_redirect_uris leads to this machine: https://vault/ui"
        );
    }
}
