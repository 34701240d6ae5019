//! Reads YAML into a [`Node`]: duplicate keys, missing variables and tags are collected, not stopped at.
//!
//! Size, depth and the work that aliases can cause are bounded. Only plain scalars are filled in from the environment.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::problem::{Place, Problem};
use super::scalar::{self, Plain};
use super::tree::{Entry, Kind, Node, shown, step};
use crate::code::Code;

/// Deepest nesting of lists and maps.
const DEEPEST: usize = 48;

/// Most values of all files of a configuration, those that aliases repeat included.
const MOST_VALUES: usize = 500_000;

/// The documents of one configuration, as they are read.
pub(super) struct Documents<'e> {
    env: &'e dyn Fn(&str) -> Option<String>,
    /// What is wrong with them.
    pub(super) problems: Vec<Problem>,
    /// Values so far.
    values: usize,
}

impl<'e> Documents<'e> {
    pub(super) fn new(env: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            env,
            problems: Vec::new(),
            values: 0,
        }
    }

    /// Reads the document of the file with this number. `None` when it is not one.
    pub(super) fn read(&mut self, text: &str, file: u16) -> Option<Node> {
        let options =
            granit_parser::options! { emit_comments: false, emit_unresolved_aliases: true };
        let events = Parser::new_from_str_with_options(text, options);
        let mut reader = Reader {
            text,
            file,
            events,
            documents: self,
            path: Vec::new(),
            anchors: HashMap::new(),
        };
        reader.document().ok().flatten()
    }
}

/// Reading ends here; the problem is in the list.
struct Stop;

struct Reader<'a, 'e, E> {
    text: &'a str,
    file: u16,
    events: E,
    documents: &'a mut Documents<'e>,
    path: Vec<String>,
    /// Finished anchors, with the number of values in each.
    anchors: HashMap<usize, (Node, usize)>,
}

