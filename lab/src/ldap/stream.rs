//! Whole messages from a stream, and a queue of messages to one.

use std::future::Future;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufWriter};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::ber;
use super::front::Guest;

/// Messages that may wait for a slow reader.
const WAITING: usize = 64;
/// Bytes that go out together when they are there.
const TOGETHER: usize = 64 * 1024;
/// Bytes that are read at a time.
const PORTION: usize = 16 * 1024;

/// What goes out.
#[derive(Debug)]
pub enum Outgoing {
    /// A message, or several.
    Message(Bytes),
    /// The last bytes: the stream ends after them, without a word of farewell.
    Last(Bytes),
}

impl From<Vec<u8>> for Outgoing {
    fn from(message: Vec<u8>) -> Self {
        Outgoing::Message(message.into())
    }
}

/// The way to a writer.
pub type Queue = mpsc::Sender<Outgoing>;

/// Starts writing what comes through the queue. Gives the writer back when all senders are gone; drops
/// it when the other side doesn't listen any more or the last word was said.
pub fn pump<W>(tasks: &mut JoinSet<Option<W>>, writer: W) -> Queue
where
    W: AsyncWrite + Unpin + Send + 'static,
{
    let (out, mut queue) = mpsc::channel(WAITING);
    tasks.spawn(async move {
        let mut writer = BufWriter::with_capacity(TOGETHER, writer);
        while let Some(next) = queue.recv().await {
            let mut next = Some(next);
            while let Some(outgoing) = next {
                match outgoing {
                    Outgoing::Message(bytes) => writer.write_all(&bytes).await.ok()?,
                    Outgoing::Last(bytes) => {
                        writer.write_all(&bytes).await.ok()?;
                        writer.flush().await.ok()?;
                        return None;
                    }
                }
                next = queue.try_recv().ok();
            }
            writer.flush().await.ok()?;
        }
        Some(writer.into_inner())
    });
    out
}

/// Cuts a stream into messages, each in one piece of the buffer it was read into.
pub struct Messages<R> {
    reader: R,
    buffer: BytesMut,
    longest: usize,
}

/// Why there is no next message.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The other side closed, or the connection broke.
    Closed,
    /// What came is no message, or too long a one.
    Wrong(&'static str),
}

impl<R: AsyncRead + Unpin> Messages<R> {
    /// Reads messages whose content has at most `longest` bytes.
    pub fn new(reader: R, longest: usize) -> Self {
        Self {
            reader,
            buffer: BytesMut::with_capacity(PORTION),
            longest,
        }
    }

    /// The stream; what was read ahead is dropped.
    pub fn into_inner(self) -> R {
        self.reader
    }

    /// The next message, header included. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Bytes, End> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(message);
            }
            match self.reader.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return Err(End::Closed),
                Ok(_) => {}
            }
        }
    }

    fn take(&mut self) -> Result<Option<Bytes>, End> {
        let whole = match ber::header(&self.buffer) {
            Ok(None) => PORTION,
            Ok(Some((ber::SEQUENCE, _, length))) if length > self.longest => {
                return Err(End::Wrong("The request is larger than MaxReceiveBuffer"));
            }
            Ok(Some((ber::SEQUENCE, head, length))) => {
                let whole = head + length;
                if self.buffer.len() >= whole {
                    return Ok(Some(self.buffer.split_to(whole).freeze()));
                }
                whole
            }
            _ => return Err(End::Wrong("The request is not an LDAP message")),
        };
        // Room for the rest of a long message at once, and for a portion in any case.
        let missing = whole.saturating_sub(self.buffer.len());
        self.buffer.reserve(missing.max(PORTION));
        Ok(None)
    }
}

/// Takes a guest through TLS, from the start or when it asks for it: `clear` talks until then and gives
/// the stream back.
pub async fn receive<Clear, Secure>(
    guest: Guest,
    tls: Arc<rustls::ServerConfig>,
    clear: impl FnOnce(TcpStream) -> Clear,
    secure: impl FnOnce(tokio_rustls::server::TlsStream<TcpStream>) -> Secure,
) where
    Clear: Future<Output = Option<TcpStream>>,
    Secure: Future<Output = ()>,
{
    let stream = if guest.secure {
        guest.stream
    } else {
        match clear(guest.stream).await {
            None => return,
            Some(stream) => stream,
        }
    };
    if let Ok(stream) = TlsAcceptor::from(tls).accept(stream).await {
        secure(stream).await;
    }
}
