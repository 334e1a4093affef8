//! What must be true of the DLL that is shipped: what it imports and exports, how it is hardened, what Windows shows of
//! it. Read from the file itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use object::pe;
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, PeFile64, ResourceDirectory};
use object::{LittleEndian as LE, Object, ObjectSection, SectionFlags};

use crate::system;

/// DLLs that every supported Windows has (Server 2016, Windows 10 1607 and later), Nano Server apart.
const EVERYWHERE: &[&str] = &[
    "advapi32.dll",
    "bcrypt.dll",
    "bcryptprimitives.dll",
    "crypt32.dll",
    "iphlpapi.dll",
    "kernel32.dll",
    "ktmw32.dll",
    "msvcrt.dll",
    "ntdll.dll",
    "oleaut32.dll",
    "secur32.dll",
    "userenv.dll",
    "ws2_32.dll",
    // API sets, in the schema since Windows 8.
    "api-ms-win-core-synch-l1-2-0.dll",
    "api-ms-win-core-winrt-error-l1-1-0.dll",
];

/// Linker's word for addresses anywhere, in 64 bits too, and no data executed.
const HARDENED: &[(u16, &str)] = &[
    (
        pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
        "ASLR (dynamic base)",
    ),
    (
        pe::IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
        "64-bit ASLR (high entropy)",
    ),
    (pe::IMAGE_DLLCHARACTERISTICS_NX_COMPAT, "NX"),
];

/// What is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Facts {
    imports: BTreeMap<String, usize>,
    exports: BTreeSet<String>,
    characteristics: u16,
    relocations: bool,
    writable_code: Vec<String>,
    numbers: Option<[u16; 4]>,
    strings: BTreeMap<&'static str, String>,
}

/// What it has to be.
struct Wanted {
    exports: BTreeSet<String>,
    version: String,
}

