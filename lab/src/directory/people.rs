//! Seed room: accounts, users, computers and groups with identities that the lab gives them.

use std::collections::{HashMap, HashSet};

use super::access::Principal;
use super::add::insert_given;
use super::delete::bury;
use super::draft::{Draft, Target};
use super::object::{Id, Identity};
use super::principals;
use super::results::Failure;
use super::schema::ClassId;
use super::sid::guid_text;
use super::store::Store;
use super::text::utf16_len;
use super::{
    CreatedGroup, Directory, DirectoryOptions, NewComputer, NewGroup, NewUser, Rights, dn,
};

const LONGEST_NAME: usize = 64;

/// Makes the accounts that can bind.
pub fn accounts(
    store: &mut Store,
    options: &DirectoryOptions,
) -> Result<HashMap<String, Principal>, String> {
    let a = store.schema.a;
    let mut accounts = HashMap::new();
    for account in &options.accounts {
        let administrator = account.name.eq_ignore_ascii_case("administrator");
        let rid = if administrator { 500 } else { store.new_rid() };
        let mut draft = user(store, &account.name, 512);
        let upn = format!("{}@{}", account.name, options.domain);
        draft.bag.set_text(a.user_principal_name, &upn);
        let (guid, users) = (store.new_guid(), store.marks.users);
        let identity = Identity::Domain(rid);
        let object = insert_given(store, users, &account.name, guid, identity, draft)?;
        if account.rights == Rights::Admin {
            let admins = store.by_rid(512).ok_or("no Domain Admins")?;
            store
                .links
                .apply(admins, a.member, vec![object], Vec::new());
            store.set(object, a.admin_count, vec![b"1".as_slice().into()]);
        }
        if account.rights == Rights::Writeback {
            store.writers.push(object);
        }
        let principal = Principal {
            name: account.name.clone(),
            password: account.password.clone(),
            rights: account.rights,
            object,
            denied: HashSet::new(),
            reanimate: false,
        };
        accounts.insert(account.name.to_lowercase(), principal);
    }
    Ok(accounts)
}

fn user(store: &Store, sam: &str, control: u32) -> Draft {
    let a = &store.schema.a;
    let mut draft = Draft::new(store.schema.c.user);
    draft.bag.set_text(a.sam_account_name, sam);
    draft
        .bag
        .set_text(a.user_account_control, &control.to_string());
    draft.bag.set_text(a.primary_group_id, "513");
    draft
}

/// Inserts an object; a name that is taken or too long is made unique with the RID.
fn place(
    store: &mut Store,
    parent: Id,
    name: &str,
    rid: u32,
    guid: [u8; 16],
    draft: Draft,
) -> Result<String, String> {
    let name = name.replace(['\n', '\0'], " ");
    let mut unique = shorten(&name, LONGEST_NAME);
    if store.child(parent, &unique).is_some() {
        let suffix = format!(" ({rid})");
        unique = shorten(&name, LONGEST_NAME - suffix.len()) + &suffix;
    }
    let identity = Identity::Domain(rid);
    let id = insert_given(store, parent, &unique, guid, identity, draft)?;
    Ok(store.dn(id))
}

fn shorten(name: &str, most: usize) -> String {
    let mut short = String::new();
    for letter in name.chars() {
        if utf16_len(&short) + letter.len_utf16() > most {
            break;
        }
        short.push(letter);
    }
    short
}

impl Directory {
    /// Creates a user below `CN=Users`; returns its DN.
    pub fn add_user(&self, new: NewUser) -> Result<String, String> {
        let mut store = self.write();
        let a = store.schema.a;
        let mut draft = user(&store, &new.sam, 512);
        draft.bag.set_text(a.user_principal_name, &new.upn);
        draft.bag.set_text(a.display_name, &new.display_name);
        if let Some(mail) = &new.mail {
            draft.bag.set_text(a.mail, mail);
        }
        if let Some(guid) = &new.consistency_guid {
            draft
                .bag
                .set(a.consistency_guid, vec![guid.as_slice().into()]);
        }
        let parent = store.marks.users;
        place(&mut store, parent, &new.cn, new.rid, new.object_guid, draft)
    }

