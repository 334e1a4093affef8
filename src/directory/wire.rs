//! Between the controller and the LDAP library: what comes is looked at before the library decodes it.
//!
//! The library takes elements apart by recursion, as deep as a message goes, and keeps what has come of one however
//! long it will be: a broken or hostile controller could end the host's process. So it gets one end of a pair of sockets,
//! and what doesn't fit an LDAP message ends the connection instead.

use std::io;

use ldap3::StdStream;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Elements within elements: a search result has five (message, entry, attributes, attribute, values).
const DEPTH: usize = 12;
/// Longest message: one of 250,000 members, which Samba gives at once, has 40 MB.
const LONGEST: usize = 256 << 20;
/// Read at a time.
pub(super) const PIECE: usize = 64 << 10;

/// Looks at the lengths of BER elements (X.690, definite form as LDAP demands) as they pass, in whatever pieces.
#[derive(Debug, Default)]
pub(super) struct Inspector {
    /// What is still to come of each open element, outermost first.
    open: Vec<usize>,
    /// Bytes of a value that are still to come.
    value: usize,
    at: At,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    Tag,
    Length {
        constructed: bool,
    },
    Digits {
        constructed: bool,
        left: u8,
        head: usize,
        length: usize,
    },
}

impl Inspector {
    /// Takes the next bytes; an error is what they are instead of LDAP.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<(), &'static str> {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.value > 0 {
                let passed = self.value.min(bytes.len());
                self.value -= passed;
                bytes = bytes.get(passed..).unwrap_or_default();
                self.close();
                continue;
            }
            bytes = rest;
            self.at = match self.at {
                At::Tag => {
                    if self.open.is_empty() && byte != 0x30 {
                        return Err("what is no LDAP message");
                    }
                    let constructed = byte & 0x20 != 0;
                    if constructed && self.open.len() == DEPTH {
                        return Err("a message nested deeper than LDAP's are");
                    }
                    At::Length { constructed }
                }
                At::Length { constructed } if byte < 0x80 => {
                    self.element(constructed, 2, usize::from(byte))?
                }
                At::Length { constructed } if (0x81..=0x84).contains(&byte) => At::Digits {
                    constructed,
                    left: byte & 0x7f,
                    head: 2 + usize::from(byte & 0x7f),
                    length: 0,
                },
                At::Length { .. } => return Err("a message of impossible length"),
                At::Digits {
                    constructed,
                    left,
                    head,
                    length,
                } => {
                    let length = length << 8 | usize::from(byte);
                    match left {
                        1 => self.element(constructed, head, length)?,
                        _ => At::Digits {
                            constructed,
                            left: left - 1,
                            head,
                            length,
                        },
                    }
                }
            };
        }
        Ok(())
    }

    /// An element whose head is over.
    fn element(
        &mut self,
        constructed: bool,
        head: usize,
        length: usize,
    ) -> Result<At, &'static str> {
        match self.open.last_mut() {
            None if length > LONGEST => return Err("a message longer than any answer"),
            None => {}
            // The library would wait for the rest for ever.
            Some(left) => {
                *left = left
                    .checked_sub(head.saturating_add(length))
                    .ok_or("an element longer than what it is in")?;
            }
        }
        if constructed {
            self.open.push(length);
        } else {
            self.value = length;
        }
        self.close();
        Ok(At::Tag)
    }

    /// Leaves the elements that are over.
    fn close(&mut self) {
        while self.value == 0 && self.open.last() == Some(&0) {
            self.open.pop();
        }
    }
}

/// Gives the LDAP library a stream whose other end is `wire`; both end when either does.
pub(super) fn inspected<S>(wire: S) -> io::Result<StdStream>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let (theirs, ours) = pair()?;
    tokio::spawn(async move {
        let _ = carry(ours, wire).await;
    });
    Ok(theirs)
}

async fn carry<I, O>(inner: I, outer: O) -> io::Result<()>
where
    I: AsyncRead + AsyncWrite,
    O: AsyncRead + AsyncWrite,
{
    let (mut inner_read, mut inner_write) = tokio::io::split(inner);
    let (mut outer_read, mut outer_write) = tokio::io::split(outer);
    let up = async {
        let mut piece = vec![0; PIECE];
        loop {
            let length = inner_read.read(&mut piece).await?;
            let Some(sent) = piece.get(..length).filter(|sent| !sent.is_empty()) else {
                return Ok(());
            };
            outer_write.write_all(sent).await?;
            outer_write.flush().await?;
        }
    };
    let down = async {
        let (mut piece, mut inspector) = (vec![0; PIECE], Inspector::default());
        loop {
            let length = outer_read.read(&mut piece).await?;
            let Some(came) = piece.get(..length).filter(|came| !came.is_empty()) else {
                return Ok(());
            };
            inspector.take(came).map_err(io::Error::other)?;
            inner_write.write_all(came).await?;
        }
    };
    tokio::select! {
        ended = up => ended,
        ended = down => ended,
    }
}

