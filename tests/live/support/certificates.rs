//! Certificates made with the openssl command: a small authority for each test that needs one.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::scratch::Scratch;

/// A certificate authority in a temporary directory.
#[derive(Debug)]
pub struct Authority {
    directory: Scratch,
}

/// A certificate and its private key, as files.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The PEM file with the certificate.
    pub certificate: PathBuf,
    /// The PEM file with the private key.
    pub key: PathBuf,
}

impl Certificate {
    /// The PEM file with the certificate of the authority that issued this one.
    pub fn authority(&self) -> PathBuf {
        self.certificate.with_file_name("ca.pem")
    }

    /// Certificate and key in one PEM text.
    pub fn identity(&self) -> String {
        let read = |path| std::fs::read_to_string(path).expect("a PEM file");
        read(&self.certificate) + &read(&self.key)
    }
}

impl Authority {
    /// A new authority with a key of its own.
    pub fn new() -> Self {
        let directory = Scratch::new();
        let authority = Self { directory };
        authority.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.pem",
            &["-subj", "/CN=Test authority", "-addext", "keyUsage=critical,keyCertSign"],
        );
        authority
    }

    /// The PEM file with the authority's own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The directory of the files, for further ones beside them.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A certificate for servers and clients with these subject alternative names, such as `DNS:localhost`.
    pub fn issue(&self, common_name: &str, names: &str) -> Certificate {
        self.issue_for_days(common_name, names, 2)
    }

    /// A certificate that ended yesterday.
    pub fn issue_expired(&self, common_name: &str, names: &str) -> Certificate {
        self.issue_for_days(common_name, names, -1)
    }

    /// A certificate that was good for a month of the year 2024.
    pub fn issue_ended(&self, common_name: &str, names: &str) -> Certificate {
        let issued = self.issue(common_name, names);
        let write = |name: &str, text: &str| {
            std::fs::write(self.directory.path().join(name), text).expect("a temporary file");
        };
        write(
            "ca.conf",
            "[ca]\ndefault_ca=own\n[own]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\n\
             policy=any\n[any]\ncommonName=supplied\n",
        );
        write("index", "");
        self.openssl(
            "ca -batch -notext -config ca.conf -cert ca.pem -keyfile ca.key -extfile extensions -in request.pem",
            &[
                "-startdate",
                "20240101000000Z",
                "-enddate",
                "20240201000000Z",
                "-out",
                &format!("{common_name}.pem"),
            ],
        );
        issued
    }

    fn issue_for_days(&self, common_name: &str, names: &str, days: i32) -> Certificate {
        let subject = format!("/CN={common_name}");
        let extensions = format!(
            "subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n"
        );
        std::fs::write(self.directory.path().join("extensions"), extensions)
            .expect("a temporary file");
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -out request.pem",
            &["-keyout", &format!("{common_name}.key"), "-subj", &subject],
        );
        self.openssl(
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -extfile extensions",
            &["-days", &days.to_string(), "-out", &format!("{common_name}.pem")],
        );
        Certificate {
            certificate: self.directory.path().join(format!("{common_name}.pem")),
            key: self.directory.path().join(format!("{common_name}.key")),
        }
    }

    /// Runs openssl in the authority's directory; `words` is split at spaces, `exact` is not.
    pub fn openssl(&self, words: &str, exact: &[&str]) {
        let output = Command::new("openssl")
            .current_dir(self.directory.path())
            .args(words.split(' '))
            .args(exact)
            .output()
            .expect("openssl is installed");
        assert!(
            output.status.success(),
            "openssl {words} {exact:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
