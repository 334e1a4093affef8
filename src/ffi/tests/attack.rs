//! Callers that know no rules: all functions, with live, dead and invented handles and hostile bytes, from several
//! threads at once. They may get any status; nothing may break, block or leak.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::*;

/// xorshift: repeatable, and no dependency.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

const INPUTS: &[&[u8]] = &[
    b"{}",
    b"",
    b"[]",
    b"{\"op\":",
    b"\xff\xfe{}",
    b"{\"op\":\"\xed\xa0\x80\"}",
    b"{\"op\":\"items\",\"count\":50,\"size\":100}",
    b"{\"op\":\"items\",\"count\":100000,\"size\":1000}",
    b"{\"op\":\"wait\"}",
    b"{\"op\":\"secret\"}",
    b"{\"op\":\"ask\",\"kind\":\"sign\"}",
    b"{\"op\":\"ask\",\"kind\":\"approve\"}",
    b"{\"op\":\"progress\",\"count\":1000,\"ms\":1}",
    b"{\"op\":\"panic\"}",
    b"{\"op\":\"panicStart\"}",
    b"{\"op\":\"bomb\"}",
    b"{\"op\":\"refuse\"}",
    b"{\"panic\":true}",
    b"{\"panicClose\":true}",
    b"{\"ask\":1}\nsecret",
    b"{\"ask\":1,\"unavailable\":true}",
    b"{\"ask\":1,\"approve\":true}\n",
    b"{\"ask\":2,\"approve\":false}",
    b"{\"ask\":18446744073709551615}\n\x00\x00",
];

/// Handles that any thread has seen, dead ones among them.
type Seen = Mutex<Vec<u64>>;

fn handle(dice: &mut Dice, seen: &Seen) -> u64 {
    let seen = seen.lock().unwrap();
    // Mostly of late, so that many still live.
    let back = if dice.below(4) == 0 { seen.len() } else { 12 };
    let some = match seen.len() {
        0 => 0,
        len => seen[len - 1 - dice.below(len.min(back))],
    };
    match dice.below(12) {
        0 => dice.next(),
        1 => some ^ (1 << dice.below(64)),
        2 => dice.pick(&[&0, &1, &u64::MAX]).to_owned(),
        _ => some,
    }
}

fn caller(core: &Core<TestEngine>, seen: &Seen, seed: u64, until: Instant) -> [usize; 104] {
    let mut dice = Dice(seed);
    let mut statuses = [0; 104];
    // Structures this caller gives back now, later, twice, or copied.
    let mut kept: Vec<gwb_buffer> = Vec::new();
    while Instant::now() < until {
        let mut out = gwb_buffer::empty();
        let mut error = gwb_buffer::empty();
        let mut token = 0;
        let null = dice.below(10) == 0;
        let out_ptr = if null { ptr::null_mut() } else { &raw mut out };
        let token_ptr = if dice.below(10) == 0 {
            ptr::null_mut()
        } else {
            &raw mut token
        };
        let error_ptr = if dice.below(4) == 0 {
            ptr::null_mut()
        } else {
            &raw mut error
        };
        let input = dice.pick(INPUTS);
        let (input_ptr, len) = match dice.below(16) {
            0 => (ptr::null(), dice.below(3)),
            1 => (ptr::null(), usize::MAX - dice.below(3)),
            // A cut is often in the middle of a character or a string.
            2 => (input.as_ptr(), dice.below(input.len() + 1)),
            3 => (input.as_ptr(), usize::MAX),
            _ => (input.as_ptr(), input.len()),
        };
        let target = handle(&mut dice, seen);
        let begin = Instant::now();
        let which = dice.below(40);
        // SAFETY: pointers are null or valid; an overlong length is refused before it is believed.
        let status = unsafe {
            match which {
                0..4 => calls::open(core, input_ptr, len, token_ptr, error_ptr),
                4 => calls::close(core, target, error_ptr),
                5..16 => {
                    let start = Start {
                        function: "gwb_sync",
                        request: Request::Sync,
                        session: target,
                        ptr: input_ptr,
                        len,
                        operation: token_ptr,
                    };
                    calls::start(core, start, error_ptr)
                }
                16..26 => {
                    let wait = dice.below(20) as u32;
                    calls::next(core, target, wait, out_ptr, error_ptr)
                }
                26..30 => calls::answer(core, target, input_ptr, len, error_ptr),
                30..33 => calls::cancel(core, target, error_ptr),
                33..35 => calls::release(core, target, error_ptr),
                35 => calls::version(core, out_ptr, error_ptr),
                36 => {
                    let mut invented = gwb_buffer {
                        ptr: ptr::without_provenance_mut(dice.next() as usize),
                        len: dice.next() as usize,
                    };
                    calls::buffer_free(core, &mut invented);
                    calls::buffer_free(core, ptr::null_mut());
                    GWB_OK
                }
                37 if !kept.is_empty() => {
                    let place = dice.below(kept.len());
                    let mut buffer = kept.swap_remove(place);
                    calls::buffer_free(core, &mut buffer);
                    calls::buffer_free(core, &mut buffer);
                    GWB_OK
                }
                _ => {
                    assert_eq!(calls::abi_version(core), GWB_ABI_VERSION);
                    GWB_OK
                }
            }
        };
        let slow = begin.elapsed();
        assert!(
            slow < Duration::from_secs(if which == 4 { 10 } else { 2 }),
            "{which}: {slow:?}"
        );
        statuses[status as usize] += 1;
        assert!(status >= GWB_INVALID_HANDLE || error.ptr.is_null());
        assert!(status == GWB_OK || (out.ptr.is_null() && token == 0));
        if token != 0 {
            seen.lock().unwrap().push(token);
        }
        for buffer in [out, error] {
            if !buffer.ptr.is_null() {
                // SAFETY: the library's, not freed yet.
                let bytes = unsafe { std::slice::from_raw_parts(buffer.ptr, buffer.len) };
                assert!(std::str::from_utf8(bytes).is_ok());
                kept.push(buffer);
            }
        }
    }
    for mut buffer in kept {
        // SAFETY: a valid structure.
        unsafe { calls::buffer_free(core, &mut buffer) };
    }
    statuses
}

#[test]
fn any_call_in_any_order() {
    let core = Core::new();
    let seen = Seen::default();
    let until = Instant::now() + Duration::from_secs(3);
    let seed: u64 = std::env::var("GWB_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0x5eed);
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (1..=4)
            .map(|n| (n, &core, &seen))
            .map(|(n, core, seen)| scope.spawn(move || caller(core, seen, seed * n, until)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for status in [
        GWB_OK,
        GWB_PENDING,
        GWB_END,
        GWB_INVALID_HANDLE,
        GWB_INVALID_ARGUMENT,
        GWB_ERROR,
        GWB_PANIC,
    ] {
        let count: usize = all.iter().map(|counts| counts[status as usize]).sum();
        assert!(count > 0, "status {status} was never provoked");
    }
    for token in seen.into_inner().unwrap() {
        // SAFETY: null is allowed.
        unsafe { calls::close(&core, token, ptr::null_mut()) };
    }
    assert_eq!(core.live(), (0, 0), "everything was given back");
}
