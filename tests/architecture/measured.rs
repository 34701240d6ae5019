//! The page of measurements agrees with itself.

/// What stands between the marks of a table.
fn between_the_marks(name: &str) -> &'static str {
    let page = include_str!("../../docs/measurements.md");
    let (_, rest) = page
        .split_once(&format!("<!-- {name} -->"))
        .expect("a mark");
    rest.split_once(&format!("<!-- /{name} -->"))
        .expect("its end")
        .0
}

/// The rows of each table in a text, in cells; headings are left out.
fn tables(text: &str) -> Vec<Vec<Vec<&str>>> {
    let parts = text.split("\n\n").map(str::trim);
    parts
        .filter(|part| part.starts_with('|'))
        .map(rows)
        .collect()
}

fn rows(table: &str) -> Vec<Vec<&str>> {
    let cells = |line| {
        str::trim_matches(line, '|')
            .split('|')
            .map(str::trim)
            .collect()
    };
    table.lines().skip(2).map(cells).collect()
}

/// The sum of a column.
fn sum(rows: &[Vec<&str>], column: usize) -> usize {
    let cells = rows.iter().map(|row| row[column]);
    cells
        .map(|cell| cell.parse::<usize>().expect("a number"))
        .sum()
}

#[test]
fn the_tables_of_faults_tell_the_same_points_and_no_more_than_there_are() {
    let text = between_the_marks("faults");
    let tables = tables(text);
    let [servers, kinds] = &tables[..] else {
        panic!("{} tables", tables.len());
    };
    let (all, servers) = servers.split_last().expect("the last row is of all");
    let of_all: Vec<usize> = all[3..8]
        .iter()
        .map(|cell| cell.parse().expect("a number"))
        .collect();
    for (place, number) in of_all.iter().enumerate() {
        assert_eq!(
            sum(servers, 3 + place),
            *number,
            "by server, column {place}"
        );
        assert_eq!(sum(kinds, 1 + place), *number, "by kind, column {place}");
    }
    let [points, converged, refused, lost, _] = of_all[..] else {
        panic!("{of_all:?}");
    };
    assert_eq!(points, converged + refused + lost);
    assert!(
        text.contains(&format!(": {points} points")),
        "the text tells another number"
    );
}

#[test]
fn the_table_of_fsyncs_adds_up() {
    let tables = tables(between_the_marks("fsyncs"));
    let (all, steps) = tables[0].split_last().expect("the last row is of all");
    for (column, cell) in all.iter().enumerate().skip(1) {
        assert_eq!(sum(steps, column).to_string(), *cell);
    }
}
