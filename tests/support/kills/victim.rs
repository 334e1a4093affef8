//! The process that is killed: this test program once more.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::point::Point;
use crate::support::Lab;
use crate::support::engine::{Engine, secrets};

const VARIABLE: &str = "GROUPWRITEBACK_KILLED_CHILD";
/// The place of a process that was faster than its kill.
pub const ENDED: &str = "ended before";

pub struct Victim {
    child: Child,
    lines: Receiver<String>,
    place: String,
}

/// What the process does: one operation, telling how far it is.
pub fn child() {
    let Some(config) = std::env::var_os(VARIABLE) else {
        return;
    };
    let config: Value = serde_json::from_str(config.to_str().unwrap()).unwrap();
    let engine = Engine::open(&config["open"], config["secrets"].clone()).unwrap();
    engine.connect();
    println!("\nconnected");
    // The faults that hold it up are set before it goes on.
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let call = config["call"].as_str().unwrap();
    let operation = engine.start(call, &config["request"]).unwrap();
    let ended = engine.drive(operation, |event| {
        if event["event"] == "progress" {
            println!("step {}", event["phase"].as_str().unwrap_or("?"));
        }
    });
    println!("ended {:?}", ended.error);
}

impl Victim {
    /// Starts it and waits until it is connected.
    pub fn start(open: &Value, lab: &Lab, call: &str, request: &Value) -> Victim {
        let config =
            json!({"open": open, "secrets": secrets(lab), "call": call, "request": request});
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(VARIABLE, config.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = child.stdout.take().unwrap();
        let victim = Victim {
            child,
            lines: read(output),
            place: "begin".to_owned(),
        };
        while victim.lines.recv().expect("it connects") != "connected" {}
        victim
    }

    /// Kills it at the point; gives the phase it was in.
    pub fn kill_at(mut self, lab: &Lab, point: &Point) -> String {
        if let Point::Held(faults) = point {
            for fault in faults {
                lab.fault(fault.clone());
            }
        }
        let mut input = self.child.stdin.take().unwrap();
        input.write_all(b"go\n").unwrap();
        let begun = Instant::now();
        let ended = match point {
            Point::Time(microseconds) => {
                let moment = begun + Duration::from_micros(*microseconds);
                self.follow(|_| Instant::now() >= moment)
            }
            Point::Step(steps) => self.follow(|seen| seen > *steps),
            Point::Held(faults) => self.follow(|_| struck(lab, faults.len())),
        };
        // SIGKILL: no handler, no destructor, no goodbye.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        lab.clear_faults();
        if ended { ENDED.to_owned() } else { self.place }
    }

    /// Hears what it says until it is to be killed, or has ended by itself; gives whether it has.
    fn follow(&mut self, mut now: impl FnMut(u64) -> bool) -> bool {
        let mut steps = 0;
        loop {
            if now(steps) {
                return self.child.try_wait().unwrap().is_some();
            }
            match self.lines.recv_timeout(Duration::from_millis(1)) {
                Ok(line) => {
                    if let Some(phase) = line.strip_prefix("step ") {
                        self.place = phase.to_owned();
                        steps += 1;
                    } else if line.starts_with("ended ") {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }
}

/// Whether every fault has struck, so that the process waits for an answer that doesn't come.
fn struck(lab: &Lab, count: usize) -> bool {
    let hits = lab.control("fault", None);
    let hit = |side: &str| {
        let hits = hits[side].as_array().unwrap().iter();
        hits.filter(|n| n.as_u64() > Some(0)).count()
    };
    hit("graph") + hit("ldap") >= count
}

/// Its lines; the pipe is read to its end, so that it never waits for us.
fn read(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
