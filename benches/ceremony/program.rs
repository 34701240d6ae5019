//! One run of the program, watched from outside: how long it took, its steps, its memory.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;
use crate::children::Running;

/// No run takes that long, whatever happens.
const LIMIT: Duration = Duration::from_secs(180);
/// How often its memory is looked at. The kernel keeps the peak, so only one that lies in the last
/// two milliseconds of its life is missed.
const LOOK: Duration = Duration::from_millis(2);

/// What one run did.
pub(crate) struct Run {
    pub(crate) wall: Duration,
    pub(crate) steps: Vec<Step>,
    /// Largest resident size, in KiB.
    pub(crate) peak: u64,
}

/// One step of it.
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) requests: usize,
    pub(crate) took: Duration,
}

impl Run {
    /// How long these steps took together.
    pub(crate) fn of(&self, names: &[&str]) -> Duration {
        let steps = self
            .steps
            .iter()
            .filter(|step| names.contains(&step.name.as_str()));
        steps.map(|step| step.took).sum()
    }

    /// What the process does before its first step and after its last.
    pub(crate) fn around(&self) -> Duration {
        let steps = self.steps.iter().map(|step| step.took).sum();
        self.wall.saturating_sub(steps)
    }

    /// Requests of these steps.
    pub(crate) fn requests(&self, names: &[&str]) -> usize {
        let steps = self
            .steps
            .iter()
            .filter(|step| names.contains(&step.name.as_str()));
        steps.map(|step| step.requests).sum()
    }
}

/// The binary that is measured.
pub(crate) struct Program(pub PathBuf);

impl Program {
    /// `apply --yes` with the configuration in `directory`.
    pub(crate) fn apply(&self, directory: &Path) -> Outcome<Run> {
        self.apply_with(directory, &[])
    }

    /// `rehearse` there, from start to end.
    pub(crate) fn rehearse(
        &self,
        directory: &Path,
        environment: &[(String, String)],
    ) -> Outcome<Duration> {
        self.timed(directory, environment, &["rehearse"])
    }

    /// A run with these words there, from start to end.
    pub(crate) fn timed(
        &self,
        directory: &Path,
        environment: &[(String, String)],
        words: &[&str],
    ) -> Outcome<Duration> {
        let begun = Instant::now();
        let mut command = Command::new(&self.0);
        command
            .current_dir(directory)
            .env_clear()
            .envs(environment.iter().cloned())
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let mut said = String::new();
        if let Some(stderr) = &mut running.child().stderr {
            stderr.read_to_string(&mut said)?;
        }
        let status = running.child().wait()?;
        let took = begun.elapsed();
        if status.success() {
            Ok(took)
        } else {
            Err(format!("{} ended with {status}: {said}", words[0]).into())
        }
    }

    /// The same with these variables in its environment, and nothing else.
    pub(crate) fn apply_with(
        &self,
        directory: &Path,
        environment: &[(String, String)],
    ) -> Outcome<Run> {
        let begun = Instant::now();
        let mut command = Command::new(&self.0);
        command.current_dir(directory).env_clear();
        command.envs(environment.iter().cloned());
        command.args(["--output", "json", "apply", "--yes"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut running = Running::start(&mut command)?;
        let (peak, over) = (
            Arc::new(AtomicU64::new(0)),
            Arc::new(AtomicBool::new(false)),
        );
        let watcher = watch_memory(running.id(), Arc::clone(&peak), Arc::clone(&over));
        let stdout = running.child().stdout.take().ok_or("no stdout")?;
        let stderr = running.child().stderr.take().ok_or("no stderr")?;
        let said = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = BufReader::new(stderr).read_to_string(&mut text);
            text
        });
        let steps = read_steps(BufReader::new(stdout))?;
        let status = running.child().wait()?;
        let wall = begun.elapsed();
        over.store(true, Ordering::Relaxed);
        let _ = watcher.join();
        let said = said.join().unwrap_or_default();
        // 4: done, with findings; nobody held a drill.
        if !matches!(status.code(), Some(0 | 4)) {
            return Err(format!("apply ended with {status}: {said}").into());
        }
        let peak = peak.load(Ordering::Relaxed);
        Ok(Run { wall, steps, peak })
    }

    /// `--help`, from start to end.
    pub(crate) fn help(&self) -> Outcome<Duration> {
        let begun = Instant::now();
        let mut command = Command::new(&self.0);
        command
            .arg("--help")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let status = Running::start(&mut command)?.child().wait()?;
        let took = begun.elapsed();
        if status.success() {
            Ok(took)
        } else {
            Err(format!("--help ended with {status}").into())
        }
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> Outcome<u64> {
        Ok(std::fs::metadata(&self.0)?.len())
    }
}

/// Steps by the moments at which their events came in: the events' own times are whole milliseconds.
fn read_steps(events: impl BufRead) -> Outcome<Vec<Step>> {
    let mut steps = Vec::new();
    let mut begun = Instant::now();
    for line in events.lines() {
        let line = line?;
        let now = Instant::now();
        let event: Value = serde_json::from_str(&line)?;
        match event["event"].as_str() {
            Some("step-started") => begun = now,
            Some("step-finished") => steps.push(Step {
                name: event["step"].as_str().unwrap_or_default().to_owned(),
                requests: usize::try_from(event["requests"].as_u64().unwrap_or(0))?,
                took: now - begun,
            }),
            _ => {}
        }
    }
    Ok(steps)
}

fn watch_memory(
    id: u32,
    peak: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let begun = Instant::now();
        while !over.load(Ordering::Relaxed) {
            if begun.elapsed() > LIMIT {
                // Whoever waits for it then sees it end.
                let pid = i32::try_from(id)
                    .ok()
                    .and_then(rustix::process::Pid::from_raw);
                let _ = pid
                    .map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL));
                return;
            }
            let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            peak.fetch_max(kib.unwrap_or(0), Ordering::Relaxed);
            std::thread::sleep(LOOK);
        }
    })
}
