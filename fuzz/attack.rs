//! The caller that knows no rules, on the exported functions: sessions on a real lab, sessions that lead nowhere, and
//! the unit tests' engine that panics. Always built with a sanitizer; `cargo xtask torture abi` and the part `attack`
//! of `cargo xtask test` run it.
//!
//!     attack [--seed N] [--calls N] [--seconds N] [--threads N] --lab PROGRAM
//!     attack --leak      leaks on purpose, to find out whether leaks are found

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use group_writeback::fuzzing::attack::{Attack, Exported, Material, Report, StartKind, run};
use group_writeback::fuzzing::on_the_test_engine;
use serde_json::{Value, json};

unsafe extern "C" {
    /// Of the sanitizer's runtime: bytes that the program holds.
    safe fn __sanitizer_get_current_allocated_bytes() -> usize;
}

/// Rounds of an attack; after each everything must have been given back.
const ROUNDS: usize = 8;
/// What may be held after the last round beyond what was held after the second: caches and pools, no leak of calls.
const GROWTH: usize = 4 << 20;

struct Options {
    seed: u64,
    calls: usize,
    seconds: u64,
    threads: usize,
    lab: String,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        seed: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(1, |t| t.as_nanos() as u64),
        calls: usize::MAX,
        seconds: 3600 * 24,
        threads: 8,
        lab: String::new(),
    };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or(format!("{name} needs a value"))?;
        let number = || {
            value
                .parse::<u64>()
                .map_err(|_| format!("{name}: '{value}' is no number"))
        };
        match name.as_str() {
            "--seed" => options.seed = number()?,
            "--calls" => options.calls = number()? as usize,
            "--seconds" => options.seconds = number()?,
            "--threads" => options.threads = number()? as usize,
            "--lab" => options.lab = value,
            _ => return Err(format!("no option {name}")),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("--leak") {
        std::mem::forget(std::hint::black_box(vec![1_u8; 1000]));
        return ExitCode::SUCCESS;
    }
    let result = options().and_then(|options| {
        let done = attack(&options);
        if let Err(what) = &done {
            eprintln!("attack: FAILED with --seed {}: {what}", options.seed);
        }
        done
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            eprintln!("attack: {what}");
            ExitCode::FAILURE
        }
    }
}

fn attack(options: &Options) -> Result<(), String> {
    println!(
        "attack: --seed {} --threads {}",
        options.seed, options.threads
    );
    let begun = Instant::now();
    let stores = tempfile::tempdir().map_err(|e| e.to_string())?;
    let lab = Lab::start(Path::new(&options.lab), stores.path())?;
    let material = material(&lab.ready, stores.path());
    let stop = AtomicBool::new(false);
    let mut held = Vec::new();
    let mut whole = Report::default();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| lab.weather(options.seed, &stop));
        let rounds = (0..ROUNDS).try_for_each(|round| -> Result<(), String> {
            let report = run(
                &Exported,
                &material,
                &Attack {
                    seed: options.seed.wrapping_add(round as u64),
                    threads: options.threads,
                    calls: options.calls / (ROUNDS + 1),
                    time: Duration::from_secs(options.seconds) / (ROUNDS as u32 + 1),
                },
            );
            add(&mut whole, report)?;
            held.push(__sanitizer_get_current_allocated_bytes());
            Ok(())
        });
        stop.store(true, Ordering::Relaxed);
        rounds
    });
    result?;
    let own = whole.calls;
    let report = on_the_test_engine(
        options.seed,
        options.calls / (ROUNDS + 1),
        Duration::from_secs(options.seconds) / (ROUNDS as u32 + 1),
    );
    let panics = report.by_status.get(&103).copied().unwrap_or_default();
    add(&mut whole, report)?;
    drop(lab);
    tell(&whole, begun.elapsed());
    println!("{own} of these on the engine, {panics} contained panics on the tests' engine");
    println!(
        "bytes held after each round: {}",
        held.iter()
            .map(|n| (n >> 10).to_string() + " K")
            .collect::<Vec<_>>()
            .join(", ")
    );
    // The first round warms up: the runtime, TLS roots, SQLite's caches.
    match held.as_slice() {
        [_, second, .., last] if *last > second + GROWTH => {
            Err(format!("memory grows: {} bytes, then {last}", second))
        }
        _ => judge(&whole, options),
    }
}

fn add(whole: &mut Report, report: Report) -> Result<(), String> {
    let violations = report.violations.join("\n");
    whole.add(report);
    match violations.is_empty() {
        true => Ok(()),
        false => Err(violations),
    }
}

