//! The server's certificate is renewed in the middle, and every connection with the old one is gone.
//!
//! A server that merely reads its certificate again still takes up the TLS sessions of before, in which it had shown
//! the old one: the new one is seen by a program that starts anew, or after a restart of the server.

use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::ceremony::{Ceremony, Run, Server, builder};
use crate::leader::locked;
use crate::support::{
    Action, Authority, Certificate, Faults, LocalStack, Proxy, RequestInfo, Setup, Tls, eventually,
    require,
};

const NAMES: &str = "IP:127.0.0.1";
/// A certificate that is not trusted does not become so by waiting: far less than `cluster.timeouts.active`.
const BOUND: Duration = Duration::from_secs(40);
/// The server reads its files again.
const RELOAD: Duration = Duration::from_secs(10);

/// Hands bytes on, whatever they are, and can cut all connections.
struct Relay {
    port: u16,
    live: Arc<Mutex<Vec<TcpStream>>>,
    closing: Arc<AtomicBool>,
}

impl Relay {
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let own = listener.local_addr().expect("an address").port();
        let (live, closing) = (
            Arc::<Mutex<Vec<TcpStream>>>::default(),
            Arc::new(AtomicBool::new(false)),
        );
        let (shared, ends) = (live.clone(), closing.clone());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                // A server that is not there is a connection that ends at once.
                let _ = join(&client, port, &shared);
            }
        });
        Self {
            port: own,
            live,
            closing,
        }
    }

    fn cut(live: &Mutex<Vec<TcpStream>>) {
        for connection in locked(live).drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        Self::cut(&self.live);
    }
}

fn join(client: &TcpStream, port: u16, live: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    locked(live).extend([client.try_clone()?, server.try_clone()?]);
    for (from, to) in [
        (client.try_clone()?, server.try_clone()?),
        (server, client.try_clone()?),
    ] {
        thread::spawn(move || {
            let (mut from, mut to) = (from, to);
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
    }
    Ok(())
}

/// What the server presents now, as PEM.
fn presented(port: u16) -> String {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .output()
        .expect("openssl is installed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A ceremony that trusts a copy of `ours`, in which `renew` puts another certificate in the place of the first
/// just when the first share is stored.
struct Renewed {
    _server: Arc<Mutex<Server>>,
    ceremony: Ceremony,
    _relay: Relay,
    aws: Proxy,
}

fn renewed(
    ours: &Authority,
    renew: impl Fn(&Certificate, &mut Server) + Send + Sync + 'static,
) -> Renewed {
    let certificate = ours.issue("server", NAMES);
    let tls = Tls {
        server: certificate.clone(),
        client_authority: None,
        client: None,
    };
    let builder = builder(Setup::OpenBao272Static).tls(tls);
    let server = Server::from(builder.start());
    let port = server.port();
    let relay = Relay::before(port);
    let mut ceremony = Ceremony::unproved(&server);
    let carol = ceremony.ssm_custodian("carol");
    ceremony.set("/init/custodians/2", carol);
    ceremony.prove_all();
    trust(&ceremony, &ours.certificate());
    let address = format!("https://127.0.0.1:{}", relay.port);
    ceremony.set("/cluster/address", json!(address));
    ceremony.set("/cluster/tls", json!({ "ca_cert": "ca.pem" }));
    let server = Arc::new(Mutex::new(server));
    let (reloads, live) = (server.clone(), relay.live.clone());
    // The first one is preflight's trial.
    let aws = LocalStack::shared().endpoint();
    let faults = Faults::new().nth(2, "AmazonSSM.PutParameter *", move |_: &RequestInfo| {
        renew(&certificate, &mut locked(&reloads));
        let new = std::fs::read_to_string(&certificate.certificate).expect("a certificate");
        let (_, body) = new.split_once("-----BEGIN").expect("PEM");
        let shown = || presented(port).contains(body.trim());
        assert!(eventually(RELOAD, shown), "the server kept its certificate");
        Relay::cut(&live);
        Action::Pass
    });
    let aws = faults.before(&aws);
    for (name, value) in &mut ceremony.environment {
        if name == "AWS_ENDPOINT_URL" {
            *value = aws.address();
        }
    }
    Renewed {
        _server: server,
        ceremony,
        _relay: relay,
        aws,
    }
}

fn trust(ceremony: &Ceremony, authority: &PathBuf) {
    let text = std::fs::read_to_string(authority).expect("a certificate");
    ceremony.write("ca.pem", &text);
}

impl Renewed {
    #[track_caller]
    fn apply(&self) -> Run {
        let run = self.ceremony.apply();
        assert!(self.aws.count("AmazonSSM.PutParameter *") >= 2, "{run}");
        run
    }
}

#[test]
fn a_certificate_renewed_by_the_same_authority_goes_unnoticed() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let ours = Arc::new(Authority::new());
    let again = ours.clone();
    let renewed = renewed(&ours, move |_, server| {
        again.issue("server", NAMES);
        server.reload_with("");
    });
    renewed.apply().exits(4).says(&["ada opened"]);
    assert!(!renewed.ceremony.keeps_secrets());
}

#[test]
fn a_certificate_renewed_by_another_authority_is_refused_at_once_until_the_file_names_that_one() {
    require!(["openbao-2.7.2", "localstack-4.9.2"]);
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (other, authority) = (theirs.issue("server", NAMES), theirs.certificate());
    let renewed = renewed(&ours, move |place, server| {
        std::fs::copy(&other.certificate, &place.certificate).expect("ours");
        std::fs::copy(&other.key, &place.key).expect("ours");
        server.kill();
        server.restart();
    });
    let begun = Instant::now();
    let run = renewed.apply();
    run.exits(1).says(&[
        "no trusted connection to https://127.0.0.1",
        "cluster.tls.ca_cert must be the authority that signed the server's certificate",
        "openssl s_client -showcerts -connect 127.0.0.1:",
    ]);
    assert!(begun.elapsed() < BOUND, "{:?}\n{run}", begun.elapsed());
    assert!(
        renewed.ceremony.keeps_secrets(),
        "root is in the checkpoint"
    );
    trust(&renewed.ceremony, &authority);
    renewed.apply().exits(4);
    assert!(!renewed.ceremony.keeps_secrets());
}
