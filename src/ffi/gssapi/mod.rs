//! Kerberos through the system's GSSAPI library, behind a safe interface.
//!
//! Nothing here reads or sets environment variables and nothing is written to disk: tickets of a password live in a
//! cache of the credential itself, those of a keytab in a memory cache of its own that goes with it.

mod library;

use std::ffi::{CString, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use library::{Buffer, ChannelBindings, Functions, KeyValue, KeyValueSet};

const INITIATE: c_int = 1;
const CONTINUE_NEEDED: u32 = 1;
/// The upper half of a major status: anything there is an error.
const ERRORS: u32 = 0xffff_0000;
const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const SEQUENCE: u32 = 8;
const CONFIDENTIAL: u32 = 16;
const INTEGRITY: u32 = 32;

/// A refusal of the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Major status (RFC 2744, 3.9.1).
    pub major: u32,
    /// Minor status: a code of Kerberos' own tables.
    pub minor: i32,
    /// Both in words, the more telling first.
    pub texts: Vec<String>,
}

/// Why there is no credential or context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The library isn't installed here.
    NoLibrary(String),
    /// It refused.
    Failed(Failure),
}

type Result<T> = std::result::Result<T, Problem>;

fn functions() -> Result<&'static Functions> {
    library::functions().map_err(|reason| Problem::NoLibrary(reason.to_owned()))
}

/// Turns a status into a result.
fn check(f: &Functions, major: u32, minor: u32) -> Result<()> {
    if major & ERRORS == 0 {
        return Ok(());
    }
    let mut texts = Vec::new();
    for (code, kind) in [(minor, 2), (major, 1)] {
        let (mut ignored, mut more, mut text) = (0, 0, library::empty());
        // SAFETY: all pointers are to live locals; the text is released below.
        let status = unsafe {
            (f.gss_display_status)(
                &mut ignored,
                code,
                kind,
                &raw const library::KERBEROS,
                &mut more,
                &mut text,
            )
        };
        let text = take(f, text);
        if status & ERRORS == 0 && !text.is_empty() {
            texts.push(String::from_utf8_lossy(&text).into_owned());
        }
    }
    Err(Problem::Failed(Failure {
        major,
        minor: minor.cast_signed(),
        texts,
    }))
}

/// Copies what the library made and gives its memory back.
fn take(f: &Functions, mut buffer: Buffer) -> Vec<u8> {
    if buffer.value.is_null() {
        return Vec::new();
    }
    // SAFETY: the library filled the buffer with that many bytes, and nobody else has it.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.value.cast::<u8>(), buffer.length) };
    let copy = bytes.to_vec();
    let mut minor = 0;
    // SAFETY: the buffer came from the library and is released once; `bytes` isn't used any more.
    unsafe { (f.gss_release_buffer)(&mut minor, &mut buffer) };
    copy
}

/// A principal's name in the library's form.
struct Name {
    f: &'static Functions,
    raw: *mut c_void,
}

// SAFETY: a name is immutable once imported, and the library's names may be used from any thread.
unsafe impl Send for Name {}

impl Name {
    /// `user@REALM`, `service/host@REALM`; an empty realm after the `@` lets the KDC find it.
    fn principal(f: &'static Functions, text: &str) -> Result<Name> {
        let (mut minor, mut raw) = (0, null_mut());
        let view = library::view(text.as_bytes());
        // SAFETY: the buffer views live bytes, the outputs are live locals.
        let major = unsafe {
            (f.gss_import_name)(&mut minor, &view, &raw const library::PRINCIPAL, &mut raw)
        };
        check(f, major, minor)?;
        Ok(Name { f, raw })
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the name came from the library and is released once.
        unsafe { (self.f.gss_release_name)(&mut minor, &mut self.raw) };
    }
}

/// Tickets to sign in with. Released, and its private memory cache destroyed, when dropped.
pub struct Credential {
    f: &'static Functions,
    raw: *mut c_void,
    cache: Option<CString>,
}

// SAFETY: the library locks credentials by themselves (MIT Kerberos, "thread safety"): they may go to, and be used by,
// any thread.
unsafe impl Send for Credential {}
// SAFETY: as above.
unsafe impl Sync for Credential {}

impl Credential {
    /// Tickets that are there: the default cache of this process's account, of `user` if one is named.
    pub fn from_cache(user: Option<&str>) -> Result<Credential> {
        let f = functions()?;
        let name = user.map(|user| Name::principal(f, user)).transpose()?;
        Self::acquire(f, None, |minor, raw| {
            // SAFETY: null stands for "the default"; the outputs are live locals of the caller.
            unsafe {
                (f.gss_acquire_cred)(
                    minor,
                    name.as_ref().map_or(null_mut(), |n| n.raw),
                    u32::MAX,
                    &raw const library::ONLY_KERBEROS,
                    INITIATE,
                    raw,
                    null_mut(),
                    null_mut(),
                )
            }
        })
    }

