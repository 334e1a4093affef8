//! Labs for those who can't start a Linux program: PowerShell under Wine. What a lab's standard input is elsewhere is here a
//! connection on loopback: its first line says which lab, the answer is the lab's ready line, and the lab ends with it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::lab::Lab;

/// Starts labs until it is dropped; those that run then end, too.
pub struct Labs {
    port: u16,
    key: String,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Labs {
    /// Listens on a free port.
    pub fn start(program: &Path) -> Result<Labs, String> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|e| e.to_string())?;
        let port = listener.local_addr().map_err(|e| e.to_string())?.port();
        // Loopback belongs to everyone on the machine.
        let key = tempfile::Builder::new()
            .prefix("labs")
            .rand_bytes(24)
            .tempfile()
            .map_err(|e| e.to_string())?
            .path()
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .ok_or("no key for the labs")?;
        let over = Arc::new(AtomicBool::new(false));
        let (program, asked, stop) = (program.to_owned(), key.clone(), over.clone());
        let accepting = std::thread::spawn(move || accept(&listener, &program, &asked, &stop));
        Ok(Labs {
            port,
            key,
            over,
            accepting: Some(accepting),
        })
    }

    /// What `GROUPWRITEBACK_LAB` is for those who use them.
    pub fn address(&self) -> String {
        format!("tcp://127.0.0.1:{}/{}", self.port, self.key)
    }
}

impl Drop for Labs {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for one more.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.accepting.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, program: &Path, key: &str, over: &AtomicBool) {
    let open = Arc::new(Mutex::new(Vec::new()));
    let mut threads = Vec::new();
    for stream in listener.incoming().flatten() {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let Ok(copy) = stream.try_clone() else {
            continue;
        };
        if let Ok(mut open) = open.lock() {
            open.push(copy);
        }
        let (program, key): (PathBuf, String) = (program.to_owned(), key.to_owned());
        threads.push(std::thread::spawn(move || {
            if let Err(error) = serve(&stream, &program, &key) {
                eprintln!("a lab: {error}");
            }
            let _ = stream.shutdown(Shutdown::Both);
        }));
    }
    if let Ok(open) = open.lock() {
        for stream in open.iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// One lab, from the line that asks for it to the end of the connection.
fn serve(stream: &TcpStream, program: &Path, key: &str) -> Result<(), String> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).map_err(|e| e.to_string())?;
    let asked: Value = serde_json::from_str(&line).map_err(|e| e.to_string())?;
    if asked["key"] != key {
        return Err("asked for without its key".into());
    }
    let options: Vec<&str> = asked["options"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let lab = Lab::start(program, &options)?;
    let mut writer = stream;
    writeln!(writer, "{}", lab.ready).map_err(|e| e.to_string())?;
    // Nothing more is said: this waits for the end, however it comes.
    let _ = reader.read_line(&mut line);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(labs: &Labs, key: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, labs.port)).unwrap();
        writeln!(
            stream,
            "{{\"key\":\"{key}\",\"options\":[\"--seed\",\"7\"]}}"
        )
        .unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        answer
    }

    #[test]
    fn the_right_key_gets_a_lab_and_another_gets_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let program = scratch.path().join("lab.sh");
        let script = "#!/bin/sh\necho \"{\\\"seed\\\":$4}\"\nread -r nothing\n";
        std::fs::write(&program, script).unwrap();
        std::process::Command::new("chmod")
            .arg("+x")
            .arg(&program)
            .status()
            .unwrap();
        let labs = Labs::start(&program).unwrap();
        assert_eq!(ask(&labs, &labs.key).trim(), "{\"seed\":7}");
        assert_eq!(ask(&labs, "another"), "");
    }
}
