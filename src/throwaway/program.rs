//! The server's program: which one, and which product it is.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::child::captured::{self, Bounds, Fault};
use crate::code::Code;
use crate::disk::trust;
use crate::failure::Failure;
use crate::vault::sys::Product;

/// What is looked for where nothing was named, in this order.
const NAMES: [&str; 2] = ["bao", "vault"];
/// A program that says its version says it in this time.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(20),
    printed: 64 * 1024,
    complaint: 4096,
};

/// A server's program.
#[derive(Debug, Clone)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) product: Product,
}

impl Program {
    /// The one that was named, by its name or path; without a name the first that is here.
    pub(super) async fn find(named: Option<&OsStr>) -> Result<Self, Failure> {
        let wanted: Vec<OsString> = match named {
            Some(name) => vec![name.to_owned()],
            None => NAMES.map(OsString::from).to_vec(),
        };
        let here = |name: &OsString| trust::can_be_run(name).then(|| trust::found(name))?;
        let Some(path) = wanted.iter().find_map(here) else {
            return Err(none(&wanted));
        };
        // The server works in a directory of its own.
        let path = std::path::absolute(&path).unwrap_or(path);
        let product = match by_name(&path) {
            Some(product) => product,
            None => by_asking(&path).await?,
        };
        Ok(Self { path, product })
    }
}

fn none(wanted: &[OsString]) -> Failure {
    let names: Vec<_> = wanted.iter().map(|name| name.to_string_lossy()).collect();
    let names = names.join(" or ");
    let what = if wanted
        .iter()
        .any(|name| Path::new(name).components().count() > 1)
    {
        format!("{names} is no program that can be run here")
    } else {
        format!("no server was found: no {names} on PATH")
    };
    Failure::usage(Code::ServerNotFound, what).advise(
        "install one, from https://openbao.org/downloads or https://developer.hashicorp.com/vault/install, or name it: \
         throwaway --server PATH",
    )
}

/// Which product a program of this name is; to ask each would take longer than its start.
fn by_name(path: &Path) -> Option<Product> {
    // A link is often called otherwise than what it leads to.
    let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    [path, &real]
        .into_iter()
        .find_map(|path| match path.file_name()?.to_str()? {
            "bao" | "openbao" => Some(Product::OpenBao),
            "vault" => Some(Product::Vault),
            _ => None,
        })
}

async fn by_asking(path: &Path) -> Result<Product, Failure> {
    let mut command = Command::new(path);
    command.arg("version");
    let said = captured::run(command, None, BOUNDS).await;
    let shown = path.display();
    let no_server = |why: String| {
        Failure::usage(Code::ServerNotFound, format!("{shown} is no server: {why}"))
            .advise("name the program of OpenBao or Vault: throwaway --server PATH")
    };
    match said {
        Ok(ended) if ended.status.success() => {
            let text = String::from_utf8_lossy(&ended.printed).into_owned();
            product(&text).ok_or_else(|| {
                no_server("asked for its version, it says neither OpenBao nor Vault".into())
            })
        }
        Ok(ended) => {
            let first = captured::first_line(&ended.complaint);
            Err(no_server(first.unwrap_or_else(|| {
                format!("asked for its version, it ends with {}", ended.status)
            })))
        }
        Err(Fault::Start(error)) => Err(no_server(error.to_string())),
        Err(Fault::Untrusted(what, advice)) => {
            Err(Failure::refused(Code::FileUnsafe, what).advise(advice))
        }
        Err(Fault::TimedOut | Fault::TooMuch) => {
            Err(no_server("asked for its version, it does not end".into()))
        }
    }
}

fn product(version: &str) -> Option<Product> {
    match version.split_whitespace().next()? {
        "OpenBao" => Some(Product::OpenBao),
        "Vault" => Some(Product::Vault),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_known_by_its_name_or_by_what_it_says() {
        assert_eq!(by_name(Path::new("/x/bao")), Some(Product::OpenBao));
        assert_eq!(by_name(Path::new("/x/vault")), Some(Product::Vault));
        assert_eq!(by_name(Path::new("/x/vault-1.21")), None);
        assert_eq!(product("Vault v1.21.1 (abc), built"), Some(Product::Vault));
        assert_eq!(product("OpenBao v2.7.2 (abc)"), Some(Product::OpenBao));
        assert_eq!(product("GNU bash"), None);
    }

    #[tokio::test]
    async fn what_is_no_server_is_said_with_what_was_looked_for() {
        let name = OsStr::new("no-such-server");
        let failure = Program::find(Some(name)).await.unwrap_err();
        assert!(failure.to_string().contains("no no-such-server on PATH"));
        let failure = Program::find(Some(OsStr::new("/bin/true")))
            .await
            .unwrap_err();
        assert!(
            failure.to_string().starts_with("/bin/true is no server"),
            "{failure}"
        );
    }
}
