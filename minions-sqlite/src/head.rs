//! How a checkpoint lies in its column: a head of fixed width, the step, the context, and room for more.
//!
//! What changes with every checkpoint is one value, so that it can be written in place: SQLite takes a row apart and puts
//! it together again for every column that a statement changes. All of the head is printable, and the view
//! `minions_workflow` shows its fields as columns.
//!
//! ```text
//!  0 rest of the identity, which begins with the key     17 hexadecimal digits
//! 17 mark                                                 1 `-`, `+` or `*`; see `Mark`
//! 18 kind                                                 1 `t` or `b`: how the whole value is stored
//! 19 revision, seq, attempt, version                 4 × 10 decimal digits
//! 59 steps_hash                                          16 hexadecimal digits
//! 75 updated_ms                                          20 decimal digits, with a sign if it is negative
//! 95 length of the step in bytes                          5 decimal digits
//! 100 length of the context in bytes                     10 decimal digits
//! 110 a space, the step, a space, the context, spaces
//! ```
//!
//! Files are out there: a layout that is not this one needs a migration.

use std::ops::Range;
use std::str;

use minions_core::workflow::WorkflowId;

/// How many bytes come before the step.
pub(crate) const LEN: usize = 111;

/// How many bytes of an identity are not in its key.
pub(crate) const REST: usize = 17;

const MARK: usize = 17;
const KIND: usize = 18;
const HASH: Range<usize> = 59..75;
const UPDATED: Range<usize> = 75..95;
const STEP_LEN: Range<usize> = 95..100;
const CONTEXT_LEN: Range<usize> = 100..110;

/// The longest name of a step.
pub(crate) const LONGEST_STEP: usize = 99_999;

/// One of the numbers that count something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    name: &'static str,
    at: usize,
}

pub(crate) const REVISION: Count = Count { name: "revision", at: 19 };
pub(crate) const SEQ: Count = Count { name: "seq", at: 29 };
pub(crate) const ATTEMPT: Count = Count { name: "attempt", at: 39 };
pub(crate) const VERSION: Count = Count { name: "version", at: 49 };

/// What there is to know of a workflow beside its checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Nothing: it runs, and has no row in `minions_special`.
    Plain,
    /// It has such a row, which a checkpoint leaves as it is.
    Special,
    /// It has such a row, which says what it waits for, or has waited for.
    Waits,
}

/// How the value is stored, so that a shell shows text as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
}

impl Kind {
    pub(crate) fn of(context: &[u8]) -> Self {
        if str::from_utf8(context).is_ok() { Self::Text } else { Self::Bytes }
    }
}

/// The fixed part of a checkpoint, as bytes: what is not asked for is not read, and what is not set stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head([u8; LEN]);

impl Head {
    /// The head of a workflow before its first step.
    pub(crate) fn new(id: WorkflowId) -> Self {
        let mut bytes = [b'0'; LEN];
        bytes[..REST].copy_from_slice(&rest(id));
        (bytes[MARK], bytes[KIND], bytes[LEN - 1]) = (b'-', b't', b' ');
        Self(bytes)
    }

    /// The head that `value` begins with; one that says nothing if there is none.
    pub(crate) fn of(value: &[u8]) -> Self {
        Self(value.first_chunk().copied().unwrap_or([b'?'; LEN]))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; LEN] {
        &self.0
    }

    /// Whether it is that of `id`, whose key it has been found by. One that is damaged there is taken for it.
    pub(crate) fn is_of(&self, id: WorkflowId) -> bool {
        let stored = &self.0[..REST];
        stored == rest(id) || !is_hex(stored)
    }

    /// A mark that nobody knows says that there is something to know.
    pub(crate) fn mark(&self) -> Mark {
        match self.0[MARK] {
            b'-' => Mark::Plain,
            b'+' => Mark::Special,
            _ => Mark::Waits,
        }
    }

    pub(crate) fn set_mark(&mut self, mark: Mark) {
        self.0[MARK] = match mark {
            Mark::Plain => b'-',
            Mark::Special => b'+',
            Mark::Waits => b'*',
        };
    }

