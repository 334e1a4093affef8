//! One thread of the attack.

use std::collections::VecDeque;
use std::ptr;
use std::time::{Duration, Instant};

use super::super::buffer::gwb_buffer;
use super::super::status::{
    GWB_ABI_VERSION, GWB_END, GWB_INVALID_HANDLE, GWB_OK, GWB_PANIC, GWB_PENDING,
};
use super::arguments::{Input, Out};
use super::bytes::Dice;
use super::watch::{Known, Question, World, failure, misses};
use super::{Abi, End, Material, Report, StartKind};

/// Sessions that live at a time.
const SESSIONS: usize = 12;
/// What the contract says of every call but closing.
const LONGEST: Duration = Duration::from_millis(250);
/// What an out-parameter holds before the call, and must still hold when it is not written.
const UNTOUCHED: u64 = 0x5eed_5eed_5eed_5eed;

pub(super) struct Caller<'a, A> {
    abi: &'a A,
    material: &'a Material,
    world: &'a World,
    end: &'a End,
    dice: Dice,
    report: Report,
    /// Buffers to be given back later.
    kept: Vec<gwb_buffer>,
    /// The last calls, for the report of a violation.
    trail: VecDeque<(&'static str, u64, i32)>,
}

impl<'a, A: Abi> Caller<'a, A> {
    pub(super) fn new(
        abi: &'a A,
        material: &'a Material,
        world: &'a World,
        end: &'a End,
        seed: u64,
    ) -> Self {
        Caller {
            abi,
            material,
            world,
            end,
            dice: Dice::new(seed),
            report: Report::default(),
            kept: Vec::new(),
            trail: VecDeque::new(),
        }
    }

    pub(super) fn run(mut self) -> Report {
        while self.end.take() {
            self.report.calls += 1;
            if let Err(what) = self.one() {
                let trail: Vec<String> = self
                    .trail
                    .iter()
                    .map(|(name, handle, status)| format!("{name}({handle:#x}) = {status}"))
                    .collect();
                self.report
                    .violations
                    .push(format!("{what}\n  after {}", trail.join(", ")));
                self.end
                    .stop
                    .store(true, std::sync::atomic::Ordering::Relaxed);
            }
        }
        for mut buffer in std::mem::take(&mut self.kept) {
            // SAFETY: a valid structure.
            unsafe { self.abi.buffer_free(&mut buffer) };
        }
        self.report
    }

    fn one(&mut self) -> Result<(), String> {
        match self.dice.below(100) {
            0..4 => self.open(),
            4 => self.close(),
            5..22 => self.start(),
            22..58 => self.next(),
            58..72 => self.answer(),
            72..77 => self.cancel(),
            77..84 => self.release(),
            84..87 => self.version(),
            87..98 => self.buffers(),
            _ => {
                self.count("gwb_abi_version", 0, GWB_OK);
                match self.abi.abi_version() {
                    GWB_ABI_VERSION => Ok(()),
                    other => Err(format!("version {other}")),
                }
            }
        }
    }

    fn count(&mut self, name: &'static str, handle: u64, status: i32) {
        *self.report.by_function.entry(name).or_default() += 1;
        *self.report.by_status.entry(status).or_default() += 1;
        if self.trail.len() == 16 {
            self.trail.pop_front();
        }
        self.trail.push_back((name, handle, status));
    }

    /// A handle that is no session or operation, is no more, or is one of the other kind; mostly what was asked for.
    fn handle(&mut self, wanted: fn(&World, usize) -> Option<u64>) -> (u64, Option<Known>) {
        let index = self.dice.next() as usize >> 1;
        let any = |world: &World| world.any(index).unwrap_or_default();
        let token = match self.dice.below(12) {
            0 => self.dice.next(),
            1 => any(self.world) ^ 1 << self.dice.below(64),
            2 => *self.dice.pick(&[0, 1, u64::MAX]).unwrap_or(&0),
            3..5 => any(self.world),
            _ => wanted(self.world, index).unwrap_or_default(),
        };
        (token, self.world.known(token))
    }

