//! Request room: what a connection's requests mean, apart from the bytes that carry them.

use super::access::Principal;
use super::add::add;
use super::controls::Controls;
use super::delete::delete;
use super::dn::parse_reference;
use super::filter;
use super::modify::modify;
use super::relocate::relocate;
use super::results::{Failure, code};
use super::search::{Bounds, Search, locate};
use super::store::Store;
use super::{Directory, rootdse};
use crate::ldap::counters::Kind;
use crate::ldap::message::{
    Answer, Control, Credentials, Filter, Operation, RawAttribute, Scope, SearchRequest, tags,
};

/// The counted kind of an operation and the tag of its answer.
pub fn kind(operation: &Operation) -> Option<(Kind, u8)> {
    Some(match operation {
        Operation::Bind { .. } => (Kind::Bind, tags::BIND),
        Operation::Search(_) => (Kind::Search, tags::SEARCH_DONE),
        Operation::Add { .. } => (Kind::Add, tags::ADD),
        Operation::Modify { .. } => (Kind::Modify, tags::MODIFY),
        Operation::ModifyDn { .. } => (Kind::ModifyDn, tags::MODIFY_DN),
        Operation::Delete(_) => (Kind::Delete, tags::DELETE),
        Operation::Compare { .. } => (Kind::Compare, tags::COMPARE),
        Operation::Unbind | Operation::Abandon(_) | Operation::Extended { .. } => return None,
    })
}

impl Directory {
    /// Checks a bind; gives the key of the account, none for anonymous.
    pub fn bind(
        &self,
        version: i64,
        name: &str,
        credentials: &Credentials,
        secure: bool,
    ) -> Result<Option<String>, Failure> {
        if version != 3 {
            return Err(Failure::protocol("Unsupported LDAP version"));
        }
        let password = match credentials {
            Credentials::Simple(password) => password,
            Credentials::Sasl(_) | Credentials::Other => {
                return Err(Failure::auth_method());
            }
        };
        if name.is_empty() && password.is_empty() {
            return Ok(None);
        }
        if !secure {
            return Err(Failure::needs_signing());
        }
        let key = self.account_key(name).ok_or_else(Failure::credentials)?;
        let principal = self.principal(&key).ok_or_else(Failure::credentials)?;
        if password.is_empty() || principal.password.as_bytes() != password {
            return Err(Failure::credentials());
        }
        if self.read().object(principal.object).flags.deleted {
            return Err(Failure::credentials());
        }
        Ok(Some(key))
    }

    /// The key of an account by UPN, `DOMAIN\name` or DN.
    fn account_key(&self, name: &str) -> Option<String> {
        let store = self.read();
        if let Some((user, domain)) = name.rsplit_once('@') {
            let full: Vec<&str> = store.base.iter().map(|part| part.value.as_str()).collect();
            return domain
                .eq_ignore_ascii_case(&full.join("."))
                .then(|| user.to_lowercase());
        }
        if let Some((domain, user)) = name.split_once('\\') {
            return domain
                .eq_ignore_ascii_case(&store.netbios())
                .then(|| user.to_lowercase());
        }
        let id = store.resolve(&parse_reference(name)?).ok()?;
        store
            .object(id)
            .bag
            .text(store.schema.a.sam_account_name)
            .map(str::to_lowercase)
    }

    /// The account a request is made by.
    pub fn caller(&self, who: Option<&str>) -> Result<Principal, Failure> {
        who.and_then(|key| self.principal(key))
            .ok_or_else(Failure::not_bound)
    }