fn tell(whole: &Report, took: Duration) {
    println!(
        "{} calls in {:.0} s ({:.0} a second); longer than 250 ms: {:?}",
        whole.calls,
        took.as_secs_f64(),
        whole.calls as f64 / took.as_secs_f64(),
        whole.slow
    );
    println!("functions {:?}", whole.by_function);
    println!("statuses  {:?}", whole.by_status);
    println!("events    {:?}", whole.events);
    println!("failures  {:?}, results {}", whole.failures, whole.results);
}

/// An attack that provoked nothing proves nothing.
fn judge(whole: &Report, options: &Options) -> Result<(), String> {
    if whole.calls < 50_000 && options.calls < 50_000 {
        return Ok(());
    }
    for status in [0, 1, 2, 100, 101, 102, 103] {
        if !whole.by_status.contains_key(&status) {
            return Err(format!("status {status} was never provoked"));
        }
    }
    for event in ["progress", "message", "item", "ask", "result", "failed"] {
        if !whole.events.contains_key(event) {
            return Err(format!("no event '{event}' was ever seen"));
        }
    }
    Ok(())
}

/// A lab of our own.
struct Lab {
    child: Child,
    ready: Value,
}

impl Lab {
    fn start(program: &Path, data: &Path) -> Result<Lab, String> {
        let mut child = Command::new(program)
            .args(["serve", "--until-stdin-closes", "--data-dir"])
            .arg(data.join("lab"))
            .args([
                "--users",
                "60",
                "--m365-groups",
                "12",
                "--memberships",
                "120",
            ])
            .args([
                "--largest-group",
                "30",
                "--security-groups",
                "3",
                "--devices",
                "5",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("the lab {}: {e}", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.as_mut() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|e| format!("the lab's ready line: {e}"))?;
        }
        let ready = serde_json::from_str(&line).map_err(|e| format!("ready line: {e}: {line}"))?;
        Ok(Lab { child, ready })
    }

    /// Faults that come and go while the sessions work.
    fn weather(&self, seed: u64, stop: &AtomicBool) {
        let faults = [
            json!({"fault": "throttle", "retryAfterSeconds": 1, "share": 0.2}),
            json!({"fault": "cutBody", "every": 7}),
            json!({"fault": "garbage", "every": 9}),
            json!({"fault": "slow", "milliseconds": 300}),
            json!({"fault": "status", "code": 503, "every": 5}),
            json!({"fault": "expireTokens", "every": 6}),
            json!({"fault": "nullMembers"}),
            json!({"fault": "ldapDrop", "operation": "search", "every": 4}),
            json!({"fault": "ldapSlow", "milliseconds": 100}),
            json!({"fault": "ldapResult", "code": 51, "operation": "modify", "every": 3}),
        ];
        let mut state = seed;
        let mut turn = 0;
        while !stop.load(Ordering::Relaxed) {
            // Small steps: the end of the attack must not wait for the weather.
            std::thread::sleep(Duration::from_millis(200));
            turn += 1;
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            match turn % 12 {
                // Half of the time it is fine.
                3 => self.control(
                    "POST",
                    "fault",
                    &faults[(state >> 33) as usize % faults.len()],
                ),
                8 => self.control("DELETE", "fault", &Value::Null),
                10 => self.control(
                    "POST",
                    "churn",
                    &json!({"operations": 10, "seed": state >> 40}),
                ),
                _ => {}
            }
        }
        self.control("DELETE", "fault", &Value::Null);
    }

    /// One control verb over plain HTTP; whether it worked is no matter.
    fn control(&self, method: &str, verb: &str, body: &Value) {
        let url = self.ready["control"].as_str().unwrap_or_default();
        let Some((host, path)) = url.trim_start_matches("http://").split_once('/') else {
            return;
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = format!(
            "{method} /{path}/{verb} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        if let Ok(mut stream) = TcpStream::connect(host) {
            let _ = stream.write_all(request.as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn material(lab: &Value, stores: &Path) -> Material {
    let connection = json!({
        "environment": "Custom", "loginEndpoint": lab["login"], "graphEndpoint": lab["graph"],
        "tenantId": lab["tenantId"], "clientId": lab["clientId"], "signIn": {"kind": "clientSecret"},
        "server": lab["server"], "authType": "Basic", "userName": lab["bindUser"],
        "certificateAuthorityPath": lab["caFile"]
    });
    let open = |store: &str, change: &dyn Fn(&mut Value)| {
        let mut connection = connection.clone();
        change(&mut connection);
        json!({"storeDirectory": stores.join(store), "clientTimeoutSec": 5, "connection": connection})
            .to_string()
    };
    let kind = |kind: Value| move |c: &mut Value| c["signIn"] = kind.clone();
    let as_is = |_: &mut Value| {};
    let mut configs = vec![
        open(
            "c",
            &kind(json!({"kind": "certificateFile", "path": lab["certificatePfx"]})),
        ),
        open("c", &kind(json!({"kind": "accessToken"}))),
        open(
            "d",
            &kind(json!({"kind": "federatedFile", "path": lab["federatedTokenFile"]})),
        ),
        open("d", &kind(json!({"kind": "deviceCode"}))),
        open(
            "e",
            &kind(
                json!({"kind": "hostCertificate", "thumbprint": lab["certificateThumbprint"], "sha256": "A".repeat(43)}),
            ),
        ),
        // Nobody listens there.
        open("f", &|c| c["server"] = json!("127.0.0.1:1")),
        open("f", &|c| c["graphEndpoint"] = json!("http://127.0.0.1:1")),
        // Sign-in works, TLS does not.
        open("g", &|c| c["certificateAuthorityPath"] = Value::Null),
        json!({"storeDirectory": stores.join("h")}).to_string(),
    ];
    // Most sessions are to get somewhere.
    for store in ["a", "b"] {
        configs.extend(std::iter::repeat_n(open(store, &as_is), 6));
    }
    let ou = format!("OU=Attack,{}", lab["baseDn"].as_str().unwrap_or_default());
    let query = |value: Value| (StartKind::Query, value.to_string());
    let sync = |value: Value| (StartKind::Sync, value.to_string());
    let mut requests = vec![
        (
            StartKind::Enable,
            json!({"organizationalUnit": ou, "version": "V1", "createContainer": true, "takeOver": true}).to_string(),
        ),
        (
            StartKind::Disable,
            json!({"groupAction": "Keep"}).to_string(),
        ),
        (
            StartKind::Disable,
            json!({"groupAction": "Delete", "approve": "all", "whatIf": true}).to_string(),
        ),
        sync(json!({"action": "cycle", "policyType": "Initial"})),
        sync(json!({"action": "cycle", "policyType": "Delta", "approve": "all"})),
        sync(json!({"action": "cycle", "whatIf": true})),
        sync(json!({"action": "cycle", "detached": true})),
        sync(json!({"action": "group", "identity": ["*"]})),
        sync(json!({"action": "invoke", "planId": "none"})),
        query(json!({"op": "setConfiguration", "changes": {"cloudFilter": "mailEnabled eq true"}, "whatIf": true})),
        query(json!({"op": "setThreshold", "enabled": false})),
        query(json!({"op": "initializeContainer", "organizationalUnit": ou, "whatIf": true})),
        query(json!({"op": "testConnectivity"})),
        query(json!({"op": "runResult", "numberRequested": 5, "runStepDetails": true})),
        query(json!({"op": "runResult", "skipped": true})),
        query(json!({"op": "waitRun", "timeoutSec": 1})),
        query(json!({"op": "groups", "resultSize": 10})),
        query(json!({"op": "groups", "cloudFilter": "startswith(displayName,'A')"})),
        query(json!({"op": "groups", "ldapFilter": "(cn=Group*)", "searchScope": "Subtree"})),
        query(json!({"op": "plan", "summary": true})),
        query(json!({"op": "plan", "policyType": "Initial"})),
        query(json!({"op": "operations"})),
    ];
    for op in [
        "context",
        "feature",
        "threshold",
        "configuration",
        "runStatus",
        "stopRun",
    ] {
        requests.push(query(json!({ "op": op })));
    }
    // Nothing else works before these.
    for _ in 0..14 {
        requests.push(query(json!({"op": "connect"})));
    }
    for _ in 0..4 {
        requests.push(requests[0].clone());
    }
    let secret = |name: &str| lab[name].as_str().unwrap_or_default().as_bytes().to_vec();
    Material {
        configs,
        requests,
        secrets: BTreeMap::from([
            ("clientSecret".to_owned(), secret("clientSecret")),
            ("directoryPassword".to_owned(), secret("bindPassword")),
            ("accessToken".to_owned(), secret("accessToken")),
            ("certificatePassword".to_owned(), secret("pfxPassword")),
        ]),
        panics: false,
        running: 40,
    }
}
