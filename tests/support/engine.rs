//! A caller of the C ABI, as a host would be: opens, starts operations, takes events, answers asks.

use group_writeback::ffi;
use serde_json::{Value, json};

use super::Lab;

/// How an operation ended, with everything it said.
#[derive(Debug, Default)]
pub struct Ended {
    pub events: Vec<Value>,
    pub kind: String,
    pub value: Value,
    pub error: Option<Value>,
}

impl Ended {
    pub fn items(&self, kind: &str) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|e| e["event"] == "item" && e["type"] == kind)
            .map(|e| &e["value"])
            .collect()
    }

    pub fn errors(&self) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|e| e["event"] == "error")
            .map(|e| &e["error"])
            .collect()
    }

    pub fn warnings(&self) -> Vec<&Value> {
        self.events
            .iter()
            .filter(|e| e["event"] == "warning")
            .collect()
    }

    /// The result's value; a failure ends the test with its text.
    pub fn ok(self) -> Value {
        if let Some(error) = &self.error {
            panic!("failed: {error:#}");
        }
        self.value
    }

    pub fn error_id(&self) -> &str {
        self.error
            .as_ref()
            .and_then(|e| e["id"].as_str())
            .unwrap_or("(no error)")
    }
}

fn take(buffer: &mut ffi::gwb_buffer) -> Vec<u8> {
    let bytes = if buffer.ptr.is_null() {
        Vec::new()
    } else {
        // SAFETY: the library filled the buffer and we have not freed it yet.
        unsafe { std::slice::from_raw_parts(buffer.ptr, buffer.len) }.to_vec()
    };
    // SAFETY: a buffer of the library, freed once.
    unsafe { ffi::gwb_buffer_free(buffer) };
    bytes
}

fn empty() -> ffi::gwb_buffer {
    ffi::gwb_buffer {
        ptr: std::ptr::null_mut(),
        len: 0,
    }
}

/// An open session and the secrets its host knows.
pub struct Engine {
    session: u64,
    pub secrets: Value,
}

/// The `connection` of a lab, signing in by secret.
pub fn connection(lab: &Lab) -> Value {
    json!({
        "environment": "Custom", "loginEndpoint": lab.text("login"), "graphEndpoint": lab.text("graph"),
        "tenantId": lab.text("tenantId"), "clientId": lab.text("clientId"), "signIn": {"kind": "clientSecret"},
        "server": lab.text("server"), "authType": "Basic", "userName": lab.text("bindUser"),
        "certificateAuthorityPath": lab.text("caFile")
    })
}

pub fn secrets(lab: &Lab) -> Value {
    json!({
        "clientSecret": lab.text("clientSecret"), "directoryPassword": lab.text("bindPassword"),
        "accessToken": lab.text("accessToken"), "certificatePassword": lab.text("pfxPassword")
    })
}

impl Engine {
    pub fn open(config: &Value, secrets: Value) -> Result<Engine, Value> {
        let text = config.to_string();
        let (mut session, mut error) = (0u64, empty());
        // SAFETY: valid pointers for the length of the call.
        let status = unsafe { ffi::gwb_open(text.as_ptr(), text.len(), &mut session, &mut error) };
        if status == ffi::GWB_OK {
            return Ok(Engine { session, secrets });
        }
        Err(serde_json::from_slice(&take(&mut error)).expect("an error object"))
    }

    /// A session on a lab with its own store folder.
    pub fn on(lab: &Lab, store: &std::path::Path) -> Engine {
        Engine::open(&json!({"storeDirectory": store, "connection": connection(lab), "clientTimeoutSec": 20}), secrets(lab))
            .expect("opens")
    }

    pub fn start(&self, call: &str, request: &Value) -> Result<u64, Value> {
        let text = request.to_string();
        let (mut operation, mut error) = (0u64, empty());
        let function = match call {
            "enable" => ffi::gwb_enable,
            "disable" => ffi::gwb_disable,
            "sync" => ffi::gwb_sync,
            _ => ffi::gwb_query,
        };
        // SAFETY: valid pointers for the length of the call.
        let status = unsafe {
            function(
                self.session,
                text.as_ptr(),
                text.len(),
                &mut operation,
                &mut error,
            )
        };
        if status == ffi::GWB_OK {
            return Ok(operation);
        }
        Err(serde_json::from_slice(&take(&mut error)).expect("an error object"))
    }

