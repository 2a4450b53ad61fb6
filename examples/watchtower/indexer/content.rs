//! One pass over the bytes of a file.

use std::io::{self, Read};

use minions::prelude::*;
use sha2::{Digest as _, Sha256};

/// What the bytes say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Content {
    /// Lower-case hex.
    pub(super) sha256: String,
    pub(super) bytes: u64,
    /// The number of line feeds.
    pub(super) lines: u64,
    /// If it begins with `#!`, which tells the language of a script.
    pub(super) first_line: String,
}

const CHUNK: usize = 64 << 10;
const LONGEST_FIRST_LINE: usize = 128;

impl Content {
    /// Reads to the end, a chunk at a time.
    pub(super) fn of(file: impl Read) -> io::Result<Self> {
        Self::pass(file, |_| {})
    }

    /// Reads to the end and keeps the bytes, which the caller knows to be few.
    pub(super) fn and_text_of(file: impl Read) -> io::Result<(Self, String)> {
        let mut bytes = Vec::new();
        let content = Self::pass(file, |chunk| bytes.extend_from_slice(chunk))?;
        Ok((content, String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn pass(mut file: impl Read, mut each: impl FnMut(&[u8])) -> io::Result<Self> {
        let mut chunk = vec![0; CHUNK];
        let (mut hash, mut bytes, mut lines) = (Sha256::new(), 0, 0);
        let mut first_line = String::new();
        loop {
            let chunk = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => &chunk[..read],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if bytes == 0 && chunk.starts_with(b"#!") {
                let line = chunk.split(|byte| *byte == b'\n').next().unwrap_or_default();
                first_line = String::from_utf8_lossy(&line[..line.len().min(LONGEST_FIRST_LINE)]).into_owned();
            }
            hash.update(chunk);
            bytes += chunk.len() as u64;
            lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
            each(chunk);
        }
        Ok(Self { sha256: format!("{:x}", hash.finalize()), bytes, lines, first_line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Content {
        Content::of(bytes).unwrap()
    }

    #[test]
    fn hashes_are_those_of_everybody_else() {
        assert_eq!(of(b"").sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(of(b"abc").sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn lines_are_line_feeds() {
        let lines: Vec<_> =
            [&b""[..], b"a", b"a\n", b"\n\n", b"a\r\nb\rc", b"\0\n\xff"].iter().map(|bytes| of(bytes).lines).collect();
        assert_eq!(lines, [0, 0, 1, 2, 1, 1]);
    }

    #[test]
    fn a_file_of_many_chunks_is_one_content() {
        let bytes = b"0123456789\n".repeat(20_000);
        let (content, text) = Content::and_text_of(&bytes[..]).unwrap();
        assert_eq!((content.bytes, content.lines), (220_000, 20_000));
        assert_eq!(text.as_bytes(), bytes);
        assert_eq!(content, of(&bytes));
    }

    #[test]
    fn only_a_script_has_a_first_line() {
        assert_eq!(of(b"#!/bin/sh\nexit").first_line, "#!/bin/sh");
        assert_eq!(of(b"#! no line feed").first_line, "#! no line feed");
        assert_eq!(of(b"text\n#!").first_line, "");
    }
}
