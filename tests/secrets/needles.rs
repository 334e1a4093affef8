//! Secrets in every form in which they might be left somewhere.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What is looked for: its name, the form, the bytes.
struct Needle {
    secret: String,
    form: &'static str,
    bytes: Vec<u8>,
}

/// All needles, found by their first two bytes.
#[derive(Default)]
pub struct Needles {
    all: Vec<Needle>,
    by_start: Vec<Vec<usize>>,
}

impl Needles {
    pub fn add(&mut self, name: &str, secret: &[u8]) {
        // A short one would be found by chance.
        assert!(secret.len() >= 12, "{name} is too short to look for");
        let mut forms: BTreeSet<(Vec<u8>, &'static str)> = BTreeSet::new();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            for shift in 0..3_usize {
                // In the middle of something longer it is cut into sixes at another place.
                let mut padded = vec![0; shift];
                padded.extend_from_slice(secret);
                let text = engine.encode(padded).into_bytes();
                // Characters that hold bits of what stands before and behind.
                let end = text.len() - 1;
                forms.insert((text[[0, 2, 3][shift]..end].to_vec(), "base64"));
            }
        }
        forms.insert((
            secret.iter().flat_map(|byte| [*byte, 0]).collect(),
            "UTF-16",
        ));
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        forms.insert((hex.to_uppercase().into_bytes(), "hex"));
        forms.insert((hex.into_bytes(), "hex"));
        if let Ok(text) = std::str::from_utf8(secret) {
            let url: String = reqwest_form(text);
            forms.insert((url.into_bytes(), "URL"));
            let json = serde_json::to_string(text).unwrap();
            forms.insert((json.trim_matches('"').as_bytes().to_vec(), "JSON"));
        }
        forms.retain(|(bytes, _)| bytes != secret);
        forms.insert((secret.to_vec(), "plain"));
        self.by_start.resize(1 << 16, Vec::new());
        for (bytes, form) in forms {
            self.by_start[start(&bytes)].push(self.all.len());
            self.all.push(Needle {
                secret: name.to_owned(),
                form,
                bytes,
            });
        }
    }

    /// `secret (form)` of each that is there.
    pub fn find(&self, hay: &[u8]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for at in 0..hay.len().saturating_sub(1) {
            for index in &self.by_start[start(&hay[at..])] {
                let needle = &self.all[*index];
                if hay[at..].starts_with(&needle.bytes) {
                    found.insert(format!("{} ({})", needle.secret, needle.form));
                }
            }
        }
        found
    }

    /// In every file below a folder, in its name as well; with the place of each.
    pub fn in_files(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = self.find(path.to_string_lossy().as_bytes());
            let content = if path.is_dir() {
                found.extend(self.in_files(&path));
                BTreeSet::new()
            } else {
                self.find(&std::fs::read(&path).unwrap())
            };
            found.extend(
                name.into_iter()
                    .chain(content)
                    .map(|what| format!("{what} in {}", path.display())),
            );
        }
        found
    }
}

fn start(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}

/// As in a form or a query.
fn reqwest_form(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'*' => {
                out.push(byte as char);
            }
            byte => out += &format!("%{byte:02X}"),
        }
    }
    out
}

#[test]
fn every_form_is_found() {
    let secret = b"Bind-1!72-YnwuLqZ~mn/8LUpNX7w";
    let mut needles = Needles::default();
    needles.add("x", secret);
    let text = std::str::from_utf8(secret).unwrap();
    for before in ["", "a", "ab", "abc"] {
        let whole = format!("{before}{text}tail");
        for hay in [
            whole.clone().into_bytes(),
            STANDARD_NO_PAD.encode(&whole).into_bytes(),
            URL_SAFE_NO_PAD.encode(&whole).into_bytes(),
            whole.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            reqwest_form(&whole).into_bytes(),
            whole
                .bytes()
                .map(|b| format!("{b:02X}"))
                .collect::<String>()
                .into_bytes(),
            whole
                .bytes()
                .map(|b| format!("{b:02x}"))
                .collect::<String>()
                .into_bytes(),
        ] {
            assert!(!needles.find(&hay).is_empty(), "{before}: {hay:?}");
        }
    }
    assert!(needles.find(&text.as_bytes()[..text.len() - 1]).is_empty());
}
