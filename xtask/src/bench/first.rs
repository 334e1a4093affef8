//! (a) The first sync of a tenant against feeding the same final state as LDIF.

use std::path::PathBuf;

use super::host::{Host, OU};
use super::lab::{Parts, Tenant};
use super::ldif::{self, State};
use super::report::Figure;
use super::{Bench, say};

/// Into Samba, then into the embedded directory.
pub fn measure(bench: &Bench) -> Result<Vec<Figure>, String> {
    let mut figures = Vec::new();
    for directory in ["samba", "embedded"] {
        figures.extend(into(bench, directory)?);
    }
    Ok(figures)
}

/// Rounds of one directory, each with two controllers fresh and alike; which goes first alternates, and while one
/// works the other is idle.
fn into(bench: &Bench, directory: &str) -> Result<Vec<Figure>, String> {
    let (groups, users, memberships, largest) =
        bench.size((300, 2_000, 9_000, 1_500), (2_000, 20_000, 60_000, 10_000));
    let tenant = Tenant {
        groups,
        users,
        memberships,
        largest,
    };
    let rounds = bench.size(1, 3);
    let (mut ours, mut theirs, mut size) = (Vec::new(), Vec::new(), (0, 0));
    let mut known: Option<(State, (PathBuf, PathBuf), tempfile::TempDir)> = None;
    for round in 0..rounds {
        say(&format!(
            "{directory}, round {} of {rounds}: two fresh controllers ...",
            round + 1
        ));
        let first = Parts::start(bench, tenant, &["--directory", directory])?;
        let second = Parts::start(bench, tenant, &["--directory", directory])?;
        let mut host = Host::start(bench, &first)?;
        ldif::create_container(&second, OU)?;
        let ldif_first = known.as_ref().filter(|_| round % 2 == 1);
        if let Some((_, files, _)) = ldif_first {
            say("LDIF by ldapadd and ldapmodify ...");
            theirs.push(ldif::feed(&second, files)?);
        }
        let fed = ldif_first.is_some();
        say("first sync ...");
        ours.push(host.cycle("Initial")?.seconds);
        let written = State::read(&first, OU)?;
        size = written.size();
        if !fed {
            say("LDIF by ldapadd and ldapmodify ...");
            let folder = bench.folder()?;
            let files = written.write(folder.path())?;
            theirs.push(ldif::feed(&second, &files)?);
            known = Some((State::read(&second, OU)?, files, folder));
        }
        let same = if fed {
            State::read(&second, OU)? == written
        } else {
            known.as_ref().is_some_and(|k| k.0 == written)
        };
        if !same {
            return Err(format!(
                "{directory}: the LDIF and the first sync did not come to the same state"
            ));
        }
    }
    let ratios: Vec<f64> = ours
        .iter()
        .zip(&theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    let name = format!("{directory}: first sync over LDIF");
    let ratio = if directory == "samba" {
        let mut ratio = Figure::limited(name, "times", ratios, 1.0);
        ratio.aim = Some(0.7);
        ratio
    } else {
        // LDIF into memory is all but free: what is left is reading, keeping and comparing a tenant, which LDIF needn't.
        Figure::told(name, "times", ratios)
    };
    Ok(vec![
        ratio,
        Figure::told(
            format!(
                "{directory}: first sync of {} groups, {} memberships",
                size.0, size.1
            ),
            "s",
            ours,
        ),
        Figure::told(
            format!("{directory}: the same by ldapadd and ldapmodify"),
            "s",
            theirs,
        ),
    ])
}
