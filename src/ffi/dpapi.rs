//! Windows' data protection (DPAPI): what is sealed by an account on a machine opens for it there only.

use std::io;
use std::ptr::{null, null_mut};

use windows_sys::Win32::Foundation::LocalFree;
use windows_sys::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};
use zeroize::{Zeroize, Zeroizing};

/// Seals bytes for the account that runs. `purpose` must be the same when they are opened.
pub fn seal(clear: &[u8], purpose: &str) -> io::Result<Vec<u8>> {
    let (clear, purpose) = (view(clear)?, view(purpose.as_bytes())?);
    let mut sealed = empty();
    // SAFETY: the inputs view live bytes with their true lengths; the output is taken over below.
    let done = unsafe {
        CryptProtectData(
            &clear,
            null(),
            &purpose,
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &mut sealed,
        )
    };
    take(done, sealed).map(|bytes| bytes.to_vec())
}

/// Opens what [`seal`] made.
pub fn open(sealed: &[u8], purpose: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let (sealed, purpose) = (view(sealed)?, view(purpose.as_bytes())?);
    let mut clear = empty();
    // SAFETY: as in `seal`.
    let done = unsafe {
        CryptUnprotectData(
            &sealed,
            null_mut(),
            &purpose,
            null(),
            null(),
            CRYPTPROTECT_UI_FORBIDDEN,
            &mut clear,
        )
    };
    take(done, clear)
}

fn view(bytes: &[u8]) -> io::Result<CRYPT_INTEGER_BLOB> {
    Ok(CRYPT_INTEGER_BLOB {
        cbData: bytes.len().try_into().map_err(io::Error::other)?,
        // Only read through.
        pbData: bytes.as_ptr().cast_mut(),
    })
}

fn empty() -> CRYPT_INTEGER_BLOB {
    CRYPT_INTEGER_BLOB {
        cbData: 0,
        pbData: null_mut(),
    }
}

/// Copies what Windows made, wipes it and gives its memory back.
fn take(done: i32, made: CRYPT_INTEGER_BLOB) -> io::Result<Zeroizing<Vec<u8>>> {
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    if made.pbData.is_null() {
        return Ok(Zeroizing::default());
    }
    // SAFETY: Windows filled that many bytes, nobody else has them, and they are freed once, after the copy.
    unsafe {
        let bytes = std::slice::from_raw_parts_mut(made.pbData, made.cbData as usize);
        let copy = Zeroizing::new(bytes.to_vec());
        bytes.zeroize();
        LocalFree(made.pbData.cast());
        Ok(copy)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn what_is_sealed_opens_for_its_purpose_only() {
        let sealed = super::seal(b"s3cret", "a").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"s3cret"));
        assert_eq!(super::open(&sealed, "a").unwrap().as_slice(), b"s3cret");
        assert!(super::open(&sealed, "b").is_err());
        assert!(super::open(&sealed[1..], "a").is_err());
    }
}
