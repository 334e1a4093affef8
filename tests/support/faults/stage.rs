//! Where a row is played: a lab whose writeback is on and exact, and the means to break things.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::disk::Disk;
use super::proxy::Proxy;
use super::{Cycle, Row, changes, compare};
use crate::support::engine::{Ended, Engine, connection, secrets};
use crate::support::fixture::OU;
use crate::support::{Lab, on_samba};

const USUAL: &[&str] = &[
    "--users",
    "150",
    "--m365-groups",
    "24",
    "--security-groups",
    "6",
    "--synced-groups",
    "3",
    "--devices",
    "8",
    "--memberships",
    "500",
    "--largest-group",
    "60",
];
/// One group has more members than a controller gives in one answer.
const LARGE_GROUP: &[&str] = &[
    "--users",
    "1900",
    "--m365-groups",
    "20",
    "--memberships",
    "2200",
    "--largest-group",
    "1700",
];
/// Patience of the cycles that are to go well.
const PATIENT: u64 = 100;

pub struct Stage {
    pub lab: Arc<Lab>,
    /// The cloud's groups before anything was changed.
    pub groups_at_start: Value,
    disk: Arc<Disk>,
    /// The session that has done the first cycle.
    engine: Option<Engine>,
    /// Faults that wait for a request have struck.
    struck: Arc<AtomicBool>,
    renew: bool,
    /// Both controllers are named, and the first stays away when the rest is mended.
    failover: bool,
    /// The store is another one than at the start.
    pub renewed: bool,
}

impl Stage {
    /// Everything written and exact.
    pub fn set(row: &Row, own_disk: bool) -> Stage {
        let world = if row.base == "largeGroup" {
            LARGE_GROUP
        } else {
            USUAL
        };
        let options: Vec<&str> = world.iter().chain(row.options).copied().collect();
        let lab = Arc::new(Lab::start(&options));
        changes::prepare(&lab);
        let disk = Arc::new(Disk::new(own_disk));
        let mut stage = Stage {
            groups_at_start: lab.dump()["groups"].clone(),
            lab,
            disk,
            engine: None,
            struck: Arc::default(),
            renew: false,
            failover: row.failover,
            renewed: false,
        };
        let engine = stage.open(PATIENT, None);
        engine.connect();
        engine.enable(OU);
        // What must not be removed shall stay for better reasons than a threshold.
        engine
            .query(json!({"op": "setThreshold", "enabled": false}))
            .ok();
        if row.base == "modifyDn" {
            let naming = json!({"namingPreset": "ConnectV1DisplayName"});
            engine
                .query(json!({"op": "setConfiguration", "changes": naming}))
                .ok();
        }
        stage.engine = Some(engine);
        let ended = stage.cycle(Cycle::initial());
        assert!(ended.error.is_none(), "{:#?}", ended.error);
        compare::assert_exact(row, &stage);
        stage
    }

    fn open(&self, timeout: u64, graph: Option<&str>) -> Engine {
        let mut connection = connection(&self.lab);
        if let Some(graph) = graph {
            connection["graphEndpoint"] = json!(graph);
            connection["loginEndpoint"] = json!(graph);
        }
        if self.failover {
            let server = |n: usize| self.lab.ready["servers"][n].as_str().unwrap();
            connection["server"] = json!(format!("{},{}", server(0), server(1)));
        }
        let open = json!({
            "storeDirectory": self.disk.folder(), "connection": connection, "clientTimeoutSec": timeout
        });
        Engine::open(&open, secrets(&self.lab)).unwrap()
    }

    /// A cycle that is to go well.
    pub fn cycle(&mut self, cycle: Cycle) -> Ended {
        if self.engine.is_none() {
            let engine = self.open(PATIENT, None);
            engine.connect();
            if self.renew {
                enable_again(&engine);
                self.renew = false;
            }
            self.engine = Some(engine);
        }
        self.engine.as_ref().unwrap().cycle(cycle.0)
    }

