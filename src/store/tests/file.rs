//! What is SQLite's own: names, modes, damaged, foreign, newer and locked files.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::*;

fn refused(dir: &Path, name: &str) -> Error {
    match SqliteStore::open_waiting(dir, name, Duration::from_millis(50)) {
        Ok(_) => panic!("{name:?} was opened"),
        Err(error) => error,
    }
}

/// A closed store file.
fn closed_store() -> (TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    drop(make_store(&dir));
    let path = dir.path().join("Default.db");
    (dir, path)
}

#[test]
fn names_can_not_leave_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(65);
    for name in [
        "", " ", ".", "..", "../x", "a/b", "a\\b", "a:b", "a\0b", ".hidden", "x.", " x", "x ",
        "a%b", "a?b", "NUL", "con", "COM1", "lpt9.txt", "Aux .x", &long,
    ] {
        assert_eq!(
            refused(dir.path(), name).id,
            ErrorId::InvalidArgument,
            "{name:?}"
        );
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    for name in [
        "Default",
        "a b-c_d.e",
        "Übersee",
        "東京",
        "contoso.com",
        "CONTOSO",
        "COM10",
    ] {
        SqliteStore::open(dir.path(), name).unwrap();
    }
    std::fs::write(dir.path().join("notes.txt"), "x").unwrap();
    std::fs::create_dir(dir.path().join("folder.db")).unwrap();
    let expected = [
        "COM10",
        "CONTOSO",
        "Default",
        "a b-c_d.e",
        "contoso.com",
        "Übersee",
        "東京",
    ];
    assert_eq!(SqliteStore::configurations(dir.path()).unwrap(), expected);
    assert!(
        SqliteStore::configurations(&dir.path().join("none"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn an_unknown_configuration_names_the_known() {
    let (dir, _) = closed_store();
    let error = SqliteStore::open_existing(dir.path(), "Defualt")
        .map(drop)
        .unwrap_err();
    assert_eq!(error.id, ErrorId::ConfigurationNotFound);
    assert!(error.message.contains("Default"), "{error}");
    SqliteStore::open_existing(dir.path(), "Default")
        .map(drop)
        .unwrap();
}

#[test]
fn configuration_and_values_survive() {
    let dir = tempfile::tempdir().unwrap();
    let store = make_store(&dir);
    assert_eq!(store.configuration().unwrap(), None);
    let mut configuration = Configuration {
        organizational_unit: "OU=Ü,DC=x".into(),
        ..Configuration::default()
    };
    configuration.thresholds.deletion_threshold = 7;
    store.save_configuration(&configuration).unwrap();
    store.set_meta(None, "fullRequired", Some("1")).unwrap();
    store
        .set_meta(None, "configuration", Some("not that one"))
        .unwrap();
    drop(store);
    let store = make_store(&dir);
    assert_eq!(store.configuration().unwrap(), Some(configuration));
    assert_eq!(store.meta("fullRequired").unwrap().as_deref(), Some("1"));
    store.set_meta(None, "fullRequired", None).unwrap();
    assert_eq!(store.meta("fullRequired").unwrap(), None);
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("new").join("store");
    let store = SqliteStore::open(&inner, "Default").unwrap();
    let lease = store.acquire_lease(id(1), "h", 1).unwrap();
    store.set_meta(Some(lease.fence), "a", Some("b")).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&inner), mode(&dir.path().join("new"))),
        (0o700, 0o700)
    );
    let mut files = 0;
    for entry in std::fs::read_dir(&inner).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
        files += 1;
    }
    assert_eq!(files, 4, "database, -wal, -shm, lock");
}

#[cfg(unix)]
#[test]
fn a_folder_that_anybody_may_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, _) = closed_store();
    let open_to = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(dir.path(), mode).unwrap();
    };
    open_to(0o1777);
    let error = refused(dir.path(), "Default");
    assert_eq!(error.id, ErrorId::StoreNotPrivate);
    assert!(error.message.contains("1777"), "{error}");
    open_to(0o750);
    drop(make_store(&dir));
}