    fn error(&mut self) -> Out<gwb_buffer> {
        Out::new(gwb_buffer::empty(), &mut self.dice, 8)
    }

    /// What holds after every call with an error object and a handle that was `known` before it.
    fn check(
        &mut self,
        name: &'static str,
        handle: u64,
        known: Option<Known>,
        begin: Instant,
        status: i32,
        error: Out<gwb_buffer>,
    ) -> Result<(), String> {
        if begin.elapsed() > LONGEST && name != "gwb_close" {
            *self.report.slow.entry(name).or_default() += 1;
        }
        self.count(name, handle, status);
        if !(matches!(status, GWB_OK | GWB_PENDING | GWB_END)
            || (GWB_INVALID_HANDLE..=GWB_PANIC).contains(&status))
        {
            return Err(format!("{name}: status {status}"));
        }
        if status == GWB_PANIC && !self.material.panics {
            return Err(format!("{name}: {:?}", self.read(error.get())));
        }
        let takes_handle = !matches!(name, "gwb_open" | "gwb_version");
        if takes_handle && known.is_none_or(|k| k.dead) && !misses(status) {
            return Err(format!("{name}: status {status} for a handle that is none"));
        }
        let failed = status >= GWB_INVALID_HANDLE;
        if error.get().ptr.is_null() {
            return match failed && error.usable() {
                true => Err(format!("{name}: no error object with {status}")),
                false => Ok(()),
            };
        }
        if !failed || !error.usable() {
            return Err(format!("{name}: an error object with {status}"));
        }
        let text = self.read(error.get());
        self.keep(error.take())?;
        failure(status, &text, self.material.panics).map_err(|what| format!("{name}: {what}"))
    }

    fn read(&self, buffer: &gwb_buffer) -> Vec<u8> {
        if buffer.ptr.is_null() {
            return Vec::new();
        }
        // SAFETY: filled by the library, not freed yet.
        unsafe { std::slice::from_raw_parts(buffer.ptr, buffer.len) }.to_vec()
    }

    /// Gives a buffer back at once, or later.
    fn keep(&mut self, mut buffer: gwb_buffer) -> Result<(), String> {
        if self.kept.len() < 100 && self.dice.once_in(3) {
            self.kept.push(buffer);
            return Ok(());
        }
        // SAFETY: a valid structure.
        unsafe { self.abi.buffer_free(&mut buffer) };
        match buffer.ptr.is_null() && buffer.len == 0 {
            true => Ok(()),
            false => Err("a freed buffer is not empty".to_owned()),
        }
    }

    fn open(&mut self) -> Result<(), String> {
        let full = self.world.counts().0 >= SESSIONS;
        let good = self.dice.pick(&self.material.configs).cloned();
        let input = Input::new(
            &mut self.dice,
            good.map(String::into_bytes).filter(|_| !full),
        );
        let out = Out::new(UNTOUCHED, &mut self.dice, 12);
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused for what they are, or valid.
        let status = unsafe { self.abi.open(input.ptr, input.len, out.ptr, error.ptr) };
        drop(input.bytes);
        self.check("gwb_open", 0, None, begin, status, error)?;
        self.token("gwb_open", status, out.take(), 0)
    }

    /// An out-parameter for a handle: written on success and only then.
    fn token(&self, name: &str, status: i32, token: u64, session: u64) -> Result<(), String> {
        match (status == GWB_OK, token == UNTOUCHED || token == 0) {
            (true, false) => {
                self.world.born(token, session);
                Ok(())
            }
            (false, true) if token == UNTOUCHED => Ok(()),
            _ => Err(format!("{name}: {status} and the handle {token:#x}")),
        }
    }

