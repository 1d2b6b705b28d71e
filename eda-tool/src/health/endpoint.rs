//! Where a running process answers over HTTP, and as much of a client as that needs.

use std::io;
use std::time::Duration;

use eda_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader, Take};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::text::first_line;

/// Where the endpoint of the feature `http` tells whether the app is ready.
pub(super) const READINESS: &str = "/health/ready";
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_LIMIT: u64 = 1_000_000;
/// How every answer begins, before a digit.
const START: &str = "HTTP/1.";
/// How much of an odd answer is told.
const TOLD: usize = 60;

/// Where a process listens, and what it is asked for. On a private address, so there is no TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint<'a> {
    /// As in the URL.
    host: &'a str,
    port: u16,
    /// `None` where the URL names none.
    path: Option<&'a str>,
}

/// What a process has answered, the whole of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// Three digits.
    pub(super) status: String,
    pub(super) body: String,
}

impl<'a> Endpoint<'a> {
    pub(super) fn parse(url: &'a str) -> Result<Self> {
        let wrong = |expected: &'static str| Err(Error::new(ErrorKind::Invalid, expected));
        let odd = |letter: char| letter.is_whitespace() || letter.is_control();
        let rest = url.strip_prefix("http://").unwrap_or_default();
        let (place, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match place.rsplit_once(':') {
            // the colons of an IPv6 address are in brackets
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (place, "80"),
        };
        let has_stray_colon = host.contains(':') && !(host.starts_with('[') && host.ends_with(']'));
        if host.is_empty() || has_stray_colon || place.contains('@') || url.contains(odd) {
            return wrong("expected a URL such as `http://localhost:8080`");
        }
        // what is no number may be a password, and is not repeated
        let is_number = port.bytes().all(|digit| digit.is_ascii_digit());
        let Some(port) = port.parse().ok().filter(|port| is_number && *port > 0) else {
            return wrong("expected a port from 1 to 65535 behind the host, such as `http://localhost:8080`");
        };
        if path.starts_with('?') || path.contains('#') {
            return wrong(
                "expected no query without a path, and no fragment, such as `http://localhost:8080/ready?full`",
            );
        }
        Ok(Self { host, port, path: Some(path).filter(|path| !matches!(*path, "" | "/")) })
    }

    /// Whether it is the one of the feature `http`, whose answers are known.
    pub(super) fn is_ours(&self) -> bool {
        self.path.is_none()
    }

    /// # Errors
    /// [`Unavailable`](ErrorKind::Unavailable) where no whole answer comes in time, [`Invalid`](ErrorKind::Invalid) where what
    /// comes is none.
    pub(super) async fn ask(&self) -> Result<Answer> {
        let late = |_| Err(Error::new(ErrorKind::Unavailable, "no process answered within 10s"));
        let answer = timeout(PATIENCE, self.exchange()).await.unwrap_or_else(late);
        answer.map_err(|error| error.with("process", format!("{}:{}", self.host, self.port)))
    }

    /// In HTTP 1.0, so that no server answers in chunks.
    async fn exchange(&self) -> Result<Answer> {
        let Self { host, port, path } = self;
        let path = path.unwrap_or(READINESS);
        let mut stream = TcpStream::connect(format!("{host}:{port}")).await.map_err(away)?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(away)?;
        Answer::read(stream).await
    }
}

impl Answer {
    /// Reads no further than the answer goes, since some servers leave the connection open.
    async fn read(source: impl AsyncRead + Unpin) -> Result<Self> {
        let mut source = Source(BufReader::new(source.take(ANSWER_LIMIT)));
        let status = source.status().await?;
        let announced = source.length().await?;
        let length = if matches!(status.as_str(), "204" | "304") { Some(0) } else { announced };
        let body = String::from_utf8_lossy(&source.body(length).await?).into_owned();
        Ok(Self { status, body })
    }
}

/// An answer on its way.
struct Source<R>(BufReader<Take<R>>);

impl<R: AsyncRead + Unpin> Source<R> {
    async fn status(&mut self) -> Result<String> {
        let mut start = [0; START.len()];
        // what speaks another protocol may send no line, and wait
        if let Err(error) = self.0.read_exact(&mut start).await {
            return Err(if error.kind() == io::ErrorKind::UnexpectedEof { self.end() } else { away(error) });
        }
        if start != START.as_bytes() {
            return Err(no_http(&start.escape_ascii().to_string()));
        }
        let line = self.line().await?;
        let mut words = line.splitn(3, ' ');
        let is_number = |word: &str, digits| word.len() == digits && word.bytes().all(|byte| byte.is_ascii_digit());
        match (words.next(), words.next()) {
            (Some(version), Some(status)) if is_number(version, 1) && is_number(status, 3) => Ok(status.to_owned()),
            _ => Err(no_http(&format!("{START}{line}"))),
        }
    }

    /// The length of the body, where a header says it.
    async fn length(&mut self) -> Result<Option<u64>> {
        let mut length = None;
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(length);
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(no_http(&line));
            }
            if name.eq_ignore_ascii_case("content-length") {
                let said = value.trim().parse().map_err(|_| no_http(&line))?;
                if length.replace(said).is_some_and(|before| before != said) {
                    return Err(no_http(&line));
                }
            }
        }
    }

    async fn body(&mut self, length: Option<u64>) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        (&mut self.0).take(length.unwrap_or(ANSWER_LIMIT)).read_to_end(&mut body).await.map_err(away)?;
        match length {
            Some(length) if (body.len() as u64) < length => {
                Err(self.end().with("announced", length).with("came", body.len()))
            }
            None if self.is_at_limit() => Err(self.end()),
            _ => Ok(body),
        }
    }

    /// Without its end.
    async fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).await.map_err(away)?;
        let Some(line) = line.strip_suffix(b"\n") else { return Err(self.end()) };
        Ok(String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line)).into_owned())
    }

    /// Why there is no more.
    fn end(&self) -> Error {
        if self.is_at_limit() {
            return Error::new(ErrorKind::Invalid, format!("expected an answer of less than {ANSWER_LIMIT} bytes"));
        }
        Error::new(ErrorKind::Unavailable, "the process ended the connection before its whole answer had come")
    }

    fn is_at_limit(&self) -> bool {
        self.0.get_ref().limit() == 0
    }
}

fn away(error: io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "no process answered").caused_by(error)
}

fn no_http(found: &str) -> Error {
    let expected = "expected an answer to HTTP 1.0, without chunks: name the port of the process's HTTP endpoint";
    Error::new(ErrorKind::Invalid, expected).with("found", first_line(found, TOLD))
}
