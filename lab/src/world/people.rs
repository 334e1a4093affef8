//! Adding a person to the tenant and, when synced, an account to AD; used at the start and by changes.

use super::names::cut_utf16;
use crate::ad::{Account, Ad, Placed};
use crate::directory::NewUser;
use crate::ids::Guid;
use crate::rng::Rng;
use crate::tenant::state::{Anchor, Data, Index, Tenant, User};

/// A person to be.
pub(crate) struct PersonSpec<'a> {
    pub(crate) display_name: String,
    /// ASCII given name for addresses.
    pub(crate) given: &'a str,
    /// ASCII family name for addresses.
    pub(crate) family: &'a str,
    pub(crate) guest: bool,
    pub(crate) synced: bool,
    /// Whether a synced person has an account in the directory.
    pub(crate) in_directory: bool,
}

/// Adds a person; nothing is written to the change log.
pub(crate) fn add_person(
    tenant: &mut Tenant,
    rng: &mut Rng,
    ad: &dyn Ad,
    spec: PersonSpec<'_>,
) -> Result<Index, String> {
    let id = Guid::random(rng.bytes());
    let number = tenant.users.len();
    let local = format!("{}.{}{number}", spec.given, spec.family);
    let identity = &tenant.identity;
    let (upn, mail) = if spec.guest {
        let upn = format!("{local}_fabrikam.example#EXT#@{}", identity.initial_domain);
        (upn, format!("{local}@fabrikam.example"))
    } else if spec.synced {
        let upn = format!("{local}@{}", identity.domain);
        (upn.clone(), upn)
    } else {
        let upn = format!("{local}@{}", identity.initial_domain);
        (upn.clone(), upn)
    };
    // One person in twenty has no mailbox.
    let mail = (spec.guest || !rng.percent(5)).then(|| mail.into_boxed_str());
    let user = User {
        display_name: spec.display_name.into(),
        upn: upn.into(),
        mail,
        guest: spec.guest,
        anchor: None,
        dn: None,
    };
    let index = tenant.insert(id, Data::User(user));
    if spec.synced {
        anchor(tenant, rng, ad, index, spec.in_directory)?;
    }
    Ok(index)
}

/// Makes a person a synced one: an anchor in the cloud and, if wanted, an account in AD.
pub(crate) fn anchor(
    tenant: &mut Tenant,
    rng: &mut Rng,
    ad: &dyn Ad,
    index: Index,
    in_directory: bool,
) -> Result<(), String> {
    let rid = tenant.take_rid();
    let object_guid = rng.bytes();
    let consistency_guid = rng.percent(15).then(|| rng.bytes());
    let sid_in_cloud = !rng.percent(3);
    let domain = tenant.identity.domain.clone();
    let Some(user) = tenant.user_mut(index) else {
        return Err(format!("object {index} is not a user"));
    };
    let local = user.upn.split('@').next().unwrap_or_default().to_owned();
    let upn = format!("{local}@{domain}");
    let mut placed = Placed {
        dn: String::new(),
        rid,
        object_guid,
    };
    if in_directory {
        let account = NewUser {
            cn: common_name(&user.display_name),
            sam: account_name(&local, rid),
            upn: upn.clone(),
            rid,
            object_guid,
            display_name: user.display_name.to_string(),
            mail: user.mail.as_deref().map(str::to_owned),
            consistency_guid,
        };
        placed = create(ad, account)?;
    }
    user.upn = upn.into();
    user.dn = in_directory.then(|| placed.dn.into_boxed_str());
    user.anchor = Some(Anchor {
        rid: placed.rid,
        sid_in_cloud,
        immutable: consistency_guid.unwrap_or(placed.object_guid),
        consistency: consistency_guid.is_some(),
    });
    Ok(())
}

/// Creates the account; a common name that is taken gets the relative identifier behind it.
fn create(ad: &dyn Ad, account: NewUser) -> Result<Placed, String> {
    let mut second = account.clone();
    if let Ok(placed) = ad.add(Account::User(account)) {
        return Ok(placed);
    }
    let suffix = format!(" {}", second.rid);
    cut_utf16(&mut second.cn, 64 - suffix.len());
    second.cn.push_str(&suffix);
    ad.add(Account::User(second))
}

/// A display name as a common name: AD allows 64 units.
pub(crate) fn common_name(display_name: &str) -> String {
    let mut name = display_name.trim().to_owned();
    cut_utf16(&mut name, 64);
    name.trim_end().to_owned()
}

/// A logon name of at most 20 characters that no one else has: the tail is the relative identifier.
pub(crate) fn account_name(local: &str, rid: u32) -> String {
    let family = local.split('.').nth(1).unwrap_or(local);
    let letters = family.chars().take_while(char::is_ascii_alphabetic);
    let stem: String = local.chars().take(1).chain(letters.take(9)).collect();
    format!("{stem}{rid}")
}
