//! `cargo xtask bench`: what the shipped library costs, measured through its C ABI, against stated limits.
//!
//! Every figure is taken in this run, on this machine, against parts built and started by it; what is compared is
//! measured by turns. Only ratios and counts carry a limit, times never do by themselves.

mod changes;
mod feeds;
mod first;
mod host;
mod import;
mod lab;
mod ldif;
mod machine;
mod memory;
mod report;

use std::path::PathBuf;

use tempfile::TempDir;

use crate::{build, system};
use report::{Figure, Point};

/// What may be measured, with the function that does it.
const POINTS: [(&str, &str, Measure); 8] = [
    (
        "a",
        "first sync against LDIF by OpenLDAP's tools",
        first::measure,
    ),
    ("b", "Delta without changes", changes::without_changes),
    (
        "c",
        "one member changed in a large group",
        changes::one_member,
    ),
    ("d", "memory over an idle session", memory::measure),
    ("e", "Import-Module over a bare start", import::measure),
    ("f", "resource units of a full read", feeds::units),
    ("g", "time while throttled", feeds::throttled),
    ("h", "1 % of the groups changed", changes::churn),
];

type Measure = fn(&Bench) -> Result<Vec<Figure>, String>;

/// Everything a measurement needs.
struct Bench {
    built: build::Built,
    host: PathBuf,
    scratch: TempDir,
    quick: bool,
    large: bool,
}

impl Bench {
    /// One of two sizes: for a run of minutes, or for the real one.
    fn size<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// A new folder of our own.
    fn folder(&self) -> Result<TempDir, String> {
        tempfile::tempdir_in(self.scratch.path()).map_err(|e| e.to_string())
    }
}

/// Says what is going on; figures are printed at the end.
fn say(text: &str) {
    eprintln!("  {text}");
}

struct Wishes {
    quick: bool,
    large: bool,
    only: Vec<String>,
    json: Option<PathBuf>,
}

fn wishes(args: &[String]) -> Result<Wishes, String> {
    let mut wishes = Wishes {
        quick: false,
        large: false,
        only: Vec::new(),
        json: None,
    };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--quick" => wishes.quick = true,
            "--large" => wishes.large = true,
            "--json" => wishes.json = Some(value()?.into()),
            "--only" => wishes.only.extend(value()?.split(',').map(str::to_owned)),
            other => return Err(format!("bench has no option '{other}'")),
        }
    }
    let known = |id: &String| POINTS.iter().any(|(point, ..)| point == id);
    match wishes.only.iter().find(|id| !known(id)) {
        Some(unknown) => Err(format!("unknown point '{unknown}'; points: a to h")),
        None => Ok(wishes),
    }
}

/// Measures the points, prints the table, and fails when a limit is missed.
pub fn run(args: &[String]) -> Result<(), String> {
    let wishes = wishes(args)?;
    system::ensure(&["cc", "curl", "ldapsearch"])?;
    println!("Building the library and the lab (release) ...");
    let built = build::release()?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let host = host::compile(&built, scratch.path())?;
    let bench = Bench {
        built,
        host,
        scratch,
        quick: wishes.quick,
        large: wishes.large,
    };
    let mut points = Vec::new();
    for (id, title, measure) in POINTS {
        if !wishes.only.is_empty() && !wishes.only.iter().any(|o| o == id) {
            continue;
        }
        eprintln!("{id}  {title}");
        if system::interrupted() {
            return Err("interrupted".into());
        }
        points.push(Point {
            id,
            title,
            outcome: measure(&bench),
        });
    }
    let machine = machine::describe();
    print!("{}", report::table(&machine, &points));
    if let Some(file) = &wishes.json {
        let json = report::json(&machine, &points, wishes.quick, wishes.large);
        std::fs::write(file, json).map_err(|e| format!("{}: {e}", file.display()))?;
    }
    report::verdict(&points)
}
