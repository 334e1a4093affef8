//! The seeded generator: people, devices and groups of a tenant and their counterparts in AD.

mod names;
mod people;
mod sizes;

pub(crate) use names::{cut_utf16, group as fresh_group};
pub(crate) use people::{PersonSpec, account_name, add_person, anchor, common_name};

use crate::ad::{Account, Ad};
use crate::directory::{NewComputer, NewGroup};
use crate::ids::Guid;
use crate::rng::Rng;
use crate::tenant::state::{Data, Device, Group, Identity, Index, Named, Tenant};

/// How large the world is and what it is made of.
#[derive(Clone, Debug)]
pub struct WorldOptions {
    /// Everything is a function of the seed and the sizes.
    pub seed: u64,
    /// Users of every kind.
    pub users: usize,
    /// Share of users born in the cloud.
    pub cloud_only_percent: u32,
    /// Share of guests.
    pub guest_percent: u32,
    /// Microsoft 365 groups.
    pub m365_groups: usize,
    /// Cloud security groups.
    pub security_groups: usize,
    /// Groups synced from AD.
    pub synced_groups: usize,
    /// Devices, half of them hybrid joined.
    pub devices: usize,
    /// Memberships of cloud groups in all.
    pub memberships: usize,
    /// Members of the largest group.
    pub largest_group: usize,
    /// Share of cloud groups that hold another one.
    pub nested_percent: u32,
    /// DNS name of the AD domain.
    pub domain: String,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            seed: 42,
            users: 400,
            cloud_only_percent: 6,
            guest_percent: 3,
            m365_groups: 60,
            security_groups: 15,
            synced_groups: 8,
            devices: 20,
            memberships: 1500,
            largest_group: 200,
            nested_percent: 8,
            domain: "contoso.test".into(),
        }
    }
}

/// A person's name for a change.
pub(crate) fn fresh_person(rng: &mut Rng) -> String {
    names::person(rng).display
}

/// Who the tenant is: a function of the seed and the domain's name.
pub(crate) fn identity(options: &WorldOptions) -> Identity {
    let mut rng = Rng::new(options.seed, "identity");
    let label = options.domain.split('.').next().unwrap_or("contoso");
    let mut part = || 1_000_000_000 + rng.below(2_000_000_000);
    let domain_sid = format!("S-1-5-21-{}-{}-{}", part(), part(), part());
    Identity {
        tenant_id: Guid::random(rng.bytes()),
        domain: options.domain.clone(),
        domain_sid,
        initial_domain: format!("{label}.onmicrosoft.com"),
    }
}

/// Makes the tenant and fills the directory through `ad`.
pub(crate) fn build(options: &WorldOptions, ad: &dyn Ad) -> Result<Tenant, String> {
    let mut tenant = Tenant::new(identity(options));
    let cast = Cast {
        users: users(options, &mut tenant, ad)?,
        devices: devices(options, &mut tenant, ad)?,
        contacts: named(options, &mut tenant, "contacts"),
        services: named(options, &mut tenant, "services"),
        synced_groups: synced_groups(options, &mut tenant, ad)?,
    };
    cloud_groups(options, &mut tenant, &cast);
    Ok(tenant)
}

/// Who can be a member.
struct Cast {
    users: Vec<Index>,
    devices: Vec<Index>,
    contacts: Vec<Index>,
    services: Vec<Index>,
    synced_groups: Vec<Index>,
}

fn users(options: &WorldOptions, tenant: &mut Tenant, ad: &dyn Ad) -> Result<Vec<Index>, String> {
    let mut rng = Rng::new(options.seed, "users");
    let guests = options.users * options.guest_percent as usize / 100;
    let cloud_only = options.users * options.cloud_only_percent as usize / 100;
    // Who is what is drawn, so that the kinds are spread over the whole range.
    let special = rng.sample(options.users, guests + cloud_only);
    let mut kinds: Vec<bool> = (0..special.len()).map(|place| place < guests).collect();
    rng.shuffle(&mut kinds);
    let mut special = special.into_iter().zip(kinds).peekable();
    (0..options.users)
        .map(|number| {
            let person = names::person(&mut rng);
            let drawn = special.next_if(|(place, _)| *place as usize == number);
            let spec = PersonSpec {
                display_name: person.display,
                given: person.given,
                family: person.family,
                guest: drawn.is_some_and(|(_, guest)| guest),
                synced: drawn.is_none(),
                in_directory: true,
            };
            add_person(tenant, &mut rng, ad, spec)
        })
        .collect()
}

