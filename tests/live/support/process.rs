//! Child processes that never outlive the tests, loopback ports, and bounded waiting.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};

const POLL: Duration = Duration::from_millis(20);
/// The kernel gives outgoing connections those from 32768 on.
const PORTS: (u16, u16) = (18_000, 32_000);
const GRACE: Duration = Duration::from_secs(8);

/// A child in a process group of its own that is gone when this value is.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output going to the end of the file `log`.
    pub fn start(mut command: Command, log: &Path) -> io::Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = spawn(command)?;
        let log = log.to_owned();
        Ok(Self { child, log })
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that the process has written.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The last lines of the log, for messages about a failure.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    /// Whether the process is there; reaps it if it has ended.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Asks the process group to end, insists after a while, and reaps the child; how that ended.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        end(&mut self.child, GRACE)
    }

    /// Ends the process group without notice, as a power failure would, and reaps the child.
    pub fn kill(&mut self) {
        end(&mut self.child, Duration::ZERO);
    }

    /// Sends a signal to the child alone.
    pub fn signal(&self, signal: Signal) {
        rustix::process::kill_process(pid_of(&self.child), signal).expect("the process is there");
    }

    /// Waits for `ready`; the error, with the log's tail, is for a process that ends or a time that runs out first.
    pub fn wait_until(
        &mut self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<(), String> {
        let deadline = Instant::now() + limit;
        while !ready() {
            if !self.is_running() {
                return Err(format!("ended before {what}:\n{}", self.log_tail()));
            }
            if Instant::now() >= deadline {
                return Err(format!("no {what} in {limit:?}:\n{}", self.log_tail()));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

/// Ends a child that [`spawn`] started, with its process group, and reaps it.
pub fn end(child: &mut Child, grace: Duration) -> Option<ExitStatus> {
    if let Ok(Some(status)) = child.try_wait() {
        return Some(status);
    }
    let group = pid_of(child);
    if !grace.is_zero() {
        let _ = rustix::process::kill_process_group(group, Signal::TERM);
        let reaped = eventually(grace, || matches!(child.try_wait(), Ok(Some(_)) | Err(_)));
        if reaped {
            return child.wait().ok();
        }
    }
    // Not reaped, so its id cannot have passed to another process.
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    child.wait().ok()
}

/// How a finished process ended: its exit code, or the negative number of the signal that killed it.
pub fn exit_code(status: ExitStatus) -> i32 {
    status
        .code()
        .unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// Starts a child in its own process group that the kernel kills when the test binary dies.
///
/// The kernel watches the *thread* that started the child, and a test's thread ends with the test, so one
/// thread that lives as long as the binary starts all children.
pub fn spawn(mut command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static STARTER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    command.process_group(0);
    die_with_the_tests(&mut command);
    let starter = STARTER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    let (reply, started) = mpsc::channel();
    starter
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .send((command, reply))
        .expect("the starting thread never ends");
    started.recv().expect("the starting thread answers")
}

fn die_with_the_tests(command: &mut Command) {
    let request = || {
        Ok(rustix::process::set_parent_process_death_signal(Some(
            Signal::KILL,
        ))?)
    };
    // SAFETY: between fork and exec only this one system call is made; it allocates nothing and takes no lock.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(request);
    }
}

/// Polls a condition until it holds or the time is over, and says whether it held.
pub fn eventually(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(POLL);
    }
}

/// A loopback port that nothing listens on and that this test binary has not handed out before.
///
/// From below the ports that the kernel gives to outgoing connections: one of those could take it at any moment, and
/// a server opens some of its ports, such as that of its cluster, long after it has started.
///
/// Another process may still take it before its user does; whoever starts a server tries again then.
pub fn free_port() -> u16 {
    static HANDED_OUT: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut handed_out = HANDED_OUT
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let handed_out = handed_out.get_or_insert_default();
    loop {
        // Test binaries that run at the same time begin far apart.
        let begin = std::process::id().wrapping_mul(977);
        let place =
            begin.wrapping_add(NEXT.fetch_add(1, Ordering::SeqCst)) % u32::from(PORTS.1 - PORTS.0);
        let port = PORTS.0 + u16::try_from(place).expect("a small number");
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
        if free && handed_out.insert(port) {
            return port;
        }
    }
}

/// Listens on a loopback port that was free.
pub fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
    let address = listener.local_addr();
    let port = address.expect("a bound socket has an address").port();
    (listener, port)
}

/// Whether something accepts connections on this loopback port.
pub fn is_listening(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_ok()
}

/// Whether there is no process with this id and nothing on this loopback port.
pub fn is_gone(id: u32, port: u16) -> bool {
    !Path::new(&format!("/proc/{id}")).exists() && !is_listening(port)
}

/// Repeats a start that failed because another process took the port in between, or that gave itself too little time;
/// panics at any other failure.
pub fn start_on_free_ports<T>(start: impl Fn() -> Result<T, String>) -> T {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match start() {
            Ok(started) => return started,
            Err(reason) if attempts < 5 && reason.contains("address already in use") => {}
            // LocalStack gives itself a minute, which is short where many start at once.
            Err(reason) if attempts < 3 && reason.contains("gave up waiting for gateway") => {}
            Err(reason) => panic!("{reason}"),
        }
    }
}
