//! Where a configuration comes from: a file and those of its policies, a text, a value.

use super::*;

#[test]
fn a_configuration_comes_from_a_text_or_a_value_without_any_file() {
    let (name, directory) = (Path::new("throwaway"), Path::new("/srv/lab"));
    let read = from_text(SMALL, name, directory, &env).unwrap();
    assert_eq!(
        (read.file.as_path(), read.directory.as_path()),
        (name, directory)
    );
    assert_eq!(
        read.checkpoint.path,
        Path::new("/srv/lab/.vault-bootstrap/lab")
    );

    let mut value = Documents::new(&env).read(SMALL, 0).unwrap().value();
    value["cluster"]["name"] = "${HIDDEN}".into();
    let made = from_value(&value, name, directory).unwrap();
    assert_eq!(made.cluster.name, "${HIDDEN}", "a text is what it is");
    let renamed = Config {
        cluster: Cluster {
            name: "lab".into(),
            ..made.cluster.clone()
        },
        ..made
    };
    // A value has no lines.
    let without_places = |mut config: Config| {
        let custodians = config.init.custodians.iter_mut();
        custodians.for_each(|custodian| custodian.place = (1, 1));
        // It is of the name that was typed.
        config.digest.clear();
        format!("{config:?}")
    };
    assert_eq!(without_places(renamed), without_places(read));

    value["init"]["threshold"] = 3.into();
    value["cluster"]["adress"] = "a".into();
    let problems = from_value(&value, name, directory).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "throwaway:1:1: cluster.adress: unknown key `adress`; the keys here are `name`, `address`, `nodes`, `tls`, `plain_http`, `namespace`, `id` and `timeouts`\n\
         throwaway:1:1: init.threshold: the threshold is 3 and there are 2 shares: nobody could ever open the cluster"
    );
}

#[test]
fn policies_come_from_their_files_and_long_files_are_refused() {
    let text = with(
        "{rules: 'path \"a\" { capabilities = [\"read\"] }'}",
        "{file: policies/operator.hcl}",
    );
    let (directory, file) = directory_with(&text);
    let config = load(&file, &env).unwrap();
    let PolicySource::Rules {
        text,
        file: Some(policy),
    } = &config.policy("reader").unwrap().source
    else {
        panic!()
    };
    assert_eq!(text, "path \"a\" {}\n");
    assert_eq!(policy, &directory.path().join("policies/operator.hcl"));
    let policies = directory.path().join("policies/operator.hcl");
    std::fs::write(&policies, "\u{feff}path \"a\" {}\n").unwrap();
    let begun_with_a_mark = load(&file, &env).unwrap();
    let PolicySource::Rules { text, .. } = &begun_with_a_mark.policy("reader").unwrap().source
    else {
        panic!()
    };
    assert_eq!(text, "path \"a\" {}\n");
    let missing = load(&directory.path().join("nothing.yaml"), &env).unwrap_err();
    assert!(
        missing
            .to_string()
            .ends_with("nothing.yaml:1:1: cannot be read: no such file"),
        "{missing}"
    );
    std::fs::write(&file, "#".repeat(17 << 20)).unwrap();
    assert!(
        load(&file, &env)
            .unwrap_err()
            .to_string()
            .contains("longer than 16777216 bytes")
    );
}

#[test]
fn the_digest_is_of_what_the_file_says_and_not_of_its_form() {
    let digest = |text: &str| load_text(text).unwrap().digest;
    let small = digest(SMALL);
    assert_eq!(digest(&format!("# a comment\n{SMALL}")), small);
    assert_ne!(
        digest(&SMALL.replace("role_id: abc", "role_id: abd")),
        small
    );
}
