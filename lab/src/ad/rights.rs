//! Who may do what on a real controller, by entries in access control lists.

use super::Controller;
use super::descriptor::{
    About, Ace, BELOW_ONLY, CREATE_CHILD, DELETE_AND_TREE, INHERIT, WRITE_PROPERTY, allow, deny,
};
use crate::directory::sid::Sid;

/// List, self write, read and write properties, delete tree, list object, delete, read control.
const WRITE_GROUP: u32 = 0x0003_00fc;
/// Self write, write properties, delete tree, delete.
const CHANGE_GROUP: u32 = 0x0001_0068;

/// Lets an account create organizational units below the domain's head, and groups below any of those units, which it
/// may change and delete; as the embedded directory's `Rights::Writeback`.
pub(crate) async fn grant_writeback(controller: &Controller, account: &str) -> Result<(), String> {
    let who = &controller.sid_of(account).await?;
    let unit = controller.schema_guid("organizationalUnit").await?;
    let group = controller.schema_guid("group").await?;
    let entry = |flags, mask, object, heirs| About {
        who,
        flags,
        mask,
        object,
        heirs,
    };
    let below = INHERIT | BELOW_ONLY;
    let grants = [
        allow(entry(0, CREATE_CHILD, Some(unit), None)),
        allow(entry(below, CREATE_CHILD, Some(unit), Some(unit))),
        allow(entry(below, CREATE_CHILD, Some(group), Some(unit))),
        allow(entry(below, WRITE_GROUP, None, Some(group))),
    ];
    controller
        .edit_access(controller.base(), &[], &grants)
        .await?;
    // Groups that are in no organizational unit are not its own.
    let denial = [deny(entry(below, CHANGE_GROUP, None, Some(group)))];
    for container in ["CN=Users", "CN=Builtin"] {
        let dn = format!("{container},{}", controller.base());
        controller.edit_access(&dn, &[], &denial).await?;
    }
    Ok(())
}

/// Takes the right to write one attribute from an account, everywhere in the domain.
pub(crate) async fn deny_attribute(
    controller: &Controller,
    account: &str,
    attribute: &str,
) -> Result<(), String> {
    let who = &controller.sid_of(account).await?;
    let denial = [deny(About {
        who,
        flags: INHERIT,
        mask: WRITE_PROPERTY,
        object: Some(controller.schema_guid(attribute).await?),
        heirs: None,
    })];
    // On the units too: what is granted there comes before what is inherited from the domain.
    let mut places = controller.units().await?;
    places.push(controller.base().to_owned());
    for place in places {
        controller.edit_access(&place, &[], &denial).await?;
    }
    Ok(())
}

/// Protects an object from accidental deletion, or no longer.
pub(crate) async fn protect(
    controller: &Controller,
    dn: &str,
    protected: bool,
) -> Result<(), String> {
    let everyone = Sid::parse("S-1-1-0").ok_or("no SID")?;
    let denial: [Ace; 1] = [deny(About {
        who: &everyone,
        flags: 0,
        mask: DELETE_AND_TREE,
        object: None,
        heirs: None,
    })];
    let (remove, add): (&[Ace], &[Ace]) = if protected {
        (&[], &denial)
    } else {
        (&denial, &[])
    };
    controller.edit_access(dn, remove, add).await
}