    /// The cycle during which the faults are played.
    pub fn faulty_cycle(&mut self, row: &Row) -> Ended {
        let store = row.faults.iter().find(|f| f.get("store").is_some());
        let waiting = row.faults.iter().find(|f| f.get("at").is_some());
        if row.store_fault().is_some() {
            // Sessions hold the file open; only one fault is about that.
            let engine = self.engine.take();
            if row.store_fault() == Some("withoutLog") {
                self.disk.leave_log_behind();
            }
            drop(engine);
        }
        if let Some(fault) = store
            && waiting.is_none()
        {
            self.renew = self.disk.play(fault["store"].as_str().unwrap());
        }
        let proxy = waiting.map(|fault| self.proxy(fault.clone()));
        let engine = self.open(row.timeout, proxy.as_ref().map(|p| p.url.as_str()));
        let connected = engine.query(json!({"op": "connect"}));
        if connected.error.is_some() {
            return connected;
        }
        if self.renew && row.store_fault() == Some("lost") {
            enable_again(&engine);
            self.renew = false;
        }
        for fault in &row.faults {
            if fault.get("fault").is_some() {
                self.lab.fault(fault.clone());
            } else if fault.get("at").is_none() {
                tenant_fault(&self.lab, fault);
            }
        }
        let ended = engine.cycle(row.cycle.0);
        if row.store_fault() == Some("gone") {
            self.renew = true;
        }
        self.renewed |= self.renew || row.store_fault() == Some("lost");
        ended
    }

    /// Graph behind a proxy that plays the fault when the request comes that it waits for.
    fn proxy(&self, fault: Value) -> Proxy {
        let (lab, disk, struck) = (self.lab.clone(), self.disk.clone(), self.struck.clone());
        let at = fault["at"].as_u64().unwrap();
        let path = fault["path"].as_str().unwrap().to_owned();
        Proxy::start(self.lab.text("graph"), at, &path, move || {
            struck.store(true, Ordering::SeqCst);
            tenant_fault(&lab, &fault);
            if let Some(store) = fault["store"].as_str() {
                disk.play(store);
            }
            fault.get("stop").is_some()
        })
    }

    /// Every fault has done something, or the row would prove nothing.
    pub fn assert_it_struck(&self, row: &Row) {
        let hits = self.lab.control("fault", None);
        let mut hits: Vec<u64> = ["graph", "ldap"]
            .iter()
            .flat_map(|side| hits[side].as_array().unwrap().iter())
            .map(|n| n.as_u64().unwrap())
            .collect();
        if row.has("at") {
            hits.push(u64::from(self.struck.load(Ordering::SeqCst)));
        }
        assert!(
            hits.iter().all(|n| *n > 0),
            "{}: a fault never struck: {hits:?}",
            row.name
        );
    }

    /// Everything works again, as after the advice of the error was followed.
    pub fn heal(&mut self) {
        self.lab.clear_faults();
        if self.failover {
            self.lab.administer(json!({"op": "stopServer", "index": 0}));
        }
        if self.disk.heal() {
            self.renew = true;
        }
        if self.renew {
            self.engine = None;
            self.renewed = true;
        }
        let roles = [
            "GroupMember.Read.All",
            "Group.ReadWrite.All",
            "User.Read.All",
            "Device.Read.All",
            "OrgContact.Read.All",
            "Application.Read.All",
            "Member.Read.Hidden",
            "Directory.ReadWrite.All",
            "Organization.Read.All",
            "OnPremDirectorySynchronization.ReadWrite.All",
        ];
        tenant_fault(&self.lab, &json!({"roles": roles}));
    }
}

impl Stage {
    /// The cycle that makes AD exact on the second controller; then the first comes back, for those who look.
    pub fn take_over(&mut self, cycle: Cycle) -> Ended {
        let ended = if on_samba() {
            // One database behind both doors: nothing can be missing behind the one that is left.
            self.cycle(cycle)
        } else {
            // Nobody but the first could tell what it wrote last, so somebody has to say that it is gone for good.
            let writes = self.lab.counters()["ldap"]["writes"].clone();
            let refused = self.cycle(cycle);
            assert_eq!(refused.error_id(), "DirectoryReplicationPending");
            assert_eq!(self.lab.counters()["ldap"]["writes"], writes);
            let request = json!({
                "action": "cycle", "policyType": cycle.0, "removedServer": "dc1.contoso.test"
            });
            let ended = self.engine.as_ref().unwrap().call("sync", request);
            assert_eq!(
                ended.value["Server"], "dc2.contoso.test",
                "{:#?}",
                ended.error
            );
            ended
        };
        self.lab
            .administer(json!({"op": "startServer", "index": 0}));
        ended
    }
}

/// What changes the tenant itself.
fn tenant_fault(lab: &Lab, fault: &Value) {
    if let Some(seconds) = fault.get("clock") {
        lab.control("clock", Some(json!({"advanceSeconds": seconds})));
    }
    if let Some(roles) = fault.get("roles") {
        lab.control("permissions", Some(json!({"roles": roles})));
    }
}

/// After the store was lost: the groups are recognised by their marks.
fn enable_again(engine: &Engine) {
    let enable = json!({"organizationalUnit": OU, "version": "V1", "takeOver": true});
    engine.call("enable", enable).ok();
    engine
        .query(json!({"op": "setThreshold", "enabled": false}))
        .ok();
}
