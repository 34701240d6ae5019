//! A throwaway server at work: started on ports that are free, waited for, and ended with all that it has.

use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::code::Code;
use crate::config::Config;
use crate::edge::cluster;
use crate::event::Caller;
use crate::failure::Failure;
use crate::printable::line as line_of;
use crate::throwaway::certificates::Certificates;
use crate::throwaway::instance::{Instance, KEPT, SERVER, unwritable};
use crate::throwaway::program::Program;
use crate::throwaway::random;
use crate::throwaway::replaced;
use crate::throwaway::server_config::ServerConfig;
use crate::throwaway::watcher::{DETACH, KEEP, OURSELVES};
use crate::vault::{Client, sys};

/// How often other ports are tried.
const STARTS: usize = 5;
/// From its start to its first answer.
const ANSWERS: Duration = Duration::from_secs(60);
/// How often it is asked meanwhile.
const EVERY: Duration = Duration::from_millis(10);
/// So much of a line of its log is shown.
const LONGEST_LINE: usize = 300;
/// How long its end may take.
const ENDS: Duration = Duration::from_secs(20);

/// A server that answers, and its watcher.
pub(super) struct Running {
    instance: Instance,
    watcher: Child,
    /// Its end tells the watcher that nobody needs the server any more.
    pipe: Option<ChildStdin>,
}

impl Running {
    /// Starts `program` in the directory of `instance`; the address stands in `config` afterwards.
    pub(super) async fn start(
        program: &Program,
        (instance, in_memory): (&Instance, bool),
        config: &mut Config,
        caller: Caller<'_>,
    ) -> Result<(Self, Client), Failure> {
        certificates(instance)?;
        let mut tried = 0;
        loop {
            tried += 1;
            let (port, cluster_port) = ports()?;
            replaced::address(config, port);
            let server = ServerConfig {
                product: program.product,
                directory: instance.path(),
                port,
                cluster_port,
                in_memory,
                audit: &config.audit,
            };
            tracing::info!(port, cluster_port, "ports chosen");
            instance.write("server.hcl", &server.text())?;
            directory_of_data(instance)?;
            let mut running = Self::spawn(program, instance)?;
            tracing::info!("watcher started");
            let client = cluster::open(config).await?;
            let answered = running.answers(&client);
            match caller.unless_stopped(answered).await {
                Ok(()) => {
                    tracing::info!("the server answers");
                    return Ok((running, client));
                }
                Err(failure) => {
                    let taken = instance
                        .last_lines()
                        .concat()
                        .contains("address already in use");
                    running.forget().await;
                    if !taken || tried == STARTS {
                        return Err(failure);
                    }
                }
            }
        }
    }

    fn spawn(program: &Program, instance: &Instance) -> Result<Self, Failure> {
        let mut command = Command::new(OURSELVES);
        let config = instance.file("server.hcl");
        let arguments: [OsString; 3] = [
            program.path.clone().into(),
            "server".into(),
            format!("-config={}", config.display()).into(),
        ];
        command
            .args(["throwaway", "watch"])
            .arg(instance.path())
            .arg("--")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut watcher = command.spawn().map_err(|error| {
            Failure::failed(
                Code::SystemFailed,
                format!("cannot start the watcher: {error}"),
            )
        })?;
        Ok(Self {
            instance: instance.clone(),
            pipe: watcher.stdin.take(),
            watcher,
        })
    }

    /// Waits until the server answers, as long as it runs.
    async fn answers(&mut self, client: &Client) -> Result<(), Failure> {
        let until = Instant::now() + ANSWERS;
        let answer = async {
            loop {
                match sys::health(client).await {
                    Ok(_) => return Ok(()),
                    Err(error) if Instant::now() >= until => return Err(error),
                    Err(_) => sleep(EVERY).await,
                }
            }
        };
        tokio::select! {
            answered = answer => Ok(answered?),
            _ = self.watcher.wait() => Err(self.ended_by_itself()),
        }
    }

    /// Returns once the server, or whoever watches it, is gone.
    pub(super) async fn gone(&mut self) -> io::Result<ExitStatus> {
        self.watcher.wait().await
    }

    /// That it ended although it was needed, with what it said last.
    pub(super) fn ended_by_itself(&self) -> Failure {
        let said = match self.instance.last_lines().pop() {
            None => "it said nothing".to_owned(),
            Some(line) => format!("its last line: {}", line_of(&line, LONGEST_LINE)),
        };
        Failure::failed(
            Code::ServerEnded,
            format!("the throwaway server, or what watches it, has ended; {said}"),
        )
        .advise(
            "try it once more; --keep leaves its directory, with all that it said in server.log",
        )
    }

    /// Lets the server outlive this run.
    pub(super) async fn detach(mut self) -> Result<(), Failure> {
        let told = match &mut self.pipe {
            Some(pipe) => pipe.write_all(&[DETACH]).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        told.map_err(|_| self.ended_by_itself())
    }

    /// Ends the server and removes all that it has; or leaves the directory, for somebody to look at.
    pub(super) async fn end(mut self, keep: bool) -> Result<(), Failure> {
        if keep {
            self.instance.write(KEPT, "")?;
            if let Some(pipe) = &mut self.pipe {
                let _ = pipe.write_all(&[KEEP]).await;
            }
        }
        let instance = self.instance.clone();
        self.forget().await;
        if keep {
            return Ok(());
        }
        instance
            .remove()
            .map_err(|error| unwritable(instance.path(), &error))
    }

    /// Waits for the end of both, and helps where it does not come.
    async fn forget(mut self) {
        self.pipe = None;
        if timeout(ENDS, self.watcher.wait()).await.is_err() {
            let _ = self.watcher.kill().await;
        }
        // A server with capabilities of its own outlives a watcher that was killed.
        if let Some(server) = self.instance.process(SERVER) {
            server.kill();
        }
    }
}

fn certificates(instance: &Instance) -> Result<(), Failure> {
    let made = Certificates::make().map_err(|error| {
        Failure::failed(
            Code::SystemFailed,
            format!("no certificate could be made: {error}"),
        )
    })?;
    instance.write("ca.pem", &made.authority)?;
    instance.write("server.pem", &made.certificate)?;
    instance.write("server.key", &made.key)?;
    // A newline at its end would be part of it.
    let key = random::digits::<32>().map_err(|error| unwritable(instance.path(), &error))?;
    instance.write("seal.key", &key)?;
    Ok(())
}

fn ports() -> Result<(u16, u16), Failure> {
    let port = || {
        random::free_port().map_err(|error| {
            Failure::failed(
                Code::SystemFailed,
                format!("no free port on 127.0.0.1: {error}"),
            )
        })
    };
    let first = port()?;
    loop {
        let second = port()?;
        if second != first {
            return Ok((first, second));
        }
    }
}

/// Empty, also where a server that did not get its ports began to write there.
fn directory_of_data(instance: &Instance) -> Result<(), Failure> {
    let data = instance.file("data");
    let failed = |error: io::Error| unwritable(&data, &error);
    crate::disk::if_there(std::fs::remove_dir_all(&data)).map_err(failed)?;
    std::fs::create_dir(&data).map_err(failed)
}