/// Checks a DLL and shows what was found; fails with everything that is wrong. Copies with one planted fault each must
/// fail too.
pub fn check(dll: &Path) -> Result<(), String> {
    let fault = |e: &dyn std::fmt::Display| format!("{}: {e}", dll.display());
    let bytes = std::fs::read(dll).map_err(|e| fault(&e))?;
    let header = system::root().join("include/group_writeback.h");
    let header = std::fs::read_to_string(&header).map_err(|e| fault(&e))?;
    let wanted = Wanted {
        exports: functions(&header),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let facts = read(&bytes).map_err(|e| fault(&e))?;
    println!("{} ({} bytes)", dll.display(), bytes.len());
    println!(
        "  version {}, {} exports",
        facts
            .strings
            .get("FileVersion")
            .map_or("missing", String::as_str),
        facts.exports.len()
    );
    for (name, count) in &facts.imports {
        println!("  imports {name} ({count})");
    }
    let mut faults = faults(&facts, &wanted);
    if let Some(home) = std::env::home_dir().filter(|home| home.parent().is_some())
        && contains(&bytes, format!("{}/", home.display()).as_bytes())
    {
        faults.push("it holds paths of the machine that built it".to_owned());
    }
    if !faults.is_empty() {
        return Err(fault(&faults.join("; ")));
    }
    for (old, new) in PLANTED {
        let planted = replaced(&bytes, old, new)
            .ok_or_else(|| fault(&format!("nothing to plant {new} for")))?;
        let seen = read(&planted).is_ok_and(|facts| self::faults(&facts, &wanted).is_empty());
        if seen {
            return Err(fault(&format!("a planted {new} passed the check")));
        }
    }
    println!("  {} planted faults were found", PLANTED.len());
    Ok(())
}

/// Names of the same length: an import nobody has, an export that isn't the header's.
const PLANTED: &[(&str, &str)] = &[
    ("bcryptprimitives.dll", "bcryptprimitivez.dll"),
    ("gwb_cancel\0", "gwb_cancem\0"),
];

fn replaced(bytes: &[u8], old: &str, new: &str) -> Option<Vec<u8>> {
    let mut copy = bytes.to_vec();
    let mut found = false;
    for at in 0..copy.len().saturating_sub(old.len()) {
        if copy[at..].starts_with(old.as_bytes()) {
            copy[at..at + old.len()].copy_from_slice(new.as_bytes());
            found = true;
        }
    }
    found.then_some(copy)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// The functions that a header declares.
fn functions(header: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in header
        .lines()
        .filter(|line| !line.trim_start().starts_with(['*', '/']))
    {
        if let Some((before, _)) = line.split_once('(')
            && let Some(name) = before.split_whitespace().last()
            && name.starts_with("gwb_")
        {
            found.insert(name.to_owned());
        }
    }
    found
}

fn faults(facts: &Facts, wanted: &Wanted) -> Vec<String> {
    let mut faults = Vec::new();
    for name in facts.imports.keys() {
        if !EVERYWHERE.contains(&name.to_lowercase().as_str()) {
            faults.push(format!("it imports {name}, which not every Windows has"));
        }
    }
    for name in wanted.exports.difference(&facts.exports) {
        faults.push(format!("it does not export {name}"));
    }
    for name in facts.exports.difference(&wanted.exports) {
        faults.push(format!("it exports {name}, which is not in the header"));
    }
    for (bit, name) in HARDENED {
        if facts.characteristics & bit == 0 {
            faults.push(format!("it is built without {name}"));
        }
    }
    if !facts.relocations {
        faults.push("it has no relocations, so it can't be moved".to_owned());
    }
    for name in &facts.writable_code {
        faults.push(format!("its section {name} is code that can be written to"));
    }
    let numbers: Vec<u16> = wanted
        .version
        .split('.')
        .filter_map(|n| n.parse().ok())
        .collect();
    match facts.numbers {
        None => faults.push("it has no version resource".to_owned()),
        Some(found) if found[..3] != numbers => {
            faults.push(format!("its version is {found:?}, not {}", wanted.version));
        }
        Some(_) => {}
    }
    for (key, expected) in [
        ("CompanyName", None),
        ("ProductName", Some("Group Writeback")),
        ("OriginalFilename", Some("group_writeback.dll")),
        ("FileVersion", Some(wanted.version.as_str())),
        ("ProductVersion", Some(wanted.version.as_str())),
    ] {
        let found = facts
            .strings
            .get(key)
            .map(String::as_str)
            .unwrap_or_default();
        if found.is_empty() || expected.is_some_and(|expected| expected != found) {
            faults.push(format!("its {key} is '{found}'"));
        }
    }
    faults
}

fn read(bytes: &[u8]) -> Result<Facts, object::Error> {
    let file = PeFile64::parse(bytes)?;
    let header = file.nt_headers().optional_header();
    let mut facts = Facts {
        characteristics: header.dll_characteristics(),
        relocations: file
            .data_directory(pe::IMAGE_DIRECTORY_ENTRY_BASERELOC)
            .is_some_and(|d| d.size.get(LE) > 0),
        ..Facts::default()
    };
    if let Some(table) = file.import_table()? {
        let mut descriptors = table.descriptors()?;
        while let Some(descriptor) = descriptors.next()? {
            let name = table.name(descriptor.name.get(LE))?;
            let mut thunks = table.thunks(descriptor.first_thunk.get(LE))?;
            let mut count = 0;
            while thunks.next::<pe::ImageNtHeaders64>()?.is_some() {
                count += 1;
            }
            let name = String::from_utf8_lossy(name).to_lowercase();
            *facts.imports.entry(name).or_default() += count;
        }
    }
    if let Some(table) = file.export_table()? {
        for export in table.exports()? {
            let name = export.name.map(String::from_utf8_lossy);
            facts.exports.insert(
                name.map_or_else(|| format!("#{}", export.ordinal), |name| name.into_owned()),
            );
        }
    }
    for section in file.sections() {
        const BOTH: u32 = pe::IMAGE_SCN_MEM_WRITE | pe::IMAGE_SCN_MEM_EXECUTE;
        if let SectionFlags::Coff { characteristics } = section.flags()
            && characteristics & BOTH == BOTH
        {
            facts.writable_code.push(section.name()?.to_owned());
        }
    }
    let sections = file.section_table();
    if let Some(directory) = file
        .data_directories()
        .resource_directory(bytes, &sections)?
        && let Some((address, length)) = version_data(directory)?
    {
        let resource = sections.pe_data_at(bytes, address).unwrap_or_default();
        version(resource.get(..length).unwrap_or_default(), &mut facts);
    }
    Ok(facts)
}

/// Address and length of the first version resource.
fn version_data(directory: ResourceDirectory<'_>) -> Result<Option<(u32, usize)>, object::Error> {
    let root = directory.root()?;
    let kind = root
        .entries
        .iter()
        .find(|e| e.name_or_id().id() == Some(pe::RT_VERSION));
    let Some(mut entry) = kind else {
        return Ok(None);
    };
    loop {
        if let Some(data) = entry.data(directory)?.data() {
            let address = data.offset_to_data.get(LE);
            return Ok(Some((address, data.size.get(LE) as usize)));
        }
        let table = entry.data(directory)?.table();
        let Some(first) = table.and_then(|table| table.entries.first()) else {
            return Ok(None);
        };
        entry = first;
    }
}

/// Reads `VS_FIXEDFILEINFO` and the strings; both stand on four-byte boundaries.
fn version(resource: &[u8], facts: &mut Facts) {
    const SIGNATURE: [u8; 4] = 0xFEEF_04BD_u32.to_le_bytes();
    let word = |at: usize| {
        let bytes = resource.get(at..at + 2)?.try_into().ok()?;
        Some(u16::from_le_bytes(bytes))
    };
    if let Some(at) = resource.windows(4).position(|bytes| bytes == SIGNATURE) {
        let numbers = [at + 10, at + 8, at + 14, at + 12].map(word);
        if let [Some(a), Some(b), Some(c), Some(d)] = numbers {
            facts.numbers = Some([a, b, c, d]);
        }
    }
    for key in [
        "CompanyName",
        "ProductName",
        "OriginalFilename",
        "FileVersion",
        "ProductVersion",
    ] {
        let name: Vec<u8> = key
            .encode_utf16()
            .chain([0])
            .flat_map(u16::to_le_bytes)
            .collect();
        let Some(at) = resource.windows(name.len()).position(|bytes| bytes == name) else {
            continue;
        };
        let start = (at + name.len()).next_multiple_of(4);
        let units: Vec<u16> = (start..)
            .step_by(2)
            .map_while(word)
            .take_while(|unit| *unit != 0)
            .collect();
        facts.strings.insert(key, String::from_utf16_lossy(&units));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> (Facts, Wanted) {
        let wanted = Wanted {
            exports: functions(
                "int32_t gwb_open(const uint8_t *ptr);\n * gwb_no(\nvoid gwb_free(void);",
            ),
            version: "1.2.3".to_owned(),
        };
        let strings = [
            ("CompanyName", "G"),
            ("ProductName", "Group Writeback"),
            ("OriginalFilename", "group_writeback.dll"),
            ("FileVersion", "1.2.3"),
            ("ProductVersion", "1.2.3"),
        ];
        let facts = Facts {
            imports: BTreeMap::from([("KERNEL32.dll".to_owned(), 3)]),
            exports: wanted.exports.clone(),
            characteristics: 0x160,
            relocations: true,
            writable_code: Vec::new(),
            numbers: Some([1, 2, 3, 0]),
            strings: strings.map(|(key, text)| (key, text.to_owned())).into(),
        };
        (facts, wanted)
    }

    #[test]
    fn headers_name_their_functions() {
        assert_eq!(good().1.exports.len(), 2);
    }

    #[test]
    fn every_fault_is_found() {
        type Plant = fn(&mut Facts);
        let (facts, wanted) = good();
        assert_eq!(faults(&facts, &wanted), Vec::<String>::new());
        let plants: [(Plant, &str); 10] = [
            (
                |f| {
                    f.imports.insert("libgcc_s_seh-1.dll".into(), 1);
                },
                "libgcc_s_seh-1.dll",
            ),
            (
                |f| {
                    f.imports.insert("libwinpthread-1.dll".into(), 1);
                },
                "libwinpthread-1.dll",
            ),
            (
                |f| {
                    f.exports.remove("gwb_open");
                },
                "gwb_open",
            ),
            (
                |f| {
                    f.exports.insert("rust_eh_personality".into());
                },
                "rust_eh_personality",
            ),
            (|f| f.characteristics = 0x120, "dynamic base"),
            (|f| f.characteristics = 0x060, "NX"),
            (|f| f.relocations = false, "relocations"),
            (|f| f.writable_code.push(".text".into()), ".text"),
            (|f| f.numbers = Some([1, 2, 4, 0]), "1.2.3"),
            (
                |f| {
                    f.strings.remove("ProductName");
                },
                "ProductName",
            ),
        ];
        for (plant, word) in plants {
            let mut planted = facts.clone();
            plant(&mut planted);
            let found = faults(&planted, &wanted);
            assert!(
                found.len() == 1 && found[0].contains(word),
                "{word}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_no_dll_is_refused() {
        assert!(read(b"MZ, but nothing more").is_err());
        assert!(read(&[]).is_err());
    }
}