    /// None if nobody knows it.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self.0[KIND] {
            b't' => Some(Kind::Text),
            b'b' => Some(Kind::Bytes),
            _ => None,
        }
    }

    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn count(&self, count: Count) -> Result<u32, String> {
        let bytes = &self.0[count.at..count.at + 10];
        let add = |sum: u64, byte: &u8| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'));
        let number = bytes.iter().try_fold(0, add).and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| match number_in(bytes) {
            Some(number) => format!("its {} is {number}", count.name),
            None => format!("its {} is no number", count.name),
        })
    }

    pub(crate) fn set_count(&mut self, count: Count, number: u32) {
        digits(&mut self.0[count.at..count.at + 10], u64::from(number));
    }

    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn steps_hash(&self) -> Result<u64, String> {
        let text = str::from_utf8(&self.0[HASH]).ok().filter(|text| is_hex(text.as_bytes()));
        text.and_then(|text| u64::from_str_radix(text, 16).ok()).ok_or_else(|| "its steps_hash is no number".to_owned())
    }

    pub(crate) fn set_steps_hash(&mut self, hash: u64) {
        hex(&mut self.0[HASH], &hash.to_be_bytes());
    }

    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn updated_ms(&self) -> Result<i64, String> {
        number_in(&self.0[UPDATED]).ok_or_else(|| "its updated_ms is no number".to_owned())
    }

    pub(crate) fn set_updated_ms(&mut self, at_ms: i64) {
        let field = &mut self.0[UPDATED];
        digits(field, at_ms.unsigned_abs());
        if at_ms < 0 {
            field[0] = b'-';
        }
    }

    /// Step and context of `value`, which begins with this head.
    ///
    /// # Errors
    ///
    /// What is wrong with the value.
    pub(crate) fn body<'v>(&self, value: &'v [u8]) -> Result<(&'v [u8], &'v [u8]), String> {
        let length = |field: Range<usize>| number_in(&self.0[field]).and_then(|number| usize::try_from(number).ok());
        let cut = || {
            let (step, rest) = value.get(LEN..)?.split_at_checked(length(STEP_LEN)?)?;
            Some((step, rest.get(1..)?.get(..length(CONTEXT_LEN)?)?))
        };
        cut().ok_or_else(|| "its checkpoint is cut off, or has lengths that are no numbers".to_owned())
    }

    /// Writes the whole value into `value`: this head with another body, whose step is no longer than [`LONGEST_STEP`].
    pub(crate) fn write(&mut self, step: &str, context: &[u8], kind: Kind, value: &mut Vec<u8>) {
        self.0[KIND] = if kind == Kind::Text { b't' } else { b'b' };
        digits(&mut self.0[STEP_LEN], step.len() as u64);
        digits(&mut self.0[CONTEXT_LEN], context.len() as u64);
        value.clear();
        value.extend_from_slice(&self.0);
        value.extend_from_slice(step.as_bytes());
        value.push(b' ');
        value.extend_from_slice(context);
    }
}

/// How much room a value of `len` bytes gets, so that the next ones fit as well.
pub(crate) fn roomy(len: usize) -> usize {
    (len + (len / 8).clamp(32, 1024)).next_multiple_of(16)
}

/// The identity of the row `key` whose checkpoint begins with `rest`; one with zeros for the rest if that is damaged.
///
/// # Errors
///
/// That identity, if the rest is damaged.
pub(crate) fn identity(key: i64, rest: &[u8]) -> Result<WorkflowId, WorkflowId> {
    let key = key.cast_unsigned();
    let of = |version: u64, low: u64| {
        let high = (key >> 12 << 16) | (version << 12) | (key & 0xfff);
        WorkflowId::from_bytes(((u128::from(high) << 64) | u128::from(low)).to_be_bytes())
    };
    let number = |digits: &[u8]| {
        let text = str::from_utf8(digits).ok().filter(|text| is_hex(text.as_bytes()));
        text.and_then(|text| u64::from_str_radix(text, 16).ok())
    };
    let read = || Some(of(number(rest.get(..1)?)?, number(rest.get(1..REST)?)?));
    read().ok_or_else(|| of(7, 0))
}

