//! Frames on the wire (RFC 5734 section 4): four octets with the length, big-endian and counting themselves, then XML.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The largest frame that is read, in octets. Answers of registries are a few KiB.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;
/// How many octets the length itself takes.
const HEADER_BYTES: usize = 4;

/// Reads one frame, without its length.
///
/// # Errors
/// The stream's, `InvalidData` for a length that cannot be or text that is not UTF-8, `UnexpectedEof` when it breaks off.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<String, Error> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    let length = u32::from_be_bytes(header) as usize;
    if length <= HEADER_BYTES || length > FRAME_BYTES_MAX {
        let words = format!("a frame of {length} octets cannot be: 5 to {FRAME_BYTES_MAX} are taken");
        return Err(Error::new(ErrorKind::InvalidData, words));
    }
    // A length is a claim: room is made as the octets come, not before.
    let mut octets = Vec::new();
    let wanted = length - HEADER_BYTES;
    stream.take(wanted as u64).read_to_end(&mut octets).await?;
    if octets.len() < wanted {
        let words = format!("a frame broke off after {} of {wanted} octets", octets.len());
        return Err(Error::new(ErrorKind::UnexpectedEof, words));
    }
    String::from_utf8(octets).map_err(|_| Error::new(ErrorKind::InvalidData, "a frame is not UTF-8"))
}

/// Writes one frame and its length.
///
/// # Errors
/// The stream's; `InvalidInput` for a frame that is too large.
pub async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &str) -> Result<(), Error> {
    let length = frame.len() + HEADER_BYTES;
    if length > FRAME_BYTES_MAX {
        return Err(Error::new(ErrorKind::InvalidInput, format!("a frame of {length} octets is too large")));
    }
    let header = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut octets = Vec::with_capacity(length);
    octets.extend_from_slice(&header);
    octets.extend_from_slice(frame.as_bytes());
    stream.write_all(&octets).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_length_counts_itself() {
        let mut wire = Vec::new();
        write(&mut wire, "<a/>").await.expect("memory");
        assert_eq!(wire, [0, 0, 0, 8, b'<', b'a', b'/', b'>']);
        assert_eq!(read(&mut wire.as_slice()).await.expect("whole"), "<a/>");
    }

    #[tokio::test]
    async fn lengths_that_cannot_be_and_frames_that_break_off_are_errors() {
        for (wire, kind) in [
            (&[0, 0, 0, 4][..], ErrorKind::InvalidData),
            (&[0, 0, 0, 0][..], ErrorKind::InvalidData),
            (&[0xff, 0xff, 0xff, 0xff, b'<'][..], ErrorKind::InvalidData),
            (&[0, 0, 0, 9, b'<'][..], ErrorKind::UnexpectedEof),
            (&[0, 0][..], ErrorKind::UnexpectedEof),
            (&[0, 0, 0, 5, 0xff][..], ErrorKind::InvalidData),
        ] {
            let mut wire = wire;
            assert_eq!(read(&mut wire).await.expect_err("not a frame").kind(), kind);
        }
    }
}