impl<'a, E: Iterator<Item = Result<(Event<'a>, Span), ScanError>>> Reader<'a, '_, E> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut document = None;
        while let Some((event, span)) = self.next()? {
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if document.is_none() => {}
                Event::DocumentStart(..) => {
                    let text = "a second document starts here; the configuration is one document";
                    return Err(self.stop(&span, text));
                }
                Event::StreamEnd => break,
                event => document = Some(self.node(event, &span)?),
            }
        }
        if document.is_none() {
            let text = match self.file {
                0 => "the file is empty; `version: 1` is its first line",
                _ => "the file is empty",
            };
            self.report(
                Code::FileNotYaml,
                Place {
                    file: self.file,
                    ..Place::START
                },
                text,
            );
        }
        Ok(document)
    }

    fn next(&mut self) -> Result<Option<(Event<'a>, Span)>, Stop> {
        let error = match self.events.next().transpose() {
            Ok(event) => return Ok(event),
            Err(error) => error,
        };
        let mark = *error.marker();
        let mut lines = self.text.lines().skip(mark.line().saturating_sub(1));
        let hint = if lines.next().is_some_and(|line| line.contains("${")) {
            "; inside `{…}` and `[…]` a `${NAME}` is not YAML: use block style there, one `key: value` a line"
        } else {
            ""
        };
        self.report(
            Code::FileNotYaml,
            self.place(mark),
            format!("not YAML: {}{hint}", error.info()),
        );
        Err(Stop)
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Result<Node, Stop> {
        self.documents.values += 1;
        if self.documents.values > MOST_VALUES {
            return Err(self.stop(span, &format!("more than {MOST_VALUES} values")));
        }
        let before = self.documents.values;
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.as_deref();
                let as_text = tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                self.tag(tag.is_some() && !as_text, span);
                let kind = if style == ScalarStyle::Plain && !as_text {
                    self.plain(&text, span)
                } else {
                    Kind::Text(text.into_owned())
                };
                (kind, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.is_some(), span);
                (self.list(span)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.is_some(), span);
                (self.map(span)?, anchor)
            }
            Event::Alias(id) => return self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                let hint = if name.starts_with(['.', '*', '/']) {
                    "; a pattern that begins with `*` needs quotes"
                } else {
                    ""
                };
                let text = format!("no anchor `&{name}` stands before this alias{hint}");
                self.report(Code::FileNotYaml, self.place(span.start), text);
                (Kind::Unknown, 0)
            }
            _ => return Err(self.stop(span, "not YAML that this program knows")),
        };
        let node = Node::new(self.place(span.start), kind);
        if anchor != 0 {
            let size = self.documents.values - before + 1;
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    /// The value of an alias: the anchored one, counted as often as it is used.
    fn alias(&mut self, id: usize, span: &Span) -> Result<Node, Stop> {
        let Some((node, size)) = self.anchors.get(&id) else {
            return Err(self.stop(span, "an alias inside its own anchor never ends"));
        };
        self.documents.values += size;
        if self.documents.values > MOST_VALUES {
            let text = format!("aliases repeat more than {MOST_VALUES} values");
            return Err(self.stop(span, &text));
        }
        Ok(node.clone())
    }

    fn plain(&mut self, text: &str, span: &Span) -> Kind {
        match scalar::interpolate(text, self.documents.env) {
            Ok(Some(filled)) => return Kind::Filled(filled),
            Ok(None) => {}
            Err(problems) => {
                for problem in problems {
                    self.report(Code::FileValueInvalid, self.place(span.start), problem);
                }
                return Kind::Unknown;
            }
        }
        match scalar::resolve(text) {
            Plain::Null => Kind::Null,
            Plain::Bool(value) => Kind::Bool(value),
            Plain::Number(number) => Kind::Number(number),
            Plain::Text => Kind::Text(text.to_owned()),
            Plain::LeadingZero => {
                let text =
                    "a number with a leading zero is read differently everywhere; put it in quotes";
                self.report(Code::FileNotYaml, self.place(span.start), text);
                Kind::Unknown
            }
        }
    }

    fn list(&mut self, start: &Span) -> Result<Kind, Stop> {
        self.deeper(start)?;
        let mut items = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::SequenceEnd {
                break;
            }
            self.path.push(step(items.len()));
            items.push(self.node(event, &span)?);
            self.path.pop();
        }
        Ok(Kind::List(items))
    }

    fn map(&mut self, start: &Span) -> Result<Kind, Stop> {
        self.deeper(start)?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, u32> = HashMap::new();
        let mut merged = Vec::new();
        while let Some((event, span)) = self.next()? {
            if event == Event::MappingEnd {
                break;
            }
            let place = self.place(span.start);
            let key = match event {
                Event::Scalar(ref text, ..) => text.to_string(),
                _ => return Err(self.stop(&span, "a key is plain text")),
            };
            self.documents.values += 1;
            self.path.push(key.clone());
            let Some((event, span)) = self.next()? else {
                break;
            };
            let value = self.node(event, &span)?;
            if let Some(first) = seen.get(&key) {
                let text = format!("duplicate key `{key}`; it stands on line {first} already");
                self.report(Code::FileNotYaml, place, text);
            } else {
                seen.insert(key.clone(), place.line);
                if key == "<<" {
                    merged.push(value);
                } else {
                    entries.push(Entry { key, place, value });
                }
            }
            self.path.pop();
        }
        for from in merged {
            self.merge(&mut entries, &mut seen, from);
        }
        Ok(Kind::Map(entries))
    }

    /// `<<: *other`: the keys of the other map that are not here.
    fn merge(&mut self, entries: &mut Vec<Entry>, seen: &mut HashMap<String, u32>, from: Node) {
        match from.kind {
            Kind::Map(others) => {
                for other in others {
                    if !seen.contains_key(&other.key) {
                        seen.insert(other.key.clone(), other.place.line);
                        entries.push(other);
                    }
                }
            }
            Kind::List(maps) if maps.iter().all(|map| matches!(map.kind, Kind::Map(_))) => {
                for map in maps {
                    self.merge(entries, seen, map);
                }
            }
            Kind::Unknown => {}
            _ => self.report(
                Code::FileNotYaml,
                from.place,
                "`<<` takes a map, or a list of maps",
            ),
        }
    }

    fn deeper(&mut self, span: &Span) -> Result<(), Stop> {
        // Every list or map adds one step, and keys in between do as well.
        if self.path.len() > DEEPEST {
            let text = format!("more than {DEEPEST} lists and maps inside each other");
            return Err(self.stop(span, &text));
        }
        Ok(())
    }

    fn tag(&mut self, present: bool, span: &Span) {
        if present {
            let mark = span.tag_start().unwrap_or(span.start);
            self.report(
                Code::FileNotYaml,
                self.place(mark),
                "tags (`!…`) have no meaning in this file",
            );
        }
    }

    fn stop(&mut self, span: &Span, text: &str) -> Stop {
        self.report(Code::FileNotYaml, self.place(span.start), text);
        Stop
    }

    fn report(&mut self, code: Code, place: Place, text: impl Into<String>) {
        self.documents
            .problems
            .push(Problem::new(code, place, shown(&self.path), text));
    }

    fn place(&self, mark: Marker) -> Place {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Place {
            file: self.file,
            line: number(mark.line()),
            column: number(mark.col() + 1),
        }
    }
}
