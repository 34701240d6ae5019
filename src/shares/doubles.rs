//! A share that is given for two holders counts once. Where a person has typed it, it is a slip, and asked for again.

use std::collections::BTreeMap;

use crate::code::Code;
use crate::event::EventSink;
use crate::failure::Failure;
use crate::root_generation::Held;
use crate::shares::fetch::TIMES;
use crate::vault::keys::typed_share::is_the_same;

/// How often what was typed for each holder was another holder's share.
#[derive(Default)]
pub(crate) struct Doubles(BTreeMap<String, usize>);

impl Doubles {
    /// Takes a share into hand, and names who is asked again: those for whom the share of another one was typed. Theirs is
    /// then no longer in hand. What is in hand for good stays there.
    ///
    /// # Errors
    /// It is in hand already, and nobody typed it, or has typed it too often: asking again does not help.
    pub(crate) fn take(
        &mut self,
        (for_good, held): (&[Held], &mut Vec<Held>),
        new: Held,
        events: &EventSink<'_>,
    ) -> Result<Vec<String>, Failure> {
        let same = |other: &&Held| is_the_same(&other.share, &new.share);
        let place = held.iter().position(|other| same(&other));
        let Some(other) = place
            .map(|place| &held[place])
            .or(for_good.iter().find(same))
        else {
            held.push(new);
            return Ok(Vec::new());
        };
        let again: Vec<String> = [other, &new]
            .into_iter()
            .filter(|one| one.typed)
            .filter(|one| place.is_some() || one.name == new.name)
            .map(|one| one.name.clone())
            .collect();
        let slips = |name: &String| {
            let slips = self.0.entry(name.clone()).or_default();
            *slips += 1;
            *slips
        };
        let slips = again.iter().map(slips).max().unwrap_or(TIMES);
        if slips >= TIMES {
            return Err(twice(other, &new));
        }
        events.warn(
            Code::ShareTwice,
            format!(
                "{}: asking {} again",
                said(other, &new),
                again.join(" and ")
            ),
        );
        if let Some(place) = place.filter(|place| held[*place].typed) {
            held.remove(place);
        }
        if !new.typed {
            held.push(new);
        }
        Ok(again)
    }
}

/// What is known of one share that two have given, and nothing of the share itself.
fn said(one: &Held, other: &Held) -> String {
    let (typed, opened) = if other.typed {
        (other, one)
    } else {
        (one, other)
    };
    match (typed.typed, opened.typed) {
        (true, false) => {
            let (typed, kept) = (&typed.name, &opened.name);
            format!(
                "what was typed for {typed} is the share that is kept for {kept}, which counts once"
            )
        }
        (_, typed) => {
            let how = if typed { "was typed" } else { "is kept" };
            format!(
                "what {how} for {} and for {} is one and the same share, which counts once",
                one.name, other.name
            )
        }
    }
}

fn twice(one: &Held, other: &Held) -> Failure {
    let said = said(one, other);
    if one.typed || other.typed {
        return Failure::refused(Code::ShareTwice, said)
            .advise("let each of them type what their own file holds");
    }
    let text = format!("{said}: one of the two has a copy, and which one cannot be seen");
    Failure::refused(Code::ShareTwice, text).advise(
        "put back what each of them was given; if it is lost, make new shares: recovery rotate",
    )
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::event::Event;
    use crate::secret::Share;

    fn held(name: &str, byte: &str, typed: bool) -> Held {
        Held {
            name: name.to_owned(),
            share: Share::new(byte.repeat(33)),
            typed,
        }
    }

    /// What came of each share, given one after the other, who has one in hand then, and what was said.
    fn given(shares: Vec<Held>) -> (Vec<String>, Vec<String>, String) {
        let said = RefCell::new(String::new());
        let receiver = |event: Event| said.borrow_mut().push_str(&format!("{event:?}"));
        let events = EventSink::new(&receiver);
        let (mut doubles, mut hand) = (Doubles::default(), Vec::new());
        let came = |share| match doubles.take((&[], &mut hand), share, &events) {
            Ok(again) => again.join("+"),
            Err(failure) => failure.to_string(),
        };
        let came = shares.into_iter().map(came).collect();
        let names = hand.into_iter().map(|one| one.name).collect();
        (came, names, said.into_inner())
    }

    #[test]
    fn who_typed_the_share_that_is_kept_for_another_is_asked_again_and_nothing_of_it_is_shown() {
        let (came, hand, said) = given(vec![
            held("carol", "cc", false),
            held("bob", "CC", true),
            held("bob", "bb", true),
        ]);
        assert_eq!(came, ["", "bob", ""]);
        assert_eq!(hand, ["carol", "bob"]);
        assert!(said.contains("what was typed for bob is the share that is kept for carol"));
        assert!(!said.to_lowercase().contains("cccc"), "{said}");
    }

    #[test]
    fn of_two_who_typed_the_same_share_nobody_knows_whose_it_is_and_both_are_asked_again() {
        let slip = || [held("bob", "cc", true), held("carol", "cc", true)];
        let (came, hand, said) = given(slip().into());
        assert_eq!(came, ["", "bob+carol"]);
        assert!(hand.is_empty());
        assert!(said.contains("typed for bob and for carol is one and the same share"));
        let (came, _, _) = given([slip(), slip(), slip()].into_iter().flatten().collect());
        assert_eq!(came[1], "bob+carol");
        assert_eq!(came[3], "bob+carol");
        assert!(came[5].contains("one and the same share"), "{came:?}");
    }

    #[test]
    fn a_copy_that_nobody_typed_is_not_asked_for_again() {
        let (came, hand, _) = given(vec![held("bob", "cc", false), held("carol", "cc", false)]);
        assert!(came[1].contains("one of the two has a copy"), "{came:?}");
        assert_eq!(hand, ["bob"]);
    }
}
