//! HTTP messages as they go over a connection: read whole, written anew with a length of their own.

use std::io::{self, BufRead, Read};

/// A request or an answer with its body, whichever way that was framed.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) first_line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// An answer of the proxy's own.
    pub(super) fn answer(status: u16, header: (&str, &str), body: String) -> Self {
        Self {
            first_line: format!("HTTP/1.1 {status} Disturbed"),
            headers: vec![(header.0.to_owned(), header.1.to_owned())],
            body: body.into_bytes(),
        }
    }

    /// Reads one message, or nothing where the connection ends before it. `answering` is the method of the request
    /// that an answer belongs to; it is absent for requests.
    pub(super) fn read(
        reader: &mut impl BufRead,
        answering: Option<&str>,
    ) -> io::Result<Option<Self>> {
        let first_line = line(reader)?;
        if first_line.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let header = line(reader)?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut message = Self {
            first_line,
            headers,
            body: Vec::new(),
        };
        message.read_body(reader, answering)?;
        Ok(Some(message))
    }

    fn read_body(&mut self, reader: &mut impl BufRead, answering: Option<&str>) -> io::Result<()> {
        let status = self.first_line.split(' ').nth(1).unwrap_or_default();
        if answering == Some("HEAD") || (answering.is_some() && matches!(status, "204" | "304")) {
            return Ok(());
        }
        let length =
            value_of(&self.headers, "content-length").map(|text| text.parse().unwrap_or(0));
        if value_of(&self.headers, "transfer-encoding")
            .is_some_and(|coding| coding.contains("chunked"))
        {
            self.read_chunks(reader)
        } else if let Some(length) = length {
            self.body.resize(length, 0);
            reader.read_exact(&mut self.body)
        } else if answering.is_some() {
            reader.read_to_end(&mut self.body).map(drop)
        } else {
            Ok(())
        }
    }

    fn read_chunks(&mut self, reader: &mut impl BufRead) -> io::Result<()> {
        loop {
            let size = line(reader)?;
            let size = size.split(';').next().unwrap_or_default();
            let size = u64::from_str_radix(size, 16).map_err(io::Error::other)?;
            if size == 0 {
                // Trailers, up to the empty line.
                while !line(reader)?.is_empty() {}
                return Ok(());
            }
            reader.take(size).read_to_end(&mut self.body)?;
            line(reader)?;
        }
    }

    /// The message as bytes, framed by its length. The answer to HEAD keeps the length that the server gave.
    pub(super) fn bytes(&self, connection: &str, to_head: bool) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first_line);
        for (name, value) in &self.headers {
            let framing = matches!(name.as_str(), "connection" | "transfer-encoding");
            if !framing && (to_head || name != "content-length") {
                text += &format!("{name}: {value}\r\n");
            }
        }
        text += &format!("connection: {connection}\r\n");
        if !to_head && !self.first_line.contains(" 204 ") {
            text += &format!("content-length: {}\r\n", self.body.len());
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        if !to_head {
            bytes.extend(&self.body);
        }
        bytes
    }
}

/// The first value of a header, its name in lower case.
pub(super) fn value_of<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str())
}

/// One line without its end; empty at the end of the connection.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