    /// Takes one batch; `None` at the end.
    pub fn next(operation: u64) -> Option<Vec<Value>> {
        let (mut events, mut error) = (empty(), empty());
        // SAFETY: valid pointers for the length of the call.
        let status = unsafe { ffi::gwb_next(operation, 250, &mut events, &mut error) };
        match status {
            ffi::GWB_OK => {
                let bytes = take(&mut events);
                let text = std::str::from_utf8(&bytes).expect("UTF-8");
                Some(
                    text.lines()
                        .map(|l| serde_json::from_str(l).expect("JSON lines"))
                        .collect(),
                )
            }
            ffi::GWB_PENDING => Some(Vec::new()),
            ffi::GWB_END => None,
            other => panic!(
                "gwb_next: {other}: {}",
                String::from_utf8_lossy(&take(&mut error))
            ),
        }
    }

    pub fn answer(operation: u64, header: &Value, payload: &[u8]) {
        let mut bytes = header.to_string().into_bytes();
        bytes.push(b'\n');
        bytes.extend_from_slice(payload);
        let mut error = empty();
        // SAFETY: valid pointers for the length of the call.
        let status = unsafe { ffi::gwb_answer(operation, bytes.as_ptr(), bytes.len(), &mut error) };
        assert_eq!(
            status,
            ffi::GWB_OK,
            "{}",
            String::from_utf8_lossy(&take(&mut error))
        );
    }

    pub fn cancel(operation: u64) {
        let mut error = empty();
        // SAFETY: a handle and a valid pointer.
        unsafe { ffi::gwb_cancel(operation, &mut error) };
        take(&mut error);
    }

    /// Drives an operation to its end, answering secrets and approving everything.
    pub fn drive(&self, operation: u64, mut each: impl FnMut(&Value)) -> Ended {
        let mut ended = Ended::default();
        while let Some(batch) = Engine::next(operation) {
            for event in batch {
                each(&event);
                match event["event"].as_str() {
                    Some("ask") => self.reply(operation, &event),
                    Some("result") => {
                        ended.kind = event["type"].as_str().unwrap_or_default().to_owned();
                        ended.value = event["value"].clone();
                    }
                    Some("failed") => ended.error = Some(event["error"].clone()),
                    _ => {}
                }
                ended.events.push(event);
            }
        }
        let mut error = empty();
        // SAFETY: a handle and a valid pointer.
        unsafe { ffi::gwb_release(operation, &mut error) };
        take(&mut error);
        ended
    }

    fn reply(&self, operation: u64, event: &Value) {
        let ask = &event["ask"];
        match event["kind"].as_str() {
            Some("secret") => match self.secrets[event["name"].as_str().unwrap_or_default()]
                .as_str()
            {
                Some(secret) => Engine::answer(operation, &json!({"ask": ask}), secret.as_bytes()),
                None => Engine::answer(operation, &json!({"ask": ask, "unavailable": true}), b""),
            },
            Some("approve") => Engine::answer(
                operation,
                &json!({"ask": ask, "approve": true, "refused": []}),
                b"",
            ),
            _ => Engine::answer(operation, &json!({"ask": ask, "unavailable": true}), b""),
        }
    }

    pub fn call(&self, call: &str, request: Value) -> Ended {
        match self.start(call, &request) {
            Ok(operation) => self.drive(operation, |_| ()),
            Err(error) => Ended {
                error: Some(error),
                ..Ended::default()
            },
        }
    }

    pub fn query(&self, request: Value) -> Ended {
        self.call("query", request)
    }

    pub fn connect(&self) -> Value {
        self.query(json!({"op": "connect"})).ok()
    }

    pub fn enable(&self, ou: &str) -> Value {
        self.call(
            "enable",
            json!({"organizationalUnit": ou, "version": "V1", "createContainer": true}),
        )
        .ok()
    }

    pub fn cycle(&self, policy: &str) -> Ended {
        self.call("sync", json!({"action": "cycle", "policyType": policy}))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let mut error = empty();
        // SAFETY: a handle and a valid pointer.
        unsafe { ffi::gwb_close(self.session, &mut error) };
        take(&mut error);
    }
}
