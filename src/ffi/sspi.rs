//! Kerberos through Windows' own SSPI, behind a safe interface: the same shape as `gssapi` elsewhere.
//!
//! Tickets are kept and renewed by Windows (LSA), for the account that runs or for one whose password was given.

use std::ffi::c_void;
use std::ptr::{null, null_mut};
use std::sync::Arc;

use windows_sys::Win32::Foundation::{SEC_E_OK, SEC_I_CONTINUE_NEEDED};
use windows_sys::Win32::Security::Authentication::Identity::{
    AcquireCredentialsHandleW, DecryptMessage, DeleteSecurityContext, EncryptMessage,
    FreeContextBuffer, FreeCredentialsHandle, ISC_REQ_CONFIDENTIALITY, ISC_REQ_INTEGRITY,
    ISC_REQ_MUTUAL_AUTH, ISC_REQ_REPLAY_DETECT, ISC_REQ_SEQUENCE_DETECT, ISC_RET_CONFIDENTIALITY,
    ISC_RET_MUTUAL_AUTH, InitializeSecurityContextW, KERB_WRAP_NO_ENCRYPT, QueryContextAttributesW,
    QueryCredentialsAttributesW, QuerySecurityPackageInfoW, SEC_CHANNEL_BINDINGS,
    SECBUFFER_CHANNEL_BINDINGS, SECBUFFER_DATA, SECBUFFER_PADDING, SECBUFFER_STREAM,
    SECBUFFER_TOKEN, SECBUFFER_VERSION, SECPKG_ATTR_SIZES, SECPKG_CRED_ATTR_NAMES,
    SECPKG_CRED_OUTBOUND, SECURITY_NATIVE_DREP, SecBuffer, SecBufferDesc, SecPkgContext_Sizes,
    SecPkgCredentials_NamesW, SecPkgInfoW,
};
use windows_sys::Win32::Security::Credentials::SecHandle;
use windows_sys::Win32::System::Rpc::{SEC_WINNT_AUTH_IDENTITY_UNICODE, SEC_WINNT_AUTH_IDENTITY_W};
use zeroize::Zeroizing;

use super::os::{message_of, text_at, wide};

/// A refusal: SSPI's status and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// `SEC_E_...`
    pub status: i32,
    /// Windows' text for it.
    pub text: String,
}

type Result<T> = std::result::Result<T, Refusal>;

fn check(status: i32) -> Result<()> {
    if status == SEC_E_OK {
        return Ok(());
    }
    Err(Refusal {
        status,
        text: message_of(status),
    })
}

fn wrong(text: &str) -> Refusal {
    Refusal {
        status: 0,
        text: text.to_owned(),
    }
}

/// Tickets to sign in with.
pub struct Credential {
    raw: SecHandle,
}

impl Credential {
    /// Of the account that runs.
    pub fn of_this_account() -> Result<Credential> {
        Self::acquire(null())
    }

    /// Of an account of a domain, by its password.
    pub fn from_password(user: &str, domain: &str, password: &str) -> Result<Credential> {
        let mut user: Vec<u16> = user.encode_utf16().collect();
        let mut domain: Vec<u16> = domain.encode_utf16().collect();
        // Room for all of it at once: a vector that grows leaves copies behind.
        let mut units = Zeroizing::new(Vec::with_capacity(password.len()));
        units.extend(password.encode_utf16());
        let identity = SEC_WINNT_AUTH_IDENTITY_W {
            User: user.as_mut_ptr(),
            UserLength: length(user.len()),
            Domain: domain.as_mut_ptr(),
            DomainLength: length(domain.len()),
            Password: units.as_mut_ptr(),
            PasswordLength: length(units.len()),
            Flags: SEC_WINNT_AUTH_IDENTITY_UNICODE,
        };
        Self::acquire((&raw const identity).cast())
    }

    fn acquire(identity: *const c_void) -> Result<Credential> {
        let package = wide("Kerberos");
        let mut credential = Credential {
            raw: SecHandle::default(),
        };
        let mut expiry = 0;
        // SAFETY: the name ends with a zero, the identity (or null) and what it points to live until after the call,
        // outputs are live locals.
        let status = unsafe {
            AcquireCredentialsHandleW(
                null(),
                package.as_ptr(),
                SECPKG_CRED_OUTBOUND,
                null(),
                identity,
                None,
                null(),
                &mut credential.raw,
                &mut expiry,
            )
        };
        check(status)?;
        Ok(credential)
    }