fn devices(options: &WorldOptions, tenant: &mut Tenant, ad: &dyn Ad) -> Result<Vec<Index>, String> {
    let mut rng = Rng::new(options.seed, "devices");
    let mut out = Vec::with_capacity(options.devices);
    for number in 0..options.devices {
        let id = Guid::random(rng.bytes());
        let object_guid = rng.bytes();
        let rid = number.is_multiple_of(2).then(|| tenant.take_rid());
        let prefix = rng.pick(&["LAPTOP", "DESKTOP", "SURFACE", "KIOSK"]);
        let name = format!("{prefix}-{number:05}");
        if let Some(rid) = rid {
            ad.add(Account::Computer(NewComputer {
                cn: name.clone(),
                rid,
                object_guid,
            }))?;
        }
        let device = Device {
            display_name: name.into(),
            device_id: Guid::from_ad(object_guid),
            rid,
        };
        out.push(tenant.insert(id, Data::Device(device)));
    }
    Ok(out)
}

/// Organizational contacts or service principals: a few, growing slowly with the tenant.
fn named(options: &WorldOptions, tenant: &mut Tenant, kind: &str) -> Vec<Index> {
    let mut rng = Rng::new(options.seed, kind);
    let count = (options.users / 100).clamp(2, 50);
    let mut out = Vec::with_capacity(count);
    for number in 0..count {
        let id = Guid::random(rng.bytes());
        let data = if kind == "contacts" {
            let person = names::person(&mut rng);
            let mail = format!("{}.{}{number}@partner.example", person.given, person.family);
            Data::OrgContact(Named {
                display_name: person.display.into(),
                mail: Some(mail.into()),
            })
        } else {
            let name = format!("{} service {number}", names::group(&mut rng).0);
            Data::ServicePrincipal(Named {
                display_name: name.into(),
                mail: None,
            })
        };
        out.push(tenant.insert(id, data));
    }
    out
}

/// `groupType` of the synced group of this number. Every fourth is domain local: it can't be a member of a universal group.
pub(crate) fn group_type(number: usize) -> i32 {
    const UNIVERSAL: i32 = -2_147_483_640;
    const GLOBAL: i32 = -2_147_483_646;
    const DOMAIN_LOCAL: i32 = -2_147_483_644;
    match number % 4 {
        0 => UNIVERSAL,
        3 => DOMAIN_LOCAL,
        _ => GLOBAL,
    }
}

fn synced_groups(
    options: &WorldOptions,
    tenant: &mut Tenant,
    ad: &dyn Ad,
) -> Result<Vec<Index>, String> {
    let mut rng = Rng::new(options.seed, "synced-groups");
    let mut out = Vec::with_capacity(options.synced_groups);
    for number in 0..options.synced_groups {
        let id = Guid::random(rng.bytes());
        let object_guid = rng.bytes();
        let rid = tenant.take_rid();
        let name = format!("AD {} {number}", names::group(&mut rng).0);
        let drawn = rng.sample(tenant.users.len(), 30.min(tenant.users.len() / 4));
        let anchored: Vec<(Index, u32)> = drawn
            .into_iter()
            .filter_map(|place| {
                let index = tenant.users[place as usize];
                let anchor = tenant.object(index).user()?.anchor?;
                Some((index, anchor.rid))
            })
            .collect();
        ad.add(Account::Group(NewGroup {
            cn: people::common_name(&name),
            sam: format!("ADGroup{number}"),
            rid,
            object_guid,
            group_type: group_type(number),
            member_rids: anchored.iter().map(|(_, rid)| *rid).collect(),
        }))?;
        let group = Group {
            display_name: name.into(),
            mail_nickname: Some(format!("ADGroup{number}").into()),
            security_enabled: true,
            rid: Some(rid),
            base: anchored.into_iter().map(|(index, _)| index).collect(),
            ..Group::default()
        };
        out.push(tenant.insert(id, Data::Group(Box::new(group))));
    }
    Ok(out)
}

fn cloud_groups(options: &WorldOptions, tenant: &mut Tenant, cast: &Cast) {
    let mut rng = Rng::new(options.seed, "cloud-groups");
    let count = options.m365_groups + options.security_groups;
    let mut sizes = sizes::sizes(
        count,
        options.memberships,
        options.largest_group,
        cast.users.len(),
    );
    // The largest stays in front: the first group is an M365 group if there is any.
    if let Some(tail) = sizes.get_mut(1..) {
        rng.shuffle(tail);
    }
    let mut awkward = names::awkward().into_iter();
    let mut groups = Vec::with_capacity(count);
    for number in 0..count {
        let id = Guid::random(rng.bytes());
        let (ordinary, plain) = names::group(&mut rng);
        let name = if number % 2 == 1 {
            awkward.next()
        } else {
            None
        }
        .unwrap_or(ordinary);
        let unified = number < options.m365_groups;
        let mut group = cloud_group(&mut rng, tenant, name, plain, number, unified);
        group.hidden_membership = unified && number % 40 == 39;
        groups.push(tenant.insert(id, Data::Group(Box::new(group))));
    }
    let security: Vec<Index> = groups[options.m365_groups.min(count)..].to_vec();
    let nested = nesting(
        options,
        &mut rng,
        &security,
        &sizes[options.m365_groups.min(count)..],
    );
    for (number, (&index, &size)) in groups.iter().zip(&sizes).enumerate() {
        let mut members = Vec::with_capacity(size);
        if number >= options.m365_groups {
            let place = number - options.m365_groups;
            members.extend(
                nested
                    .iter()
                    .filter(|(parent, _)| *parent == index)
                    .map(|pair| pair.1),
            );
            special_members(&mut rng, cast, size, place, &mut members);
        }
        members.truncate(size);
        let people = rng.sample(cast.users.len(), size - members.len());
        members.extend(people.into_iter().map(|place| cast.users[place as usize]));
        members.sort_unstable();
        if let Some(group) = tenant.group_mut(index) {
            group.base = members.into();
        }
    }
}