    /// By the key of a keytab file, of `user` or of its first entry.
    pub fn from_keytab(path: &str, user: Option<&str>) -> Result<Credential> {
        let f = functions()?;
        let name = user.map(|user| Name::principal(f, user)).transpose()?;
        let text = |text: String| {
            CString::new(text).map_err(|_| {
                Problem::Failed(Failure {
                    major: 0,
                    minor: 0,
                    texts: vec!["a name holds a zero byte".to_owned()],
                })
            })
        };
        let keytab = text(format!("FILE:{path}"))?;
        // Memory caches are of this process; the address tells our library from a second copy of it.
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let cache = text(format!(
            "MEMORY:group-writeback-{:p}-{number}",
            &raw const MADE
        ))?;
        let elements = [
            KeyValue {
                key: c"client_keytab".as_ptr(),
                value: keytab.as_ptr(),
            },
            KeyValue {
                key: c"ccache".as_ptr(),
                value: cache.as_ptr(),
            },
        ];
        let store = KeyValueSet {
            count: 2,
            elements: elements.as_ptr(),
        };
        Self::acquire(f, Some(cache.clone()), |minor, raw| {
            // SAFETY: the store and its texts live until after the call; the outputs are live locals of the caller.
            unsafe {
                (f.gss_acquire_cred_from)(
                    minor,
                    name.as_ref().map_or(null_mut(), |n| n.raw),
                    u32::MAX,
                    &raw const library::ONLY_KERBEROS,
                    INITIATE,
                    &store,
                    raw,
                    null_mut(),
                    null_mut(),
                )
            }
        })
    }

    /// By a password. The library keeps the tickets with the credential and wipes its copy of the password.
    pub fn from_password(user: &str, password: &[u8]) -> Result<Credential> {
        let f = functions()?;
        let name = Name::principal(f, user)?;
        let password = library::view(password);
        Self::acquire(f, None, |minor, raw| {
            // SAFETY: the password is viewed only during the call; the outputs are live locals of the caller.
            unsafe {
                (f.gss_acquire_cred_with_password)(
                    minor,
                    name.raw,
                    &password,
                    u32::MAX,
                    &raw const library::ONLY_KERBEROS,
                    INITIATE,
                    raw,
                    null_mut(),
                    null_mut(),
                )
            }
        })
    }

    fn acquire(
        f: &'static Functions,
        cache: Option<CString>,
        call: impl FnOnce(&mut u32, &mut *mut c_void) -> u32,
    ) -> Result<Credential> {
        let (mut minor, mut raw) = (0, null_mut());
        let major = call(&mut minor, &mut raw);
        // Made first, so that what the call left behind goes even when it failed.
        let credential = Credential { f, raw, cache };
        check(f, major, minor)?;
        Ok(credential)
    }

    /// Whose tickets, and for how many seconds they are good.
    pub fn describe(&self) -> Result<(String, u32)> {
        let f = self.f;
        let (mut minor, mut raw, mut life) = (0, null_mut(), 0);
        // SAFETY: the credential is live; outputs are live locals, unwanted ones null.
        let major = unsafe {
            (f.gss_inquire_cred)(
                &mut minor,
                self.raw,
                &mut raw,
                &mut life,
                null_mut(),
                null_mut(),
            )
        };
        check(f, major, minor)?;
        let name = Name { f, raw };
        let mut text = library::empty();
        // SAFETY: the name is live; the text is taken over below.
        let major = unsafe { (f.gss_display_name)(&mut minor, name.raw, &mut text, null_mut()) };
        let text = take(f, text);
        check(f, major, minor)?;
        Ok((String::from_utf8_lossy(&text).into_owned(), life))
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        let f = self.f;
        let mut minor = 0;
        if !self.raw.is_null() {
            // SAFETY: the credential came from the library and is released once.
            unsafe { (f.gss_release_cred)(&mut minor, &mut self.raw) };
        }
        let Some(cache) = &self.cache else { return };
        let (mut context, mut handle) = (null_mut(), null_mut());
        // SAFETY: a context of our own, freed below; destroying takes the handle with it. The name is ours alone.
        unsafe {
            if (f.krb5_init_context)(&mut context) == 0 {
                if (f.krb5_cc_resolve)(context, cache.as_ptr(), &mut handle) == 0 {
                    (f.krb5_cc_destroy)(context, handle);
                }
                (f.krb5_free_context)(context);
            }
        }
    }
}

/// A conversation with one service, from the first token to sealed messages.
pub struct SecurityContext {
    f: &'static Functions,
    raw: *mut c_void,
    credential: Arc<Credential>,
    service: Name,
    binding: Option<Vec<u8>>,
    wanted: u32,
    granted: u32,
    complete: bool,
}