/// What of `id` is not in its key: the version and the lower half.
fn rest(id: WorkflowId) -> [u8; REST] {
    let mut rest = [0; REST];
    let (high, low) = id.as_bytes().split_at(8);
    rest[0] = DIGITS[usize::from(high[6] >> 4)];
    hex(&mut rest[1..], low);
    rest
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn hex(to: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in to.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

fn digits(to: &mut [u8], mut number: u64) {
    for digit in to.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

fn number_in(digits: &[u8]) -> Option<i64> {
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use minions_core::workflow::WorkflowIds;

    use super::*;

    const COUNTS: [Count; 4] = [REVISION, SEQ, ATTEMPT, VERSION];

    fn written(head: &mut Head, step: &str, context: &[u8]) -> Vec<u8> {
        let mut value = Vec::new();
        head.write(step, context, Kind::of(context), &mut value);
        value
    }

    #[test]
    fn what_is_written_is_read_also_with_the_widest_numbers() {
        let id = WorkflowIds::after(None).next();
        for (count, hash, at_ms) in [(0, 0, 0), (7, 1 << 63, -1), (u32::MAX, u64::MAX, i64::MAX), (1, 1, i64::MIN)] {
            let mut head = Head::new(id);
            COUNTS.iter().for_each(|&field| head.set_count(field, count));
            head.set_steps_hash(hash);
            head.set_updated_ms(at_ms);
            let mut value = written(&mut head, "naïve 🍌", b"{\"a\": 1} ");
            value.resize(roomy(value.len()), b' ');
            let read = Head::of(&value);
            assert_eq!(read, head);
            assert_eq!(COUNTS.map(|field| read.count(field).unwrap()), [count; 4]);
            assert_eq!((read.steps_hash().unwrap(), read.updated_ms().unwrap()), (hash, at_ms));
            assert_eq!(read.body(&value).unwrap(), ("naïve 🍌".as_bytes(), &b"{\"a\": 1} "[..]));
            assert_eq!(identity(id.key(), &value), Ok(id));
            assert!(str::from_utf8(&value).is_ok());
        }
    }

    #[test]
    fn marks_and_kinds_are_told_apart() {
        let mut head = Head::new(WorkflowIds::after(None).next());
        assert_eq!((head.mark(), head.kind()), (Mark::Plain, Some(Kind::Text)));
        for mark in [Mark::Special, Mark::Waits, Mark::Plain] {
            head.set_mark(mark);
            assert_eq!(head.mark(), mark);
        }
        let value = written(&mut head, "fetch", &[0xff, b' ', 0]);
        assert_eq!(Head::of(&value).kind(), Some(Kind::Bytes));
        assert_eq!(head.body(&value).unwrap().1, [0xff, b' ', 0]);
        let nobody_knows = Head::of(&[b'?'; LEN]);
        assert_eq!((nobody_knows.mark(), nobody_knows.kind()), (Mark::Waits, None));
    }

    #[test]
    fn another_identity_of_the_same_key_is_another_one() {
        let ids = WorkflowIds::after(None);
        let id = ids.next();
        let head = Head::new(id);
        assert!(head.is_of(id));
        for at in [6, 8, 15] {
            let mut bytes = *id.as_bytes();
            bytes[at] ^= 0x10;
            let twin = WorkflowId::from_bytes(bytes);
            assert_eq!(twin.key(), id.key());
            assert!(!head.is_of(twin));
        }
    }

    #[test]
    fn a_damaged_identity_is_that_of_its_key() {
        let id = WorkflowIds::after(None).next();
        let mut value = written(&mut Head::new(id), "fetch", b"");
        value[3] = b'\xf3';
        let known = identity(id.key(), &value).unwrap_err();
        assert_eq!(known.key(), id.key());
        assert!(Head::of(&value).is_of(known) && Head::of(&value).is_of(id));
        assert_eq!(identity(id.key(), b"0").unwrap_err(), known);
    }

    #[test]
    fn damage_is_told_and_stays_where_it_is() {
        let mut head = Head::new(WorkflowIds::after(None).next());
        head.set_count(ATTEMPT, 7);
        let mut value = written(&mut head, "fetch", b"{}");
        value[29..39].copy_from_slice(b"-000000001");
        value[39..49].copy_from_slice(b"9999999999");
        value[49..59].copy_from_slice(b"00000 0000");
        value[59] = b'+';
        let read = Head::of(&value);
        assert_eq!(read.count(REVISION), Ok(0));
        assert_eq!(read.count(SEQ).unwrap_err(), "its seq is -1");
        assert_eq!(read.count(ATTEMPT).unwrap_err(), "its attempt is 9999999999");
        assert_eq!(read.count(VERSION).unwrap_err(), "its version is no number");
        assert_eq!(read.steps_hash().unwrap_err(), "its steps_hash is no number");
        assert_eq!(read.body(&value).unwrap(), (&b"fetch"[..], &b"{}"[..]));
        assert!(read.body(&value[..value.len() - 1]).is_err());
        let short = Head::of(&value[..LEN - 1]);
        assert!(short.count(REVISION).is_err() && short.updated_ms().is_err() && short.body(&value).is_err());
    }
}
