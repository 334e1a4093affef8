//! The tenant's synced users, devices and groups as objects of an AD, and their identities taken back from it.

use super::{Account, Controller, Placed};
use crate::directory::dn::escape;
use crate::directory::{NewComputer, NewGroup, NewUser};
use crate::ids::{Guid, base64};
use crate::tenant::state::{Data, Index, Tenant};
use crate::world::{account_name, common_name, cut_utf16, group_type};
use std::collections::{HashMap, HashSet};

/// From where relative identifiers are taken for objects that only the cloud knows, once a real directory gives the
/// others: far above any that it will ever give.
const CLOUD_ONLY_RIDS: u32 = 1_900_000_000;

/// An object to be, with the distinguished name and account name that no other one has.
pub(crate) struct Planned {
    /// The tenant's object.
    pub(super) index: Index,
    pub(super) account: Account,
    pub(super) dn: String,
    pub(super) sam: String,
    cn: String,
    container: String,
}

impl Planned {
    pub(super) fn new(index: Index, account: Account, base: &str) -> Self {
        let (cn, sam, container) = match &account {
            Account::User(user) => (&user.cn, user.sam.clone(), "Users"),
            Account::Computer(computer) => {
                let short: String = computer.cn.to_uppercase().chars().take(15).collect();
                (&computer.cn, format!("{short}$"), "Computers")
            }
            Account::Group(group) => (&group.cn, group.sam.clone(), "Users"),
        };
        let mut planned = Self {
            index,
            sam,
            cn: cn.replace(['\n', '\0'], " "),
            container: format!("CN={container},{base}"),
            account,
            dn: String::new(),
        };
        planned.dn = planned.named(&planned.cn);
        planned
    }

    fn named(&self, cn: &str) -> String {
        format!("CN={},{}", escape(cn), self.container)
    }

    /// Its DN with a number behind a name that is taken.
    pub(super) fn second_dn(&self) -> String {
        let suffix = format!(" ({})", self.account.rid());
        let mut cn = self.cn.clone();
        cut_utf16(&mut cn, 64 - suffix.len());
        self.named(&(cn + &suffix))
    }
}

/// Objects to be, members of groups before the groups.
pub(crate) type Population = Vec<Planned>;

/// Everything the tenant has synced from AD, as objects below the domain `base`.
pub(crate) fn planned(tenant: &Tenant, base: &str) -> Population {
    let mut plan = Plan {
        base,
        taken: HashSet::new(),
        out: Vec::new(),
    };
    for &index in &tenant.users {
        plan.user(tenant, index);
    }
    for &index in &tenant.devices {
        plan.device(tenant, index);
    }
    let synced = tenant.groups.iter().copied().filter(|&index| {
        let object = tenant.object(index);
        object.group().is_some_and(|group| !group.is_cloud())
    });
    for (number, index) in synced.enumerate() {
        plan.group(tenant, index, number);
    }
    plan.out
}

struct Plan<'a> {
    base: &'a str,
    /// Distinguished names in use, in lower case.
    taken: HashSet<String>,
    out: Population,
}

impl Plan<'_> {
    fn put(&mut self, index: Index, account: Account) {
        let mut planned = Planned::new(index, account, self.base);
        if !self.taken.insert(planned.dn.to_lowercase()) {
            planned.dn = planned.second_dn();
            self.taken.insert(planned.dn.to_lowercase());
        }
        self.out.push(planned);
    }

    fn user(&mut self, tenant: &Tenant, index: Index) {
        let object = tenant.object(index);
        let Some(user) = object.user().filter(|_| object.is_active()) else {
            return;
        };
        let (Some(anchor), Some(_)) = (&user.anchor, &user.dn) else {
            return;
        };
        let local = user.upn.split('@').next().unwrap_or_default();
        let new = NewUser {
            cn: common_name(&user.display_name),
            sam: account_name(local, anchor.rid),
            upn: user.upn.to_string(),
            rid: anchor.rid,
            object_guid: anchor.immutable,
            display_name: user.display_name.to_string(),
            mail: user.mail.as_deref().map(str::to_owned),
            consistency_guid: anchor.consistency.then_some(anchor.immutable),
        };
        self.put(index, Account::User(new));
    }

    fn device(&mut self, tenant: &Tenant, index: Index) {
        let Data::Device(device) = &tenant.object(index).data else {
            return;
        };
        let Some(rid) = device.rid else { return };
        let new = NewComputer {
            cn: device.display_name.to_string(),
            rid,
            object_guid: device.device_id.to_ad(),
        };
        self.put(index, Account::Computer(new));
    }

    fn group(&mut self, tenant: &Tenant, index: Index, number: usize) {
        let object = tenant.object(index);
        let Some((group, rid)) = object.group().and_then(|group| Some((group, group.rid?))) else {
            return;
        };
        let rids = group.members().filter_map(|member| {
            let user = tenant.object(member).user()?;
            user.dn.as_ref().and(user.anchor).map(|anchor| anchor.rid)
        });
        let new = NewGroup {
            cn: common_name(&group.display_name),
            sam: group
                .mail_nickname
                .as_deref()
                .unwrap_or_default()
                .to_owned(),
            rid,
            object_guid: [0; 16],
            group_type: group_type(number),
            member_rids: rids.collect(),
        };
        self.put(index, Account::Group(new));
    }
}