/// Which security groups hold which other ones: only those can hold groups in Entra.
fn nesting(
    options: &WorldOptions,
    rng: &mut Rng,
    security: &[Index],
    sizes: &[usize],
) -> Vec<(Index, Index)> {
    let count = options.m365_groups + options.security_groups;
    let wanted = (count * options.nested_percent as usize).div_ceil(100);
    let sized = security.iter().zip(sizes).filter(|(_, size)| **size >= 2);
    let mut parents: Vec<Index> = sized.map(|(index, _)| *index).collect();
    rng.shuffle(&mut parents);
    parents.truncate(wanted);
    let mut pairs = Vec::new();
    if security.len() < 2 {
        return pairs;
    }
    for (place, &parent) in parents.iter().enumerate() {
        let child = match place {
            // The first two hold each other: the cycle.
            0 if count >= 10 && parents.len() >= 2 => parents[1],
            1 if count >= 10 => parents[0],
            _ => *rng.pick(security),
        };
        let child = if child == parent {
            let position = security
                .iter()
                .position(|index| *index == parent)
                .unwrap_or(0);
            security[(position + 1) % security.len()]
        } else {
            child
        };
        pairs.push((parent, child));
    }
    pairs
}

/// Devices, synced groups, contacts and service principals in some of the security groups.
fn special_members(
    rng: &mut Rng,
    cast: &Cast,
    size: usize,
    place: usize,
    members: &mut Vec<Index>,
) {
    if size < 3 {
        return;
    }
    let mut take = |from: &[Index], count: usize| {
        for number in rng.sample(from.len(), count) {
            members.push(from[number as usize]);
        }
    };
    if place.is_multiple_of(3) {
        take(&cast.devices, (size / 3).clamp(1, 20));
    }
    if place % 4 == 1 {
        take(&cast.synced_groups, 2);
    }
    if place % 5 == 2 {
        take(&cast.contacts, 1);
    }
    if place % 6 == 3 {
        take(&cast.services, 1);
    }
}

/// A cloud group without members.
fn cloud_group(
    rng: &mut Rng,
    tenant: &Tenant,
    name: String,
    plain: &str,
    number: usize,
    unified: bool,
) -> Group {
    let identity = &tenant.identity;
    let nickname = format!("{plain}{number}");
    let mut group = Group {
        description: names::description(rng, &name).map(String::into_boxed_str),
        display_name: name.into(),
        unified,
        mail_enabled: unified,
        security_enabled: !unified || rng.percent(15),
        dynamic: rng.percent(6),
        ..Group::default()
    };
    if unified {
        group.mail = Some(format!("{nickname}@{}", identity.domain).into());
        group.proxy_addresses = addresses(rng, tenant, &nickname);
        group.allow_external_senders = rng.percent(20);
    }
    group.mail_nickname = Some(nickname.into());
    group
}

/// The addresses of a mail-enabled group: one primary, sometimes others and other kinds.
fn addresses(rng: &mut Rng, tenant: &Tenant, nickname: &str) -> Vec<Box<str>> {
    let identity = &tenant.identity;
    let mut out = vec![format!("SMTP:{nickname}@{}", identity.domain)];
    if rng.percent(60) {
        out.push(format!("smtp:{nickname}@{}", identity.initial_domain));
    }
    if rng.percent(30) {
        out.push(format!("smtp:{nickname}.old@{}", identity.domain));
    }
    if rng.percent(20) {
        let site = Guid::random(rng.bytes());
        out.push(format!("SPO:SPO_{site}@SPO_{}", identity.tenant_id));
    }
    if rng.percent(10) {
        let organization = "/o=ExchangeLabs/ou=Exchange Administrative Group";
        out.push(format!("x500:{organization}/cn=Recipients/cn={nickname}"));
    }
    out.into_iter().map(String::into_boxed_str).collect()
}

#[cfg(test)]
pub(crate) mod tests;
