//! A server that keeps what it gets to the byte and answers to the byte.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A reply as a page prints it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: &'static str,
}

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Such as `POST /v1/things HTTP/1.1`.
    pub(crate) line: String,
    /// Names in lower case, with their values.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names of the headers, sorted.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }
}

/// A server with one reply for each request, in order.
#[derive(Debug)]
pub(crate) struct Wire {
    /// Where it is.
    pub(crate) url: String,
    seen: JoinHandle<Vec<Seen>>,
}

impl Wire {
    /// Starts to listen.
    pub(crate) async fn answering(replies: &'static [Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen = tokio::spawn(async move {
            let mut seen = Vec::new();
            for reply in replies {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                seen.push(read(&mut stream).await);
                let Reply { status, body } = reply;
                let head =
                    format!("HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all(format!("{head}{body}").as_bytes()).await.expect("an answer sent");
            }
            seen
        });
        Self { url, seen }
    }

    /// What came.
    pub(crate) async fn finish(self) -> Vec<Seen> {
        self.seen.await.expect("every request came")
    }
}

async fn read(stream: &mut TcpStream) -> Seen {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        assert!(stream.read_buf(&mut bytes).await.expect("a request") > 0, "the request has no end");
    };
    let text = String::from_utf8(bytes[..head].to_vec()).expect("text");
    let mut lines = text.split("\r\n");
    let line = lines.next().expect("a request line").to_owned();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").expect("a header"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, length)| length.parse().expect("a length"));
    while bytes.len() < head + 4 + length {
        assert!(stream.read_buf(&mut bytes).await.expect("a body") > 0, "the body is too short");
    }
    let body = String::from_utf8(bytes.split_off(head + 4)).expect("text");
    Seen { line, headers, body }
}
