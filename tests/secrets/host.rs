//! A host in a process of its own that keeps no secret itself: what it is given goes on and is zeroed. Whatever is
//! found in its memory afterwards is the engine's.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use group_writeback::ffi;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::support::Lab;
use crate::support::engine::Ended;

/// Names the child's part of the test.
const MARK: &str = "GWB_SECRETS_CHILD";

/// Not a test of its own: the child's main.
#[test]
fn child_host() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    // Not `stdin()`, which keeps what it read in a buffer.
    let mut input = File::open("/dev/stdin").unwrap();
    let mut session = 0;
    while let Some(frame) = frame(&mut input) {
        let command: Value = serde_json::from_slice(&frame).unwrap();
        match command["do"].as_str().unwrap() {
            "open" => session = open(&command["config"]),
            "close" => {
                let mut error = empty();
                // SAFETY: a valid pointer.
                unsafe { ffi::gwb_close(session, &mut error) };
                say(&json!({"done": true}));
            }
            call => run(session, call, &command["request"], &mut input),
        }
    }
}

fn frame(input: &mut File) -> Option<Zeroizing<Vec<u8>>> {
    let mut length = [0; 4];
    input.read_exact(&mut length).ok()?;
    let mut bytes = Zeroizing::new(vec![0; u32::from_le_bytes(length) as usize]);
    input.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn say(line: &Value) {
    println!("\n> {line}");
}

fn empty() -> ffi::gwb_buffer {
    ffi::gwb_buffer {
        ptr: std::ptr::null_mut(),
        len: 0,
    }
}

/// The bytes of a buffer as JSON lines.
fn lines(mut buffer: ffi::gwb_buffer) -> Vec<Value> {
    if buffer.ptr.is_null() {
        return Vec::new();
    }
    // SAFETY: the library's, not freed yet.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.ptr, buffer.len) };
    let lines = bytes
        .split(|byte| *byte == b'\n')
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    // SAFETY: a buffer of the library, freed once.
    unsafe { ffi::gwb_buffer_free(&mut buffer) };
    lines
}

fn open(config: &Value) -> u64 {
    let (text, mut session, mut error) = (config.to_string(), 0, empty());
    // SAFETY: valid pointers.
    unsafe { ffi::gwb_open(text.as_ptr(), text.len(), &mut session, &mut error) };
    say(&json!({"done": true, "error": lines(error)}));
    session
}

fn run(session: u64, call: &str, request: &Value, input: &mut File) {
    let function = match call {
        "enable" => ffi::gwb_enable,
        "disable" => ffi::gwb_disable,
        "sync" => ffi::gwb_sync,
        _ => ffi::gwb_query,
    };
    let (text, mut operation, mut error) = (request.to_string(), 0, empty());
    // SAFETY: valid pointers.
    let status = unsafe {
        function(
            session,
            text.as_ptr(),
            text.len(),
            &mut operation,
            &mut error,
        )
    };
    let mut failed = lines(error);
    if status == ffi::GWB_OK {
        failed.extend(drive(operation, input));
    }
    // SAFETY: null is allowed.
    unsafe { ffi::gwb_release(operation, std::ptr::null_mut()) };
    say(&json!({"done": true, "error": failed}));
}

/// Takes events to the end; errors of the calls themselves.
fn drive(operation: u64, input: &mut File) -> Vec<Value> {
    let mut failed = Vec::new();
    loop {
        let (mut events, mut error) = (empty(), empty());
        // SAFETY: valid pointers.
        let status = unsafe { ffi::gwb_next(operation, 250, &mut events, &mut error) };
        failed.extend(lines(error));
        for event in lines(events) {
            say(&event);
            if event["event"] == "ask" {
                let answer = frame(input).unwrap();
                let mut error = empty();
                // SAFETY: valid pointers.
                unsafe {
                    ffi::gwb_answer(operation, answer.as_ptr(), answer.len(), &mut error);
                };
                failed.extend(lines(error));
            }
        }
        if !matches!(status, ffi::GWB_OK | ffi::GWB_PENDING) {
            return failed;
        }
    }
}

/// The parent's end of it.
pub struct Host<'a> {
    lab: &'a Lab,
    child: Child,
    output: BufReader<ChildStdout>,
    /// Everything it said on stdout.
    pub said: Vec<u8>,
    errors: std::path::PathBuf,
    folder: std::path::PathBuf,
}

