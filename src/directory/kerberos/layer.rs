//! SASL's security layer (RFC 4422, 3.7): every byte between us and the controller sealed by the Kerberos session key.
//!
//! Both directions are streams: a controller may put several LDAP messages into one sealed buffer, or one into
//! several. A buffer that isn't sealed, doesn't open, or comes twice ends the connection.

use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::directory::message;

/// Longest sealed buffer we take, as we tell the controller.
pub(super) const RECEIVE: u32 = 0x00a0_0000;
/// Read at a time from the LDAP library.
const PIECE: usize = 64 << 10;

/// Seals and opens buffers of one connection.
pub(super) trait Seal: Send {
    /// The sealed form.
    fn seal(&mut self, clear: &[u8]) -> io::Result<Vec<u8>>;
    /// The clear form of a buffer that was sealed.
    fn open(&mut self, sealed: &[u8]) -> io::Result<Vec<u8>>;
}

/// Carries bytes between the LDAP library (`inner`, in clear, within this process) and the controller (`outer`, sealed)
/// until either side ends. `most`: longest clear text the controller takes in one buffer.
pub(super) async fn carry<I, O>(inner: I, outer: O, seal: impl Seal, most: usize) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite + Send,
    O: AsyncRead + AsyncWrite + Send,
{
    let seal = Mutex::new(seal);
    let (mut inner_read, mut inner_write) = tokio::io::split(inner);
    let (mut outer_read, mut outer_write) = tokio::io::split(outer);
    let up = async {
        let mut waiting = Vec::with_capacity(PIECE);
        loop {
            if inner_read.read_buf(&mut waiting).await? == 0 {
                return Ok(());
            }
            let whole = whole_messages(&waiting)?;
            for piece in waiting[..whole].chunks(most.max(1)) {
                let sealed = lock(&seal).seal(piece)?;
                let length = u32::try_from(sealed.len()).map_err(io::Error::other)?;
                outer_write.write_all(&length.to_be_bytes()).await?;
                outer_write.write_all(&sealed).await?;
            }
            outer_write.flush().await?;
            waiting.drain(..whole);
            waiting.reserve(PIECE);
        }
    };
    let down = async {
        let mut sealed = Vec::new();
        loop {
            let length = match outer_read.read_u32().await {
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                Err(error) => return Err(error),
            };
            if length > RECEIVE {
                return Err(io::Error::other("a sealed buffer of impossible length"));
            }
            sealed.resize(length as usize, 0);
            outer_read.read_exact(&mut sealed).await?;
            let clear = lock(&seal).open(&sealed)?;
            inner_write.write_all(&clear).await?;
        }
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many bytes at the front are whole messages: some servers want each in one buffer.
fn whole_messages(bytes: &[u8]) -> io::Result<usize> {
    let mut end = 0;
    while let Some(length) = message::length(&bytes[end..]).map_err(io::Error::other)? {
        if length > bytes.len() - end {
            break;
        }
        end += length;
    }
    Ok(end)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;

    /// Not a cipher: a mark, a number and inverted bytes, enough to tell sealed from clear and one from the next.
    #[derive(Default)]
    struct Toy {
        sent: u8,
        received: u8,
    }

    impl Seal for Toy {
        fn seal(&mut self, clear: &[u8]) -> io::Result<Vec<u8>> {
            let mut out = vec![b'T', self.sent];
            out.extend(clear.iter().map(|b| !b));
            self.sent = self.sent.wrapping_add(1);
            Ok(out)
        }

        fn open(&mut self, sealed: &[u8]) -> io::Result<Vec<u8>> {
            match sealed {
                [b'T', number, rest @ ..] if *number == self.received => {
                    self.received = self.received.wrapping_add(1);
                    Ok(rest.iter().map(|b| !b).collect())
                }
                _ => Err(io::Error::other("not sealed")),
            }
        }
    }

    fn message(content: u8, length: usize) -> Vec<u8> {
        let mut bytes = vec![0x30, 0x83];
        bytes.extend(&(length as u32).to_be_bytes()[1..]);
        bytes.resize(bytes.len() + length, content);
        bytes
    }

    fn start(
        most: usize,
    ) -> (
        DuplexStream,
        DuplexStream,
        tokio::task::JoinHandle<io::Result<()>>,
    ) {
        let (near, inner) = tokio::io::duplex(1 << 20);
        let (far, outer) = tokio::io::duplex(1 << 20);
        (
            near,
            far,
            tokio::spawn(carry(inner, outer, Toy::default(), most)),
        )
    }

    async fn framed(far: &mut DuplexStream, toy: &mut Toy) -> Vec<u8> {
        let mut sealed = vec![0; far.read_u32().await.unwrap() as usize];
        far.read_exact(&mut sealed).await.unwrap();
        toy.open(&sealed).unwrap()
    }

    #[tokio::test]
    async fn each_message_goes_whole_unless_it_is_too_long() {
        let (mut near, mut far, _task) = start(100);
        let (short, long) = (message(1, 50), message(2, 150));
        near.write_all(&short[..20]).await.unwrap();
        tokio::task::yield_now().await;
        near.write_all(&short[20..]).await.unwrap();
        let mut toy = Toy::default();
        assert_eq!(framed(&mut far, &mut toy).await, short);
        near.write_all(&long).await.unwrap();
        let mut parts = framed(&mut far, &mut toy).await;
        assert_eq!(parts.len(), 100);
        parts.extend(framed(&mut far, &mut toy).await);
        assert_eq!(parts, long);
    }

    /// What the LDAP library's own layer gets wrong: nothing may be lost however buffers and packets fall.
    #[tokio::test]
    async fn every_byte_arrives_however_it_is_cut() {
        let (mut near, mut far, _task) = start(1 << 20);
        let mut expected = Vec::new();
        let mut wire = Vec::new();
        let mut toy = Toy::default();
        for n in 0..60u8 {
            expected.extend(message(n, usize::from(n) * 7));
        }
        // Several messages in a buffer, and messages over several buffers.
        for piece in expected.chunks(997) {
            let sealed = toy.seal(piece).unwrap();
            wire.extend((sealed.len() as u32).to_be_bytes());
            wire.extend(sealed);
        }
        for packet in wire.chunks(3) {
            far.write_all(packet).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut got = vec![0; expected.len()];
        near.read_exact(&mut got).await.unwrap();
        assert!(got == expected);
    }

    #[tokio::test]
    async fn what_is_not_sealed_ends_the_connection() {
        let mut repeated = Toy::default();
        let mut sealed = repeated.seal(b"x").unwrap();
        sealed[1] = 9;
        let clear = message(1, 5);
        for bad in [clear.as_slice(), &sealed] {
            let (mut near, mut far, task) = start(100);
            far.write_u32(bad.len() as u32).await.unwrap();
            far.write_all(bad).await.unwrap();
            assert!(task.await.unwrap().is_err());
            assert_eq!(
                near.read(&mut [0; 8]).await.unwrap(),
                0,
                "nothing came through"
            );
        }
        let (_near, mut far, task) = start(100);
        far.write_u32(RECEIVE + 1).await.unwrap();
        assert!(task.await.unwrap().is_err());
    }
}
