use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::backend;
use crate::checkpoint::*;
use crate::code::{Code, Reported};
use crate::evidence::facts::FINDINGS;
use crate::failure::{Exit, Failure};
use crate::finding::Finding;
use crate::secret::{RootToken, SecretText, Token};
use crate::step::decide::Recorded;

/// A directory of ours, and where a checkpoint goes in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cp");
    (directory, path)
}

fn open(path: &Path) -> Result<Checkpoint> {
    Checkpoint::open(path, "prod", "https://vault:8200")
}

/// A checkpoint that keeps this answer.
async fn with_answer(path: &Path, answer: &str) -> Checkpoint {
    let checkpoint = open(path).unwrap();
    let sealer = Sealer::create(&key(), "prod").await.unwrap();
    checkpoint.write_ahead(&sealer).unwrap();
    assert!(!checkpoint.keeps_something().unwrap());
    let answer = SecretText::new(answer.into());
    checkpoint.keep_answer(&sealer, &answer).unwrap();
    checkpoint
}

async fn found(path: &Path) -> String {
    text(kept(path, "prod", &key()).await.unwrap())
}

fn key() -> envelope::Key {
    envelope::Key::passphrase_with_work(SecretText::new("correct horse".into()), 2)
}

fn text(kept: Kept) -> String {
    match kept {
        Kept::Nothing => "nothing".into(),
        Kept::Awaited => "awaited".into(),
        Kept::InitAnswer(answer) => format!("answer {}", answer.expose()),
        Kept::RootToken(root) => format!("root {}", root.token().expose()),
    }
}

#[tokio::test]
async fn the_answer_is_there_after_a_restart_and_gone_once_only_root_is_kept() {
    let (_place, path) = place();
    drop(open(&path).unwrap());
    assert_eq!(found(&path).await, "nothing");
    drop(with_answer(&path, "{\"keys\":1}").await);

    let checkpoint = open(&path).unwrap();
    assert!(checkpoint.keeps_something().unwrap());
    assert_eq!(found(&path).await, "answer {\"keys\":1}");
    let fresh = Sealer::create(&key(), "prod").await.unwrap();
    let root = RootToken::new(Token::new("s.root".into()));
    checkpoint.keep_root_token(&fresh, &root).unwrap();
    assert_eq!(found(&path).await, "root s.root");
    checkpoint.destroy_secrets().unwrap();
    assert_eq!(found(&path).await, "nothing");
}

#[tokio::test]
async fn nothing_readable_is_on_disk() {
    let (_place, path) = place();
    let _checkpoint = with_answer(&path, "hunter2-hunter2").await;
    for entry in fs::read_dir(&path).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"));
    }
}

#[tokio::test]
async fn a_wrong_key_is_said_to_be_wrong_and_takes_nothing_away() {
    let (_place, path) = place();
    let _checkpoint = with_answer(&path, "answer").await;
    let other = envelope::Key::passphrase_with_work(SecretText::new("wrong".into()), 2);
    let error = kept(&path, "prod", &other).await.unwrap_err();
    assert_eq!(Failure::from(error).exit, crate::failure::Exit::Refused);
    assert_eq!(found(&path).await, "answer answer");
}

#[test]
fn two_runs_at_once_are_refused() {
    let (_place, path) = place();
    let first = open(&path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::Locked(_)), "{error}");
    drop(first);
    open(&path).unwrap();
    // As a child has it between `fork` and `exec`.
    let lock = lock(&path, LOCK).unwrap();
    let _of_a_child = lock.0.try_clone().unwrap();
    drop(lock);
    open(&path).unwrap();
}

#[test]
fn a_directory_that_is_not_ours_alone_is_refused() {
    let (place, path) = place();
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::NotPrivate { .. }));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    let link = place.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let error = open(&link).unwrap_err();
    assert!(matches!(error, CheckpointError::NotPrivate { .. }));
    open(&path).unwrap();
}

#[test]
fn a_new_directory_is_private_whatever_the_umask_and_git_ignores_it() {
    let (place, _) = place();
    let path = place.path().join("a/b/cp");
    open(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(fs::read_to_string(path.join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn a_checkpoint_of_another_cluster_of_a_later_release_or_damaged_is_refused_by_name() {
    let (_place, path) = place();
    open(&path).unwrap().start(Step::Preflight).unwrap();
    let other = Checkpoint::open(&path, "staging", "https://vault:8200").unwrap_err();
    assert!(matches!(other, CheckpointError::OtherCluster { .. }));
    let diary = path.join(DIARY);
    fs::write(&diary, r#"{"version": 99}"#).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::Newer { found: 99, .. }));
    fs::write(&diary, "{\"version\": 1, ").unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(error, CheckpointError::Damaged { .. }));
}

#[tokio::test]
async fn a_torn_secrets_file_is_damaged_and_never_an_answer() {
    let (_place, path) = place();
    let _checkpoint = with_answer(&path, "answer").await;
    let file = path.join("secrets");
    let whole = fs::read(&file).unwrap();
    for cut in [0, 10, 8191, 8200, 8210] {
        fs::write(&file, &whole[..cut]).unwrap();
        let error = kept(&path, "prod", &key()).await.unwrap_err();
        assert!(
            matches!(error, CheckpointError::Damaged { .. }),
            "cut at {cut}: {error}"
        );
    }
}

/// A checkpoint as an earlier release left it, in a directory of ours.
fn as_it_was(form: &Path, name: &str) -> (tempfile::TempDir, PathBuf) {
    let (place, path) = place();
    std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700)
        .create(&path)
        .unwrap();
    for entry in fs::read_dir(form.join(name)).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), path.join(entry.file_name())).unwrap();
    }
    (place, path)
}

