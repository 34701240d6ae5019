//! The disturbing proxy: what it lets through it does not change, and what it disturbs it counts.

use std::time::{Duration, Instant};

use crate::support::{Action, HttpClient, Proxy, RequestInfo};

/// Answers each request with its number, method, path, and what it saw of the body.
fn echo() -> Proxy {
    Proxy::before("http://127.0.0.1:1", |request| {
        let body = String::from_utf8_lossy(&request.body);
        let text = format!(
            "{} {} {} {body}",
            request.number, request.method, request.path
        );
        Action::Respond(200, "text/plain", text)
    })
}

fn get(url: &str) -> Result<(u16, String), String> {
    let answer = HttpClient::default().call("GET", url, &[], None)?;
    Ok((answer.status, answer.text))
}

fn disturbed(request: &RequestInfo) -> Action {
    match request.path.as_str() {
        "/refused" => Action::Refuse,
        "/lost" => Action::DropAnswer,
        "/late" => Action::Delay(Duration::from_millis(200)),
        "/moved" => Action::Redirect("http://127.0.0.1:1/elsewhere".to_owned()),
        _ => Action::Pass,
    }
}

#[test]
fn each_disturbance_is_what_it_is_called() {
    let server = echo();
    let proxy = Proxy::before(&server.address(), disturbed);
    let url = |path: &str| format!("{}{path}", proxy.address());
    assert_eq!(get(&url("/a?b=c")), Ok((200, "1 GET /a?b=c ".to_owned())));
    assert!(get(&url("/refused")).is_err());
    assert_eq!(server.total(), 1);
    assert!(get(&url("/lost")).is_err());
    assert_eq!(server.count("GET /lost"), 1);
    let before = Instant::now();
    assert_eq!(get(&url("/late")).expect("an answer").0, 200);
    assert!(before.elapsed() >= Duration::from_millis(200));
    let moved = HttpClient::default()
        .call("GET", &url("/moved"), &[], None)
        .expect("an answer");
    assert_eq!(
        (moved.status, moved.header("location")),
        (307, Some("http://127.0.0.1:1/elsewhere"))
    );
    assert_eq!((proxy.count("GET /a"), proxy.total()), (1, 5));
}

#[test]
fn one_connection_carries_many_requests_of_any_framing() {
    use std::io::{BufRead, BufReader, Read, Write};
    let server = echo();
    let proxy = Proxy::before(&server.address(), |_| Action::Pass);
    let address = proxy.address();
    let mut stream =
        std::net::TcpStream::connect(address.trim_start_matches("http://")).expect("connects");
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut ask = |request: &str| {
        stream
            .write_all(request.as_bytes())
            .expect("it takes a request");
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).expect("a line");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("a body");
        String::from_utf8(body).expect("text")
    };
    let host = "Host: here\r\n";
    assert_eq!(ask(&format!("GET /1 HTTP/1.1\r\n{host}\r\n")), "1 GET /1 ");
    let sized = format!("PUT /2 HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc");
    assert_eq!(ask(&sized), "2 PUT /2 abc");
    let chunked = format!(
        "POST /3 HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n"
    );
    assert_eq!(ask(&chunked), "3 POST /3 abc");
    assert_eq!(proxy.counts().len(), 3);
}
