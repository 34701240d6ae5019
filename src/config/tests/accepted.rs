//! Findings that the file accepts for a time.

use super::{load_text, with};
use crate::code::{Code, Reported};

#[test]
fn a_finding_is_accepted_to_the_end_of_its_last_day_and_no_other_one_is() {
    let file = with(
        "break_glass:",
        "accept: {open-endpoint: {reason: a proxy is in front, until: 2027-03-31}}\nbreak_glass:",
    );
    let config = load_text(&file).unwrap();
    let on = |day: &str, code| {
        let finding = Reported::new(code, "x");
        config.judged_on(day.parse().unwrap(), finding)
    };
    let accepted = on("2027-03-31", Code::OpenEndpoint).accepted.unwrap();
    let said = (accepted.reason.as_str(), accepted.until.as_str());
    assert_eq!(said, ("a proxy is in front", "2027-03-31"));
    let over = on("2027-04-01", Code::OpenEndpoint);
    assert_eq!(
        (over.text.as_str(), over.accepted),
        ("x; the file accepts it until 2027-03-31 only", None)
    );
    assert_eq!(on("2027-03-31", Code::ShareGone).accepted, None);
}