    /// Whose tickets.
    pub fn owner(&self) -> Option<String> {
        let mut names = SecPkgCredentials_NamesW::default();
        // SAFETY: the handle is live, and the output is what this attribute fills.
        let status = unsafe {
            QueryCredentialsAttributesW(&self.raw, SECPKG_CRED_ATTR_NAMES, (&raw mut names).cast())
        };
        if status != SEC_E_OK || names.sUserName.is_null() {
            return None;
        }
        // SAFETY: SSPI gave a text that ends with a zero; it is freed once, after it was copied.
        let name = unsafe {
            let name = text_at(names.sUserName);
            FreeContextBuffer(names.sUserName.cast());
            name
        };
        (!name.is_empty()).then_some(name)
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        if self.raw.dwLower != 0 || self.raw.dwUpper != 0 {
            // SAFETY: the handle came from SSPI and is freed once.
            unsafe { FreeCredentialsHandle(&self.raw) };
        }
    }
}

/// A conversation with one service, from the first token to sealed messages.
pub struct SecurityContext {
    raw: Option<SecHandle>,
    credential: Arc<Credential>,
    service: Vec<u16>,
    binding: Option<Vec<u8>>,
    wanted: u32,
    granted: u32,
    complete: bool,
    sizes: SecPkgContext_Sizes,
    room: usize,
}

impl SecurityContext {
    /// Begins. `service` is a service principal name, `binding` what ties it to a TLS channel, `seal` asks for
    /// confidentiality. Asks the KDC, so it may take seconds.
    pub fn start(
        credential: Arc<Credential>,
        service: &str,
        binding: Option<&[u8]>,
        seal: bool,
    ) -> Result<(SecurityContext, Vec<u8>)> {
        // Without integrity there is no signing of the layer that is chosen.
        let layer = ISC_REQ_CONFIDENTIALITY | ISC_REQ_REPLAY_DETECT | ISC_REQ_SEQUENCE_DETECT;
        let mut context = SecurityContext {
            raw: None,
            credential,
            service: wide(service),
            binding: binding.map(channel_bindings),
            wanted: ISC_REQ_MUTUAL_AUTH | ISC_REQ_INTEGRITY | if seal { layer } else { 0 },
            granted: 0,
            complete: false,
            sizes: SecPkgContext_Sizes::default(),
            room: longest_token()?,
        };
        let token = context.step(&[])?;
        Ok((context, token))
    }

    /// Takes the service's token and gives the next one; empty = nothing to send.
    pub fn step(&mut self, token: &[u8]) -> Result<Vec<u8>> {
        let mut given = token.to_vec();
        let mut inputs = Vec::new();
        if !given.is_empty() {
            inputs.push(buffer(SECBUFFER_TOKEN, &mut given));
        }
        if let Some(binding) = &mut self.binding {
            inputs.push(buffer(SECBUFFER_CHANNEL_BINDINGS, binding));
        }
        let input = list(&mut inputs);
        let mut answer = vec![0; self.room];
        let mut outputs = [buffer(SECBUFFER_TOKEN, &mut answer)];
        let mut output = list(&mut outputs);
        let mut next = self.raw.unwrap_or_default();
        let (mut granted, mut expiry) = (0, 0);
        // SAFETY: all buffers and lists are live locals with their true lengths; the context is null before the first
        // step and ours afterwards; outputs are live locals.
        let status = unsafe {
            InitializeSecurityContextW(
                &self.credential.raw,
                self.raw.as_ref().map_or(null(), std::ptr::from_ref),
                self.service.as_ptr(),
                self.wanted,
                0,
                SECURITY_NATIVE_DREP,
                if inputs.is_empty() { null() } else { &input },
                0,
                &mut next,
                &mut output,
                &mut granted,
                &mut expiry,
            )
        };
        if status != SEC_E_OK && status != SEC_I_CONTINUE_NEEDED {
            check(status)?;
        }
        self.raw = Some(next);
        self.granted = granted;
        self.complete = status == SEC_E_OK;
        if self.complete {
            // SAFETY: the context is ours and complete; the output is what this attribute fills.
            check(unsafe {
                QueryContextAttributesW(&next, SECPKG_ATTR_SIZES, (&raw mut self.sizes).cast())
            })?;
        }
        let length = outputs[0].cbBuffer as usize;
        answer.truncate(length);
        Ok(answer)
    }

    /// Both sides know each other.
    pub fn is_complete(&self) -> bool {
        self.complete && self.granted & ISC_RET_MUTUAL_AUTH != 0
    }

    /// Messages can be sealed.
    pub fn is_confidential(&self) -> bool {
        self.complete && self.granted & ISC_RET_CONFIDENTIALITY != 0
    }

    fn handle(&self) -> Result<&SecHandle> {
        match &self.raw {
            Some(raw) if self.complete => Ok(raw),
            _ => Err(wrong("the conversation isn't complete")),
        }
    }

