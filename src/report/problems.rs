//! What went wrong, for people: each problem with what to do about it, in the same form wherever it is from.

use crate::code::Code;
use crate::failure::Problem;
use crate::report::results::{Layout, one_line, within};
use crate::report::style::{Painted, Style};
use crate::text_layout::columns;

/// One problem on its own; several as a numbered list. Each with what to do about it below.
pub(super) fn lines(word: &str, list: &[Problem], style: Style, layout: Layout) -> Painted {
    let Layout { width, codes } = layout;

    if let [problem] = list {
        let mark = mark(word, problem.code, codes);
        let what = one_line(&problem.what, columns(&mark), width);
        return style.bad(&mark) + &what + "\n" + advice(problem, 2, style, width);
    }
    let mut text = style.bad(&format!("{word}:")) + &format!(" {} problems\n", list.len());
    let digits = list.len().to_string().len();
    for (place, problem) in list.iter().enumerate() {
        let number = format!(" {:>digits$}. ", place + 1);
        let indent = columns(&number);
        let what = if codes {
            format!("[{}] {}", problem.code, problem.what)
        } else {
            problem.what.clone()
        };
        let what = one_line(&what, indent, width);
        text = text + &number + &what + "\n" + advice(problem, indent, style, width);
    }
    text
}

/// What stands before a message: its word, and its code where codes are shown.
pub(super) fn mark(word: &str, code: Code, codes: bool) -> String {
    if codes {
        format!("{word} [{code}]: ")
    } else {
        format!("{word}: ")
    }
}

fn advice(problem: &Problem, indent: usize, style: Style, width: Option<usize>) -> Painted {
    let Some(advice) = &problem.advice else {
        return Painted::default();
    };
    let mark = format!("{}what to do: ", " ".repeat(indent));
    let advice = within(advice, columns(&mark), width);
    style.bold(&mark) + &advice + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(what: &str, advice: Option<&str>) -> Problem {
        Problem {
            advice: advice.map(str::to_owned),
            ..Problem::new(Code::ServerUnreachable, what)
        }
    }

    fn wide(width: Option<usize>) -> Layout {
        Layout {
            width,
            codes: false,
        }
    }

    #[test]
    fn the_code_stands_before_the_message_where_it_is_asked_for() {
        let layout = Layout {
            width: None,
            codes: true,
        };
        let one = problem("a is away", None);
        let said = |list: &[Problem]| lines("error", list, PLAIN, layout).as_str().to_owned();
        assert_eq!(
            said(std::slice::from_ref(&one)),
            "error [server-unreachable]: a is away\n"
        );
        let both = said(&[one.clone(), one]);
        assert!(
            both.contains(" 2. [server-unreachable] a is away\n"),
            "{both}"
        );
    }

    const PLAIN: Style = Style {
        colored: false,
        terminal: true,
        unicode: true,
    };

    #[test]
    fn one_problem_is_wrapped_below_its_mark_and_its_command_stays_whole() {
        let list = [problem(
            "https://vault.internal:8200/v1/sys/health cannot be reached: connection refused",
            Some(
                "see whether anything answers there: curl -sSi https://vault.internal:8200/v1/sys/health",
            ),
        )];
        assert_eq!(
            lines("error", &list, PLAIN, wide(Some(60))).as_str(),
            "error: https://vault.internal:8200/v1/sys/health cannot be\n\
             \u{20}      reached: connection refused\n\
             \u{20} what to do: see whether anything answers there:\n\
             \u{20}        curl -sSi https://vault.internal:8200/v1/sys/health\n"
        );
    }

    #[test]
    fn what_happened_stays_on_its_line_whatever_stands_in_it() {
        let list = [problem("x\n  what to do: touch F\u{1b}[2J", Some("a\nb"))];
        assert_eq!(
            lines("error", &list, PLAIN, wide(None)).as_str(),
            "error: x\\u{a}  what to do: touch F\\u{1b}[2J\n  what to do: a\nb\n"
        );
    }

    #[test]
    fn several_problems_are_numbered_and_each_has_its_advice_below() {
        let list = [
            problem("a is away", Some("start it")),
            problem("b is taken", None),
        ];
        assert_eq!(
            lines("refused", &list, PLAIN, wide(None)).as_str(),
            "refused: 2 problems\n 1. a is away\n    what to do: start it\n 2. b is taken\n"
        );
    }
}