#[tokio::test]
async fn a_checkpoint_of_every_earlier_form_still_loads_at_every_stage() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/checkpoints");
    let forms = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let forms: Vec<_> = forms.filter(|path| path.is_dir()).collect();
    assert!(
        forms
            .iter()
            .any(|form| form.ends_with(format!("form-{VERSION}")))
    );
    for form in forms {
        let (place, _) = place();
        let key = place.path().join("key");
        fs::copy(form.join("checkpoint.key"), &key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let key = envelope::Key::identity(&key).unwrap();
        for (name, expected, recorded) in [
            ("awaited", "awaited", Recorded::Started),
            ("init-answer", "answer {", Recorded::Done),
            ("root-token", "root s.", Recorded::Done),
            ("handed-over", "nothing", Recorded::Done),
        ] {
            let (_place, path) = as_it_was(&form, name);
            let mut checkpoint = Checkpoint::open(&path, "test", "http://127.0.0.1:1").unwrap();
            let held = text(kept(&path, "test", &key).await.unwrap());
            assert!(held.starts_with(expected), "{name} of {}", form.display());
            let diary = checkpoint.diary().clone();
            assert_eq!(diary.recorded(Step::Initialize), recorded, "{name}");
            assert_eq!(diary.proofs.len(), 3, "{name}");
            assert_eq!(diary.handed_over(), name == "handed-over");
            let stored = diary.shares.values().filter(|share| share.stored.is_some());
            let of_three = match name {
                "awaited" => 0,
                "init-answer" => 2,
                _ => 3,
            };
            assert_eq!(stored.count(), of_three, "{name}");
            checkpoint.start(Step::Preflight).unwrap();
        }
    }
}

#[test]
fn a_key_service_that_has_too_much_to_do_is_no_refusal() {
    let exit = |code: &str| {
        let kind = backend::Kind::Service {
            action: "kms:Decrypt".into(),
            code: code.into(),
        };
        let source = envelope::Error::from(backend::Error::new("arn:aws:kms:k", kind));
        let (path, source) = ("secrets".into(), Box::new(source));
        Failure::from(CheckpointError::Sealed { path, source }).exit
    };
    for passing in [
        "ThrottlingException",
        "KMSInternalException",
        "InternalFailure",
    ] {
        assert_eq!(exit(passing), Exit::Failed, "{passing}");
    }
    assert_eq!(exit("InvalidGrantTokenException"), Exit::Refused);
}

#[test]
fn what_was_amended_is_on_disk_with_the_next_record_or_when_it_is_settled() {
    let (_place, path) = place();
    let mut checkpoint = open(&path).unwrap();
    let on_disk = |step| read_diary(&path).unwrap().unwrap().recorded(step);
    checkpoint.start(Step::Policies).unwrap();
    checkpoint
        .finish(Step::Policies, Evidence::default())
        .unwrap();
    assert_eq!(checkpoint.diary().recorded(Step::Policies), Recorded::Done);
    assert_eq!(on_disk(Step::Policies), Recorded::Started);
    checkpoint.start(Step::Roles).unwrap();
    assert_eq!(on_disk(Step::Policies), Recorded::Done);
    checkpoint.finish(Step::Roles, Evidence::default()).unwrap();
    checkpoint.settle().unwrap();
    assert_eq!(on_disk(Step::Roles), Recorded::Done);
    // What only this run can tell waits for nothing.
    checkpoint.finish(Step::Drill, Evidence::default()).unwrap();
    assert_eq!(on_disk(Step::Drill), Recorded::Done);
}

#[test]
fn what_a_build_without_codes_has_found_is_settled_by_its_words() {
    let mut diary = Diary::new("prod", "http://a");
    let said = [
        "the shares left this machine, encrypted, for s3://b/p",
        "else",
    ];
    let evidence = Evidence::default().with(FINDINGS, said);
    diary.finish(Step::HandOver, evidence, "t".into());
    let words = "the shares left this machine";
    diary.settle(Step::HandOver, |one| {
        Finding::is_of(one, (Code::SharesLeftMachine, words))
    });
    let left: Vec<Reported> = diary.fact(Step::HandOver, FINDINGS).unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].text, "else");
}