// SAFETY: a context may be used by any thread, by one at a time; every use needs `&mut self`.
unsafe impl Send for SecurityContext {}

impl SecurityContext {
    /// Begins. `service` is a principal, `binding` what ties it to a TLS channel, `seal` asks for confidentiality.
    /// Asks the KDC, so it may take seconds.
    pub fn start(
        credential: Arc<Credential>,
        service: &str,
        binding: Option<Vec<u8>>,
        seal: bool,
    ) -> Result<(SecurityContext, Vec<u8>)> {
        let f = functions()?;
        let layer = REPLAY | SEQUENCE | INTEGRITY | CONFIDENTIAL;
        let mut context = SecurityContext {
            f,
            raw: null_mut(),
            credential,
            service: Name::principal(f, service)?,
            binding,
            wanted: MUTUAL | if seal { layer } else { 0 },
            granted: 0,
            complete: false,
        };
        let token = context.step(&[])?;
        Ok((context, token))
    }

    /// Takes the service's token and gives the next one; empty = nothing to send.
    pub fn step(&mut self, token: &[u8]) -> Result<Vec<u8>> {
        let f = self.f;
        let (mut minor, mut granted, mut answer) = (0, 0, library::empty());
        let input = library::view(token);
        let bindings = self.binding.as_deref().map(|bytes| ChannelBindings {
            initiator_type: 0,
            initiator: library::empty(),
            acceptor_type: 0,
            acceptor: library::empty(),
            application: library::view(bytes),
        });
        // SAFETY: all inputs are live for the call; the context is ours, null before the first step; the answer is
        // taken over below.
        let major = unsafe {
            (f.gss_init_sec_context)(
                &mut minor,
                self.credential.raw,
                &mut self.raw,
                self.service.raw,
                &raw const library::KERBEROS,
                self.wanted,
                0,
                bindings.as_ref().map_or(null(), std::ptr::from_ref),
                if token.is_empty() { null() } else { &input },
                null_mut(),
                &mut answer,
                &mut granted,
                null_mut(),
            )
        };
        let answer = take(f, answer);
        check(f, major, minor)?;
        self.granted = granted;
        self.complete = major & CONTINUE_NEEDED == 0;
        Ok(answer)
    }

    /// Both sides know each other.
    pub fn is_complete(&self) -> bool {
        self.complete && self.granted & MUTUAL != 0
    }

    /// Messages can be sealed.
    pub fn is_confidential(&self) -> bool {
        self.granted & CONFIDENTIAL != 0
    }

    /// Signs a message and, with `seal`, encrypts it. Second: whether it was encrypted.
    pub fn wrap(&mut self, seal: bool, message: &[u8]) -> Result<(Vec<u8>, bool)> {
        let f = self.f;
        let (mut minor, mut sealed, mut output) = (0, 0, library::empty());
        let input = library::view(message);
        // SAFETY: the context is ours and used by one thread; the output is taken over below.
        let major = unsafe {
            (f.gss_wrap)(
                &mut minor,
                self.raw,
                c_int::from(seal),
                0,
                &input,
                &mut sealed,
                &mut output,
            )
        };
        let output = take(f, output);
        check(f, major, minor)?;
        Ok((output, sealed != 0))
    }

    /// Checks and opens a message. Second: whether it was encrypted.
    pub fn unwrap(&mut self, message: &[u8]) -> Result<(Vec<u8>, bool)> {
        let f = self.f;
        let (mut minor, mut sealed, mut output) = (0, 0, library::empty());
        let input = library::view(message);
        // SAFETY: as in `wrap`.
        let major = unsafe {
            (f.gss_unwrap)(
                &mut minor,
                self.raw,
                &input,
                &mut output,
                &mut sealed,
                null_mut(),
            )
        };
        let output = take(f, output);
        check(f, major, minor)?;
        if major != 0 {
            // Repeated, old, or out of order: over TCP that is somebody else's doing.
            return Err(Problem::Failed(Failure {
                major,
                minor: 0,
                texts: vec!["a message was repeated or came out of order".to_owned()],
            }));
        }
        Ok((output, sealed != 0))
    }

    /// The longest message that is at most `size` bytes when sealed.
    pub fn limit(&mut self, size: u32) -> Result<u32> {
        let f = self.f;
        let (mut minor, mut most) = (0, 0);
        // SAFETY: the context is ours, the outputs are live locals.
        let major = unsafe { (f.gss_wrap_size_limit)(&mut minor, self.raw, 1, 0, size, &mut most) };
        check(f, major, minor)?;
        Ok(most)
    }
}

impl Drop for SecurityContext {
    fn drop(&mut self) {
        if self.raw.is_null() {
            return;
        }
        let mut minor = 0;
        // SAFETY: the context came from the library and is deleted once; no token is wanted.
        unsafe { (self.f.gss_delete_sec_context)(&mut minor, &mut self.raw, null_mut()) };
    }
}