pub(super) type Attributes = Vec<(&'static str, Vec<Vec<u8>>)>;

/// The attributes an object is added with; `dn_of` knows the members of groups.
pub(super) fn attributes(
    account: &Account,
    sam: &str,
    dn_of: &dyn Fn(u32) -> Option<String>,
) -> Attributes {
    let text = |text: &str| vec![text.as_bytes().to_vec()];
    let mut out: Attributes = vec![("sAMAccountName", text(sam))];
    match account {
        Account::User(user) => {
            out.push(("objectClass", text("user")));
            // Enabled without a password: nobody signs in with it.
            out.push(("userAccountControl", text("544")));
            out.push(("userPrincipalName", text(&user.upn)));
            out.push(("displayName", text(&user.display_name)));
            out.extend(user.mail.iter().map(|mail| ("mail", text(mail))));
            let guid = user.consistency_guid.iter();
            out.extend(guid.map(|guid| ("mS-DS-ConsistencyGuid", vec![guid.to_vec()])));
        }
        Account::Computer(_) => {
            out.push(("objectClass", text("computer")));
            out.push(("userAccountControl", text("4128")));
        }
        Account::Group(group) => {
            out.push(("objectClass", text("group")));
            out.push(("groupType", text(&group.group_type.to_string())));
            out.push(("displayName", text(&group.cn)));
            let members: Vec<Vec<u8>> = group
                .member_rids
                .iter()
                .filter_map(|rid| dn_of(*rid).map(String::into_bytes))
                .collect();
            if !members.is_empty() {
                out.push(("member", members));
            }
        }
    }
    out
}

/// The population as LDIF, for a directory that is not running.
pub(crate) fn ldif(population: &Population) -> String {
    let dns: HashMap<u32, &str> = population
        .iter()
        .map(|planned| (planned.account.rid(), planned.dn.as_str()))
        .collect();
    let dn_of = |rid: u32| dns.get(&rid).map(|dn| (*dn).to_owned());
    let mut out = String::new();
    for planned in population {
        out.push_str(&format!("dn:: {}\n", base64(planned.dn.as_bytes())));
        for (name, values) in attributes(&planned.account, &planned.sam, &dn_of) {
            for value in values {
                out.push_str(&format!("{name}:: {}\n", base64(&value)));
            }
        }
        out.push('\n');
    }
    out
}

impl Tenant {
    /// Takes the identities that a directory gave to the population; with `announce` clients see a change.
    pub(crate) fn adopt(
        &mut self,
        controller: &Controller,
        population: &Population,
        placed: &HashMap<Index, Placed>,
        announce: bool,
    ) -> Result<(), String> {
        self.identity.domain_sid = controller.domain_sid().to_owned();
        self.next_rid = CLOUD_ONLY_RIDS;
        for place in 0..self.users.len() {
            // Those that only the cloud knows must not carry a number that the directory gives to another one.
            let (index, rid) = (self.users[place], self.next_rid);
            let user = self.user_mut(index);
            if let Some(anchor) = user.and_then(|user| user.anchor.as_mut()) {
                anchor.rid = rid;
                self.next_rid += 1;
            }
        }
        for planned in population {
            let index = planned.index;
            let placed = placed
                .get(&index)
                .ok_or_else(|| format!("{} is not in the directory", planned.dn))?;
            match &mut self.objects[index as usize].data {
                Data::User(user) => {
                    user.dn = Some(placed.dn.as_str().into());
                    if let Some(anchor) = &mut user.anchor {
                        anchor.rid = placed.rid;
                        if !anchor.consistency {
                            anchor.immutable = placed.object_guid;
                        }
                    }
                }
                Data::Device(device) => {
                    device.rid = Some(placed.rid);
                    device.device_id = Guid::from_ad(placed.object_guid);
                }
                Data::Group(group) => group.rid = Some(placed.rid),
                Data::OrgContact(_) | Data::ServicePrincipal(_) => {}
            }
            if announce {
                self.resynced(index);
            }
        }
        Ok(())
    }
}
