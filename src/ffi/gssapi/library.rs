//! The functions we use of MIT Kerberos' GSSAPI library (RFC 2744), found when first needed.
//!
//! Loaded rather than linked: the engine must also start where no Kerberos is installed, and building it needs neither
//! headers nor libclang. The library stays loaded for the life of the process.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::transmute_copy;
use std::ptr::null_mut;
use std::sync::OnceLock;

/// Sonames by which distributions have installed MIT Kerberos for twenty years.
const NAMES: [&CStr; 2] = [c"libgssapi_krb5.so.2", c"libgssapi_krb5.so"];

/// `gss_OID_desc`
#[repr(C)]
pub struct Oid {
    pub length: u32,
    pub elements: *const c_void,
}

// SAFETY: the only values are the constants of this module, which point to immutable static bytes.
unsafe impl Sync for Oid {}

/// `gss_OID_set_desc`
#[repr(C)]
pub struct OidSet {
    pub count: usize,
    pub elements: *const Oid,
}

// SAFETY: the only value is the constant of this module, which points to an immutable static.
unsafe impl Sync for OidSet {}

/// `gss_buffer_desc`
#[repr(C)]
pub struct Buffer {
    pub length: usize,
    pub value: *mut c_void,
}

/// `struct gss_channel_bindings_struct`
#[repr(C)]
pub struct ChannelBindings {
    pub initiator_type: u32,
    pub initiator: Buffer,
    pub acceptor_type: u32,
    pub acceptor: Buffer,
    pub application: Buffer,
}

/// `gss_key_value_element_desc`
#[repr(C)]
pub struct KeyValue {
    pub key: *const c_char,
    pub value: *const c_char,
}

/// `gss_key_value_set_desc`
#[repr(C)]
pub struct KeyValueSet {
    pub count: u32,
    pub elements: *const KeyValue,
}

/// Kerberos 5, 1.2.840.113554.1.2.2 (RFC 4121).
pub static KERBEROS: Oid = Oid {
    length: 9,
    elements: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02".as_ptr().cast(),
};
/// The set of Kerberos 5 alone.
pub static ONLY_KERBEROS: OidSet = OidSet {
    count: 1,
    elements: &raw const KERBEROS,
};
/// `GSS_KRB5_NT_PRINCIPAL_NAME`, 1.2.840.113554.1.2.2.1: taken as it is, without asking DNS about hosts.
pub static PRINCIPAL: Oid = Oid {
    length: 10,
    elements: b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01".as_ptr().cast(),
};

/// Declares the table of functions and how it is filled: one line a function, as in the headers.
macro_rules! functions {
    ($($name:ident($($argument:ty),* $(,)?) -> $result:ty;)*) => {
        /// The library's functions.
        pub struct Functions {
            $(pub $name: unsafe extern "C" fn($($argument),*) -> $result,)*
        }

        /// SAFETY: `handle` must be a library whose functions have the declared signatures.
        unsafe fn find(handle: *mut c_void) -> Result<Functions, String> {
            Ok(Functions {
                $($name: {
                    let name = concat!(stringify!($name), "\0");
                    // SAFETY: the handle is open and the name ends with a zero.
                    let address = unsafe { libc::dlsym(handle, name.as_ptr().cast()) };
                    if address.is_null() {
                        return Err(format!("it has no {}", stringify!($name)));
                    }
                    // SAFETY: a function pointer is as large as a data pointer on every Unix, this one is not null, and
                    // the caller vouches for the signature.
                    unsafe { transmute_copy::<*mut c_void, unsafe extern "C" fn($($argument),*) -> $result>(&address) }
                },)*
            })
        }
    };
}

type Minor = *mut u32;
type Handle = *mut c_void;

functions! {
    gss_import_name(Minor, *const Buffer, *const Oid, *mut Handle) -> u32;
    gss_release_name(Minor, *mut Handle) -> u32;
    gss_display_name(Minor, Handle, *mut Buffer, *mut *const Oid) -> u32;
    gss_acquire_cred(Minor, Handle, u32, *const OidSet, c_int, *mut Handle, *mut *mut OidSet, *mut u32) -> u32;
    gss_acquire_cred_from(Minor, Handle, u32, *const OidSet, c_int, *const KeyValueSet, *mut Handle, *mut *mut OidSet, *mut u32) -> u32;
    gss_acquire_cred_with_password(Minor, Handle, *const Buffer, u32, *const OidSet, c_int, *mut Handle, *mut *mut OidSet, *mut u32) -> u32;
    gss_release_cred(Minor, *mut Handle) -> u32;
    gss_inquire_cred(Minor, Handle, *mut Handle, *mut u32, *mut c_int, *mut *mut OidSet) -> u32;
    gss_init_sec_context(Minor, Handle, *mut Handle, Handle, *const Oid, u32, u32, *const ChannelBindings, *const Buffer, *mut *const Oid, *mut Buffer, *mut u32, *mut u32) -> u32;
    gss_delete_sec_context(Minor, *mut Handle, *mut Buffer) -> u32;
    gss_wrap(Minor, Handle, c_int, u32, *const Buffer, *mut c_int, *mut Buffer) -> u32;
    gss_unwrap(Minor, Handle, *const Buffer, *mut Buffer, *mut c_int, *mut u32) -> u32;
    gss_wrap_size_limit(Minor, Handle, c_int, u32, u32, *mut u32) -> u32;
    gss_release_buffer(Minor, *mut Buffer) -> u32;
    gss_display_status(Minor, u32, c_int, *const Oid, *mut u32, *mut Buffer) -> u32;
    krb5_init_context(*mut Handle) -> i32;
    krb5_free_context(Handle) -> ();
    krb5_cc_resolve(Handle, *const c_char, *mut Handle) -> i32;
    krb5_cc_destroy(Handle, Handle) -> i32;
}

/// The functions, or why there are none.
pub fn functions() -> Result<&'static Functions, &'static str> {
    static LIBRARY: OnceLock<Result<Functions, String>> = OnceLock::new();
    match LIBRARY.get_or_init(open) {
        Ok(functions) => Ok(functions),
        Err(reason) => Err(reason),
    }
}

fn open() -> Result<Functions, String> {
    let mut reason = String::new();
    for name in NAMES {
        // SAFETY: the name ends with a zero; what the library does when loaded is the system's own code.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if !handle.is_null() {
            // SAFETY: under these names there is MIT Kerberos, whose functions have had these signatures since 1.11.
            return unsafe { find(handle) };
        }
        // SAFETY: dlerror gives null or a text that lives until this thread's next call of the kind.
        let text = unsafe { libc::dlerror() };
        if reason.is_empty() && !text.is_null() {
            // SAFETY: not null, and ended by a zero.
            reason = unsafe { CStr::from_ptr(text) }
                .to_string_lossy()
                .into_owned();
        }
    }
    Err(reason)
}

/// An empty buffer for the library to fill.
pub fn empty() -> Buffer {
    Buffer {
        length: 0,
        value: null_mut(),
    }
}

/// The library's view of bytes that it only reads.
pub fn view(bytes: &[u8]) -> Buffer {
    Buffer {
        length: bytes.len(),
        value: bytes.as_ptr().cast_mut().cast(),
    }
}