    /// Performs a write or compare.
    pub fn perform(
        &self,
        controller: usize,
        who: Option<&str>,
        operation: &Operation,
        controls: &[Control],
    ) -> Result<Answer, Failure> {
        let who = self.caller(who)?;
        let controls = Controls::read(controls)?;
        let most = self.limits().max_values_per_write;
        let mut member_values = 0;
        if self.read().read_only && !matches!(operation, Operation::Compare { .. }) {
            return Err(Failure::elsewhere());
        }
        match operation {
            Operation::Add { dn, attributes } => {
                self.writing(controller, |store| add(store, &who, dn, attributes, most))?;
                member_values = attributes.iter().map(members).sum();
            }
            Operation::Modify { dn, changes } => {
                self.writing(controller, |store| {
                    modify(store, &who, dn, changes, controls.manner, most)
                })?;
                member_values = changes
                    .iter()
                    .map(|(_, attribute)| members(attribute))
                    .sum();
            }
            Operation::Delete(dn) => {
                self.writing(controller, |store| delete(store, &who, dn, controls.tree))?;
            }
            Operation::ModifyDn {
                dn,
                new_rdn,
                delete_old,
                new_superior,
            } => {
                let parent = new_superior.as_deref();
                self.writing(controller, |store| {
                    relocate(store, &who, dn, new_rdn, *delete_old, parent)
                })?;
            }
            Operation::Compare {
                dn,
                attribute,
                value,
            } => {
                return self.reading(controller, |store| compare(store, dn, attribute, value));
            }
            _ => return Err(Failure::protocol("Unexpected operation")),
        }
        self.0.front.counters.write(member_values);
        Ok(Answer::default())
    }

    /// Prepares a search; the rootDSE is answered at once.
    pub fn search(
        &self,
        controller: usize,
        who: Option<&str>,
        request: &SearchRequest,
        controls: &[Control],
    ) -> Result<Found, Failure> {
        let root = request.base.is_empty() && request.scope == Scope::Base;
        if root {
            Controls::read(controls)?;
            let matches = root_matches(&request.filter);
            let (wanted, types_only) = (&request.attributes, request.types_only);
            let attributes = self.reading(controller, |store| {
                rootdse::attributes(store, controller, wanted, types_only)
            });
            return Ok(Found::Root(matches.then_some(attributes)));
        }
        let who = self.caller(who)?;
        let controls = Controls::read(controls)?;
        let limits = self.limits();
        let bounds = Bounds {
            page: limits.max_page_size,
            values: limits.max_val_range,
            duration: limits.max_query_duration,
        };
        let search = self.reading(controller, |store| {
            Search::new(store, &who, request, controls.options, bounds)
        })?;
        Ok(Found::Entries(Box::new(search), who))
    }

    /// The answer to "Who am I?".
    pub fn who_am_i(&self, who: Option<&str>) -> String {
        let principal = who.and_then(|key| self.principal(key));
        principal.map_or_else(String::new, |principal| {
            format!("u:{}\\{}", self.read().netbios(), principal.name)
        })
    }
}

/// A search that was accepted.
pub enum Found {
    /// The rootDSE, when the filter matches it.
    Root(Option<Vec<RawAttribute>>),
    /// Entries to step through.
    Entries(Box<Search>, Principal),
}

/// The rootDSE has `objectClass` and nothing else to compare with.
fn root_matches(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) => parts.iter().all(root_matches),
        Filter::Or(parts) => parts.iter().any(root_matches),
        Filter::Not(part) => !root_matches(part),
        Filter::Present(name) => name.eq_ignore_ascii_case("objectClass"),
        _ => false,
    }
}

fn members(attribute: &RawAttribute) -> u64 {
    if attribute.name.eq_ignore_ascii_case("member") {
        attribute.values.len() as u64
    } else {
        0
    }
}

fn compare(store: &Store, dn: &str, attribute: &str, value: &[u8]) -> Result<Answer, Failure> {
    let reference = parse_reference(dn).ok_or_else(|| Failure::bad_dn(dn))?;
    let id = locate(store, &reference)?;
    if store.object(id).flags.deleted {
        return Err(Failure::no_object(String::new()));
    }
    store
        .schema
        .find(attribute)
        .ok_or_else(Failure::unknown_attribute)?;
    let test = filter::compile(store, &Filter::Equal(attribute.to_owned(), value.to_vec()));
    let same = filter::matches(store, id, &test) == Some(true);
    let code = if same {
        code::COMPARE_TRUE
    } else {
        code::COMPARE_FALSE
    };
    Ok(Answer {
        code,
        ..Answer::default()
    })
}