    fn close(&mut self) -> Result<(), String> {
        let (session, known) = self.handle(World::session);
        // Connecting and a cycle take a while: most sessions live on for some thousand calls.
        if known.is_some_and(|k| !k.dead) && !self.dice.once_in(60) {
            return self.next();
        }
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused, or valid.
        let status = unsafe { self.abi.close(session, error.ptr) };
        if status == GWB_OK || status == GWB_PANIC {
            self.world.died(session);
        }
        self.check("gwb_close", session, known, begin, status, error)
    }

    fn start(&mut self) -> Result<(), String> {
        let (session, known) = self.handle(World::session);
        let busy = self.world.counts().1 >= self.material.running;
        let (mut kind, good) = match self.dice.pick(&self.material.requests) {
            Some((kind, text)) if !busy => (*kind, Some(text.clone().into_bytes())),
            _ => (StartKind::Query, None),
        };
        if self.dice.once_in(10) {
            let kinds = [
                StartKind::Enable,
                StartKind::Disable,
                StartKind::Sync,
                StartKind::Query,
            ];
            kind = *self.dice.pick(&kinds).unwrap_or(&kind);
        }
        let name = match kind {
            StartKind::Enable => "gwb_enable",
            StartKind::Disable => "gwb_disable",
            StartKind::Sync => "gwb_sync",
            StartKind::Query => "gwb_query",
        };
        let input = Input::new(&mut self.dice, good);
        let out = Out::new(UNTOUCHED, &mut self.dice, 12);
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused for what they are, or valid.
        let status = unsafe {
            self.abi
                .start(kind, session, input.ptr, input.len, out.ptr, error.ptr)
        };
        drop(input.bytes);
        self.check(name, session, known, begin, status, error)?;
        self.token(name, status, out.take(), session)
    }

    fn next(&mut self) -> Result<(), String> {
        let (operation, known) = self.handle(World::operation);
        let wait = match self.dice.below(100) {
            0 => u32::MAX,
            1..6 => self.dice.below(20) as u32,
            _ => 0,
        };
        let out = Out::new(gwb_buffer::empty(), &mut self.dice, 12);
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused, or valid.
        let status = unsafe { self.abi.next(operation, wait, out.ptr, error.ptr) };
        self.check("gwb_next", operation, known, begin, status, error)?;
        if (status == GWB_OK) == out.get().ptr.is_null() {
            return Err(format!("gwb_next: {status} and {:?}", out.get()));
        }
        if known.is_some_and(|k| k.ended) && matches!(status, GWB_OK | GWB_PENDING) {
            return Err(format!("gwb_next: {status} after the end"));
        }
        if status == GWB_OK {
            let bytes = self.read(out.get());
            self.keep(out.take())?;
            let events = self.world.batch(operation, &bytes, self.material.panics)?;
            for event in events {
                self.note(&event);
            }
        }
        Ok(())
    }

    fn note(&mut self, event: &serde_json::Value) {
        let kind = event["event"].as_str().unwrap_or_default();
        *self.report.events.entry(kind.to_owned()).or_default() += 1;
        match kind {
            "result" => self.report.results += 1,
            "failed" => {
                let id = event["error"]["id"].as_str().unwrap_or_default();
                *self.report.failures.entry(id.to_owned()).or_default() += 1;
            }
            _ => {}
        }
    }

    fn answer(&mut self) -> Result<(), String> {
        let index = self.dice.next() as usize >> 1;
        let question = self.world.question(index).filter(|_| !self.dice.once_in(8));
        let (operation, known, good) = match &question {
            Some(asked) => {
                let known = self.world.known(asked.operation);
                (asked.operation, known, Some(self.right_answer(asked)))
            }
            None => {
                let (operation, known) = self.handle(World::operation);
                (operation, known, None)
            }
        };
        let input = Input::new(&mut self.dice, good);
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused for what they are, or valid.
        let status = unsafe { self.abi.answer(operation, input.ptr, input.len, error.ptr) };
        drop(input.bytes);
        if let (Some(question), GWB_OK) = (&question, status) {
            self.world.answered(question);
        }
        self.check("gwb_answer", operation, known, begin, status, error)
    }

