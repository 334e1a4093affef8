//! Access lists of folders on Windows.

use std::ffi::c_void;
use std::io;
use std::path::Path;
use std::ptr::null_mut;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW,
    GetNamedSecurityInfoW, SDDL_REVISION_1, SE_FILE_OBJECT,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACL, DACL_SECURITY_INFORMATION, GetAce, GetTokenInformation,
    OWNER_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR, PSID, SECURITY_ATTRIBUTES, TOKEN_QUERY,
    TOKEN_USER, TokenUser,
};
use windows_sys::Win32::Storage::FileSystem::CreateDirectoryW;
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::os::{text_at, wide};

/// Makes a folder for administrators, the system and the account that runs; nothing is inherited from above.
pub fn make_directory(path: &Path) -> io::Result<()> {
    let list = wide(format!(
        "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;{})",
        own_sid()?
    ));
    let mut descriptor = Local(null_mut());
    // SAFETY: the text ends with a zero; the output is freed by `Local`.
    check(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            list.as_ptr(),
            SDDL_REVISION_1,
            &mut descriptor.0,
            null_mut(),
        )
    })?;
    let attributes = SECURITY_ATTRIBUTES {
        nLength: size_of::<SECURITY_ATTRIBUTES>() as u32,
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    let path = wide(path);
    // SAFETY: path and descriptor are live for the call.
    check(unsafe { CreateDirectoryW(path.as_ptr(), &attributes) })
}

/// What is wrong with a folder that nobody but administrators, the system and accounts named one by one should
/// write to; `None` when nothing is.
pub fn fault(path: &Path) -> io::Result<Option<String>> {
    let name = wide(path);
    let (mut owner, mut list): (PSID, *mut ACL) = (null_mut(), null_mut());
    let mut descriptor = Local(null_mut());
    // SAFETY: the path ends with a zero; owner and list point into the descriptor, which lives to the end.
    let status = unsafe {
        GetNamedSecurityInfoW(
            name.as_ptr(),
            SE_FILE_OBJECT,
            OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
            &mut owner,
            null_mut(),
            &mut list,
            null_mut(),
            &mut descriptor.0,
        )
    };
    if status != 0 {
        return Err(io::Error::from_raw_os_error(status.cast_signed()));
    }
    let owner = text_of(owner)?;
    if !is_trusted_owner(&owner) && owner != own_sid()? {
        return Ok(Some(format!("it belongs to another account ({owner})")));
    }
    if list.is_null() {
        return Ok(Some(
            "it has no access list, so anybody may write to it".to_owned(),
        ));
    }
    // SAFETY: the list lies in the descriptor and has that many entries.
    let count = unsafe { (*list).AceCount };
    for index in 0..u32::from(count) {
        let mut entry: *mut c_void = null_mut();
        // SAFETY: the index is within the list, the output points into it.
        check(unsafe { GetAce(list, index, &mut entry) })?;
        // SAFETY: every entry begins with this header, whatever its kind.
        let header = unsafe { (*entry.cast::<ACCESS_ALLOWED_ACE>()).Header };
        // Allowed, plainly or on a condition: both have mask and SID at these places.
        if !matches!(header.AceType, 0 | 9) {
            continue;
        }
        let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: the kind was looked at; the SID begins at this field.
        let (mask, sid) = unsafe { ((*entry).Mask, (&raw mut (*entry).SidStart).cast()) };
        if mask & WRITE == 0 {
            continue;
        }
        let sid = text_of(sid)?;
        if is_crowd(&sid) {
            return Ok(Some(format!(
                "a whole group of people may write to it ({sid})"
            )));
        }
    }
    Ok(None)
}

/// Rights that change what a folder holds, or who may: add file or folder, delete, delete child, change the list, take
/// ownership, and the generic ones for these.
const WRITE: u32 = 0x2 | 0x4 | 0x40 | 0x1_0000 | 0x4_0000 | 0x8_0000 | 0x1000_0000 | 0x4000_0000;

/// The system, administrators, TrustedInstaller.
fn is_trusted_owner(sid: &str) -> bool {
    matches!(sid, "S-1-5-18" | "S-1-5-32-544")
        || sid == "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
}

/// Everyone, network, interactive, anonymous, signed-in, users, guests; of a domain: users, guests, computers.
fn is_crowd(sid: &str) -> bool {
    matches!(
        sid,
        "S-1-1-0"
            | "S-1-5-2"
            | "S-1-5-4"
            | "S-1-5-7"
            | "S-1-5-11"
            | "S-1-5-32-545"
            | "S-1-5-32-546"
    ) || sid.starts_with("S-1-5-21-")
        && ["-513", "-514", "-515"]
            .iter()
            .any(|group| sid.ends_with(group))
}

/// The SID of the account that runs.
fn own_sid() -> io::Result<String> {
    let mut token: HANDLE = null_mut();
    // SAFETY: the pseudo handle needs no closing; the output is a live local, closed below.
    check(unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) })?;
    // A SID has 68 bytes at most; u64 for the record's alignment.
    let mut room = [0_u64; 32];
    let mut length = 0;
    // SAFETY: the room is live, aligned and as large as is said; the token is live and closed once.
    let done = unsafe {
        let done = GetTokenInformation(
            token,
            TokenUser,
            room.as_mut_ptr().cast(),
            size_of_val(&room) as u32,
            &mut length,
        );
        let error = io::Error::last_os_error();
        CloseHandle(token);
        if done == 0 { Err(error) } else { Ok(()) }
    };
    done?;
    // SAFETY: the call filled a record of this kind, whose SID lies in the room as well.
    text_of(unsafe { (*room.as_ptr().cast::<TOKEN_USER>()).User.Sid })
}

/// A SID as text.
fn text_of(sid: PSID) -> io::Result<String> {
    let mut text = null_mut();
    // SAFETY: the caller's SID is live; the text is copied and then freed by `Local`.
    unsafe {
        check(ConvertSidToStringSidW(sid, &mut text))?;
        let _freed = Local(text.cast());
        Ok(text_at(text))
    }
}

fn check(done: i32) -> io::Result<()> {
    if done == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What Windows wants back by `LocalFree`.
struct Local(PSECURITY_DESCRIPTOR);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: came from Windows (or is null, which is let pass) and is freed once.
        unsafe { LocalFree(self.0) };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_made_here_is_in_order() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("Ordner ä");
        make_directory(&folder).unwrap();
        assert_eq!(fault(&folder).unwrap(), None);
        assert!(make_directory(&folder).is_err(), "it is there already");
        assert!(fault(&top.path().join("none")).is_err());
    }

    #[test]
    fn crowds_are_told_from_accounts() {
        for crowd in ["S-1-1-0", "S-1-5-11", "S-1-5-32-545", "S-1-5-21-1-2-3-513"] {
            assert!(is_crowd(crowd), "{crowd}");
        }
        for one in ["S-1-5-18", "S-1-5-32-544", "S-1-5-21-1-2-3-1104", "S-1-3-0"] {
            assert!(!is_crowd(one), "{one}");
        }
    }
}
