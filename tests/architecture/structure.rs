//! The structure of the tree: floors, circles, folders, sizes.

use std::collections::BTreeSet;

use crate::circles::Graph;
use crate::rooms::MAY_IMPORT;
use crate::source::Source;

/// Files that import each other in a circle may be this many.
const CIRCLE_AT_MOST: usize = 3;

/// Circles that are larger still, room by room, each with what it has now: none may grow, and a room that has none any
/// more leaves this list.
const LARGER_CIRCLES: &[(&str, usize)] = &[];

/// The most lines of the verb that is largest.
const BOOTSTRAP_AT_MOST: usize = 7000;

#[test]
fn no_room_knows_one_that_stands_above_it() {
    let mut below: Vec<&str> = Vec::new();
    for (room, allowed) in MAY_IMPORT {
        let above: Vec<_> = allowed.iter().filter(|one| !below.contains(one)).collect();
        assert!(
            above.is_empty(),
            "{room} knows {above:?}, which are not below it"
        );
        below.push(room);
    }
}

#[test]
fn no_circle_of_files_is_larger_than_it_may_be() {
    let circles = Graph::of(&Source::all()).circles();
    let mut found = Vec::new();
    let mut rooms: Vec<(String, usize)> = Vec::new();
    for circle in &circles {
        let names: BTreeSet<_> = circle
            .iter()
            .filter_map(|file| file.split('/').nth(1))
            .collect();
        if names.len() > 1 {
            found.push(format!("a circle between rooms: {circle:?}"));
        }
        let room = names
            .first()
            .map_or("", |name| name.trim_end_matches(".rs"));
        if circle.len() > CIRCLE_AT_MOST {
            rooms.push((room.to_owned(), circle.len()));
            let known = LARGER_CIRCLES
                .iter()
                .any(|(name, size)| *name == room && circle.len() <= *size);
            if !known {
                found.push(format!("a circle of {} files: {circle:?}", circle.len()));
            }
        }
    }
    for (room, size) in LARGER_CIRCLES {
        if !rooms.iter().any(|(name, now)| name == room && now == size) {
            found.push(format!(
                "{room} has no circle of {size} files any more: take it off the list"
            ));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_folder_holds_its_own_file_and_none_of_its_name_stands_beside_it() {
    let sources = Source::all();
    let paths: BTreeSet<&str> = sources.iter().map(|source| source.path.as_str()).collect();
    let beside = paths.iter().filter(|path| {
        let folder = path.trim_end_matches(".rs").to_owned() + "/";
        path.starts_with("src/") && paths.iter().any(|other| other.starts_with(&folder))
    });
    assert_eq!(beside.collect::<Vec<_>>(), Vec::<&&str>::new());
}

#[test]
fn the_largest_verb_fits_a_head() {
    let sources = Source::all();
    let bootstrap = sources
        .iter()
        .filter(|source| source.path.starts_with("src/bootstrap/"));
    let lines: usize = bootstrap.map(|source| source.text.lines().count()).sum();
    assert!(lines <= BOOTSTRAP_AT_MOST, "{lines} lines");
}