    fn right_answer(&mut self, asked: &Question) -> Vec<u8> {
        let number = asked.number;
        match asked.kind.as_str() {
            "approve" if self.dice.once_in(3) => {
                format!("{{\"ask\":{number},\"approve\":false}}").into_bytes()
            }
            "approve" => format!("{{\"ask\":{number},\"approve\":true}}").into_bytes(),
            _ if self.dice.once_in(10) => {
                format!("{{\"ask\":{number},\"unavailable\":true}}").into_bytes()
            }
            _ => {
                let mut bytes = format!("{{\"ask\":{number}}}\n").into_bytes();
                match self.material.secrets.get(&asked.name) {
                    Some(secret) => bytes.extend_from_slice(secret),
                    None => bytes.extend_from_slice(b"payload"),
                }
                bytes
            }
        }
    }

    fn cancel(&mut self) -> Result<(), String> {
        let (operation, known) = self.handle(World::operation);
        if known.is_some_and(|k| !k.dead && !k.ended) && !self.dice.once_in(50) {
            return self.next();
        }
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused, or valid.
        let status = unsafe { self.abi.cancel(operation, error.ptr) };
        self.check("gwb_cancel", operation, known, begin, status, error)
    }

    fn release(&mut self) -> Result<(), String> {
        let (operation, known) = self.handle(World::operation);
        // Most operations may go on to their end.
        if known.is_some_and(|k| !k.dead && !k.ended) && !self.dice.once_in(100) {
            return self.next();
        }
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused, or valid.
        let status = unsafe { self.abi.release(operation, error.ptr) };
        if status == GWB_OK {
            self.world.died(operation);
        }
        self.check("gwb_release", operation, known, begin, status, error)
    }

    fn version(&mut self) -> Result<(), String> {
        let out = Out::new(gwb_buffer::empty(), &mut self.dice, 6);
        let error = self.error();
        let begin = Instant::now();
        // SAFETY: null, refused, or valid.
        let status = unsafe { self.abi.version(out.ptr, error.ptr) };
        self.check("gwb_version", 0, None, begin, status, error)?;
        match (status == GWB_OK, out.get().ptr.is_null()) {
            (true, false) => self.keep(out.take()),
            (false, true) => Ok(()),
            _ => Err(format!("gwb_version: {status} and {:?}", out.get())),
        }
    }

    /// Gives back what was kept, doubly; and what was never lent, or not like this.
    fn buffers(&mut self) -> Result<(), String> {
        self.count("gwb_buffer_free", 0, GWB_OK);
        let place = self.dice.below(self.kept.len());
        let Some(kept) = self.kept.get(place) else {
            // SAFETY: null is allowed.
            unsafe { self.abi.buffer_free(ptr::null_mut()) };
            return Ok(());
        };
        let before = self.read(kept);
        let address = kept.ptr;
        let wrong = match self.dice.below(4) {
            0 => (
                ptr::without_provenance_mut(self.dice.next() as usize),
                kept.len,
            ),
            1 => (address, kept.len + 1 + self.dice.below(9)),
            2 => (address.wrapping_add(1), kept.len - 1),
            _ => (address, kept.len - 1),
        };
        let mut invented = gwb_buffer {
            ptr: wrong.0,
            len: wrong.1,
        };
        // SAFETY: a valid structure; what it points at is none of the library's, which must leave it alone.
        unsafe { self.abi.buffer_free(&mut invented) };
        if self.read(&self.kept[place]) != before {
            return Err("an invented buffer was freed".to_owned());
        }
        let mut buffer = self.kept.swap_remove(place);
        for _ in 0..2 {
            // SAFETY: a valid structure; freed twice, as the contract allows.
            unsafe { self.abi.buffer_free(&mut buffer) };
        }
        // SAFETY: not aligned, which is looked at before anything is read.
        unsafe {
            self.abi.buffer_free((&raw mut buffer).wrapping_byte_add(1));
        }
        Ok(())
    }
}
