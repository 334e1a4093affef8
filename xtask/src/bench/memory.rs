//! (d) How much more memory than an idle session a large tenant takes.

use super::host::{Host, of_process};
use super::lab::{Parts, Tenant};
use super::report::Figure;
use super::{Bench, say};

/// The first sync, a Delta and a full comparison: the peak of each over the idle session.
pub fn measure(bench: &Bench) -> Result<Vec<Figure>, String> {
    let small = Tenant {
        groups: 2_000,
        users: 10_000,
        memberships: 100_000,
        largest: 10_000,
    };
    let real = Tenant {
        groups: 20_000,
        users: 100_000,
        memberships: 1_000_000,
        largest: 50_000,
    };
    let large = Tenant {
        groups: 100_000,
        users: 1_000_000,
        memberships: 5_000_000,
        largest: 50_000,
    };
    let mut figures = of(bench, bench.size(small, real))?;
    if bench.large {
        figures.extend(of(bench, large)?);
    }
    Ok(figures)
}

fn of(bench: &Bench, tenant: Tenant) -> Result<Vec<Figure>, String> {
    let label = format!(
        "{}k groups, {}k memberships",
        tenant.groups / 1000,
        tenant.memberships / 1000
    );
    say(&format!("{label}: starting the lab ..."));
    let parts = Parts::start(bench, tenant, &[])?;
    let mut host = Host::start(bench, &parts)?;
    let idle = host.resident()?;
    let mut figures = Vec::new();
    for (name, policy) in [
        ("first sync", "Initial"),
        ("Delta", "Delta"),
        ("full comparison", "Initial"),
    ] {
        say(&format!("{label}: {name} ..."));
        host.forget_peak()?;
        let ended = host.cycle(policy)?;
        let growth = host.peak()?.saturating_sub(idle) as f64 / 1e6;
        figures.push(Figure::limited(
            format!("{label}: {name}"),
            "MB",
            vec![growth],
            100.0,
        ));
        figures.push(Figure::told(
            format!("{label}: {name}, time"),
            "s",
            vec![ended.seconds],
        ));
    }
    figures.push(Figure::told(
        format!("{label}: the idle session itself"),
        "MB",
        vec![idle as f64 / 1e6],
    ));
    let lab = of_process(parts.lab.id(), "VmHWM")? as f64 / 1e6;
    figures.push(Figure::told(
        format!("{label}: the lab (tenant and directory)"),
        "MB",
        vec![lab],
    ));
    Ok(figures)
}
