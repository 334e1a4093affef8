//! Random choices and hostile bytes.

/// xorshift: repeatable, and no dependency.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        // Zero would stay zero for ever.
        Dice(seed | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// True once in so many times.
    pub(super) fn once_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }
}

/// Bytes that are no request at all, or one of a kind that nobody sends.
const ODD: &[&[u8]] = &[
    b"",
    b"{}",
    b"[]",
    b"null",
    b"{\"op\":",
    b"\xff\xfe{}",
    b"{\"op\":\"\xed\xa0\x80\"}",
    b"\xef\xbb\xbf{\"op\":\"context\"}",
    b"{\"op\":\"\\ud800\"}",
    b"{\"op\":1e999}",
    b"{\"clientTimeoutSec\":18446744073709551616}",
    b"{\"op\":\"context\",\"op\":\"connect\"}",
    b"{\"connection\":{\"signIn\":{\"kind\":[]}}}",
    b"{\"op\":\"groups\",\"ldapFilter\":\"(((((\"}",
    b"{\"action\":\"group\",\"identity\":[\"\",\"\\u0000\",\"*\"]}",
    b"{\"ask\":1}\nsecret",
    b"{\"ask\":1,\"unavailable\":true}",
    b"{\"ask\":2,\"approve\":true,\"refused\":[]}",
    b"{\"ask\":18446744073709551615}\n\x00\x00",
    b"{\"ask\":1}\n",
    b"\n\n\n",
    b"\x00",
];

/// One of the odd ones, or something deep or long.
pub(super) fn odd(dice: &mut Dice) -> Vec<u8> {
    match dice.below(60) {
        0 => "[".repeat(100_000).into_bytes(),
        1 => "{\"a\":".repeat(50_000).into_bytes(),
        2 => format!(
            "{{\"op\":\"groups\",\"ldapFilter\":\"{}\"}}",
            "(!".repeat(20_000)
        )
        .into_bytes(),
        3 => format!(
            "{{\"op\":\"groups\",\"cloudFilter\":\"{}mailEnabled\"}}",
            "not ".repeat(20_000)
        )
        .into_bytes(),
        4 => format!("{{\"op\":\"{}\"}}", "x".repeat(1 << 20)).into_bytes(),
        5 => format!("{{{}\"op\":\"context\"}}", "\"x\":1,".repeat(10_000)).into_bytes(),
        _ => dice.pick(ODD).map(|b| b.to_vec()).unwrap_or_default(),
    }
}

/// A few random faults in bytes that were good.
pub(super) fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..=dice.below(4) {
        if bytes.is_empty() {
            return;
        }
        let at = dice.below(bytes.len());
        match dice.below(7) {
            0 => bytes[at] = dice.next() as u8,
            1 => bytes[at] ^= 1 << dice.below(8),
            2 => {
                bytes.remove(at);
            }
            3 => bytes.insert(at, *dice.pick(b"\"{}[]:,\\0-e\n\x00\xff").unwrap_or(&b'"')),
            4 => bytes.truncate(at),
            5 => {
                let end = at + dice.below(bytes.len() - at);
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let word = odd(dice);
                if word.len() < 200 {
                    bytes.splice(at..at, word);
                }
            }
        }
    }
}