    /// Creates a computer below `CN=Computers`; returns its DN.
    pub fn add_computer(&self, new: NewComputer) -> Result<String, String> {
        let mut store = self.write();
        let a = store.schema.a;
        let mut draft = Draft::new(store.schema.c.computer);
        let short = shorten(&new.cn.to_uppercase(), 15);
        draft.bag.set_text(a.sam_account_name, &format!("{short}$"));
        draft.bag.set_text(a.user_account_control, "4096");
        draft.bag.set_text(a.primary_group_id, "515");
        let parent = store.marks.computers;
        place(&mut store, parent, &new.cn, new.rid, new.object_guid, draft)
    }

    /// Creates a group below `CN=Users`; returns its DN. Members that aren't there are an error.
    pub fn add_group(&self, new: NewGroup) -> Result<String, String> {
        let mut store = self.write();
        let a = store.schema.a;
        let mut draft = Draft::new(store.schema.c.group);
        draft.bag.set_text(a.sam_account_name, &new.sam);
        draft
            .bag
            .set_text(a.group_type, &new.group_type.to_string());
        draft.bag.set_text(a.display_name, &new.cn);
        for rid in new.member_rids {
            let member = store
                .by_rid(rid)
                .ok_or_else(|| format!("no object with RID {rid}"))?;
            draft
                .check_member(&store, &Target::Object(member))
                .map_err(|failure| failure.message)?;
            draft.link(&store, a.member, Target::Object(member));
        }
        let parent = store.marks.users;
        place(&mut store, parent, &new.cn, new.rid, new.object_guid, draft)
    }

    /// Creates a group of any type below `CN=Users`, with members by SID.
    pub fn create_group(
        &self,
        name: &str,
        group_type: i32,
        member_sids: &[String],
    ) -> Result<CreatedGroup, String> {
        let mut store = self.write();
        let refused = |failure: Failure| failure.message;
        principals::check_type(i64::from(group_type)).map_err(refused)?;
        let a = store.schema.a;
        let mut draft = Draft::new(store.schema.c.group);
        draft.bag.set_text(a.sam_account_name, name);
        draft.bag.set_text(a.group_type, &group_type.to_string());
        for sid in member_sids {
            let value = format!("<SID={sid}>");
            let target = draft.target(&store, a.member, value.as_bytes());
            let target = target.map_err(refused)?;
            draft.check_member(&store, &target).map_err(refused)?;
            draft.link(&store, a.member, target);
        }
        let (rid, guid, parent) = (store.new_rid(), store.new_guid(), store.marks.users);
        let dn = place(&mut store, parent, name, rid, guid, draft)?;
        Ok(CreatedGroup {
            dn,
            sid: store.domain_sid.child(rid).to_string(),
            guid: guid_text(&guid),
        })
    }

    /// Deletes the object with this RID; false when there is none.
    pub fn delete_by_rid(&self, rid: u32) -> bool {
        let mut store = self.write();
        match store.by_rid(rid) {
            Some(id) if !store.object(id).flags.deleted => {
                bury(&mut store, id);
                true
            }
            _ => false,
        }
    }

    /// Creates an organizational unit, and those above it that aren't there.
    pub fn add_ou(&self, dn: &str) -> Result<(), String> {
        let mut store = self.write();
        let parts = dn::parse(dn).ok_or_else(|| format!("{dn} is not a DN"))?;
        let class: ClassId = store.schema.c.organizational_unit;
        for start in (0..parts.len().saturating_sub(store.base.len())).rev() {
            let path = &parts[start..];
            if store.by_dn(path).is_ok() {
                continue;
            }
            if !path[0].kind.eq_ignore_ascii_case("OU") {
                return Err(format!("{} is not there", dn::text(path)));
            }
            let parent = store
                .by_dn(&path[1..])
                .map_err(|_| format!("{} is not there", dn::text(&path[1..])))?;
            let guid = store.new_guid();
            let draft = Draft::new(class);
            insert_given(
                &mut store,
                parent,
                &path[0].value,
                guid,
                Identity::None,
                draft,
            )?;
        }
        store
            .by_dn(&parts)
            .map(|_| ())
            .map_err(|_| format!("{dn} is not below the domain"))
    }
}