#[test]
fn what_was_committed_is_there_after_a_power_cut() {
    let f = fixture();
    f.live(&[with_members(named(1, "one"), &[10], &[])]);
    // The files as they are on the disk, while the store is open.
    let copy = tempfile::tempdir().unwrap();
    for file in ["Default.db", "Default.db-wal"] {
        std::fs::copy(f.dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let store = make_store(&copy);
    assert_eq!(store.count_members(id(1)).unwrap(), 1);
    assert_eq!(store.count_pending().unwrap(), 1);
}

#[test]
fn a_damaged_file_says_how_to_rebuild_it() {
    let (dir, path) = closed_store();
    let damage = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = refused(dir.path(), "Default");
        assert_eq!(error.id, ErrorId::StoreUnavailable);
        assert!(
            error.message.contains("Default.db") && error.message.contains("damaged"),
            "{error}"
        );
        assert!(error.recommended_action.contains("Initial"), "{error}");
        assert!(!error.causes.is_empty());
    };
    let whole = std::fs::read(&path).unwrap();
    damage(b"this is no database, but long enough to have a header of one hundred bytes................................");
    let mut pages = whole.clone();
    pages[100..].fill(0xee);
    damage(&pages);

    // Damage further in shows when that place is read.
    std::fs::write(&path, &whole).unwrap();
    let store = make_store(&dir);
    store
        .set_meta(None, "a", Some(&"x".repeat(100_000)))
        .unwrap();
    drop(store);
    let mut pages = std::fs::read(&path).unwrap();
    let middle = pages.len() / 4096 / 2;
    for page in pages.chunks_mut(4096).skip(middle) {
        page.fill(0xee);
    }
    std::fs::write(&path, &pages).unwrap();
    let error = make_store(&dir).meta("a").unwrap_err();
    assert!(
        error.id == ErrorId::StoreUnavailable && error.recommended_action.contains("Initial"),
        "{error}"
    );
}

#[test]
fn unreadable_content_is_damage_too() {
    let (dir, path) = closed_store();
    let c = Connection::open(&path).unwrap();
    c.execute(
        "INSERT INTO meta VALUES ('configuration', '{\"version\":')",
        [],
    )
    .unwrap();
    let error = make_store(&dir).configuration().unwrap_err();
    assert!(
        error.id == ErrorId::StoreUnavailable && error.recommended_action.contains("Initial"),
        "{error}"
    );
}

#[test]
fn newer_and_foreign_files_are_left_alone() {
    let (dir, path) = closed_store();
    let c = Connection::open(&path).unwrap();
    c.pragma_update(None, "user_version", 1000).unwrap();
    let error = refused(dir.path(), "Default");
    assert_eq!(error.id, ErrorId::StoreUnavailable);
    assert!(
        error.message.contains("newer") && error.recommended_action.contains("Update"),
        "{error}"
    );

    let other = Connection::open(dir.path().join("other.db")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    let error = refused(dir.path(), "other");
    assert!(
        error.message.contains("no store of Group Writeback"),
        "{error}"
    );
    other.pragma_update(None, "user_version", 1).unwrap();
    let error = refused(dir.path(), "other");
    assert!(
        error.message.contains("no store of Group Writeback"),
        "{error}"
    );
    let tables: i64 = other
        .query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn locked_full_and_read_only_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        SqliteStore::open_waiting(dir.path(), "Default", Duration::from_millis(50)).unwrap();
    let write = || {
        store
            .set_meta(None, "a", Some(&"x".repeat(1_000_000)))
            .unwrap_err()
    };
    let told = |error: Error, words: &str| {
        assert_eq!(error.id, ErrorId::StoreUnavailable);
        assert!(
            error.message.contains(words) && error.message.contains("Default.db"),
            "{error}"
        );
        assert!(!error.causes.is_empty());
    };
    let other = Connection::open(dir.path().join("Default.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    told(write(), "locked");
    assert_eq!(store.meta("a").unwrap(), None, "reading goes on");
    drop(other);

    let set = |pragma: &str, value: i64| {
        store
            .shared
            .write(None, |tx| Ok(tx.c.pragma_update(None, pragma, value)?))
            .unwrap();
    };
    set("max_page_count", 1);
    told(write(), "disk is full");
    set("max_page_count", 1_000_000);
    store.set_meta(None, "a", Some("b")).unwrap();
    set("query_only", 1);
    told(write(), "read-only");
    assert_eq!(store.meta("a").unwrap().as_deref(), Some("b"));

    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(
        refused(&file, "Default")
            .message
            .contains("can't be opened")
    );
}

#[test]
fn a_new_file_can_be_opened_by_many_at_once() {
    let dir = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let dir = &dir;
            scope.spawn(move || {
                make_store(dir)
                    .set_meta(None, &format!("k{n}"), Some("v"))
                    .unwrap()
            });
        }
    });
    assert!((0..4).all(|n| make_store(&dir).meta(&format!("k{n}")).unwrap().is_some()));
}

#[test]
fn no_column_is_for_secrets() {
    let (_dir, path) = closed_store();
    let c = Connection::open(path).unwrap();
    let mut statement = c
        .prepare("SELECT t.name || '.' || c.name FROM pragma_table_list t, pragma_table_info(t.name) c WHERE t.schema = 'main'")
        .unwrap();
    let columns: Vec<String> = statement
        .query_map([], |r| r.get(0))
        .unwrap()
        .map(|c| c.unwrap())
        .collect();
    assert!(columns.len() > 60);
    for column in columns {
        let lower = column.to_lowercase();
        for word in [
            "secret",
            "password",
            "token",
            "credential",
            "assertion",
            "private",
            "pwd",
        ] {
            assert!(!lower.contains(word), "{column}");
        }
    }
    let configuration = serde_json::to_string(&Configuration::default())
        .unwrap()
        .to_lowercase();
    assert!(!configuration.contains("password"));
}