impl<'a> Host<'a> {
    /// Starts it in a folder of its own, which is also its place for temporary files.
    pub fn start(lab: &'a Lab, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let errors = folder.join("stderr");
        let mut command = Command::new("sh");
        // Should it end by a signal, its core is to be looked at.
        command
            .args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$@\"", "sh"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "host::child_host", "--nocapture"])
            .env(MARK, "1")
            .env("TMPDIR", folder)
            .env("RUST_BACKTRACE", "full")
            .envs(variables.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Host {
            lab,
            child,
            output,
            said: Vec::new(),
            errors,
            folder: folder.to_owned(),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        let input = self.child.stdin.as_mut().unwrap();
        input
            .write_all(&(bytes.len() as u32).to_le_bytes())
            .unwrap();
        input.write_all(bytes).unwrap();
    }

    /// Runs a command to its end; `answer` gives the bytes for `gwb_answer`.
    fn command(&mut self, command: &Value, answer: &dyn Fn(&Value) -> Vec<u8>) -> Ended {
        self.send(command.to_string().as_bytes());
        let mut ended = Ended::default();
        loop {
            let mut line = Vec::new();
            let count = self.output.read_until(b'\n', &mut line).unwrap();
            assert!(count > 0, "the host ended: {}", self.errors());
            self.said.extend_from_slice(&line);
            let Some(json) = line.strip_prefix(b"> ") else {
                continue;
            };
            let event: Value = serde_json::from_slice(json).unwrap();
            if event["done"] == true {
                if let Some(error) = event["error"].as_array().and_then(|e| e.first()) {
                    ended.error = Some(error.clone());
                }
                return ended;
            }
            match event["event"].as_str() {
                Some("ask") => self.send(&answer(&event)),
                Some("message") => self.sign_in(event["text"].as_str().unwrap()),
                Some("result") => ended.value = event["value"].clone(),
                Some("failed") => ended.error = Some(event["error"].clone()),
                _ => {}
            }
            ended.events.push(event);
        }
    }

    /// A person who reads the code that is shown, and enters it.
    fn sign_in(&self, text: &str) {
        if let Some((_, code)) = text.split_once(" code ") {
            let code = code.split_whitespace().next().unwrap();
            self.lab.control(
                "devicecode",
                Some(json!({"userCode": code, "action": "approve"})),
            );
        }
    }

    pub fn open(&mut self, config: &Value) {
        let ended = self.command(&json!({"do": "open", "config": config}), &|_| Vec::new());
        assert!(ended.error.is_none(), "{:?}", ended.error);
    }

    pub fn call(&mut self, call: &str, request: Value, secrets: &Value) -> Ended {
        self.command(&json!({"do": call, "request": request}), &|event| {
            let ask = &event["ask"];
            let secret = secrets[event["name"].as_str().unwrap_or_default()].as_str();
            match (event["kind"].as_str(), secret) {
                (Some("secret"), Some(secret)) => {
                    format!("{}\n{secret}", json!({ "ask": ask })).into_bytes()
                }
                (Some("approve"), _) => json!({"ask": ask, "approve": true})
                    .to_string()
                    .into_bytes(),
                _ => json!({"ask": ask, "unavailable": true})
                    .to_string()
                    .into_bytes(),
            }
        })
    }

    pub fn close(&mut self) {
        self.command(&json!({"do": "close"}), &|_| Vec::new());
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn errors(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.errors).unwrap()).into_owned()
    }

    /// Ends it as a defect would, and gives the core it leaves, where the machine lets it leave one.
    pub fn abort(mut self) -> Option<Vec<u8>> {
        let aborted = Command::new("kill")
            .args(["-ABRT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(aborted.success());
        self.child.wait().unwrap();
        let core = std::fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with("core"))
            })?;
        let content = std::fs::read(&core).unwrap();
        // No core is left behind.
        std::fs::remove_file(core).unwrap();
        Some(content)
    }
}

impl Drop for Host<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