/// Two ends of a connection within this process: the LDAP library's and ours.
#[cfg(unix)]
fn pair() -> io::Result<(StdStream, tokio::net::UnixStream)> {
    let (theirs, ours) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    Ok((
        StdStream::Unix(theirs),
        tokio::net::UnixStream::from_std(ours)?,
    ))
}

/// Two ends of a connection within this process. Windows has no pairs: a listener that takes one connection, ours.
#[cfg(not(unix))]
fn pair() -> io::Result<(StdStream, tokio::net::TcpStream)> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    let theirs = std::net::TcpStream::connect(listener.local_addr()?)?;
    let (ours, from) = listener.accept()?;
    if from != theirs.local_addr()? {
        return Err(io::Error::other("another process came between"));
    }
    ours.set_nonblocking(true)?;
    ours.set_nodelay(true)?;
    theirs.set_nodelay(true)?;
    Ok((
        StdStream::Tcp(theirs),
        tokio::net::TcpStream::from_std(ours)?,
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag, 0x84];
        bytes.extend((content.len() as u32).to_be_bytes());
        bytes.extend(content);
        bytes
    }

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(Vec::new(), |inner, _| element(0x30, &inner))
    }

    fn inspect(bytes: &[u8]) -> Result<(), &'static str> {
        Inspector::default().take(bytes)
    }

    /// A search result entry as AD writes it, and a search's end.
    fn answer() -> Vec<u8> {
        let values = element(
            0x31,
            &[element(4, b"group"), element(4, &[7; 300])].concat(),
        );
        let attribute = element(0x30, &[element(4, b"member;range=0-*"), values].concat());
        let entry = element(
            0x64,
            &[element(4, b"CN=x"), element(0x30, &attribute)].concat(),
        );
        let mut bytes = element(0x30, &[vec![2, 1, 5], entry].concat());
        bytes.extend(b"\x30\x0c\x02\x01\x05\x65\x07\x0a\x01\x00\x04\x00\x04\x00");
        bytes
    }

    #[test]
    fn answers_pass_and_what_is_none_does_not() {
        let answers = [answer(), answer(), vec![0x30, 0], answer()].concat();
        assert_eq!(inspect(&answers), Ok(()));
        assert_eq!(inspect(&nested(DEPTH)), Ok(()));
        for (bytes, what) in [
            (nested(DEPTH + 1), "deeper"),
            (nested(100_000), "deeper"),
            (b"HTTP/1.1 400".to_vec(), "no LDAP"),
            (vec![0x30, 0x80], "impossible"),
            (vec![0x30, 0x85, 0, 0, 0, 0, 1], "impossible"),
            (vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff], "longer than any"),
            (vec![0x30, 3, 2, 2, 1, 1], "longer than what"),
            (vec![0x30, 1, 2, 1, 1], "longer than what"),
            (vec![0x30, 4, 0x30, 2, 4, 1, 0], "longer than what"),
        ] {
            assert!(inspect(&bytes).unwrap_err().contains(what), "{what}");
        }
    }

    proptest! {
        /// What passes is decoded without end or depth, and pieces change nothing.
        #[test]
        fn what_passes_can_be_decoded(
            bytes in proptest::collection::vec(prop_oneof![Just(0x30u8), Just(0x81), 0u8..12, any::<u8>()], 0..200),
            cut in 0usize..200,
        ) {
            let whole = inspect(&bytes);
            let mut inspector = Inspector::default();
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let parts = inspector.take(first).and_then(|()| inspector.take(second));
            prop_assert_eq!(whole, parts);
            if whole.is_ok() && inspector.open.is_empty() && matches!(inspector.at, At::Tag) {
                let mut rest = bytes.as_slice();
                while !rest.is_empty() {
                    let parsed = lber::parse::parse_tag(rest);
                    prop_assert!(parsed.is_ok(), "{:?}", parsed);
                    rest = parsed.unwrap().0;
                }
            }
        }
    }

    #[tokio::test]
    async fn a_pair_is_connected() {
        let (theirs, mut ours) = pair().unwrap();
        #[cfg(unix)]
        let StdStream::Unix(mut theirs) = theirs else {
            panic!()
        };
        #[cfg(not(unix))]
        let StdStream::Tcp(mut theirs) = theirs else {
            panic!()
        };
        io::Write::write_all(&mut theirs, b"x").unwrap();
        assert_eq!(ours.read_u8().await.unwrap(), b'x');
    }
}
