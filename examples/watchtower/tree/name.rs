//! Paths as text: relative to the root, with `/`, and no file left out because of its name.
//!
//! On Unix a file name is any bytes. Those that are not UTF-8 are written as the characters U+F780 to U+F7FF, one for
//! each byte; a name that really has such a character in it is written the same way, byte by byte. So every name has one
//! text and every text one name.

use std::ffi::{OsStr, OsString};

/// The text of one name.
#[cfg(unix)]
pub(super) fn to_text(name: &OsStr) -> String {
    use std::os::unix::ffi::OsStrExt as _;

    let mut text = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            match byte_of(c) {
                Some(_) => text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(char_of)),
                None => text.push(c),
            }
        }
        text.extend(chunk.invalid().iter().copied().map(char_of));
    }
    text
}

/// The name that [`to_text`] was given.
#[cfg(unix)]
pub(super) fn from_text(text: &str) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;

    let mut name = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => name.push(byte),
            None => name.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    OsString::from_vec(name)
}

#[cfg(not(unix))]
pub(super) fn to_text(name: &OsStr) -> String {
    name.to_string_lossy().into_owned()
}

#[cfg(not(unix))]
pub(super) fn from_text(text: &str) -> OsString {
    text.into()
}

/// Where the bytes from 0x80 lie in the private use area, less 0x80.
#[cfg(unix)]
const BYTES: u32 = 0xF700;

#[cfg(unix)]
fn char_of(byte: u8) -> char {
    char::from_u32(BYTES + u32::from(byte)).expect("the private use area has no gaps")
}

#[cfg(unix)]
fn byte_of(c: char) -> Option<u8> {
    let byte = u8::try_from(u32::from(c).checked_sub(BYTES)?).ok()?;
    (byte >= 0x80).then_some(byte)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn ordinary_names_are_their_own_text() {
        for name in ["main.rs", "straße.md", "日本語", "a b\tc\nd", "back\\slash", "🦀"] {
            assert_eq!(to_text(OsStr::new(name)), name);
            assert_eq!(from_text(name), name);
        }
    }

    #[test]
    fn every_name_has_a_text_of_its_own() {
        let names: [&[u8]; 5] = [b"caf\xe9", b"\xff\xfe", b"\xef\x9e\x80", "\u{f7e9}".as_bytes(), b"caf\xc3\xa9"];
        let mut texts = Vec::new();
        for name in names {
            let text = to_text(OsStr::from_bytes(name));
            assert_eq!(from_text(&text).as_bytes(), name);
            texts.push(text);
        }
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), names.len());
    }
}