    /// Signs a message and, with `seal`, encrypts it.
    pub fn wrap(&mut self, seal: bool, message: &[u8]) -> Result<Vec<u8>> {
        let mut head = vec![0; self.sizes.cbSecurityTrailer as usize];
        let mut data = message.to_vec();
        let mut tail = vec![0; self.sizes.cbBlockSize as usize];
        let mut buffers = [
            buffer(SECBUFFER_TOKEN, &mut head),
            buffer(SECBUFFER_DATA, &mut data),
            buffer(SECBUFFER_PADDING, &mut tail),
        ];
        let message = list(&mut buffers);
        let protection = if seal { 0 } else { KERB_WRAP_NO_ENCRYPT };
        // SAFETY: the context is ours and used by one thread; the buffers are live locals with their true lengths.
        check(unsafe { EncryptMessage(self.handle()?, protection, &message, 0) })?;
        let mut wrapped = Vec::with_capacity(head.len() + data.len() + tail.len());
        for (bytes, buffer) in [&head, &data, &tail].into_iter().zip(&buffers) {
            let part = bytes.get(..buffer.cbBuffer as usize);
            wrapped.extend_from_slice(part.ok_or_else(|| wrong("a part outgrew its buffer"))?);
        }
        Ok(wrapped)
    }

    /// Checks and opens a message. Second: whether it was encrypted.
    pub fn unwrap(&mut self, message: &[u8]) -> Result<(Vec<u8>, bool)> {
        let mut bytes = message.to_vec();
        let mut buffers = [
            buffer(SECBUFFER_STREAM, &mut bytes),
            SecBuffer {
                cbBuffer: 0,
                BufferType: SECBUFFER_DATA,
                pvBuffer: null_mut(),
            },
        ];
        let list = list(&mut buffers);
        let mut protection = 0;
        // SAFETY: as in `wrap`. Repeated messages and those out of order are refused by SSPI.
        check(unsafe { DecryptMessage(self.handle()?, &list, 0, &mut protection) })?;
        // SSPI decrypts in place and says where.
        let start = (buffers[1].pvBuffer as usize).wrapping_sub(bytes.as_ptr() as usize);
        let end = start.wrapping_add(buffers[1].cbBuffer as usize);
        let clear = bytes.get(start..end);
        let clear = clear.ok_or_else(|| wrong("the message lies outside of its buffer"))?;
        Ok((clear.to_vec(), protection & KERB_WRAP_NO_ENCRYPT == 0))
    }

    /// The longest message that is at most `size` bytes when sealed.
    pub fn limit(&self, size: u32) -> u32 {
        size.saturating_sub(self.sizes.cbSecurityTrailer)
            .saturating_sub(self.sizes.cbBlockSize)
    }
}

impl Drop for SecurityContext {
    fn drop(&mut self) {
        if let Some(raw) = &self.raw {
            // SAFETY: the context came from SSPI and is deleted once.
            unsafe { DeleteSecurityContext(raw) };
        }
    }
}

/// The application's channel binding in SSPI's form: a header, then the bytes.
fn channel_bindings(application: &[u8]) -> Vec<u8> {
    const HEADER: u32 = size_of::<SEC_CHANNEL_BINDINGS>() as u32;
    let fields = [0, 0, 0, 0, 0, 0, length(application.len()), HEADER];
    let mut bytes: Vec<u8> = fields
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .collect();
    bytes.extend_from_slice(application);
    bytes
}

/// How long a token of Kerberos may be here.
fn longest_token() -> Result<usize> {
    let package = wide("Kerberos");
    let mut info: *mut SecPkgInfoW = null_mut();
    // SAFETY: the name ends with a zero; the output is a live local.
    check(unsafe { QuerySecurityPackageInfoW(package.as_ptr(), &mut info) })?;
    if info.is_null() {
        return Err(wrong("SSPI says nothing of Kerberos"));
    }
    // SAFETY: SSPI gave a record, which is freed once after it was read.
    let longest = unsafe {
        let longest = (*info).cbMaxToken;
        FreeContextBuffer(info.cast());
        longest
    };
    Ok(longest as usize)
}

fn buffer(kind: u32, bytes: &mut [u8]) -> SecBuffer {
    SecBuffer {
        cbBuffer: length(bytes.len()),
        BufferType: kind,
        pvBuffer: bytes.as_mut_ptr().cast(),
    }
}

fn list(buffers: &mut [SecBuffer]) -> SecBufferDesc {
    SecBufferDesc {
        ulVersion: SECBUFFER_VERSION,
        cBuffers: length(buffers.len()),
        pBuffers: buffers.as_mut_ptr(),
    }
}

/// Lengths in SSPI's width; ours are far below it.
fn length(length: usize) -> u32 {
    length.try_into().unwrap_or(u32::MAX)
}
